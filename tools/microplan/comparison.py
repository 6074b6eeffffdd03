# SPDX-License-Identifier: Apache-2.0
"""Compares what two places computed, tensor by tensor: compare()."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from microplan.interpreter import Array
from microplan.planning import Plan, shorten

# Of float tensors, relative to the largest magnitude of the reference.
FLOAT_BOUND = 1e-5

Tensors = Mapping[int, Array]


@dataclass(frozen=True)
class Difference:
    """The first element that differs, of the first tensor in the order of the operators."""

    operator: int
    op: str
    tensor: str
    sample: str
    element: tuple[int, ...]
    found: float
    expected: float
    differing: int
    elements: int

    def __str__(self) -> str:
        return (
            f'operator {self.operator} {self.op}, tensor "{shorten(self.tensor)}": {self.differing:,} of '
            f"{self.elements:,} elements "
            f"differ in {self.sample}; the first is {list(self.element)}: {self.found:g}, expected "
            f"{self.expected:g}"
        )


@dataclass(frozen=True)
class Comparison:
    found: str
    expected: str
    exact: bool  # asked for equal bytes in float tensors too
    tensors: int  # how many were compared, over all samples
    difference: Difference | None


def compare(
    plan: Plan,
    found: tuple[str, Sequence[Tensors]],
    expected: tuple[str, Sequence[Tensors]],
    samples: Sequence[str],
    *,
    exact: bool,
) -> Comparison:
    """Compares what the plan computes of every tensor that both have; `samples` are the names of the samples."""
    count = 0
    first: Difference | None = None
    for name, left, right in zip(samples, found[1], expected[1], strict=True):
        for operator, tensor in operator_tensors(plan):
            if tensor not in left or tensor not in right:
                continue
            count += 1
            mine, theirs = (plan.computed_part(tensor, values[tensor]) for values in (left, right))
            differs = _differing(mine, theirs, exact)
            if not differs.any() or (first is not None and first.operator <= operator):
                continue
            element = tuple(int(i) for i in np.argwhere(differs)[0])
            first = Difference(
                operator=operator,
                op=plan.model.operator_name(operator),
                tensor=plan.model.tensor_name(tensor),
                sample=name,
                element=element,
                found=mine[element].item(),
                expected=theirs.reshape(mine.shape)[element].item(),
                differing=int(np.count_nonzero(differs)),
                elements=differs.size,
            )
    return Comparison(found[0], expected[0], exact, count, first)


def operator_tensors(plan: Plan) -> list[tuple[int, int]]:
    """Operator and tensor index of every operator's outputs, in the order of the operators."""
    return [
        (index, tensor) for index, operator in enumerate(plan.info.operators) for tensor in operator.outputs
    ]


def _differing(left: Array, right: Array, exact: bool) -> NDArray[np.bool_]:
    # The oracles give scalars and vectors shapes of their own.
    right = right.reshape(left.shape)
    same: NDArray[np.bool_]
    if exact or not np.issubdtype(left.dtype, np.floating):
        bits = f"u{left.itemsize}"
        same = left.view(bits) == right.view(bits)
    else:
        bound = FLOAT_BOUND * float(np.max(np.abs(right[np.isfinite(right)]), initial=0))
        # Infinities and NaNs have no distance: they are close when they are equal.
        same = np.isclose(left.astype(np.float64), right, rtol=0, atol=bound, equal_nan=True)
    return ~same
