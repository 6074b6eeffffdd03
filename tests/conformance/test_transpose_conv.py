# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSE_CONV: int8, int16 with int8 filters, and float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.mac_models import FLOAT, INT8, INT16, INT16_INT16_BIAS, Kind, MacCase, MacNetwork, build_of
from support.models import Check, Pair, Value
from support.refusals import Operator, Refusal, Spec, assert_refused


def transpose(*shape: int, size: Pair, channels: int = 4, **options: Any) -> MacCase:
    """A transposed convolution of an input of this shape to an output of `size`."""
    return lambda n, kind: n.transpose_conv_of(kind, n.source(kind, *shape), channels, size, **options)


def decoder(n: MacNetwork, kind: Kind) -> Value:
    x = n.transpose_conv_of(kind, n.source(kind, 1, 3, 4, 6), 5, (6, 8), stride=(2, 2), activation="RELU")
    return n.transpose_conv_of(kind, x, 2, (12, 16), (4, 4), stride=(2, 2))


CASES: dict[str, MacCase] = {
    "stride 1 same": transpose(1, 5, 6, 3, size=(5, 6)),
    "stride 1 valid": transpose(1, 5, 6, 3, size=(7, 8), padding="VALID"),
    "stride 2 same": transpose(1, 4, 5, 3, size=(8, 10), stride=(2, 2)),
    "stride 2 same, odd": transpose(1, 4, 5, 3, size=(7, 9), stride=(2, 2)),
    "stride 2 valid": transpose(1, 4, 5, 3, size=(9, 11), stride=(2, 2), padding="VALID"),
    "stride 2 valid, more output": transpose(1, 4, 5, 3, size=(10, 12), stride=(2, 2), padding="VALID"),
    "2x2, stride 2": transpose(1, 4, 5, 3, size=(8, 10), kernel=(2, 2), stride=(2, 2), padding="VALID"),
    "4x4, stride 2": transpose(1, 4, 5, 3, size=(8, 10), kernel=(4, 4), stride=(2, 2)),
    "1x1": transpose(1, 4, 5, 3, size=(4, 5), kernel=(1, 1)),
    "1x1, stride 2": transpose(1, 4, 5, 3, size=(8, 10), kernel=(1, 1), stride=(2, 2)),
    "stride larger than the kernel": transpose(1, 3, 4, 3, size=(12, 17), kernel=(2, 3), stride=(4, 5)),
    "stride 1x3": transpose(1, 4, 3, 3, size=(4, 8), stride=(1, 3)),
    "tall kernel": transpose(1, 5, 3, 2, size=(10, 3), kernel=(5, 1), stride=(2, 1)),
    "kernel larger than the output": transpose(1, 2, 2, 3, size=(3, 3), kernel=(7, 6), stride=(2, 2)),
    "1x1 image": transpose(1, 1, 1, 8, size=(3, 3), padding="VALID"),
    "one channel": transpose(1, 4, 4, 1, size=(8, 8), channels=1, stride=(2, 2)),
    "batch 3": transpose(3, 3, 4, 2, size=(6, 8), stride=(2, 2)),
    "per tensor": transpose(1, 4, 5, 3, size=(8, 10), stride=(2, 2), per_channel=False),
    "no bias": transpose(1, 4, 5, 3, size=(8, 10), stride=(2, 2), bias="none"),
    "relu": transpose(1, 4, 5, 3, size=(8, 10), stride=(2, 2), activation="RELU"),
    "relu6": transpose(1, 4, 5, 3, size=(8, 10), stride=(2, 2), activation="RELU6"),
    "relu_n1_to_1": transpose(1, 4, 5, 3, size=(8, 10), stride=(2, 2), activation="RELU_N1_TO_1"),
    "decoder": decoder,
}
KINDS = {"int8": INT8, "int16": INT16, "int16, int16 bias": INT16_INT16_BIAS, "float": FLOAT}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_cases(case: MacCase, kind: Kind, conforms: Check) -> None:
    conforms(build_of(case, kind))


def random_case(seed: int) -> MacCase:
    rng = np.random.default_rng(seed)
    kernel = (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    padding = "SAME" if rng.random() < 0.5 else "VALID"
    small = rng.integers(1, 7, 2)
    # The outputs that a convolution with this stride makes the input of.
    slack = rng.integers(0, stride)
    size = small * stride - slack if padding == "SAME" else (small - 1) * stride + kernel + slack
    return transpose(
        int(rng.integers(1, 3)),
        int(small[0]),
        int(small[1]),
        int(rng.integers(1, 6)),
        size=(int(size[0]), int(size[1])),
        channels=int(rng.integers(1, 6)),
        kernel=kernel,
        stride=stride,
        padding=padding,
        per_channel=bool(rng.random() < 0.7),
        bias="given" if rng.random() < 0.7 else "none",
    )


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_random(seed: int, kind: Kind, conforms: Check) -> None:
    conforms(build_of(random_case(seed), kind, seed))


TRANSPOSE_CONV = Operator(
    "TRANSPOSE_CONV",
    {
        "shape": Spec((4,), "int32", constant=True, data=np.array([1, 8, 8, 3]), scale=None),
        "filter": Spec((3, 3, 3, 2), constant=True),
        "x": Spec((1, 4, 4, 2)),
        "bias": Spec((3,), "int32", constant=True),
    },
    {"y": Spec((1, 8, 8, 3))},
    {"padding": "SAME", "stride_h": 2, "stride_w": 2},
)
REFUSALS: dict[str, Refusal] = {
    "computed shape": Refusal(
        "kNotConstant", "shape", "must be a constant", {"shape": {"constant": False, "data": None}}
    ),
    "computed filter": Refusal("kNotConstant", "filter", "must be a constant", {"filter": {"constant": False}}),
    "another shape": Refusal(
        "kUnsupportedShape", "shape", "the shape that this input gives", {"shape": {"data": np.array([1, 8, 7, 3])}}
    ),
    "shape too short": Refusal(
        "kUnsupportedShape",
        "shape",
        "the shape that this input gives",
        {"shape": {"shape": (3,), "data": np.array([8, 8, 3])}},
    ),
    "input too large": Refusal("kUnsupportedShape", "x", "do not go together", {"x": {"shape": (1, 5, 4, 2)}}),
    "other batch": Refusal("kUnsupportedShape", "x", "batch sizes", {"x": {"shape": (2, 4, 4, 2)}}),
    "input of 3 dimensions": Refusal("kUnsupportedShape", "x", "batches, height", {"x": {"shape": (4, 4, 2)}}),
    "input channels": Refusal("kUnsupportedShape", "filter", "do not go together", {"x": {"shape": (1, 4, 4, 3)}}),
    "filter of 3 dimensions": Refusal(
        "kUnsupportedShape", "filter", "the filter is not", {"filter": {"shape": (3, 3, 6)}}
    ),
    "output channels": Refusal(
        "kUnsupportedShape",
        "filter",
        "do not go together",
        {"filter": {"shape": (4, 3, 3, 2)}, "bias": {"shape": (4,)}},
    ),
    "input of another type": Refusal(
        "kUnsupportedType", "x", "different types", {"x": {"dtype": "float32", "scale": None}}
    ),
    "int64 bias": Refusal("kUnsupportedType", "bias", "the bias has a type", {"bias": {"dtype": "int64"}}),
    "bias too short": Refusal("kUnsupportedShape", "bias", "one element for each", {"bias": {"shape": (2,)}}),
    "filter zero point": Refusal("kUnsupportedQuantization", "filter", "is not 0", {"filter": {"zero_point": 1}}),
    "no stride": Refusal("kUnsupportedOption", "y", "stride_w is not positive", options={"stride_w": 0}),
    "tanh": Refusal("kUnsupportedOption", "y", "activation", options={"fused_activation_function": "TANH"}),
    "int16 zero point": Refusal(
        "kUnsupportedQuantization",
        "x",
        "int16 tensor is not 0",
        {"x": {"dtype": "int16", "zero_point": 3}, "y": {"dtype": "int16"}, "bias": None},
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refusals(refusal: Refusal) -> None:
    assert_refused(TRANSPOSE_CONV, refusal)
