# SPDX-License-Identifier: Apache-2.0
"""microplan.Interpreter: a model on this machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import microplan
from microplan import _core

DIGITS = Path(__file__).parents[2] / "examples/digits/digits.tflite"


@pytest.fixture(params=["compiled", "interpreted"])
def digits(request: pytest.FixtureRequest) -> microplan.Interpreter:
    return microplan.Interpreter(DIGITS, request.param, keep_tensors=True)


def test_inputs_and_outputs_are_described(digits: microplan.Interpreter) -> None:
    (image,) = digits.inputs
    (scores,) = digits.outputs
    assert (image.shape, image.dtype) == ((1, 8, 8, 1), np.int8)
    assert image.scale > 0
    assert -128 <= image.zero_point <= 127
    assert image.name
    assert (scores.shape, scores.dtype) == ((1, 10), np.int8)


def test_real_digits_are_recognised(digits: microplan.Interpreter) -> None:
    folder = DIGITS.parent
    images = np.load(folder / "samples.npy").reshape(-1, 1, 8, 8, 1)
    labels = np.load(folder / "labels.npy")
    found = [digits.invoke(digits.inputs[0].quantize(image / 16))[0].argmax() for image in images]
    assert np.mean(found == labels) > 0.9


def test_quantize_rounds_and_saturates(digits: microplan.Interpreter) -> None:
    (image,) = digits.inputs
    real = image.dequantize(np.arange(-128, 128, dtype=np.int8))
    assert image.quantize(real).tolist() == list(range(-128, 128))
    assert image.quantize([-1e30, 1e30, float("nan")]).tolist() == [-128, 127, -128]


def test_tensors_hold_the_outputs_of_every_operator(digits: microplan.Interpreter) -> None:
    (scores,) = digits.invoke(digits.inputs[0].quantize(np.zeros((1, 8, 8, 1))))
    info = digits.plan.info
    assert set(digits.tensors) == {tensor for operator in info.operators for tensor in operator.outputs}
    assert digits.tensors[info.outputs[0]].tobytes() == scores.tobytes()
    for index, values in digits.tensors.items():
        assert list(values.shape) == digits.plan.tensor_shape(index)


def test_inputs_come_one_by_one_or_as_a_list(digits: microplan.Interpreter) -> None:
    image = digits.inputs[0].quantize(np.ones((1, 8, 8, 1)))
    assert digits.invoke(image)[0].tobytes() == digits.invoke([image])[0].tobytes()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((np.zeros((1, 8, 8, 1), np.float32),), "takes int8, not float32"),
        ((np.zeros((8, 9), np.int8),), r"takes the shape \(1, 8, 8, 1\), not \(8, 9\)"),
        ((), "has 1 inputs, not 0"),
    ],
)
def test_wrong_inputs_are_refused(
    digits: microplan.Interpreter, given: tuple[np.ndarray, ...], message: str
) -> None:
    with pytest.raises(microplan.MicroplanError, match=message):
        digits.invoke(*given)


def test_state_of_another_size_is_refused(digits: microplan.Interpreter) -> None:
    digits.state = digits.state
    with pytest.raises(microplan.MicroplanError, match="has 0 bytes, not 4"):
        digits.state = bytes(4)


def test_unknown_form_and_missing_file() -> None:
    with pytest.raises(microplan.UsageError, match=r"no form 'jit'. Use one of: compiled, interpreted"):
        microplan.Interpreter(DIGITS, "jit")  # type: ignore[arg-type]
    with pytest.raises(microplan.UsageError, match=r"Cannot read the model .*nothing.tflite"):
        microplan.Interpreter("nothing.tflite")


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_arena_is_exact(form: microplan.Form) -> None:
    plan = microplan.plan(DIGITS, form)
    short = _core.Executor(plan.data, plan.model.content, arena_bytes=plan.core.arena_bytes - 1)
    assert (short.status, short.needed) == ("kArenaTooSmall", plan.core.arena_bytes)
    askew = _core.Executor(plan.data, plan.model.content, arena_misalignment=1)
    assert (askew.status, askew.needed) == ("kArenaMisaligned", 16)
    with pytest.raises(RuntimeError):
        askew.invoke()


def test_damaged_plan_is_refused() -> None:
    plan = microplan.plan(DIGITS)
    for content in (b"", b"MPLN", plan.data[:-1], bytes(len(plan.data))):
        assert _core.Executor(content, b"").status != "kOk"


def test_steps_one_by_one() -> None:
    plan = microplan.plan(DIGITS)
    whole = microplan.Interpreter(plan)
    image = whole.inputs[0].quantize(np.ones((1, 8, 8, 1)))
    executor = _core.Executor(plan.data, plan.model.content)
    executor.set_input(0, image.tobytes())
    assert plan.core.layout is not None
    statuses = [executor.step() for _ in range(plan.core.layout.runs)]
    assert statuses == ["kMore"] * (len(statuses) - 1) + ["kOk"]
    assert executor.output(0) == whole.invoke(image)[0].tobytes()
