# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

import numpy as np
import pytest

from support.models import Check, Network
from support.refusals import Operator, Refusal, Spec, assert_refused

OPERATORS = ["AVERAGE_POOL_2D", "MAX_POOL_2D"]

# Image, kernel, stride, padding.
WINDOWS = {
    "2x2": ((1, 8, 6, 3), (2, 2), (2, 2), "VALID"),
    "2x2 of odd sizes": ((1, 7, 5, 3), (2, 2), (2, 2), "VALID"),
    "2x2 same of odd sizes": ((1, 7, 5, 3), (2, 2), (2, 2), "SAME"),
    "3x3 same, stride 1": ((1, 5, 6, 4), (3, 3), (1, 1), "SAME"),
    "3x3 same, stride 2": ((1, 7, 8, 5), (3, 3), (2, 2), "SAME"),
    "wide kernel": ((1, 5, 9, 2), (1, 4), (1, 3), "VALID"),
    "tall kernel": ((1, 9, 4, 2), (5, 1), (2, 1), "SAME"),
    "the whole image": ((1, 6, 5, 7), (6, 5), (1, 1), "VALID"),
    "larger than the image": ((1, 3, 2, 7), (8, 7), (1, 1), "SAME"),
    "stride larger than the kernel": ((1, 9, 9, 3), (2, 2), (5, 4), "VALID"),
    "stride larger than the image": ((1, 3, 3, 3), (2, 2), (6, 6), "SAME"),
    "1x1": ((1, 4, 4, 3), (1, 1), (1, 1), "VALID"),
    "1x1 image": ((1, 1, 1, 9), (1, 1), (1, 1), "SAME"),
    "1x1 image, 3x3 same": ((1, 1, 1, 9), (3, 3), (2, 2), "SAME"),
    "one channel": ((1, 6, 6, 1), (3, 3), (2, 2), "VALID"),
    "70 channels": ((1, 4, 4, 70), (2, 2), (2, 2), "VALID"),
    "batch 3": ((3, 5, 4, 2), (2, 2), (2, 2), "SAME"),
}


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize(("image", "kernel", "stride", "padding"), WINDOWS.values(), ids=WINDOWS)
def test_windows(
    conforms: Check,
    operator: str,
    image: tuple[int, ...],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: str,
) -> None:
    n = Network()
    conforms(n.finish(n.pool_2d(n.input(*image), operator, kernel, stride, padding)))


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("activation", ["RELU", "RELU6", "RELU_N1_TO_1"])
@pytest.mark.parametrize("zero_point", [-128, -20, 127])
def test_activations(conforms: Check, operator: str, activation: str, zero_point: int) -> None:
    n = Network()
    x = n.input(1, 6, 5, 4, scale=0.03, zero_point=zero_point)
    conforms(n.finish(n.pool_2d(x, operator, (2, 2), (1, 1), activation=activation)))


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("seed", range(12))
def test_random(conforms: Check, operator: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = Network(seed)
    batch, height, width, channels = (int(rng.integers(1, limit)) for limit in (3, 12, 12, 71))
    kernel = (int(rng.integers(1, height + 1)), int(rng.integers(1, width + 1)))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    x = n.input(batch, height, width, channels, zero_point=int(rng.integers(-128, 128)))
    y = n.pool_2d(
        x,
        operator,
        kernel,
        stride,
        str(rng.choice(["SAME", "VALID"])),
        str(rng.choice(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])),
    )
    conforms(n.finish(y))


REFUSALS = {
    "int64": Refusal("kUnsupportedType", "x", "no kernel", {name: {"dtype": "int64"} for name in "xy"}),
    "uint8": Refusal("kUnsupportedType", "x", "no kernel", {name: {"dtype": "uint8"} for name in "xy"}),
    "types differ": Refusal("kUnsupportedType", "x", "no kernel", {"y": {"dtype": "int16"}}),
    "input of 3 dimensions": Refusal("kUnsupportedShape", "x", "[batches,", {"x": {"shape": (4, 4, 3)}}),
    "output of 2 dimensions": Refusal("kUnsupportedShape", "y", "[batches,", {"y": {"shape": (4, 3)}}),
    "batches differ": Refusal("kUnsupportedShape", "y", "batch sizes", {"y": {"shape": (2, 2, 2, 3)}}),
    "channels differ": Refusal("kUnsupportedShape", "y", "numbers of channels", {"y": {"shape": (1, 2, 2, 4)}}),
    "output too high": Refusal("kUnsupportedShape", "y", "height or width", {"y": {"shape": (1, 3, 2, 3)}}),
    "kernel larger than the image": Refusal("kUnsupportedShape", "y", "height or width", options={"filter_height": 9}),
    "unknown padding": Refusal("kUnsupportedOption", "x", "SAME nor VALID", options={"padding": 7}),
    "no kernel height": Refusal("kUnsupportedOption", "x", "kernel's height", options={"filter_height": 0}),
    "negative kernel width": Refusal("kUnsupportedOption", "x", "kernel's width", options={"filter_width": -1}),
    "no stride": Refusal("kUnsupportedOption", "x", "stride_h is not", options={"stride_h": 0}),
    "kernel of 70000": Refusal("kTooLarge", "x", "exceeds 65535", options={"filter_width": 70000}),
    "tanh": Refusal("kUnsupportedOption", "y", "activation", options={"fused_activation_function": "TANH"}),
    "scales differ": Refusal("kUnsupportedQuantization", "y", "differently", {"y": {"scale": 0.51}}),
    "zero points differ": Refusal("kUnsupportedQuantization", "y", "differently", {"y": {"zero_point": 1}}),
    "relu6 of a tiny scale": Refusal(
        "kUnsupportedQuantization",
        "y",
        "bounds overflow",
        {name: {"scale": 1e-12} for name in "xy"},
        {"fused_activation_function": "RELU6"},
    ),
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refusals(name: str, refusal: Refusal) -> None:
    operator = Operator(
        name,
        inputs={"x": Spec((1, 4, 4, 3))},
        outputs={"y": Spec((1, 2, 2, 3))},
        options={
            "padding": "VALID",
            "filter_height": 2,
            "filter_width": 2,
            "stride_h": 2,
            "stride_w": 2,
        },
    )
    assert_refused(operator, refusal)
