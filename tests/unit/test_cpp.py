# SPDX-License-Identifier: Apache-2.0
"""The C++ tests, with all sanitizers: the executor, the row and overlap contracts on real models, exact
placement, changed plans."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.models import Network
from support.recurrent import lstm, svdf

DIGITS = Path(__file__).parents[2] / "examples/digits/digits.tflite"


def test_executor(run_program: Callable[..., str]) -> None:
    run_program("executor_test")


def test_push_rows(run_program: Callable[..., str]) -> None:
    run_program("push_rows_test")


def test_exact_placement(run_program: Callable[..., str]) -> None:
    assert "500 compared with all placements" in run_program("place_exact_test", "1000")


@pytest.mark.parametrize("seed", ["1", "2"])
def test_slices_through_rings_equal_whole_tensors(run_program: Callable[..., str], model_path: Path, seed: str) -> None:
    assert "rows in rings" in run_program("sliced", model_path, seed)


def test_outputs_may_lie_over_inputs_as_the_kernels_say(run_program: Callable[..., str], model_path: Path) -> None:
    assert "steps overlap" in run_program("overlap", model_path, "3")


def test_changed_plans_of_digits(run_program: Callable[..., str]) -> None:
    assert "changes accepted" in run_program("verify_plan_test", DIGITS)


def image_operators() -> bytes:
    n = Network()
    x = n.model_input(2, 5, 4, 4)
    padded = n.pad(x, [(0, 0), (1, 0), (0, 1), (0, 0)])
    short = n.conv_2d(padded, 6, groups=2, stride=(2, 1), dilation=(1, 2), activation="RELU6")
    long = n.depthwise_conv_2d(n.pool_2d(padded, "AVERAGE_POOL_2D"), 2, kernel=(2, 2), per_channel=False)
    wide = n.pad(long, [(0, 0), (0, 0), (0, 0), (0, 1)], value=-7)
    return n.finish(n.add(n.pool_2d(short, "MAX_POOL_2D", (3, 2), (2, 2)), n.constant(6)), wide)


def vector_operators() -> bytes:
    n = Network()
    x = n.quantize(n.model_input(3, 4, dtype="float32"))
    y = n.add(n.fully_connected(x, 5), n.view(n.fully_connected(x, 1, per_channel=False), 3, 1))
    real = n.fully_connected(n.dequantize(y), 4, activation="RELU6")
    return n.finish(n.softmax(n.quantize(n.softmax(y, dtype="int16"))), n.softmax(n.quantize(real, scale=0.2)))


MODELS = {"image": image_operators(), "vector": vector_operators(), "svdf": svdf().write(), "lstm": lstm().write()}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_changed_plans_of_every_operator(run_program: Callable[..., str], tmp_path: Path, model: bytes) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(model)
    assert "changes accepted" in run_program("verify_plan_test", path)
