# SPDX-License-Identifier: Apache-2.0
"""CONV_2D, DEPTHWISE_CONV_2D and pooling: int16 with int8 filters, float32, and hybrid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.litert import assert_agrees
from support.mac_models import FLOAT, HYBRID, INT16, INT16_INT32_BIAS, Kind, MacCase, MacNetwork, build_of
from support.models import Check, Value
from support.refusals import Operator, Refusal, Spec, assert_refused


def conv(*shape: int, channels: int = 5, **options: Any) -> MacCase:
    """A convolution of an input of this shape."""
    return lambda n, kind: n.conv_2d_of(kind, n.source(kind, *shape), channels, **options)


def depthwise(*shape: int, **options: Any) -> MacCase:
    return lambda n, kind: n.depthwise_conv_2d_of(kind, n.source(kind, *shape), **options)


def pool(operator: str, *shape: int, **options: Any) -> MacCase:
    return lambda n, kind: n.pool_2d(n.source(kind, *shape), operator, **options)


def chain(n: MacNetwork, kind: Kind) -> Value:
    """As in real models: what one operator rounds, the next one reads."""
    x = n.conv_2d_of(kind, n.source(kind, 1, 13, 11, 3), 8, stride=(2, 2), activation="RELU6")
    x = n.depthwise_conv_2d_of(kind, x, activation="RELU")
    x = n.conv_2d_of(kind, x, 12, (1, 1), activation="RELU")
    x = n.depthwise_conv_2d_of(kind, x, stride=(2, 2))
    return n.conv_2d_of(kind, x, 6, (1, 1))


WINDOWS: dict[str, MacCase] = {
    "3x3 same": conv(1, 8, 7, 3),
    "3x3 valid": conv(1, 8, 7, 3, padding="VALID"),
    "1x1": conv(1, 5, 5, 7, kernel=(1, 1)),
    "1x1 image": conv(1, 1, 1, 16, kernel=(1, 1)),
    "1x1 stride 2": conv(1, 5, 5, 7, kernel=(1, 1), stride=(2, 2)),
    "even kernel": conv(1, 7, 7, 3, kernel=(2, 4)),
    "kernel larger than the image": conv(1, 3, 2, 3, kernel=(7, 6)),
    "stride 1x3 valid": conv(1, 9, 8, 3, stride=(1, 3), padding="VALID"),
    "stride larger than the kernel": conv(1, 9, 11, 3, kernel=(2, 2), stride=(4, 3)),
    "dilation and stride": conv(1, 9, 8, 3, dilation=(2, 3), stride=(2, 2)),
    "dilation beyond the image": conv(1, 4, 3, 3, dilation=(9, 7)),
    "batch 3": conv(3, 5, 4, 3),
    "relu": conv(1, 6, 6, 3, activation="RELU"),
    "relu6": conv(1, 6, 6, 3, activation="RELU6"),
    "relu_n1_to_1": conv(1, 6, 6, 3, activation="RELU_N1_TO_1"),
    "depthwise same": depthwise(1, 8, 7, 5),
    "depthwise valid": depthwise(1, 8, 7, 5, padding="VALID"),
    "depthwise 1x1 image": depthwise(1, 1, 1, 13),
    "depthwise stride 2": depthwise(1, 9, 8, 4, stride=(2, 2)),
    "depthwise dilation": depthwise(1, 9, 9, 6, dilation=(2, 3)),
    "depthwise multiplier 3": depthwise(1, 6, 6, 3, multiplier=3),
    "depthwise multiplier 8": depthwise(1, 9, 7, 1, multiplier=8, kernel=(4, 3), stride=(2, 2)),
    "depthwise batch 2": depthwise(2, 5, 4, 3),
    "depthwise relu6": depthwise(1, 6, 6, 3, activation="RELU6"),
    "chain": chain,
}
GROUPED: dict[str, MacCase] = {
    "2 groups": conv(1, 6, 6, 8, channels=6, groups=2),
    "a group for each channel": conv(1, 6, 6, 5, channels=10, groups=5, stride=(2, 2)),
}
WITHOUT_BIAS: dict[str, MacCase] = {
    "no bias": conv(1, 6, 6, 3, bias="none"),
    "bias left out": conv(1, 6, 6, 3, bias="absent"),
}
SCALES: dict[str, MacCase] = {
    "per tensor": conv(1, 6, 6, 3, per_channel=False),
    "equal scales": conv(1, 6, 6, 3, equal_scales=True),
}
POOLS: dict[str, MacCase] = {
    f"{operator} {name}": pool(operator, *shape, **options)
    for operator in ("AVERAGE_POOL_2D", "MAX_POOL_2D")
    for name, shape, options in (
        ("2x2", (1, 6, 8, 3), {}),
        ("3x3 same", (1, 7, 8, 4), {"kernel": (3, 3), "padding": "SAME"}),
        ("stride 1", (2, 5, 6, 3), {"kernel": (3, 2), "stride": (1, 1), "padding": "SAME"}),
        ("whole image", (1, 9, 7, 6), {"kernel": (9, 7), "stride": (9, 7)}),
        ("relu", (1, 6, 8, 3), {"activation": "RELU"}),
        ("relu6", (1, 6, 8, 3), {"activation": "RELU6"}),
        ("relu_n1_to_1", (1, 6, 8, 3), {"activation": "RELU_N1_TO_1"}),
    )
}

# Effective scales at the edges of requantization.
INTEGER_SCALES: dict[str, MacCase] = {
    "effective scale above 1": conv(
        1, 5, 5, 2, channels=6, kernel=(1, 1), effective=(1.0, 1.5, 3.1, 60.0, 100.7, 127.9), largest=1, bias="none"
    ),
    "effective scale near 1": conv(
        1, 5, 5, 2, channels=5, kernel=(1, 1), effective=(0.9999999, 0.99999994, 1.0000001, 0.5, 0.50000006), largest=1
    ),
    "reduced multiplier saturates": conv(
        1, 5, 5, 2, kernel=(1, 1), effective=(0.49999997, 0.24999, 0.99999), largest=3
    ),
    "tiny effective scales": conv(1, 5, 5, 8, channels=6, effective=(2.0**-20, 2.0**-30, 2.0**-31, 2.0**-32, 1e-20)),
    "dead channels": conv(1, 5, 5, 2, channels=6, effective=(0.0, 0.002, 0.0)),
}


INT16_CASES = WINDOWS | GROUPED | WITHOUT_BIAS | SCALES | INTEGER_SCALES | POOLS
FLOAT_CASES = WINDOWS | GROUPED | WITHOUT_BIAS | POOLS
# LiteRT has no convolution without a bias.
HYBRID_CASES = WINDOWS | GROUPED | SCALES


@pytest.mark.parametrize("case", INT16_CASES.values(), ids=INT16_CASES)
def test_int16(case: MacCase, conforms: Check) -> None:
    conforms(build_of(case, INT16))


INT32_BIAS: dict[str, MacCase] = {
    "bias": conv(1, 6, 6, 3),
    "bias and option": conv(1, 6, 6, 3, bias_option=True),
    "option only": conv(1, 6, 6, 3, bias_option=True, bias="none"),
    "effective scale above 1": conv(
        1,
        5,
        5,
        2,
        channels=4,
        kernel=(1, 1),
        effective=(1.0, 1.5, 100.7, 513.0),
        largest=1,
        bias="none",
        bias_option=True,
    ),
    "stride, groups, per tensor": conv(2, 7, 6, 8, channels=6, groups=2, stride=(2, 2), per_channel=False),
}


@pytest.mark.parametrize("case", INT32_BIAS.values(), ids=INT32_BIAS)
def test_int16_with_int32_bias(case: MacCase, conforms: Check) -> None:
    conforms(build_of(case, INT16_INT32_BIAS))


@pytest.mark.parametrize("case", FLOAT_CASES.values(), ids=FLOAT_CASES)
def test_float(case: MacCase, conforms: Check) -> None:
    conforms(build_of(case, FLOAT))


@pytest.mark.parametrize("case", HYBRID_CASES.values(), ids=HYBRID_CASES)
def test_hybrid(case: MacCase, agrees: Check) -> None:
    agrees(build_of(case, HYBRID))


def test_hybrid_keyword_spotting(models_dir: Path) -> None:
    assert_agrees((models_dir / "kws_ref_model_float32.tflite").read_bytes(), 20)


ALL = ("x", "filter", "bias", "y")
CONV_2D = Operator(
    "CONV_2D",
    {
        "x": Spec((1, 4, 4, 2), "int16"),
        "filter": Spec((3, 3, 3, 2), constant=True),
        "bias": Spec((3,), "int64", constant=True),
    },
    {"y": Spec((1, 4, 4, 3), "int16")},
    {"padding": "SAME", "stride_h": 1, "stride_w": 1},
)
DEPTHWISE = Operator(
    "DEPTHWISE_CONV_2D",
    CONV_2D.inputs | {"filter": Spec((1, 3, 3, 2), constant=True), "bias": Spec((2,), "int64", constant=True)},
    {"y": Spec((1, 4, 4, 2), "int16")},
    CONV_2D.options | {"depth_multiplier": 1},
)
REFUSALS: dict[str, tuple[Operator, Refusal]] = {
    "input zero point": (
        CONV_2D,
        Refusal("kUnsupportedQuantization", "x", "int16 tensor is not 0", {"x": {"zero_point": 1}}),
    ),
    "output zero point": (
        CONV_2D,
        Refusal("kUnsupportedQuantization", "y", "int16 tensor is not 0", {"y": {"zero_point": -7}}),
    ),
    "int16 bias": (
        CONV_2D,
        Refusal("kUnsupportedType", "bias", "the bias has a type", {"bias": {"dtype": "int16"}}),
    ),
    "int32 bias of a depthwise convolution": (
        DEPTHWISE,
        Refusal("kUnsupportedType", "bias", "the bias has a type", {"bias": {"dtype": "int32"}}),
    ),
    "effective scale of 2^7": (
        CONV_2D,
        Refusal("kUnsupportedQuantization", "filter", "exceeds 2^7", {"y": {"scale": 2.0**-9}}),
    ),
    "int32 bias of a hybrid operator": (
        CONV_2D,
        Refusal(
            "kUnsupportedType",
            "bias",
            "the bias has a type",
            {name: {"dtype": "float32", "scale": None} for name in "xy"} | {"bias": {"dtype": "int32"}},
        ),
    ),
    "hybrid filter's zero point": (
        CONV_2D,
        Refusal(
            "kUnsupportedQuantization",
            "filter",
            "is not 0",
            {name: {"dtype": "float32", "scale": None} for name in ("x", "y", "bias")} | {"filter": {"zero_point": 4}},
        ),
    ),
}


@pytest.mark.parametrize(("sound", "refusal"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(sound: Operator, refusal: Refusal) -> None:
    assert_refused(sound, refusal)
