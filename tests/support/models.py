# SPDX-License-Identifier: Apache-2.0
"""Small models with random weights and the scales that converters choose."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from microplan.testing.tflite_writer import ModelWriter

Pair = tuple[int, int]
# The effective scale, input * filter / output, of all channels or of each in turn.
Effective = float | Sequence[float]
# "large": beyond what filters sum up to; "none": the operator has two inputs; "absent": the third one is left out.
Bias = Literal["given", "large", "none", "absent"]

# Converters choose scales so that the real outputs fill the int8 range: three standard deviations.
_OUTPUT_DEVIATION = 127 / 3


@dataclass(frozen=True)
class Value:
    """A tensor of a Network."""

    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float = 0.0
    zero_point: int = 0


class Network:
    """Builds a model operator by operator: every method adds one and returns its output.

    n = Network()
    x = n.input(1, 8, 8, 3)
    model = n.finish(n.add(n.conv_2d(x, 3), x))
    """

    def __init__(self, seed: int = 0) -> None:
        self._model = ModelWriter()
        self._rng = np.random.default_rng(seed)
        self._inputs: list[Value] = []
        self._count = 0

    def finish(self, *outputs: Value) -> bytes:
        inputs = [value.index for value in self._inputs]
        return self._model.finish(inputs, [value.index for value in outputs])

    def model_input(self, *shape: int, dtype: DTypeLike = "int8", scale: float = 0.05, zero_point: int = 3) -> Value:
        """An input of the model itself."""
        value = self._tensor(shape, dtype, scale, zero_point)
        self._inputs.append(value)
        return value

    def input(self, *shape: int, dtype: DTypeLike = "int8", scale: float = 0.05, zero_point: int = 3) -> Value:
        """What an operator makes of an input, in a full range of values: so it can lie in a ring of rows."""
        if np.dtype(dtype).kind == "f":
            return self.dequantize(self.model_input(*shape, scale=scale, zero_point=zero_point))
        source = self.model_input(*shape, scale=1.1 * scale, zero_point=zero_point)
        return self.quantize(source, scale=scale, zero_point=zero_point)

    def small_values(self, *shape: int) -> Value:
        """A few steps around zero, so that effective scales above 1 do not saturate."""
        return self.quantize(self.input(*shape), scale=1.5)

    def constant(self, *shape: int, scale: float = 0.05, zero_point: int = 3, dtype: DTypeLike = "int8") -> Value:
        return self._tensor(shape, dtype, scale, zero_point, data=self._integers(-128, 127, shape))

    def conv_2d(
        self,
        x: Value,
        channels: int,
        kernel: Pair = (3, 3),
        *,
        groups: int = 1,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        padding: str = "SAME",
        activation: str = "NONE",
        scale: float = 0.08,
        zero_point: int = -5,
        **weights: Any,
    ) -> Value:
        """`weights`: see _filter."""
        y = self._tensor(windows(x.shape, channels, kernel, stride, dilation, padding), "int8", scale, zero_point)
        filter_shape = (channels, *kernel, x.shape[3] // groups)
        inputs = self._filter(x, y, filter_shape, 0, **weights)
        self._windowed("CONV_2D", inputs, y, stride, dilation, padding, activation)
        return y

    def depthwise_conv_2d(
        self,
        x: Value,
        multiplier: int = 1,
        kernel: Pair = (3, 3),
        *,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        padding: str = "SAME",
        activation: str = "NONE",
        scale: float = 0.08,
        zero_point: int = -5,
        **weights: Any,
    ) -> Value:
        """`weights`: see _filter."""
        channels = x.shape[3] * multiplier
        y = self._tensor(windows(x.shape, channels, kernel, stride, dilation, padding), "int8", scale, zero_point)
        inputs = self._filter(x, y, (1, *kernel, channels), 3, **weights)
        self._windowed(
            "DEPTHWISE_CONV_2D", inputs, y, stride, dilation, padding, activation, depth_multiplier=multiplier
        )
        return y

    def fully_connected(
        self,
        x: Value,
        channels: int,
        *,
        depth: int | None = None,
        shape: Sequence[int] | None = None,
        activation: str = "NONE",
        scale: float = 0.08,
        zero_point: int = -5,
        **weights: Any,
    ) -> Value:
        """`depth`: the last dimension of x unless given; `shape`: of the output; `weights`: see _filter."""
        depth = depth or x.shape[-1]
        shape = tuple(shape or (math.prod(x.shape) // depth, channels))
        if x.dtype.kind == "f":
            y = self._tensor(shape, x.dtype)
            inputs = self._float_filter(x, (channels, depth), **weights)
        else:
            y = self._tensor(shape, "int8", scale, zero_point)
            inputs = self._filter(x, y, (channels, depth), 0, **weights)
        self._operator(
            "FULLY_CONNECTED",
            inputs,
            y,
            fused_activation_function=activation,
            keep_num_dims=len(shape) == len(x.shape) > 2,
        )
        return y

    def pool_2d(
        self,
        x: Value,
        operator: str = "MAX_POOL_2D",
        kernel: Pair = (2, 2),
        stride: Pair = (2, 2),
        padding: str = "VALID",
        activation: str = "NONE",
    ) -> Value:
        y = self._like(x, windows(x.shape, x.shape[3], kernel, stride, (1, 1), padding))
        self._operator(
            operator,
            [x],
            y,
            padding=padding,
            stride_h=stride[0],
            stride_w=stride[1],
            filter_height=kernel[0],
            filter_width=kernel[1],
            fused_activation_function=activation,
        )
        return y

    def add(self, a: Value, b: Value, *, scale: float = 0.08, zero_point: int = -5, activation: str = "NONE") -> Value:
        y = self._tensor(np.broadcast_shapes(a.shape, b.shape), a.dtype, scale, zero_point)
        self._operator("ADD", [a, b], y, fused_activation_function=activation)
        return y

    def sub(self, a: Value, b: Value, *, scale: float = 0.08, zero_point: int = -5, activation: str = "NONE") -> Value:
        y = self._tensor(np.broadcast_shapes(a.shape, b.shape), a.dtype, scale, zero_point)
        self._operator("SUB", [a, b], y, fused_activation_function=activation)
        return y

    def pad(
        self,
        x: Value,
        paddings: Sequence[Pair],
        *,
        value: int | None = None,
        index_type: DTypeLike = "int32",
    ) -> Value:
        """PAD, or PADV2 with a quantized `value`."""
        amounts = np.array(paddings, index_type)
        shape = tuple(int(size) for size in np.array(x.shape) + amounts.sum(axis=1))
        y = self._like(x, shape)
        inputs: list[Value | None] = [x, self._tensor(amounts.shape, index_type, data=amounts)]
        if value is not None:
            inputs.append(self._tensor((), x.dtype, x.scale, x.zero_point, data=np.array(value)))
        self._operator("PAD" if value is None else "PADV2", inputs, y)
        return y

    def softmax(self, x: Value, beta: float = 1.0, dtype: DTypeLike = "int8") -> Value:
        limits = np.iinfo(dtype)
        y = self._tensor(x.shape, dtype, 1.0 / (int(limits.max) - int(limits.min) + 1), int(limits.min))
        self._operator("SOFTMAX", [x], y, beta=beta)
        return y

    def quantize(self, x: Value, dtype: DTypeLike = "int8", *, scale: float = 0.05, zero_point: int = 3) -> Value:
        y = self._tensor(x.shape, dtype, scale, zero_point)
        self._operator("QUANTIZE", [x], y)
        return y

    def dequantize(self, x: Value) -> Value:
        y = self._tensor(x.shape, "float32")
        self._operator("DEQUANTIZE", [x], y)
        return y

    def view(self, x: Value, *shape: int, operator: str = "RESHAPE") -> Value:
        """RESHAPE, SQUEEZE or EXPAND_DIMS to a shape with as many elements."""
        y = self._like(x, shape)
        if operator == "RESHAPE":
            new_shape = self._tensor((len(shape),), "int32", data=np.array(shape))
            self._operator(operator, [x, new_shape], y, new_shape=list(shape))
        elif operator == "EXPAND_DIMS":
            axis = next(i for i, size in enumerate(shape) if i >= len(x.shape) or size != x.shape[i])
            self._operator(operator, [x, self._tensor((1,), "int32", data=np.array([axis]))], y)
        else:
            self._operator(operator, [x], y)
        return y

    def _filter(
        self,
        x: Value,
        y: Value,
        shape: tuple[int, ...],
        channel_axis: int,
        *,
        per_channel: bool = True,
        bias: Bias = "given",
        effective: Effective | None = None,
        largest: int = 127,
    ) -> list[Value | None]:
        """The inputs of an operator with an int8 filter and an int32 bias.

        per_channel: one scale for each output channel.
        effective: what the scales come to; without it the output fills its range.
        largest: the filter's largest magnitude.
        """
        channels = shape[channel_axis]
        deviation = math.sqrt(math.prod(shape) / channels) * 74 * largest / 1.73
        if effective is None:
            factors = self._rng.uniform(0.5, 1.5, channels)
            scales = factors * _OUTPUT_DEVIATION / deviation * y.scale / x.scale
        else:
            scales = np.resize(np.atleast_1d(effective), channels) * y.scale / x.scale
        scales = scales.astype(np.float32)[: channels if per_channel else 1]
        data = self._integers(-largest, largest, shape)
        inputs: list[Value | None] = [x, self._tensor(shape, "int8", scales, data=data, axis=channel_axis)]
        if bias in ("given", "large"):
            terms = self._rng.normal(0, deviation / 2, channels).astype(np.int32)
            if bias == "large":
                terms = self._integers(-2_000_000_000, 2_000_000_000, terms.shape)
            inputs.append(self._tensor((channels,), "int32", np.float32(x.scale) * scales, data=terms))
        elif bias == "absent":
            inputs.append(None)
        return inputs

    def _float_filter(self, x: Value, shape: tuple[int, ...], *, bias: Bias = "given") -> list[Value | None]:
        inputs: list[Value | None] = [x, self._tensor(shape, x.dtype, data=self._rng.normal(0, 1, shape))]
        if bias == "given":
            inputs.append(self._tensor(shape[:1], x.dtype, data=self._rng.normal(0, 1, shape[:1])))
        elif bias == "absent":
            inputs.append(None)
        return inputs

    def _windowed(
        self,
        operator: str,
        inputs: list[Value | None],
        y: Value,
        stride: Pair,
        dilation: Pair,
        padding: str,
        activation: str,
        **options: Any,
    ) -> None:
        self._operator(
            operator,
            inputs,
            y,
            padding=padding,
            stride_h=stride[0],
            stride_w=stride[1],
            dilation_h_factor=dilation[0],
            dilation_w_factor=dilation[1],
            fused_activation_function=activation,
            **options,
        )

    def _like(self, x: Value, shape: Sequence[int]) -> Value:
        return self._tensor(shape, x.dtype, x.scale or None, x.zero_point)

    def _tensor(
        self,
        shape: Sequence[int],
        dtype: DTypeLike,
        scale: Any = None,
        zero_point: int = 0,
        *,
        data: NDArray[Any] | None = None,
        axis: int = 0,
    ) -> Value:
        if np.dtype(dtype).kind == "f":
            scale = None
            data = None if data is None else data.astype(dtype)
        per_tensor = 0.0 if scale is None else float(np.float32(np.ravel(scale)[0]))
        index = self._model.tensor(
            f"tensor_{self._count}", shape, dtype, data, scale, zero_point, quantized_dimension=axis
        )
        self._count += 1
        return Value(index, tuple(shape), np.dtype(dtype), per_tensor, zero_point)

    def _operator(self, name: str, inputs: Sequence[Value | None], y: Value, **options: Any) -> None:
        indices = [None if value is None else value.index for value in inputs]
        self._model.operator(name, indices, [y.index], **options)

    def _integers(self, low: int, high: int, shape: Sequence[int]) -> NDArray[Any]:
        return self._rng.integers(low, high, shape, endpoint=True)


def windows(
    shape: Sequence[int], channels: int, kernel: Pair, stride: Pair, dilation: Pair, padding: str
) -> tuple[int, int, int, int]:
    """The output's shape of a convolution or pooling over an image of this shape."""

    def size(axis: int) -> int:
        extent = 1 if padding == "SAME" else (kernel[axis] - 1) * dilation[axis] + 1
        return (shape[1 + axis] + stride[axis] - extent) // stride[axis]

    return shape[0], size(0), size(1), channels


# A row of a table: adds operators to a network and returns the output.
Case = Callable[[Network], Value]
# The fixture `conforms`.
Check = Callable[[bytes], None]


def build(case: Case, seed: int = 0) -> bytes:
    n = Network(seed)
    return n.finish(case(n))
