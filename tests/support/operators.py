# SPDX-License-Identifier: Apache-2.0
"""Small models of operators on elements and shapes, in every type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from support.models import Network, Value


class Operators(Network):
    """A Network with further operators and types; int32 and bool have no scales."""

    def source(self, *shape: int, dtype: DTypeLike = "int8", scale: float = 0.05, zero_point: int = 3) -> Value:
        """`input` in any type; int32 and bool are inputs of the model itself."""
        kind = np.dtype(dtype)
        if kind == np.int16:
            x = self.model_input(*shape, dtype=kind, scale=1.1 * scale, zero_point=0)
            return self.quantize(x, kind, scale=scale, zero_point=0)
        if kind.kind in "ib" and kind != np.int8:
            value = self._tensor(shape, kind)
            self._inputs.append(value)
            return value
        return self.input(*shape, dtype=kind, scale=scale, zero_point=zero_point)

    def given(self, values: ArrayLike, dtype: DTypeLike = "int32", like: Value | None = None) -> Value:
        """A constant, quantized as another tensor."""
        data = np.asarray(values, dtype)
        scale = like.scale or None if like else None
        return self._tensor(data.shape, dtype, scale, like.zero_point if like else 0, data=data)

    def binary(
        self, operator: str, a: Value, b: Value, *, scale: float = 0.08, zero_point: int = -5, activation: str = "NONE"
    ) -> Value:
        shape = np.broadcast_shapes(a.shape, b.shape)
        if a.dtype in (np.int8, np.int16):
            y = self._tensor(shape, a.dtype, scale, 0 if a.dtype == np.int16 else zero_point)
        else:
            y = self._tensor(shape, a.dtype)
        self._operator(operator, [a, b], y, fused_activation_function=activation)
        return y

    def activation(
        self, operator: str, x: Value, *, scale: float | None = None, zero_point: int | None = None, **options: Any
    ) -> Value:
        """The output has the range that LOGISTIC and TANH ask for, else the input's unless it is given."""
        y = self._tensor(x.shape, x.dtype, *_activation_range(operator, x, scale, zero_point))
        self._operator(operator, [x], y, **options)
        return y

    def mean(
        self, x: Value, axes: Sequence[int] | int, *, keep_dims: bool = False, scale: float = 0.03, zero_point: int = 7
    ) -> Value:
        distinct = tuple({axis % len(x.shape) for axis in np.atleast_1d(axes).tolist()})
        shape = np.empty(x.shape, np.int8).mean(axis=distinct, keepdims=keep_dims).shape
        y = self._tensor(shape, x.dtype, scale if x.scale else None, 0 if x.dtype == np.int16 else zero_point)
        self._operator("MEAN", [x, self.given(axes)], y, keep_dims=keep_dims)
        return y

    def concatenation(self, *inputs: Value, axis: int) -> Value:
        shape = list(inputs[0].shape)
        shape[axis] = sum(x.shape[axis] for x in inputs)
        y = self._like(inputs[0], shape)
        self._operator("CONCATENATION", inputs, y, axis=axis)
        return y

    def transpose(self, x: Value, *permutation: int) -> Value:
        y = self._like(x, [x.shape[axis] for axis in permutation])
        self._operator("TRANSPOSE", [x, self.given(permutation)], y)
        return y

    def strided_slice(
        self,
        x: Value,
        begin: Sequence[int],
        end: Sequence[int],
        strides: Sequence[int] | None = None,
        *,
        begin_mask: int = 0,
        end_mask: int = 0,
        shrink_axis_mask: int = 0,
    ) -> Value:
        """x[begin:end:strides]; the masks leave out begin or end, or drop a dimension."""
        steps = strides or [1] * len(begin)
        index: list[slice | int] = []
        for axis, (first, last, step) in enumerate(zip(begin, end, steps, strict=True)):
            start = None if begin_mask >> axis & 1 else first
            stop = None if end_mask >> axis & 1 else last
            index.append((start or 0) if shrink_axis_mask >> axis & 1 else slice(start, stop, step))
        y = self._like(x, np.empty(x.shape, np.int8)[tuple(index)].shape)
        masks = {"begin_mask": begin_mask, "end_mask": end_mask, "shrink_axis_mask": shrink_axis_mask}
        self._operator("STRIDED_SLICE", [x, self.given(begin), self.given(end), self.given(steps)], y, **masks)
        return y


def _activation_range(operator: str, x: Value, scale: float | None, zero_point: int | None) -> tuple[float | None, int]:
    if operator in ("LOGISTIC", "TANH") and x.dtype != np.float32:
        if x.dtype == np.int16:
            return scale or 2.0**-15, 0
        return (2.0**-8, -128) if operator == "LOGISTIC" else (2.0**-7, 0)
    return scale or x.scale or None, x.zero_point if zero_point is None else zero_point
