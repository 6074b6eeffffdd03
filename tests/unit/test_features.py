# SPDX-License-Identifier: Apache-2.0
"""The features of a target, by name and from its compiler."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from microplan.boards import FEATURE_BITS, Board, list_boards
from microplan.cli import main
from microplan.errors import MicroplanError, UsageError
from microplan.features import feature_bits, features_named, features_of_compiler

DIGITS = Path(__file__).parents[2] / "examples/digits/digits.tflite"


@pytest.mark.parametrize("board", [board for board in list_boards() if board.compiler], ids=lambda board: board.name)
def test_compilers_of_the_boards_tell_their_features(board: Board) -> None:
    compiler = board.compiler
    assert compiler
    program = shutil.which(f"{compiler.prefix}g++")
    if program is None:
        pytest.skip(f"needs {compiler.prefix}g++")
    command = f'"{program}" {" ".join(compiler.flags)}'
    assert sorted(features_of_compiler(command)) == sorted(board.features)
    with_cmsis_nn = features_of_compiler(f"{command} -DMICROPLAN_CMSIS_NN=1")
    assert sorted(with_cmsis_nn) == sorted([*board.features, "cmsis_nn"])
    assert feature_bits(with_cmsis_nn) == board.feature_bits + FEATURE_BITS["cmsis_nn"]


def test_names() -> None:
    assert features_named("dsp, fpu") == ["dsp", "fpu"]
    assert features_named("none") == []
    with pytest.raises(UsageError, match="Use some of: dsp, mve"):
        features_named("simd")


@pytest.mark.parametrize("command", ["no-such-compiler -mcpu=x", "true"])
def test_a_compiler_that_tells_nothing(command: str) -> None:
    with pytest.raises(MicroplanError, match="by --features"):
        features_of_compiler(command)


def test_embed_takes_one_target(tmp_path: Path) -> None:
    arguments = ["embed", str(DIGITS), "--out", str(tmp_path)]
    result = CliRunner().invoke(main, [*arguments, "--features", "dsp", "--board", "qemu-cortex-m4"])
    assert result.exit_code == 2
    assert CliRunner().invoke(main, [*arguments, "--features", "dsp,fpu"]).exit_code == 0
    assert "Target: a core with dsp, fpu." in (tmp_path / "digits.h").read_text()
    assert "kCompiledFeatures & 9u" in (tmp_path / "digits.cpp").read_text()
    assert CliRunner().invoke(main, [*arguments, "--compiler", "g++"]).exit_code == 0
    assert "Target: any." in (tmp_path / "digits.h").read_text()
