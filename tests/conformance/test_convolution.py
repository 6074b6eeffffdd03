# SPDX-License-Identifier: Apache-2.0
"""CONV_2D and DEPTHWISE_CONV_2D."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.models import Case, Check, Network, build
from support.refusals import Operator, Refusal, Spec, assert_refused

# Effective scales around the power of two where a right shift becomes none.
NEAR_1 = (0.9999999, 0.99999994, 1.0, 1.0000001, 0.5, 0.50000006)

CASES: dict[str, Case] = {
    "3x3 same": lambda n: n.conv_2d(n.input(1, 8, 7, 3), 5),
    "3x3 valid": lambda n: n.conv_2d(n.input(1, 8, 7, 3), 5, padding="VALID"),
    "1x1": lambda n: n.conv_2d(n.input(1, 5, 5, 7), 9, (1, 1)),
    "1x1 stride 2": lambda n: n.conv_2d(n.input(1, 5, 5, 7), 9, (1, 1), stride=(2, 2)),
    "1x1 image": lambda n: n.conv_2d(n.input(1, 1, 1, 16), 10, (1, 1)),
    "1x1 image, 3x3 same": lambda n: n.conv_2d(n.input(1, 1, 1, 4), 6),
    "one channel in and out": lambda n: n.conv_2d(n.input(1, 6, 6, 1), 1),
    "wide kernel": lambda n: n.conv_2d(n.input(1, 6, 9, 2), 4, (1, 5)),
    "tall kernel": lambda n: n.conv_2d(n.input(1, 9, 6, 2), 4, (5, 1), padding="VALID"),
    "even kernel": lambda n: n.conv_2d(n.input(1, 7, 7, 3), 4, (2, 4)),
    "kernel as large as the image": lambda n: n.conv_2d(n.input(1, 6, 5, 3), 4, (6, 5), padding="VALID"),
    "kernel larger than the image": lambda n: n.conv_2d(n.input(1, 3, 2, 3), 4, (7, 6)),
    "stride 2x1": lambda n: n.conv_2d(n.input(1, 9, 7, 3), 4, stride=(2, 1)),
    "stride 1x3 valid": lambda n: n.conv_2d(n.input(1, 9, 8, 3), 4, stride=(1, 3), padding="VALID"),
    "stride larger than the kernel": lambda n: n.conv_2d(n.input(1, 9, 11, 3), 4, (2, 2), stride=(4, 3)),
    "stride larger than the image": lambda n: n.conv_2d(n.input(1, 3, 3, 3), 4, stride=(7, 7)),
    "dilation 2": lambda n: n.conv_2d(n.input(1, 9, 9, 3), 4, dilation=(2, 2)),
    "dilation 3x1 valid": lambda n: n.conv_2d(n.input(1, 9, 9, 3), 4, dilation=(3, 1), padding="VALID"),
    "dilation and stride": lambda n: n.conv_2d(n.input(1, 9, 8, 3), 4, dilation=(2, 3), stride=(2, 2)),
    "dilation beyond the image": lambda n: n.conv_2d(n.input(1, 4, 3, 3), 4, dilation=(9, 7)),
    "dilation, no tap inside": lambda n: n.conv_2d(n.input(1, 1, 2, 3), 4, (2, 2), dilation=(3, 4)),
    "2 groups": lambda n: n.conv_2d(n.input(1, 6, 6, 8), 6, groups=2),
    "a group for each channel": lambda n: n.conv_2d(n.input(1, 6, 6, 5), 10, groups=5, stride=(2, 2)),
    "groups, dilated": lambda n: n.conv_2d(n.input(1, 7, 6, 6), 9, groups=3, dilation=(2, 2)),
    "batch 3": lambda n: n.conv_2d(n.input(3, 5, 4, 3), 4),
    "batch 2, stride 2 valid": lambda n: n.conv_2d(n.input(2, 7, 5, 3), 4, stride=(2, 2), padding="VALID"),
    "per tensor": lambda n: n.conv_2d(n.input(1, 6, 6, 3), 4, per_channel=False),
    "no bias": lambda n: n.conv_2d(n.input(1, 6, 6, 3), 4, bias="none"),
    "bias left out": lambda n: n.conv_2d(n.input(1, 6, 6, 3), 4, bias="absent"),
    "relu": lambda n: n.conv_2d(n.input(1, 6, 6, 3), 4, activation="RELU"),
    "relu6": lambda n: n.conv_2d(n.input(1, 6, 6, 3), 4, activation="RELU6", zero_point=-128),
    "relu6 inside": lambda n: n.conv_2d(n.input(1, 6, 6, 3), 4, activation="RELU6", zero_point=-60),
    "relu_n1_to_1": lambda n: n.conv_2d(n.input(1, 6, 6, 3), 4, activation="RELU_N1_TO_1", scale=0.013),
    "zero points at the lower end": lambda n: n.conv_2d(n.input(1, 6, 6, 3, zero_point=-128), 4, zero_point=-128),
    "zero points at the upper end": lambda n: n.conv_2d(n.input(1, 6, 6, 3, zero_point=127), 4, zero_point=127),
    "effective scale above 1": lambda n: n.conv_2d(
        n.small_values(1, 8, 8, 2), 6, (1, 1), effective=(1.0, 1.5, 2.0, 3.1, 20.7, 513), largest=1, bias="none"
    ),
    "effective scale near 1": lambda n: n.conv_2d(
        n.input(1, 5, 5, 2, scale=0.5), 5, (1, 1), scale=0.5, effective=NEAR_1, largest=1, bias="none"
    ),
    "tiny effective scales": lambda n: n.conv_2d(
        n.input(1, 5, 5, 8),
        30,
        effective=(2.0**-24, 2.0**-26, 2.0**-30, 1.7 * 2.0**-31, 2.0**-31, 2.0**-32, 1e-20),
        bias="large",
    ),
    "dead channels": lambda n: n.conv_2d(n.input(1, 5, 5, 2), 6, effective=(0.0, 0.002, 0.0)),
    "a dead filter": lambda n: n.conv_2d(n.input(1, 5, 5, 2), 3, effective=0.0, per_channel=False),
    "depthwise same": lambda n: n.depthwise_conv_2d(n.input(1, 8, 7, 5)),
    "depthwise valid": lambda n: n.depthwise_conv_2d(n.input(1, 8, 7, 5), padding="VALID"),
    "depthwise 1x1": lambda n: n.depthwise_conv_2d(n.input(1, 5, 4, 9), kernel=(1, 1)),
    "depthwise 1x1 image": lambda n: n.depthwise_conv_2d(n.input(1, 1, 1, 13)),
    "depthwise stride 2": lambda n: n.depthwise_conv_2d(n.input(1, 9, 8, 4), stride=(2, 2)),
    "depthwise stride 3x2 valid": lambda n: n.depthwise_conv_2d(n.input(1, 9, 8, 4), stride=(3, 2), padding="VALID"),
    "depthwise even kernel": lambda n: n.depthwise_conv_2d(n.input(1, 7, 8, 6), kernel=(4, 2)),
    "depthwise tall kernel": lambda n: n.depthwise_conv_2d(n.input(1, 12, 3, 4), kernel=(10, 1)),
    "depthwise dilation 2x3": lambda n: n.depthwise_conv_2d(n.input(1, 9, 9, 4), dilation=(2, 3)),
    "depthwise dilation, no tap inside": lambda n: n.depthwise_conv_2d(
        n.input(1, 1, 2, 4), kernel=(2, 2), dilation=(3, 4)
    ),
    "depth multiplier 2": lambda n: n.depthwise_conv_2d(n.input(1, 6, 6, 3), 2),
    "depth multiplier 5": lambda n: n.depthwise_conv_2d(n.input(1, 6, 6, 3), 5, stride=(2, 2)),
    "depth multiplier 8 of one channel": lambda n: n.depthwise_conv_2d(n.input(1, 6, 6, 1), 8, padding="VALID"),
    "depthwise batch 2": lambda n: n.depthwise_conv_2d(n.input(2, 5, 4, 4), stride=(2, 1)),
    "depthwise per tensor": lambda n: n.depthwise_conv_2d(n.input(1, 6, 6, 5), per_channel=False),
    "depthwise no bias": lambda n: n.depthwise_conv_2d(n.input(1, 6, 6, 5), bias="none"),
    "depthwise relu": lambda n: n.depthwise_conv_2d(n.input(1, 6, 6, 5), activation="RELU"),
    "depthwise relu6": lambda n: n.depthwise_conv_2d(
        n.input(1, 6, 6, 5, zero_point=-128), activation="RELU6", zero_point=-128
    ),
    "depthwise relu_n1_to_1": lambda n: n.depthwise_conv_2d(
        n.input(1, 6, 6, 5), activation="RELU_N1_TO_1", scale=0.02, zero_point=127
    ),
    "depthwise effective scales": lambda n: n.depthwise_conv_2d(
        n.small_values(1, 8, 8, 6), kernel=(1, 1), effective=(1.7, 66.0, 1.0, 4.3, 0.0, 513), largest=1, bias="none"
    ),
    "depthwise effective scale near 1": lambda n: n.depthwise_conv_2d(
        n.input(1, 5, 5, 5, scale=0.5), kernel=(1, 1), scale=0.5, effective=NEAR_1, largest=1, bias="none"
    ),
    "depthwise tiny effective scales": lambda n: n.depthwise_conv_2d(
        n.input(1, 5, 5, 30), effective=(2.0**-24, 2.0**-30, 2.0**-31, 2.0**-32, 1e-20), bias="large"
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_convolution(conforms: Check, case: Case) -> None:
    conforms(build(case))


def random_window(rng: np.random.Generator, height: int, width: int) -> dict[str, Any]:
    """A kernel, stride, dilation and padding that give an image of this size an output; and arithmetic."""
    kernel = rng.integers(1, 5, 2)
    dilation = rng.integers(1, 3, 2)
    fits = np.all((kernel - 1) * dilation < (height, width))
    return {
        "kernel": tuple(kernel.tolist()),
        "stride": tuple(rng.integers(1, 4, 2).tolist()),
        "dilation": tuple(dilation.tolist()),
        "padding": "VALID" if fits and rng.random() < 0.4 else "SAME",
        "activation": str(rng.choice(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])),
        "per_channel": bool(rng.random() < 0.7),
        "bias": str(rng.choice(["given", "given", "none"])),
        "scale": float(rng.uniform(0.005, 0.2)),
        "zero_point": int(rng.integers(-128, 128)),
    }


@pytest.mark.parametrize("seed", range(25))
def test_random_conv_2d(conforms: Check, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = Network(seed)
    batch, height, width = int(rng.integers(1, 3)), int(rng.integers(1, 9)), int(rng.integers(1, 9))
    groups = int(rng.choice([1, 1, 1, 2, 3, 5]))
    depth = groups * int(rng.integers(1, 70 // groups + 1))
    channels = groups * int(rng.integers(1, 70 // groups + 1))
    x = n.input(batch, height, width, depth, zero_point=int(rng.integers(-128, 128)))
    conforms(n.finish(n.conv_2d(x, channels, groups=groups, **random_window(rng, height, width))))


@pytest.mark.parametrize("seed", range(25))
def test_random_depthwise_conv_2d(conforms: Check, seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    n = Network(seed)
    batch, height, width = int(rng.integers(1, 3)), int(rng.integers(1, 11)), int(rng.integers(1, 11))
    multiplier = int(rng.choice([1, 1, 1, 2, 3, 7]))
    channels = int(rng.integers(1, 70 // multiplier + 1))
    x = n.input(batch, height, width, channels, zero_point=int(rng.integers(-128, 128)))
    conforms(n.finish(n.depthwise_conv_2d(x, multiplier, **random_window(rng, height, width))))


CONV_2D = Operator(
    "CONV_2D",
    inputs={
        "x": Spec((1, 4, 4, 4)),
        "filter": Spec((6, 3, 3, 4), constant=True),
        "bias": Spec((6,), "int32", constant=True, scale=0.25),
    },
    outputs={"y": Spec((1, 4, 4, 6))},
    options={"stride_w": 1, "stride_h": 1, "dilation_w_factor": 1, "dilation_h_factor": 1},
)
DEPTHWISE_CONV_2D = Operator(
    "DEPTHWISE_CONV_2D",
    inputs={
        "x": Spec((1, 4, 4, 3)),
        "filter": Spec((1, 3, 3, 6), constant=True, axis=3),
        "bias": Spec((6,), "int32", constant=True, scale=0.25),
    },
    outputs={"y": Spec((1, 4, 4, 6))},
    options={
        "stride_w": 1,
        "stride_h": 1,
        "dilation_w_factor": 1,
        "dilation_h_factor": 1,
        "depth_multiplier": 2,
    },
)

# Of both operators.
REFUSALS = {
    "no filter": Refusal("kUnsupportedType", "x", "no kernel", {"filter": None, "bias": None}),
    "uint8 input": Refusal("kUnsupportedType", "x", "no kernel", {"x": {"dtype": "uint8"}}),
    "int64 input": Refusal("kUnsupportedType", "x", "no kernel", {"x": {"dtype": "int64"}}),
    "hybrid": Refusal("kUnsupportedType", "x", "no kernel", {"x": {"dtype": "float32", "scale": None}}),
    "int4 filter": Refusal("kUnsupportedType", "filter", "element type", {"filter": {"dtype": "int4"}}),
    "uint8 filter": Refusal("kUnsupportedType", "x", "no kernel", {"filter": {"dtype": "uint8"}}),
    "int16 output": Refusal("kUnsupportedType", "x", "no kernel", {"y": {"dtype": "int16"}}),
    "int64 bias": Refusal("kUnsupportedType", "bias", "the bias has a type", {"bias": {"dtype": "int64"}}),
    "float bias": Refusal("kUnsupportedType", "bias", "the bias has a type", {"bias": {"dtype": "float32"}}),
    "computed filter": Refusal("kNotConstant", "filter", "must be a constant", {"filter": {"constant": False}}),
    "computed bias": Refusal("kNotConstant", "bias", "must be a constant", {"bias": {"constant": False}}),
    "bias too short": Refusal("kUnsupportedShape", "bias", "one element for each", {"bias": {"shape": (5,)}}),
    "filter of 3 dimensions": Refusal("kUnsupportedShape", "filter", "the filter is", {"filter": {"shape": (6, 3, 3)}}),
    "input of 3 dimensions": Refusal("kUnsupportedShape", "x", "[batches,", {"x": {"shape": (4, 4, 4)}}),
    "output of 5 dimensions": Refusal("kUnsupportedShape", "y", "[batches,", {"y": {"shape": (1, 1, 4, 4, 6)}}),
    "batches differ": Refusal("kUnsupportedShape", "y", "batch sizes", {"y": {"shape": (2, 4, 4, 6)}}),
    "output too high": Refusal("kUnsupportedShape", "y", "height or width", {"y": {"shape": (1, 5, 4, 6)}}),
    "output too narrow": Refusal("kUnsupportedShape", "y", "height or width", {"y": {"shape": (1, 4, 3, 6)}}),
    "output channels": Refusal("kUnsupportedShape", "filter", "do not go together", {"y": {"shape": (1, 4, 4, 7)}}),
    "input channels": Refusal("kUnsupportedShape", "filter", "do not go together", {"x": {"shape": (1, 4, 4, 5)}}),
    "no height": Refusal("kDynamicShape", "y", "not known", {"y": {"shape": (1, 0, 4, 6)}}),
    "unknown width": Refusal("kDynamicShape", "y", "not known", {"y": {"shape": (1, 4, -1, 6)}}),
    "input too wide": Refusal("kTooLarge", "x", "exceeds 65535", {"x": {"shape": (1, 4, 70000, 4)}}),
    "unknown padding": Refusal("kUnsupportedOption", "x", "SAME nor VALID", options={"padding": 2}),
    "stride 0": Refusal("kUnsupportedOption", "x", "stride_w is not", options={"stride_w": 0}),
    "stride -1": Refusal("kUnsupportedOption", "x", "stride_h is not", options={"stride_h": -1}),
    "stride 65536": Refusal("kTooLarge", "x", "exceeds 65535", options={"stride_h": 65536}),
    "dilation 0": Refusal("kUnsupportedOption", "x", "dilation_h_factor is not", options={"dilation_h_factor": 0}),
    "dilation -2": Refusal("kUnsupportedOption", "x", "dilation_w_factor is not", options={"dilation_w_factor": -2}),
    "dilation 2^31 - 1": Refusal("kTooLarge", "x", "exceeds 65535", options={"dilation_w_factor": 2**31 - 1}),
    "tanh": Refusal("kUnsupportedOption", "y", "fused activation", options={"fused_activation_function": "TANH"}),
    "output without scale": Refusal("kUnsupportedQuantization", "y", "no scale", {"y": {"scale": None}}),
    "output per channel": Refusal("kUnsupportedQuantization", "y", "per channel", {"y": {"scale": [0.5] * 6}}),
    "output scale 0": Refusal("kUnsupportedQuantization", "y", "a scale is zero", {"y": {"scale": 0.0}}),
    "output scale infinite": Refusal("kUnsupportedQuantization", "y", "infinite", {"y": {"scale": np.inf}}),
    "output scale NaN": Refusal("kUnsupportedQuantization", "y", "not a number", {"y": {"scale": np.nan}}),
    "filter scale negative": Refusal("kUnsupportedQuantization", "filter", "negative", {"filter": {"scale": -1.0}}),
    "zero point 128": Refusal("kUnsupportedQuantization", "y", "does not fit", {"y": {"zero_point": 128}}),
    "filter zero point": Refusal("kUnsupportedQuantization", "filter", "is not 0", {"filter": {"zero_point": 1}}),
    "filter with 5 scales": Refusal(
        "kUnsupportedQuantization", "filter", "one for each output channel", {"filter": {"scale": [0.5] * 5}}
    ),
    "scales along another axis": Refusal(
        "kUnsupportedQuantization",
        "filter",
        "one for each output channel",
        {"filter": {"scale": [0.5] * 6, "axis": 1}},
    ),
    "effective scale of 2^31": Refusal(
        "kUnsupportedQuantization", "filter", "exceeds 2^30", {"y": {"scale": 2.0**-33}}
    ),
    "one channel's effective scale": Refusal(
        "kUnsupportedQuantization", "filter", "exceeds 2^30", {"filter": {"scale": [0.5] * 5 + [2.0**31]}}
    ),
    "relu6 of a tiny scale": Refusal(
        "kUnsupportedQuantization",
        "y",
        "bounds overflow",
        {"x": {"scale": 1e-10}, "y": {"scale": 1e-12}},
        {"fused_activation_function": "RELU6"},
    ),
}
OF_ONE_OPERATOR = {
    "padding of 98302": (
        CONV_2D,
        Refusal("kTooLarge", "x", "the padding", {"filter": {"shape": (6, 3, 4, 4)}}, {"dilation_w_factor": 65535}),
    ),
    "filter channels do not divide": (
        CONV_2D,
        Refusal("kUnsupportedShape", "filter", "do not go together", {"filter": {"shape": (6, 3, 3, 3)}}),
    ),
    "groups do not divide the output": (
        CONV_2D,
        Refusal("kUnsupportedShape", "filter", "do not go together", {"filter": {"shape": (6, 3, 3, 1)}}),
    ),
    "filter with a batch": (
        DEPTHWISE_CONV_2D,
        Refusal("kUnsupportedShape", "filter", "the filter is", {"filter": {"shape": (2, 3, 3, 6)}}),
    ),
    "channels not a multiple": (
        DEPTHWISE_CONV_2D,
        Refusal("kUnsupportedShape", "filter", "do not go together", {"x": {"shape": (1, 4, 4, 4)}}),
    ),
}


@pytest.mark.parametrize("operator", [CONV_2D, DEPTHWISE_CONV_2D], ids=lambda operator: operator.name)
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refusals(operator: Operator, refusal: Refusal) -> None:
    assert_refused(operator, refusal)


@pytest.mark.parametrize(("operator", "refusal"), OF_ONE_OPERATOR.values(), ids=OF_ONE_OPERATOR)
def test_refusals_of_one_operator(operator: Operator, refusal: Refusal) -> None:
    assert_refused(operator, refusal)
