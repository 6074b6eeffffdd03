# SPDX-License-Identifier: Apache-2.0
"""Checks of graph passes: a model with them and without, every surviving tensor compared."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import microplan
from microplan import _core
from support.reference import Reference, assert_equal, random_inputs

Array = NDArray[Any]

# How thorough: models that are generated, and random inputs for each.
CASES = int(os.environ.get("MICROPLAN_PASS_CASES", "25"))
INPUTS = int(os.environ.get("MICROPLAN_PASS_INPUTS", "4"))


def adversarial_inputs(tensors: Sequence[microplan.Tensor]) -> list[list[Array]]:
    """All smallest, all largest, checkerboards of both, and borders around the other."""

    def pattern(tensor: microplan.Tensor, high: NDArray[np.bool_]) -> Array:
        if tensor.dtype.kind == "f":
            return np.where(high, 4, -4).astype(tensor.dtype)
        limits = np.iinfo(tensor.dtype)
        return np.where(high, limits.max, limits.min).astype(tensor.dtype)

    def border(shape: tuple[int, ...]) -> NDArray[np.bool_]:
        inside = np.zeros(shape, bool)
        inside[tuple(slice(1, -1) if size > 2 else slice(None) for size in shape)] = True
        return ~inside

    results = []
    for make in (
        lambda shape: np.zeros(shape, bool),
        lambda shape: np.ones(shape, bool),
        lambda shape: np.indices(shape).sum(axis=0) % 2 == 0,
        lambda shape: np.indices(shape).sum(axis=0) % 2 == 1,
        border,
        lambda shape: ~border(shape),
    ):
        results.append([pattern(tensor, make(tensor.shape)) for tensor in tensors])
    return results


def assert_passes_change_nothing(
    model: bytes, inputs: int = INPUTS, seed: int = 0, *, no_pass: Sequence[str] = (), features: int = 0
) -> microplan.Plan:
    """Every tensor that the optimized plan computes equals that of the plain one and, where it runs, of TensorFlow Lite
    Micro. Returns the optimized plan."""
    plan = microplan.plan(model, no_pass=no_pass, features=features)
    assert _core.verify(plan.data, 0) == "kOk"
    optimized = microplan.Interpreter(plan, keep_tensors=True)
    plain = microplan.Interpreter(microplan.plan(model, no_pass=["all"], features=features), keep_tensors=True)
    reference = Reference(model)
    rng = np.random.default_rng(seed)
    samples = adversarial_inputs(plain.inputs) + [random_inputs(plain.inputs, rng) for _ in range(inputs)]
    for arrays in samples:
        outputs = optimized.invoke(list(arrays))
        for mine, other in zip(outputs, plain.invoke(list(arrays)), strict=True):
            assert_equal(mine, other, "outputs with and without passes")
        reference.invoke(arrays)
        for index, tensor in optimized.tensors.items():
            assert_equal(tensor, plan.computed_part(index, plain.tensors[index]), f"tensor {index}")
            assert_equal(tensor, plan.computed_part(index, reference.tensor(index)), f"tensor {index}, reference")
    return plan


def only(name: str) -> list[str]:
    """What no_pass takes so that this pass alone runs."""
    return [other for other, _ in _core.passes() if other != name]
