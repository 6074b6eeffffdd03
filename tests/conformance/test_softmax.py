# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX of int8, to int8 and int16."""

from __future__ import annotations

import numpy as np
import pytest

from support.models import Check, Network
from support.refusals import Operator, Refusal, Spec, assert_refused

OUTPUTS = ["int8", "int16"]

# Shape, scale and zero point of the input, beta.
CASES = {
    "10 classes": ((1, 10), 0.1, 3, 1.0),
    "2 classes": ((1, 2), 0.05, -128, 1.0),
    "1 class": ((3, 1), 0.05, 0, 1.0),
    "400 classes": ((1, 400), 0.02, 127, 1.0),
    "vector": ((7,), 0.1, 0, 1.0),
    "batch 9": ((9, 5), 0.1, 0, 1.0),
    "image": ((1, 4, 3, 6), 0.1, 0, 1.0),
    "3 dimensions": ((2, 3, 6), 0.1, 0, 1.0),
    "5 dimensions": ((2, 1, 3, 2, 4), 0.1, 0, 1.0),
    "beta 2.5": ((4, 10), 0.1, 0, 2.5),
    "beta 0.01": ((4, 10), 0.1, 0, 0.01),
    "fine scale": ((4, 10), 1e-4, 0, 1.0),
    "finest scale": ((4, 10), 2.0**-25.9, 0, 1.0),
    "coarse scale": ((4, 10), 5.0, 0, 1.0),
    "one step is nearly all": ((4, 10), 30.9, 0, 1.0),
    "one step is all": ((4, 10), 500.0, 0, 1.0),
    "scale of a power of two": ((4, 10), 0.125, 0, 1.0),
    "scale of 16": ((4, 10), 16.0, 0, 1.0),
    "scale of 2^20": ((4, 10), 2.0**20, 0, 1.0),
}


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize(("shape", "scale", "zero_point", "beta"), CASES.values(), ids=CASES)
def test_softmax(
    conforms: Check, shape: tuple[int, ...], scale: float, zero_point: int, beta: float, output: str
) -> None:
    n = Network()
    conforms(n.finish(n.softmax(n.input(*shape, scale=scale, zero_point=zero_point), beta, output)))


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("seed", range(12))
def test_random(conforms: Check, seed: int, output: str) -> None:
    rng = np.random.default_rng(seed)
    n = Network(seed)
    scale = float(10 ** rng.uniform(-4, 1.5))
    x = n.input(int(rng.integers(1, 20)), int(rng.integers(1, 71)), scale=scale)
    conforms(n.finish(n.softmax(x, float(10 ** rng.uniform(-1, 1)), output)))


SOFTMAX = Operator(
    "SOFTMAX",
    inputs={"x": Spec((2, 10))},
    outputs={"y": Spec((2, 10), scale=1 / 256, zero_point=-128)},
    options={"beta": 1.0},
)
TO_INT16 = {"dtype": "int16", "scale": 1 / 65536, "zero_point": -32768}

REFUSALS = {
    "uint8": Refusal(
        "kUnsupportedType", "x", "no kernel", {name: {"dtype": "uint8", "zero_point": 0} for name in "xy"}
    ),
    "float output": Refusal("kUnsupportedType", "x", "no kernel", {"y": {"dtype": "float32", "scale": None}}),
    "float input": Refusal("kUnsupportedType", "x", "no kernel", {"x": {"dtype": "float32", "scale": None}}),
    "other shape": Refusal("kUnsupportedShape", "y", "differ in shape", {"y": {"shape": (10, 2)}}),
    "other number of dimensions": Refusal("kUnsupportedShape", "y", "differ in shape", {"y": {"shape": (1, 2, 10)}}),
    "no dimensions": Refusal("kUnsupportedShape", "y", "have no dimensions", {name: {"shape": ()} for name in "xy"}),
    "output scale": Refusal("kUnsupportedQuantization", "y", "0 to 1", {"y": {"scale": 1 / 255}}),
    "output zero point": Refusal("kUnsupportedQuantization", "y", "0 to 1", {"y": {"zero_point": -127}}),
    "int16 output scale": Refusal("kUnsupportedQuantization", "y", "0 to 1", {"y": {**TO_INT16, "scale": 1 / 65400}}),
    "int16 output zero point": Refusal("kUnsupportedQuantization", "y", "0 to 1", {"y": {**TO_INT16, "zero_point": 0}}),
    "beta 0": Refusal("kUnsupportedOption", "x", "beta", options={"beta": 0.0}),
    "beta negative": Refusal("kUnsupportedOption", "x", "beta", options={"beta": -1.0}),
    "beta NaN": Refusal("kUnsupportedOption", "x", "beta", options={"beta": float("nan")}),
    "scale of 2^-27": Refusal("kUnsupportedOption", "x", "beta", {"x": {"scale": 2.0**-27}}),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refusals(refusal: Refusal) -> None:
    assert_refused(SOFTMAX, refusal)
