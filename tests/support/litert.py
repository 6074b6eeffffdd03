# SPDX-License-Identifier: Apache-2.0
"""LiteRT's reference kernels: the oracle for hybrid operators, which TensorFlow Lite Micro does not have."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

import microplan
from support.reference import random_inputs

Array = NDArray[Any]

# Absolute. Sums of integers are exact and the rest has the same order, so that results normally are equal; were they
# not, the next operator would round some value to another integer.
TOLERANCE = 1e-5


class LiteRt:
    """Runs a model with one input and one output."""

    def __init__(self, model: bytes) -> None:
        self._interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        self._interpreter.allocate_tensors()

    def invoke(self, values: Array) -> Array:
        self._interpreter.set_tensor(self._interpreter.get_input_details()[0]["index"], values)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._interpreter.get_output_details()[0]["index"]))


def assert_agrees(model: bytes, count: int, seed: int = 0) -> None:
    """Random inputs of several magnitudes, and all zeros: both forms within TOLERANCE of LiteRT."""
    forms = [microplan.Interpreter(model, form=form) for form in ("compiled", "interpreted")]
    oracle = LiteRt(model)
    rng = np.random.default_rng(seed)
    for i in range(count):
        values = random_inputs(forms[0].inputs, rng)[0]
        if values.dtype.kind == "f":
            values = (values * (0.0, 1.0, 0.01, 300.0)[i % 4]).astype(values.dtype)
        elif i == 0:
            values = np.zeros_like(values)
        expected = oracle.invoke(values)
        found = [form.invoke([values])[0] for form in forms]
        assert found[0].tobytes() == found[1].tobytes(), "the two forms differ"
        np.testing.assert_allclose(found[0], expected, rtol=0, atol=TOLERANCE)
