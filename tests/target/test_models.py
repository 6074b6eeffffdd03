# SPDX-License-Identifier: Apache-2.0
"""Real models on the simulated boards, in both forms."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from microplan import _core
from microplan.boards import Board, list_boards
from microplan.build import STACK_BYTES
from microplan.cli import main
from microplan.device import bench
from microplan.interpreter import Interpreter
from microplan.planning import Form, ModelFile, plan, variants_for
from microplan.runners import build_for
from microplan.session import Session

DIGITS = Path(__file__).parents[2] / "examples/digits/digits.tflite"
SMALL = "qemu-cortex-m0"

BoardNamed = Callable[[str], Board]


@pytest.fixture
def model_named(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    def path(name: str) -> Path:
        if name == "digits":
            return DIGITS
        folder: Path = request.getfixturevalue("models_dir")
        return folder / f"{name}.tflite"

    return path


def microplan(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("model", ["hello_world_int8", "digits"])
def test_every_board_agrees_with_the_oracle(
    model: str, any_board: Board, model_named: Callable[[str], Path]
) -> None:
    result = microplan("validate", model_named(model), "--board", any_board.name, "--samples", "2", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["passed"]
    assert f"{any_board.name}, compiled" in [comparison["found"] for comparison in report["comparisons"]]


@pytest.mark.parametrize(
    ("name", "model"),
    [
        *((board.name, "hello_world_int8") for board in list_boards() if board.has_firmware),
        *((name, "digits") for name in ("qemu-cortex-m4", SMALL, "qemu-riscv32")),
        (SMALL, "micro_speech_quantized"),
    ],
)
def test_board_makes_the_plan_that_the_laptop_makes(
    name: str, model: str, board_named: BoardNamed, model_named: Callable[[str], Path], tmp_path: Path
) -> None:
    board = board_named(name)
    check_the_plan_of_the_board(model_named(model), board, tmp_path)


@pytest.mark.parametrize(
    "how",
    [
        *({"variant": name} for name in variants_for(_core.FEATURE_DSP | _core.FEATURE_FPU)),
        {"prefer": "ram"},
        {"prefer": "flash"},
        {"pin_inputs": True},
    ],
    ids=str,
)
def test_board_chooses_the_kernels_that_the_laptop_chooses(
    how: dict[str, Any], board: Board, model_named: Callable[[str], Path], tmp_path: Path
) -> None:
    check_the_plan_of_the_board(model_named("digits"), board, tmp_path, **how)


def check_the_plan_of_the_board(path: Path, board: Board, tmp_path: Path, **how: Any) -> None:
    made = plan(ModelFile.load(path), "interpreted", features=board.feature_bits, **how)
    session = Session(build_for(made, board, tmp_path, "run").elf, board)
    assert session.read_plan() == made.data

    interpreter = Interpreter(made)
    rng = np.random.default_rng(1)
    samples = [[rng.bytes(tensor.nbytes) for tensor in interpreter.inputs] for _ in range(3)]
    on_board = [inference.outputs for inference in session.infer(samples)]
    assert on_board == [outputs_of(interpreter, sample) for sample in samples]


def outputs_of(interpreter: Interpreter, sample: list[bytes]) -> list[bytes]:
    inputs = (
        tensor.from_bytes(content) for tensor, content in zip(interpreter.inputs, sample, strict=True)
    )
    return [output.tobytes() for output in interpreter.invoke(*inputs)]


@pytest.mark.parametrize("model", ["hello_world_int8", "digits"])
def test_bench_of_every_board(
    model: str, any_board: Board, model_named: Callable[[str], Path], tmp_path: Path
) -> None:
    check_bench(model_named(model), "compiled", any_board, tmp_path)


@pytest.mark.parametrize(
    ("name", "model"),
    [("qemu-cortex-m4", "digits"), ("qemu-riscv32", "digits"), (SMALL, "micro_speech_quantized")],
)
def test_bench_of_the_interpreted_form(
    name: str, model: str, board_named: BoardNamed, model_named: Callable[[str], Path], tmp_path: Path
) -> None:
    check_bench(model_named(model), "interpreted", board_named(name), tmp_path)


def test_micro_speech_fits_16_kilobytes(
    board_named: BoardNamed, model_named: Callable[[str], Path], tmp_path: Path
) -> None:
    board = board_named(SMALL)
    assert board.region("ram").length == 16384
    path = model_named("micro_speech_quantized")
    check_bench(path, "compiled", board, tmp_path)
    result = microplan("check", path, "--board", SMALL)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "bytes of RAM and" in result.stdout


def check_bench(path: Path, form: Form, board: Board, folder: Path) -> None:
    made = plan(ModelFile.load(path), form, features=board.feature_bits)
    firmware = build_for(made, board, folder, "bench")
    sizes = firmware.sizes
    assert (sizes.arena_bytes, sizes.state_bytes) == (made.arena_bytes, made.state_bytes)
    assert sizes.model_flash_bytes == len(made.firmware_data)
    assert sizes.plan_ram_bytes == made.plan_buffer_bytes
    # The model's object and the counter, and up to 12 bytes before the aligned plan buffer.
    assert sizes.static_bytes - sizes.plan_ram_bytes <= 64 + 12

    result = bench(firmware.elf, board)
    assert result.invoke.uncertainty == 0
    assert 0 < result.stack_bytes <= 700
    assert result.init.instructions < (2000 if form == "compiled" else 2000000)
    interpreter = Interpreter(made)
    pattern = [bytes((i * 37 + 11) & 0xFF for i in range(tensor.nbytes)) for tensor in interpreter.inputs]
    assert result.output_crc32 == zlib.crc32(b"".join(outputs_of(interpreter, pattern)))


@pytest.mark.parametrize("command", ["check", "size", "build", "bench"])
def test_what_does_not_fit_is_refused_with_the_numbers(
    command: str, model_named: Callable[[str], Path], tmp_path: Path
) -> None:
    path = model_named("pretrainedResnet_quant")
    made = plan(ModelFile.load(path))
    needed = made.arena_bytes + made.state_bytes + STACK_BYTES["compiled"]
    options = ("--out", tmp_path) if command == "build" else ()
    result = microplan(command, path, "--board", SMALL, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"need {needed:,} bytes, and there are 16,384: {needed - 16384:,} too few" in result.stderr
