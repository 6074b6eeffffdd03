# SPDX-License-Identifier: Apache-2.0
"""Models of one convolution or fully connected operator, in the types that Network's methods do not write."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from support.models import Bias, Effective, Network, Pair, Value, windows


@dataclass(frozen=True)
class Kind:
    """The types of activations, filter and bias; `option`: the quantized_bias_type, where it says what the bias is."""

    activations: str
    filter: str
    bias: str
    option: str | None = None


INT8 = Kind("int8", "int8", "int32")
INT16 = Kind("int16", "int8", "int64")
INT16_INT32_BIAS = Kind("int16", "int8", "int32", "INT32")
INT16_INT16_BIAS = Kind("int16", "int8", "int16")
FLOAT = Kind("float32", "float32", "float32")
HYBRID = Kind("float32", "int8", "float32")

# Real outputs of integer operators fill the range: three standard deviations.
_OUTPUT_DEVIATION = {"int8": 127 / 3, "int16": 32767 / 3}
_OUTPUT_SCALE = {"int8": 0.08, "int16": 3e-4}


class MacNetwork(Network):
    """A Network with operators that multiply and accumulate in any Kind."""

    def source(self, kind: Kind, *shape: int, zero_point: int = 3, spread: float = 4.0) -> Value:
        """What an operator makes of an input, so that it can lie in a ring of rows."""
        if kind.activations == "int8":
            return self.input(*shape, zero_point=zero_point)
        levels = self.model_input(*shape, dtype="int16", scale=spread / 32768, zero_point=0)
        if kind.activations == "float32":
            return self.dequantize(levels)
        return self.quantize(levels, "int16", scale=0.9 * spread / 32768, zero_point=0)

    def mac(
        self,
        operator: str,
        kind: Kind,
        x: Value,
        output_shape: tuple[int, ...],
        filter_shape: tuple[int, ...],
        *,
        channel_axis: int = 0,
        per_channel: bool = True,
        equal_scales: bool = False,
        bias: Bias = "given",
        bias_option: bool = False,
        effective: Effective | None = None,
        largest: int = 127,
        output_zero_point: int = -5,
        reversed_inputs: bool = False,
        **options: Any,
    ) -> Value:
        """Adds the operator.

        bias_option: the model says the bias's type.
        effective: input scale * filter scale / output scale of all channels or of each in turn.
        equal_scales: per channel, but all the same.
        reversed_inputs: [output shape, filter, x, bias], as TRANSPOSE_CONV has them.
        """
        channels = filter_shape[channel_axis]
        depth = math.prod(filter_shape) // channels
        integers = kind.activations != "float32"
        scale = _OUTPUT_SCALE[kind.activations] if integers else None
        zero_point = output_zero_point if kind.activations == "int8" else 0
        y = self._tensor(output_shape, kind.activations, scale, zero_point)
        if integers:
            deviation = math.sqrt(depth) * 0.58 * float(np.iinfo(kind.activations).max) * largest * 0.58
            if effective is None:
                effective_scales = (
                    self._rng.uniform(0.5, 1.5, channels) * _OUTPUT_DEVIATION[kind.activations] / deviation
                )
            else:
                effective_scales = np.resize(np.atleast_1d(effective), channels)
            scales = effective_scales * y.scale / x.scale
        else:
            deviation = math.sqrt(depth)
            scales = self._rng.uniform(0.5, 1.5, channels) / largest
        if equal_scales:
            scales = np.full(channels, scales[0])
        scales = scales.astype(np.float32)[: channels if per_channel else 1]
        if kind.filter == "float32":
            w = self._tensor(filter_shape, "float32", data=self._rng.normal(0, 1, filter_shape))
        else:
            data = self._integers(-largest, largest, filter_shape)
            w = self._tensor(filter_shape, "int8", scales, data=data, axis=channel_axis)
        inputs: list[Value | None] = [x, w]
        if reversed_inputs:
            inputs = [self._tensor((len(output_shape),), "int32", data=np.array(output_shape)), w, x]
        if bias == "given":
            terms = self._rng.normal(0, deviation / 2, channels)
            if kind.bias != "float32":
                limits = np.iinfo(kind.bias)
                terms = np.clip(terms, limits.min // 2, limits.max // 2).astype(kind.bias)
            bias_scale = np.float32(x.scale) * scales if integers else None
            inputs.append(self._tensor((channels,), kind.bias, bias_scale, data=terms))
        elif bias == "absent":
            inputs.append(None)
        if bias_option and kind.option is not None:
            options["quantized_bias_type"] = kind.option
        self._operator(operator, inputs, y, **options)
        return y

    def conv_2d_of(
        self,
        kind: Kind,
        x: Value,
        channels: int,
        kernel: Pair = (3, 3),
        *,
        groups: int = 1,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        padding: str = "SAME",
        activation: str = "NONE",
        **more: Any,
    ) -> Value:
        return self.mac(
            "CONV_2D",
            kind,
            x,
            windows(x.shape, channels, kernel, stride, dilation, padding),
            (channels, *kernel, x.shape[3] // groups),
            **_window_options(stride, dilation, padding, activation),
            **more,
        )

    def depthwise_conv_2d_of(
        self,
        kind: Kind,
        x: Value,
        multiplier: int = 1,
        kernel: Pair = (3, 3),
        *,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        padding: str = "SAME",
        activation: str = "NONE",
        **more: Any,
    ) -> Value:
        channels = x.shape[3] * multiplier
        return self.mac(
            "DEPTHWISE_CONV_2D",
            kind,
            x,
            windows(x.shape, channels, kernel, stride, dilation, padding),
            (1, *kernel, channels),
            channel_axis=3,
            depth_multiplier=multiplier,
            **_window_options(stride, dilation, padding, activation),
            **more,
        )

    def fully_connected_of(
        self, kind: Kind, x: Value, channels: int, *, activation: str = "NONE", **more: Any
    ) -> Value:
        depth = x.shape[-1]
        return self.mac(
            "FULLY_CONNECTED",
            kind,
            x,
            (math.prod(x.shape) // depth, channels),
            (channels, depth),
            fused_activation_function=activation,
            **more,
        )

    def transpose_conv_of(
        self,
        kind: Kind,
        x: Value,
        channels: int,
        size: Pair,
        kernel: Pair = (3, 3),
        *,
        stride: Pair = (1, 1),
        padding: str = "SAME",
        activation: str = "NONE",
        **more: Any,
    ) -> Value:
        """`size`: height and width of the output."""
        return self.mac(
            "TRANSPOSE_CONV",
            kind,
            x,
            (x.shape[0], *size, channels),
            (channels, *kernel, x.shape[3]),
            reversed_inputs=True,
            padding=padding,
            stride_h=stride[0],
            stride_w=stride[1],
            fused_activation_function=activation,
            **more,
        )


def _window_options(stride: Pair, dilation: Pair, padding: str, activation: str) -> dict[str, Any]:
    return {
        "padding": padding,
        "stride_h": stride[0],
        "stride_w": stride[1],
        "dilation_h_factor": dilation[0],
        "dilation_w_factor": dilation[1],
        "fused_activation_function": activation,
    }


# A row of a table: adds operators to a network and returns the output.
MacCase = Callable[[MacNetwork, Kind], Value]


def build_of(case: MacCase, kind: Kind, seed: int = 0) -> bytes:
    n = MacNetwork(seed)
    return n.finish(case(n, kind))
