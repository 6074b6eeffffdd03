# SPDX-License-Identifier: Apache-2.0
"""Small random graphs: chains and branches of everything that the layout treats in its own way."""

from __future__ import annotations

import random
from collections.abc import Callable

from support.models import Network, Value

# Of an image's tensor; beyond it nothing is widened.
_MAX_BYTES = 600


def random_graph(seed: int) -> bytes:
    """Images of a few rows through two to nine operators; what is left unread at the end is an output, and sometimes
    more."""
    choose = random.Random(seed)
    n = Network(seed)
    values = [
        n.model_input(1, choose.randint(1, 12), choose.randint(1, 6), choose.randint(1, 5))
        for _ in range(choose.choice((1, 1, 1, 2)))
    ]
    read: set[int] = set()
    for _ in range(choose.randint(2, 9)):
        # Mostly a chain: the newest value is the likeliest.
        x = values[-1] if choose.random() < 0.7 else choose.choice(values)
        y = _grow(choose, n, x, values, read)
        if y is not None:
            read.add(x.index)
            values.append(y)
    outputs = [value for value in values if value.index not in read]
    kept = [value for value in values if value.index in read and choose.random() < 0.08]
    return n.finish(*outputs, *kept)


def _grow(choose: random.Random, n: Network, x: Value, values: list[Value], read: set[int]) -> Value | None:
    _, height, width, channels = x.shape
    small = height * width * channels <= _MAX_BYTES // 3
    kernel = (choose.randint(1, min(height, 4)), choose.randint(1, min(width, 3)))
    stride = (choose.choice((1, 1, 1, 2, 3, 4)), choose.choice((1, 1, 2)))
    padding = choose.choice(("SAME", "VALID"))

    def pool() -> Value:
        return n.pool_2d(x, choose.choice(("MAX_POOL_2D", "AVERAGE_POOL_2D")), kernel, stride, padding)

    def conv() -> Value:
        return n.conv_2d(x, choose.randint(1, 8 if small else 3), kernel, stride=stride, padding=padding)

    def pointwise() -> Value:
        return n.conv_2d(x, choose.randint(1, 8 if small else 3), (1, 1))

    def depthwise() -> Value:
        return n.depthwise_conv_2d(x, choose.choice((1, 1, 2)) if small else 1, kernel, stride=stride, padding=padding)

    def binary() -> Value:
        # The same value twice now and then.
        other = choose.choice([value for value in values if value.shape == x.shape])
        read.add(other.index)
        return choose.choice((n.add, n.sub))(x, other)

    def broadcast() -> Value:
        return n.add(x, n.constant(1, 1, 1, channels)) if choose.random() < 0.5 else n.add(n.constant(channels), x)

    def requantize() -> Value:
        return n.quantize(x, choose.choice(("int8", "int8")), scale=0.07, zero_point=1)

    def through_float() -> Value:
        return n.quantize(n.dequantize(x))

    def pad() -> Value:
        return n.pad(x, [(0, 0), (choose.randint(0, 2), choose.randint(0, 2)), (0, choose.randint(0, 1)), (0, 0)])

    def reshape() -> Value:
        return n.view(x, 1, width, height, channels)

    def dense() -> Value:
        units = choose.randint(1, 24)
        return n.view(n.fully_connected(n.view(x, 1, height * width * channels), units), 1, units, 1, 1)

    def rows_dense() -> Value:
        return n.view(n.fully_connected(n.view(x, height * width, channels), 3), 1, height, width, 3)

    def soft() -> Value:
        return n.softmax(x)

    operators: list[Callable[[], Value]] = [
        conv, conv, pointwise, depthwise, depthwise, pool, pool, binary, binary, binary, broadcast, requantize,
        through_float, reshape, dense, rows_dense, soft,
    ]  # fmt: skip
    if small:
        operators.append(pad)
    return choose.choice(operators)()
