# SPDX-License-Identifier: Apache-2.0
"""The commands on the simulated board."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import microplan
from microplan.boards import Board
from microplan.cli import main
from microplan.elf import read_sizes

DIGITS = Path(__file__).parents[2] / "examples/digits/digits.tflite"


def output_of(*arguments: str | Path) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def json_of(*arguments: str | Path) -> Any:
    return json.loads(output_of(*arguments, "--json"))


@pytest.fixture(scope="module")
def digits_size(board: Board) -> Any:
    return json_of("size", DIGITS, "--board", board.name)


@pytest.fixture(scope="module")
def digits_bench(board: Board) -> Any:
    return json_of("bench", DIGITS, "--board", board.name)


def test_size_is_what_the_symbols_say(board: Board, digits_size: Any, tmp_path: Path) -> None:
    output_of("build", DIGITS, "--board", board.name, "--out", tmp_path, "--app", "bench")
    sizes = read_sizes(tmp_path / "firmware.elf")
    assert digits_size["arena_bytes"] == sizes.symbol_bytes("microplan_arena")
    assert digits_size["state_bytes"] == sizes.symbol_bytes("microplan_state")
    assert digits_size["model_flash_bytes"] == sizes.symbol_bytes("microplan_model_data")
    assert digits_size["static_bytes"] == sizes.static_bytes


def test_size_and_bench_agree(digits_size: Any, digits_bench: Any) -> None:
    for key in digits_size.keys() & digits_bench.keys():
        assert digits_size[key] == digits_bench[key], key


def test_bench_of_the_host_has_the_same_checksum(digits_bench: Any) -> None:
    assert digits_bench["output_crc32"] == json_of("bench", DIGITS, "--board", "host")["output_crc32"]


def test_operators_add_up_to_the_inference(digits_bench: Any) -> None:
    steps = sum(row["instructions"] for row in digits_bench["operators"])
    rest = digits_bench["instructions"] - steps
    # The executor's own loop.
    assert 0 < rest < 100 * len(digits_bench["operators"])


def test_bench_table(board: Board) -> None:
    text = output_of(
        "bench", DIGITS, "--board", board.name, "--form", "interpreted", "--variant", "reference"
    )
    assert "interpreted, reference" in text
    assert "conv_2d_int8" in text
    assert "not measured" not in text


def test_run_answers_like_this_machine(board: Board, tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(-128, 128, (3, 8, 8, 1), np.int8)
    np.save(tmp_path / "images.npy", images)
    on_board, on_host = (
        json_of("run", DIGITS, "--board", name, "--input", tmp_path / "images.npy")["samples"]
        for name in (board.name, "host")
    )
    assert on_board == on_host


@pytest.mark.parametrize("model", ["hello_world_int8", "hello_world_float", "kws_ref_model"])
def test_validate(model: str, board: Board, models_dir: Path) -> None:
    report = json_of("validate", models_dir / f"{model}.tflite", "--board", board.name)
    assert report["passed"]
    compared = [comparison["found"] for comparison in report["comparisons"]]
    assert f"{board.name}, compiled" in compared


def test_build_leaves_firmware_of_both_forms(board: Board, tmp_path: Path) -> None:
    for form in microplan.planning.FORMS:
        out = tmp_path / form
        text = output_of("build", DIGITS, "--board", board.name, "--out", out, "--form", form)
        assert str(out / "firmware.elf") in text
        assert (out / "firmware.elf").stat().st_size > 0
