# SPDX-License-Identifier: Apache-2.0
"""Compares Microplan with TensorFlow Lite Micro, tensor by tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tflite_micro.python.tflite_micro import runtime

import microplan
from microplan import _core
from microplan.planning import FORMS

Array = NDArray[Any]

# Of the largest reference value of the tensor, for float tensors; integer tensors are equal.
FLOAT_TOLERANCE = 1e-5


def random_inputs(tensors: Sequence[microplan.Tensor], rng: np.random.Generator) -> list[Array]:
    """One array for each input: the whole range of an integer type, [-4, 4) for floats."""

    def fill(tensor: microplan.Tensor) -> Array:
        if tensor.dtype.kind == "f":
            return rng.uniform(-4, 4, tensor.shape).astype(tensor.dtype)
        limits = np.iinfo(tensor.dtype)
        return rng.integers(limits.min, limits.max, tensor.shape, tensor.dtype, endpoint=True)

    return [fill(tensor) for tensor in tensors]


class Reference:
    """TensorFlow Lite Micro, its interpreter keeping every tensor."""

    def __init__(self, model: bytes) -> None:
        # Its own guess, ten times the model's size, is too little for small models.
        self._interpreter = runtime.Interpreter.from_bytes(
            model,
            arena_size=10 * len(model) + (1 << 20),
            intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
        )

    def invoke(self, inputs: Sequence[Array]) -> None:
        for index, array in enumerate(inputs):
            self._interpreter.set_input(array, index)
        self._interpreter.invoke()

    def tensor(self, index: int) -> Array:
        return np.asarray(self._interpreter.GetTensor(index, 0)["tensor_data"])

    def reset(self) -> None:
        self._interpreter.reset()


def assert_equal(found: Array, expected: Array, what: str) -> None:
    if found.dtype.kind == "f":
        bound = FLOAT_TOLERANCE * float(np.max(np.abs(expected), initial=0))
        np.testing.assert_allclose(found, expected.reshape(found.shape), rtol=0, atol=bound, err_msg=what)
    else:
        np.testing.assert_array_equal(found, expected.reshape(found.shape), err_msg=what)


def assert_conforms(model: bytes, inputs: Sequence[Sequence[Array]] | int, seed: int = 0) -> None:
    """Runs the inputs (or that many random ones) on plans that choose from all kernels which this machine can run.

    All operators' outputs equal the reference's, in both forms and with the kernels of every target.
    """
    plans = {
        f"{form}, {target}": microplan.plan(model, form, features=features)
        for form in FORMS
        for target, features in (("any core", 0), ("DSP and FPU", _core.KERNEL_FEATURES))
    }
    forms = {name: microplan.Interpreter(plan, keep_tensors=True) for name, plan in plans.items()}
    first = next(iter(forms))
    reference = Reference(model)
    rng = np.random.default_rng(seed)
    if isinstance(inputs, int):
        inputs = [random_inputs(forms[first].inputs, rng) for _ in range(inputs)]
    for arrays in inputs:
        reference.invoke(arrays)
        outputs = {form: interpreter.invoke(list(arrays)) for form, interpreter in forms.items()}
        for form, interpreter in forms.items():
            assert interpreter.tensors, "no tensor was kept"
            for index, tensor in interpreter.tensors.items():
                expected = plans[form].computed_part(index, reference.tensor(index))
                assert_equal(tensor, expected, f"{form}, tensor {index}")
            for mine, other in zip(outputs[form], outputs[first], strict=True):
                # Kernels for other targets may add floats in another order.
                if mine.dtype.kind != "f" or plans[form].features == 0:
                    assert mine.tobytes() == other.tobytes(), f"{form} and {first} differ"
