# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED, int8 and float32."""

from __future__ import annotations

import numpy as np
import pytest

from support.models import Case, Check, Network, build
from support.refusals import Operator, Refusal, Spec, assert_refused

CASES: dict[str, Case] = {
    "per channel": lambda n: n.fully_connected(n.input(1, 20), 10),
    "per tensor": lambda n: n.fully_connected(n.input(1, 20), 10, per_channel=False),
    "one by one": lambda n: n.fully_connected(n.input(1, 1), 1),
    "one channel": lambda n: n.fully_connected(n.input(1, 70), 1),
    "one channel, per tensor": lambda n: n.fully_connected(n.input(1, 70), 1, per_channel=False),
    "depth 1": lambda n: n.fully_connected(n.input(1, 1), 33),
    "deep": lambda n: n.fully_connected(n.input(1, 1000), 3),
    "batch 5": lambda n: n.fully_connected(n.input(5, 7), 3),
    "batch 5, per tensor": lambda n: n.fully_connected(n.input(5, 7), 3, per_channel=False),
    "one dimension": lambda n: n.fully_connected(n.input(12), 4),
    "image": lambda n: n.fully_connected(n.input(1, 3, 3, 2), 4, depth=18),
    "batch of images": lambda n: n.fully_connected(n.input(2, 3, 3, 2), 4, depth=18),
    "every pixel": lambda n: n.fully_connected(n.input(1, 3, 4, 5), 6, shape=(1, 3, 4, 6)),
    "every step of a sequence": lambda n: n.fully_connected(n.input(2, 7, 5), 6, shape=(2, 7, 6)),
    "no bias": lambda n: n.fully_connected(n.input(1, 9), 5, bias="none"),
    "bias left out": lambda n: n.fully_connected(n.input(1, 9), 5, bias="absent"),
    "no bias, per tensor": lambda n: n.fully_connected(n.input(1, 9), 5, bias="none", per_channel=False),
    "relu": lambda n: n.fully_connected(n.input(3, 9), 7, activation="RELU"),
    "relu6": lambda n: n.fully_connected(n.input(3, 9), 7, activation="RELU6", zero_point=-128),
    "relu6 inside": lambda n: n.fully_connected(n.input(3, 9), 7, activation="RELU6", zero_point=-40),
    "relu_n1_to_1": lambda n: n.fully_connected(n.input(3, 9), 7, activation="RELU_N1_TO_1", scale=0.011),
    "zero points at the lower end": lambda n: n.fully_connected(n.input(2, 9, zero_point=-128), 7, zero_point=-128),
    "zero points at the upper end": lambda n: n.fully_connected(n.input(2, 9, zero_point=127), 7, zero_point=127),
    "effective scales above 1": lambda n: n.fully_connected(
        n.small_values(20, 2), 6, effective=(1.0, 1.5, 2.0, 3.1, 20.7, 513), largest=1, bias="none"
    ),
    "effective scale of 7.3": lambda n: n.fully_connected(
        n.small_values(20, 2), 6, effective=7.3, largest=1, bias="none", per_channel=False
    ),
    "effective scales near 1": lambda n: n.fully_connected(
        n.input(20, 2, scale=0.5),
        6,
        scale=0.5,
        effective=(0.9999999, 0.99999994, 1.0, 1.0000001, 0.5, 0.50000006),
        largest=1,
        bias="none",
    ),
    "effective scale of 1": lambda n: n.fully_connected(
        n.input(20, 2, scale=0.5), 6, scale=0.5, effective=1.0, largest=1, per_channel=False, bias="none"
    ),
    "tiny effective scales": lambda n: n.fully_connected(
        n.input(3, 64), 40, effective=(2.0**-24, 2.0**-30, 2.0**-31, 2.0**-32, 1e-20), bias="large"
    ),
    "effective scale of 2^-30": lambda n: n.fully_connected(
        n.input(3, 64), 20, effective=2.0**-30, per_channel=False, bias="large"
    ),
    "effective scale of 2^-32": lambda n: n.fully_connected(
        n.input(3, 64), 20, effective=2.0**-32, per_channel=False, bias="large"
    ),
    "dead channels": lambda n: n.fully_connected(n.input(3, 8), 6, effective=(0.0, 0.002, 0.0)),
    "dead filter": lambda n: n.fully_connected(n.input(3, 8), 6, effective=0.0, per_channel=False),
    "float": lambda n: n.fully_connected(n.input(1, 20, dtype="float32"), 10),
    "float model input": lambda n: n.fully_connected(n.model_input(1, 20, dtype="float32"), 10),
    "float, no bias": lambda n: n.fully_connected(n.input(1, 20, dtype="float32"), 10, bias="none"),
    "float, bias left out": lambda n: n.fully_connected(n.input(1, 20, dtype="float32"), 10, bias="absent"),
    "float, batch 4": lambda n: n.fully_connected(n.input(4, 5, dtype="float32"), 3),
    "float, every pixel": lambda n: n.fully_connected(n.input(1, 3, 4, 5, dtype="float32"), 2, shape=(1, 3, 4, 2)),
    "float, relu": lambda n: n.fully_connected(n.input(2, 9, dtype="float32"), 5, activation="RELU"),
    "float, relu6": lambda n: n.fully_connected(n.input(2, 9, dtype="float32"), 5, activation="RELU6"),
    "float, relu_n1_to_1": lambda n: n.fully_connected(n.input(2, 9, dtype="float32"), 5, activation="RELU_N1_TO_1"),
    "two in a row": lambda n: n.fully_connected(
        n.fully_connected(n.input(4, 30), 20, activation="RELU", zero_point=-128), 7
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fully_connected(conforms: Check, case: Case) -> None:
    conforms(build(case))


@pytest.mark.parametrize("seed", range(25))
def test_random(conforms: Check, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = Network(seed)
    batch, depth = int(rng.integers(1, 4)), int(rng.integers(1, 71))
    x = n.input(batch, depth, scale=float(rng.uniform(0.003, 0.3)), zero_point=int(rng.integers(-128, 128)))
    y = n.fully_connected(
        x,
        int(rng.integers(1, 71)),
        activation=str(rng.choice(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])),
        per_channel=bool(rng.random() < 0.5),
        bias=str(rng.choice(["given", "given", "none", "absent"])),
        scale=float(rng.uniform(0.005, 0.2)),
        zero_point=int(rng.integers(-128, 128)),
    )
    conforms(n.finish(y))


FULLY_CONNECTED = Operator(
    "FULLY_CONNECTED",
    inputs={
        "x": Spec((2, 8)),
        "filter": Spec((3, 8), constant=True),
        "bias": Spec((3,), "int32", constant=True, scale=0.25),
    },
    outputs={"y": Spec((2, 3))},
    options={},
)
ALL = ("x", "filter", "bias", "y")

REFUSALS = {
    "no filter": Refusal("kUnsupportedType", "x", "no kernel", {"filter": None, "bias": None}),
    "uint8 input": Refusal("kUnsupportedType", "x", "no kernel", {"x": {"dtype": "uint8"}}),
    "int4 filter": Refusal("kUnsupportedType", "filter", "element type", {"filter": {"dtype": "int4"}}),
    "int16 output": Refusal("kUnsupportedType", "x", "no kernel", {"y": {"dtype": "int16"}}),
    "int64 bias": Refusal("kUnsupportedType", "bias", "the bias has a type", {"bias": {"dtype": "int64"}}),
    "int32 bias of a float operator": Refusal(
        "kUnsupportedType",
        "bias",
        "the bias has a type",
        {name: {"dtype": "float32", "scale": None} for name in ("x", "filter", "y")},
    ),
    "computed filter": Refusal("kNotConstant", "filter", "must be a constant", {"filter": {"constant": False}}),
    "computed bias": Refusal("kNotConstant", "bias", "must be a constant", {"bias": {"constant": False}}),
    "computed float filter": Refusal(
        "kNotConstant",
        "filter",
        "must be a constant",
        {name: {"dtype": "float32", "scale": None, "constant": name == "bias"} for name in ALL},
    ),
    "bias too long": Refusal("kUnsupportedShape", "bias", "one element for each", {"bias": {"shape": (4,)}}),
    "filter of 3 dimensions": Refusal(
        "kUnsupportedShape", "filter", "do not go together", {"filter": {"shape": (1, 3, 8)}}
    ),
    "depth does not divide the input": Refusal(
        "kUnsupportedShape", "filter", "do not go together", {"filter": {"shape": (3, 7)}}
    ),
    "output too small": Refusal("kUnsupportedShape", "filter", "do not go together", {"y": {"shape": (1, 3)}}),
    "unknown output": Refusal("kDynamicShape", "y", "not known", {"y": {"shape": (-1, 3)}}),
    "shuffled filter": Refusal("kUnsupportedOption", "filter", "shuffled", options={"weights_format": 1}),
    "tanh": Refusal("kUnsupportedOption", "y", "activation", options={"fused_activation_function": "TANH"}),
    "sign": Refusal("kUnsupportedOption", "y", "activation", options={"fused_activation_function": "SIGN_BIT"}),
    "output without scale": Refusal("kUnsupportedQuantization", "y", "no scale", {"y": {"scale": None}}),
    "filter without scale": Refusal("kUnsupportedQuantization", "filter", "no scale", {"filter": {"scale": None}}),
    "filter zero point": Refusal("kUnsupportedQuantization", "filter", "is not 0", {"filter": {"zero_point": -3}}),
    "filter with 2 scales": Refusal(
        "kUnsupportedQuantization", "filter", "one for each output channel", {"filter": {"scale": [0.5, 0.5]}}
    ),
    "scales along the depth": Refusal(
        "kUnsupportedQuantization",
        "filter",
        "one for each output channel",
        {"filter": {"shape": (8, 8), "scale": [0.5] * 8, "axis": 1}, "bias": None, "y": {"shape": (2, 8)}},
    ),
    "effective scale of 2^31": Refusal(
        "kUnsupportedQuantization", "filter", "exceeds 2^30", {"y": {"scale": 2.0**-33}}
    ),
    "one channel's effective scale": Refusal(
        "kUnsupportedQuantization", "filter", "exceeds 2^30", {"filter": {"scale": [0.5, 2.0**31, 0.5]}}
    ),
    "relu6 of a tiny scale": Refusal(
        "kUnsupportedQuantization",
        "y",
        "bounds overflow",
        {"x": {"scale": 1e-10}, "y": {"scale": 1e-12}},
        {"fused_activation_function": "RELU6"},
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refusals(refusal: Refusal) -> None:
    assert_refused(FULLY_CONNECTED, refusal)
