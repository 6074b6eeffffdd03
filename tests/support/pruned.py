# SPDX-License-Identifier: Apache-2.0
"""Convolutional networks as pruning leaves them: with channels that are constant, and others that nobody reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from support.models import Value
from support.operators import Operators


class Pruned(Operators):
    """Filters of random output channels are zero or drowned by their bias, those of random input channels are zero."""

    def _filter(
        self, x: Value, y: Value, shape: tuple[int, ...], channel_axis: int, *, per_channel: bool = True, **_: Any
    ) -> list[Value | None]:
        rng = self._rng
        channels = shape[channel_axis]
        data = self._integers(-127, 127, shape)
        fan_in = data.size // channels
        bias = rng.normal(0, 2000, channels)
        kinds = rng.choice(["alive", "zero", "low", "high"], channels, p=[0.5, 0.2, 0.2, 0.1])
        along = np.moveaxis(data, channel_axis, 0)
        along[kinds == "zero"] = 0
        drowned = 127 * 256 * fan_in
        bias = np.where(kinds == "low", -2.0 * drowned, np.where(kinds == "high", 2.0 * drowned, bias))
        if channel_axis == 0:
            data[..., rng.random(shape[-1]) < 0.2] = 0
        scales = rng.uniform(0.5, 1.5, channels) * 40 / (127 * 60 * np.sqrt(fan_in)) * y.scale / x.scale
        scales = scales.astype(np.float32)[: channels if per_channel else 1]
        inputs: list[Value | None] = [x, self._tensor(shape, "int8", scales, data=data, axis=channel_axis)]
        if rng.random() < 0.9:
            terms = bias.astype(np.int32)
            inputs.append(self._tensor((channels,), "int32", np.float32(x.scale) * scales, data=terms))
        return inputs


def random_network(seed: int) -> bytes:
    """A few operators in a row, with residuals and branches, padded and strided, and a head."""
    n = Pruned(seed)
    rng = np.random.default_rng(seed)
    x = n.model_input(1, int(rng.integers(4, 9)), int(rng.integers(4, 9)), int(rng.integers(1, 5)))
    for _ in range(rng.integers(2, 7)):
        x = _random_operator(n, rng, x)
    return n.finish(*_random_head(n, rng, x))


_KINDS = [
    "conv",
    "pointwise",
    "depthwise",
    "residual",
    "pool",
    "pad",
    "padded",
    "concatenate",
    "activate",
    "clamp",
    "pair",
    "requantize",
    "turn",
]


def _random_operator(n: Pruned, rng: np.random.Generator, x: Value) -> Value:
    options: dict[str, Any] = {
        "padding": str(rng.choice(["SAME", "VALID"])),
        "activation": str(rng.choice(["NONE", "RELU", "RELU6"])),
        "scale": float(rng.choice([0.05, 0.03])),
        "zero_point": int(rng.choice([-128, -5])),
        "per_channel": bool(rng.random() < 0.8),
    }
    size = int(rng.choice([1, 3])) if min(x.shape[1:3]) >= 3 else 1
    spatial = {"kernel": (size, size), "stride": (int(rng.integers(1, 3)), int(rng.integers(1, 3)))}
    kind = rng.choice(_KINDS)
    if kind == "conv":
        return n.conv_2d(x, int(rng.integers(3, 9)), **spatial, **options)
    if kind == "pointwise":
        return n.conv_2d(x, int(rng.integers(3, 12)), (1, 1), **options)
    if kind == "depthwise":
        return n.depthwise_conv_2d(x, int(rng.integers(1, 3)) if x.shape[3] < 12 else 1, **spatial, **options)
    if kind == "residual":
        inner = n.conv_2d(x, x.shape[3], (1, 1), **options)
        if rng.random() < 0.5:
            inner = n.depthwise_conv_2d(inner, **(options | {"padding": "SAME"}))
        return n.add(x, inner, scale=0.06, activation=options["activation"])
    if kind == "pool" and min(x.shape[1:3]) >= 2:
        operator = str(rng.choice(["MAX_POOL_2D", "AVERAGE_POOL_2D"]))
        return n.pool_2d(x, operator, (2, 2), padding=options["padding"], activation=options["activation"])
    if kind == "pad":
        return n.pad(x, [(0, 0), (1, 0), (0, 2), (0, 0)], value=None if rng.random() < 0.7 else 9)
    if kind == "concatenate":
        a = n.conv_2d(x, 4, (1, 1), **(options | {"scale": 0.05, "zero_point": -128}))
        b = n.conv_2d(x, 3, (1, 1), **(options | {"scale": 0.05, "zero_point": -128}))
        return n.concatenation(a, b, axis=3)
    if kind == "padded" and min(x.shape[1:3]) >= 2:
        before = [(int(a), int(b)) for a, b in rng.integers(0, 3, (2, 2))]
        padded = n.pad(x, [(0, 0), *before, (0, 0)])
        size = min(3, *padded.shape[1:3])
        options |= {"kernel": (size, size), "stride": spatial["stride"]}
        if rng.random() < 0.3:
            return n.pool_2d(padded, "MAX_POOL_2D", (size, size), spatial["stride"], options["padding"])
        return n.conv_2d(padded, 5, **options) if rng.random() < 0.5 else n.depthwise_conv_2d(padded, **options)
    if kind == "activate":
        return n.activation(str(rng.choice(["LOGISTIC", "TANH", "RELU6"])), x)
    if kind == "clamp":
        y = n.conv_2d(x, 6, (1, 1), **options)
        return n.activation(str(rng.choice(["RELU", "RELU6"])), y)
    if kind == "requantize":
        return n.quantize(n.quantize(x, scale=float(rng.choice([0.05, 0.025]))), scale=0.05)
    if kind == "turn":
        y = n.transpose(x, 0, 3, 1, 2)
        return n.transpose(y, *((0, 2, 3, 1) if rng.random() < 0.7 else (0, 3, 2, 1)))
    wide = n.conv_2d(x, 6, (1, 1), **options)
    return n.binary(str(rng.choice(["SUB", "MUL"])), wide, n.conv_2d(x, 6, (1, 1), **options))


def _random_head(n: Pruned, rng: np.random.Generator, x: Value) -> list[Value]:
    kind = rng.choice(["flat", "mean", "pool", "none"])
    if kind == "none":
        return [x]
    if kind == "mean":
        pooled = n.mean(x, (1, 2), keep_dims=bool(rng.random() < 0.5), scale=x.scale, zero_point=x.zero_point)
    elif kind == "pool":
        pooled = n.pool_2d(x, "AVERAGE_POOL_2D", x.shape[1:3], (1, 1))
    else:
        pooled = x
    elements = int(np.prod(pooled.shape))
    flat = n.view(pooled, 1, elements) if rng.random() < 0.7 else pooled
    y = n.fully_connected(flat, 5, depth=elements, shape=(1, 5))
    return [n.softmax(y)] if rng.random() < 0.5 else [y, x]


