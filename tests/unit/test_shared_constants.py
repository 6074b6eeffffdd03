# SPDX-License-Identifier: Apache-2.0
"""A compiled plan holds constants of equal bytes once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import microplan
from microplan import _core
from microplan.boards import load_board
from microplan.planning import Prefer
from microplan.testing.tflite_writer import ModelWriter

WIDTH = 16
FILTER_BYTES = WIDTH * WIDTH


@dataclass(frozen=True)
class Layer:
    """A fully connected operator: the same seeds are the same values, in a tensor of its own."""

    filter: int
    bias: int


def model(*layers: Layer, one_tensor: bool = False) -> bytes:
    """`one_tensor`: all operators use the first one's filter and bias."""
    writer = ModelWriter()
    x = tensor = writer.tensor("x", (1, WIDTH), "int8", scale=0.25)
    made: list[tuple[int, int]] = []
    for i, layer in enumerate(layers):
        weights = np.random.default_rng(layer.filter).integers(-127, 128, (WIDTH, WIDTH), np.int8)
        bias = np.random.default_rng(layer.bias).integers(-900, 900, WIDTH, np.int32)
        if not (one_tensor and made):
            made.append(
                (
                    writer.tensor(f"filter{i}", weights.shape, "int8", weights, scale=1 / 16),
                    writer.tensor(f"bias{i}", bias.shape, "int32", bias, scale=1 / 64),
                )
            )
        y = writer.tensor(f"y{i}", (1, WIDTH), "int8", scale=0.25)
        writer.operator("FULLY_CONNECTED", (tensor, *made[-1]), (y,))
        tensor = y
    return writer.finish((x,), (tensor,))


def unshared(plan: microplan.Plan) -> _core.Plan:
    return _core.plan(plan.model.content, plan.flags & ~_core.SHARES_CONSTANTS, plan.features)


def saved_bytes(plan: microplan.Plan) -> int:
    """Of constants; the plan and the model's answers are checked by the way."""
    apart = unshared(plan)
    assert microplan.verify_plan(plan.data) == "kOk"
    assert plan.core.plan_bytes == len(plan.data)
    assert plan.data == microplan.plan(plan.model, features=plan.features, prefer=plan.prefer or "balanced").data
    assert plan.core.constant_bytes == sum(step.plan_constant_bytes for step in plan.core.steps)
    saved = apart.constant_bytes - plan.core.constant_bytes
    # Padding comes and goes with the constants.
    assert abs(len(apart.data) - len(plan.data) - saved) <= 16 * len(plan.core.steps)
    if not plan.features & ~_core.KERNEL_FEATURES:
        x = np.random.default_rng(9).integers(-128, 128, (1, WIDTH), np.int8)
        outputs = []
        for data in (plan.data, apart.data):
            executor = _core.Executor(data, plan.model.content)
            executor.set_input(0, x.tobytes())
            assert executor.invoke() == "kOk"
            outputs.append(executor.output(0))
        assert outputs[0] == outputs[1]
    return saved


@pytest.mark.parametrize("one_tensor", [False, True])
def test_equal_layers_have_their_constants_once(one_tensor: bool) -> None:
    content = model(Layer(1, 2), Layer(1, 2), Layer(1, 2), one_tensor=one_tensor)
    # The filter, the bias and the multiplier.
    assert saved_bytes(microplan.plan(content)) == 2 * (FILTER_BYTES + 4 * WIDTH + 8)


def test_each_constant_is_shared_by_itself() -> None:
    assert saved_bytes(microplan.plan(model(Layer(1, 2), Layer(3, 2)))) == 4 * WIDTH + 8
    assert saved_bytes(microplan.plan(model(Layer(1, 2), Layer(1, 3)))) == FILTER_BYTES + 8


def test_different_layers_share_the_multiplier_alone() -> None:
    assert saved_bytes(microplan.plan(model(Layer(1, 2), Layer(3, 4)))) == 8


@pytest.mark.parametrize("prefer", ["speed", "flash"])
@pytest.mark.parametrize("board", ["qemu-cortex-m4", "qemu-cortex-m55"])
def test_constants_that_kernels_make_are_shared(board: str, prefer: Prefer) -> None:
    plan = microplan.plan(model(Layer(1, 2), Layer(1, 2)), features=load_board(board).feature_bits, prefer=prefer)
    assert saved_bytes(plan) >= FILTER_BYTES + 4 * WIDTH


def test_real_models_run_the_same(model_path: Path) -> None:
    plan = microplan.plan(model_path)
    assert len(plan.data) <= len(unshared(plan).data)
    assert microplan.verify_plan(plan.data) == "kOk"


def test_the_interpreted_form_refers_to_the_model() -> None:
    plan = microplan.plan(model(Layer(1, 2), Layer(1, 2)), "interpreted")
    assert not plan.flags & _core.SHARES_CONSTANTS
