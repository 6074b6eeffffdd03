# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED: int16 with int8 filters, and hybrid."""

from __future__ import annotations

from typing import Any

import pytest

from support.mac_models import HYBRID, INT16, INT16_INT32_BIAS, Kind, MacCase, MacNetwork, build_of
from support.models import Check, Value
from support.refusals import Operator, Refusal, Spec, assert_refused


def dense(*shape: int, channels: int = 10, **options: Any) -> MacCase:
    """A fully connected operator on an input of this shape."""
    return lambda n, kind: n.fully_connected_of(kind, n.source(kind, *shape), channels, **options)


def chain(n: MacNetwork, kind: Kind) -> Value:
    x = n.fully_connected_of(kind, n.source(kind, 1, 40), 24, activation="RELU")
    x = n.fully_connected_of(kind, x, 16, activation="RELU", per_channel=False)
    return n.fully_connected_of(kind, x, 5)


CASES: dict[str, MacCase] = {
    "20 to 10": dense(1, 20),
    "1 to 1": dense(1, 1, channels=1),
    "long": dense(1, 1000, channels=7),
    "batch 4": dense(4, 9, channels=3),
    "every pixel": dense(1, 3, 4, 5, channels=2),
    "per tensor": dense(2, 20, per_channel=False),
    "equal scales": dense(2, 20, equal_scales=True),
    "no bias": dense(1, 20, bias="none"),
    "bias left out": dense(1, 20, bias="absent"),
    "relu": dense(2, 9, activation="RELU"),
    "relu6": dense(2, 9, activation="RELU6"),
    "relu_n1_to_1": dense(2, 9, activation="RELU_N1_TO_1"),
    "chain": chain,
}
INTEGER_SCALES: dict[str, MacCase] = {
    "effective scale above 1": dense(1, 6, effective=(1.0, 1.5, 60.0, 100.7, 127.9), largest=1, bias="none"),
    "effective scale near 1": dense(1, 6, effective=(0.9999999, 0.99999994, 1.0000001, 0.5), largest=1),
    "tiny effective scales": dense(1, 30, effective=(2.0**-20, 2.0**-31, 2.0**-33)),
}


INT16_CASES = CASES | INTEGER_SCALES


@pytest.mark.parametrize("case", INT16_CASES.values(), ids=INT16_CASES)
def test_int16(case: MacCase, conforms: Check) -> None:
    conforms(build_of(case, INT16))


@pytest.mark.parametrize("bias_option", [False, True], ids=["", "option"])
@pytest.mark.parametrize("per_channel", [False, True], ids=["per tensor", "per channel"])
def test_int16_with_int32_bias(per_channel: bool, bias_option: bool, conforms: Check) -> None:
    conforms(build_of(dense(2, 30, per_channel=per_channel, bias_option=bias_option), INT16_INT32_BIAS))


def test_int32_accumulators_without_bias(conforms: Check) -> None:
    # Where one rounding and two differ: large effective scales.
    case = dense(1, 6, effective=(1.0, 513.0, 0.7), largest=1, bias="none", bias_option=True)
    conforms(build_of(case, INT16_INT32_BIAS))


@pytest.mark.parametrize("asymmetric", [False, True], ids=["symmetric", "asymmetric"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_hybrid(case: MacCase, asymmetric: bool, agrees: Check) -> None:
    class Asymmetric(MacNetwork):
        def fully_connected_of(self, kind: Kind, x: Value, channels: int, **options: Any) -> Value:
            return super().fully_connected_of(kind, x, channels, asymmetric_quantize_inputs=asymmetric, **options)

    n = Asymmetric()
    agrees(n.finish(case(n, HYBRID)))


FULLY_CONNECTED = Operator(
    "FULLY_CONNECTED",
    {
        "x": Spec((2, 8), "int16"),
        "filter": Spec((3, 8), constant=True),
        "bias": Spec((3,), "int64", constant=True),
    },
    {"y": Spec((2, 3), "int16")},
    {},
)
REFUSALS: dict[str, Refusal] = {
    "input zero point": Refusal("kUnsupportedQuantization", "x", "int16 tensor is not 0", {"x": {"zero_point": 1}}),
    "output zero point": Refusal("kUnsupportedQuantization", "y", "int16 tensor is not 0", {"y": {"zero_point": 1}}),
    "int16 bias": Refusal("kUnsupportedType", "bias", "the bias has a type", {"bias": {"dtype": "int16"}}),
    "effective scale of 2^7": Refusal("kUnsupportedQuantization", "filter", "exceeds 2^7", {"y": {"scale": 2.0**-9}}),
    "hybrid with an int32 bias": Refusal(
        "kUnsupportedType",
        "bias",
        "the bias has a type",
        {name: {"dtype": "float32", "scale": None} for name in "xy"} | {"bias": {"dtype": "int32"}},
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refusals(refusal: Refusal) -> None:
    assert_refused(FULLY_CONNECTED, refusal)
