# SPDX-License-Identifier: Apache-2.0
"""A real model on the simulated board, in both forms."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from microplan.boards import Board
from microplan.build import App, Firmware, build_firmware
from microplan.device import bench
from microplan.embed import embed
from microplan.interpreter import Interpreter
from microplan.planning import FORMS, Form, ModelFile, Plan, plan
from microplan.session import Session

DIGITS = Path(__file__).parents[2] / "examples/digits/digits.tflite"


@pytest.fixture(scope="module", params=FORMS)
def digits(request: pytest.FixtureRequest, board: Board) -> Plan:
    form: Form = request.param
    return plan(ModelFile.load(DIGITS), form, features=board.feature_bits)


def build(digits: Plan, board: Board, folder: Path, app: App) -> Firmware:
    generated = folder / "generated"
    embed(digits, generated, name="firmware_model", data_symbol="microplan_model_data", target=board.name)
    return build_firmware(generated, board, folder, app, digits.form)


def test_board_answers_like_the_host(digits: Plan, board: Board, tmp_path: Path) -> None:
    session = Session(build(digits, board, tmp_path, "run").elf, board)
    # In the interpreted form the board made its plan itself.
    assert session.read_plan() == digits.data
    interpreter = Interpreter(digits)
    rng = np.random.default_rng(1)
    samples = [rng.integers(-128, 128, interpreter.inputs[0].shape, np.int8) for _ in range(5)]
    on_board = session.infer([[sample.tobytes()] for sample in samples])
    on_host = [[output.tobytes() for output in interpreter.invoke(sample)] for sample in samples]
    assert [inference.outputs for inference in on_board] == on_host


def test_bench_figures(digits: Plan, board: Board, tmp_path: Path) -> None:
    firmware = build(digits, board, tmp_path, "bench")
    sizes = firmware.sizes
    assert (sizes.arena_bytes, sizes.state_bytes) == (digits.arena_bytes, digits.state_bytes)
    assert sizes.model_flash_bytes == len(digits.firmware_data)
    assert sizes.plan_ram_bytes == digits.plan_buffer_bytes
    assert sizes.static_bytes <= 64 or digits.form == "interpreted"

    result = bench(firmware.elf, board)
    assert result.invoke.uncertainty == 0
    assert result.stack_bytes < 600
    assert digits.form == "interpreted" or result.init.instructions < 2000
    interpreter = Interpreter(digits)
    pattern = bytes((i * 37 + 11) & 0xFF for i in range(interpreter.inputs[0].nbytes))
    outputs = interpreter.invoke(interpreter.inputs[0].from_bytes(pattern))
    assert result.output_crc32 == zlib.crc32(b"".join(output.tobytes() for output in outputs))
