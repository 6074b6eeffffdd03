# SPDX-License-Identifier: Apache-2.0
"""Graphs with branches: tensors that live longer than one step, read by several operators in rows of their own."""

from __future__ import annotations

import numpy as np
import pytest

from support.models import Case, Check, Network, Value, build


def residual_block(n: Network) -> Value:
    x = n.conv_2d(n.input(1, 8, 8, 3), 6, activation="RELU", zero_point=-128)
    y = n.conv_2d(n.conv_2d(x, 6, activation="RELU", zero_point=-128), 6)
    return n.add(x, y, activation="RELU", zero_point=-128)


def downsampling_block(n: Network) -> Value:
    x = n.conv_2d(n.input(1, 9, 7, 2), 4)
    short = n.conv_2d(x, 8, (1, 1), stride=(2, 2))
    return n.add(n.conv_2d(n.conv_2d(x, 8, stride=(2, 2)), 8), short)


def inverted_residuals(n: Network) -> Value:
    x = n.conv_2d(n.input(1, 8, 8, 3), 4, stride=(2, 2))
    for _ in range(3):
        wide = n.conv_2d(x, 12, (1, 1), activation="RELU6", zero_point=-128)
        deep = n.depthwise_conv_2d(wide, activation="RELU6", zero_point=-128)
        x = n.add(n.conv_2d(deep, 4, (1, 1)), x)
    return x


def block_inside_a_block(n: Network) -> Value:
    x = n.conv_2d(n.input(1, 7, 6, 3), 3)
    y = n.conv_2d(x, 3)
    y = n.add(y, n.conv_2d(n.conv_2d(y, 3), 3))
    return n.add(n.conv_2d(y, 3), x)


def branches_of_unequal_reach(n: Network) -> Value:
    x = n.input(1, 10, 6, 4)
    near = n.conv_2d(x, 4, (1, 1))
    far = n.depthwise_conv_2d(x, kernel=(7, 3), dilation=(2, 1))
    return n.add(n.add(near, far), n.pool_2d(x, kernel=(3, 3), stride=(1, 1), padding="SAME"))


def padded_branch(n: Network) -> Value:
    x = n.input(1, 6, 6, 4)
    inner = n.conv_2d(n.pad(x, [(0, 0), (2, 0), (1, 1), (0, 0)]), 4, padding="VALID")
    return n.add(inner, x)


def input_used_to_the_end(n: Network) -> Value:
    x = n.model_input(1, 5, 5, 3)
    return n.add(n.conv_2d(n.conv_2d(n.conv_2d(x, 8), 8), 3), x)


def scaled_channels(n: Network) -> Value:
    """A branch that ends in one row, added to every row."""
    x = n.conv_2d(n.input(1, 6, 5, 3), 5)
    mean = n.pool_2d(x, "AVERAGE_POOL_2D", (6, 5))
    return n.add(n.conv_2d(mean, 5, (1, 1)), x)


def three_readers(n: Network) -> Value:
    x = n.conv_2d(n.input(2, 6, 6, 2), 4)
    a, b, c = n.conv_2d(x, 4), n.depthwise_conv_2d(x), n.quantize(x, scale=0.1)
    return n.add(n.add(a, b), n.add(b, c))


def two_inputs(n: Network) -> Value:
    a, b = n.input(1, 6, 6, 2), n.input(1, 12, 12, 2)
    return n.add(n.conv_2d(a, 3), n.conv_2d(b, 3, stride=(2, 2)))


CASES: dict[str, Case] = {
    case.__name__.replace("_", " "): case
    for case in (
        residual_block,
        downsampling_block,
        inverted_residuals,
        block_inside_a_block,
        branches_of_unequal_reach,
        padded_branch,
        input_used_to_the_end,
        scaled_channels,
        three_readers,
        two_inputs,
    )
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_residual(conforms: Check, case: Case) -> None:
    conforms(build(case))


def test_outputs_inside_the_graph(conforms: Check) -> None:
    n = Network()
    x = n.conv_2d(n.input(1, 6, 6, 3), 4)
    y = n.conv_2d(x, 4)
    z = n.add(x, y)
    conforms(n.finish(x, n.conv_2d(z, 2), y))


@pytest.mark.parametrize("seed", range(20))
def test_random(conforms: Check, seed: int) -> None:
    """Operators of random kinds read random tensors among those of one shape."""
    rng = np.random.default_rng(seed)
    n = Network(seed)
    channels = int(rng.integers(1, 9))
    values = [n.input(int(rng.integers(1, 3)), int(rng.integers(2, 9)), int(rng.integers(1, 9)), channels)]
    read: set[int] = set()

    def any_value() -> Value:
        # New tensors are more likely, so that the graph grows deep.
        index = max(int(i) for i in rng.integers(0, len(values), 2))
        read.add(values[index].index)
        return values[index]

    for _ in range(int(rng.integers(6, 14))):
        kernel = (int(rng.integers(1, 6)), int(rng.integers(1, 4)))
        kind = rng.integers(0, 8)
        if kind < 3:
            values.append(n.add(any_value(), any_value()))
        elif kind < 5:
            values.append(n.conv_2d(any_value(), channels, kernel))
        elif kind == 5:
            values.append(n.depthwise_conv_2d(any_value(), kernel=kernel, dilation=(int(rng.integers(1, 3)), 1)))
        elif kind == 6:
            operator = str(rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
            values.append(n.pool_2d(any_value(), operator, kernel, (1, 1), "SAME"))
        else:
            values.append(n.quantize(any_value(), scale=float(rng.uniform(0.03, 0.12))))
    conforms(n.finish(*(value for value in values if value.index not in read)))
