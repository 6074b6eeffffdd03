# SPDX-License-Identifier: Apache-2.0
"""ADD, with broadcasting, constants and all ratios of scales."""

from __future__ import annotations

import numpy as np
import pytest

from support.models import Case, Check, Network, Value, build
from support.refusals import Operator, Refusal, Spec, assert_refused


def add_twice(n: Network) -> Value:
    x = n.input(1, 3, 4, 5)
    return n.add(x, x)


CASES: dict[str, Case] = {
    "images": lambda n: n.add(n.input(1, 6, 5, 3), n.input(1, 6, 5, 3, scale=0.03, zero_point=-7)),
    "batch 3": lambda n: n.add(n.input(3, 4, 2, 3), n.input(3, 4, 2, 3)),
    "vectors": lambda n: n.add(n.input(17), n.input(17)),
    "matrices": lambda n: n.add(n.input(5, 7), n.input(5, 7)),
    "3 dimensions": lambda n: n.add(n.input(2, 3, 7), n.input(2, 3, 7)),
    "5 dimensions": lambda n: n.add(n.input(2, 1, 3, 2, 5), n.input(2, 1, 3, 2, 5)),
    "one element": lambda n: n.add(n.input(1), n.input(1)),
    "a tensor and itself": add_twice,
    "a constant": lambda n: n.add(n.input(1, 4, 3, 5), n.constant(1, 4, 3, 5)),
    "to a constant": lambda n: n.add(n.constant(1, 4, 3, 5), n.input(1, 4, 3, 5)),
    "a constant for each channel": lambda n: n.add(n.input(1, 4, 3, 5), n.constant(5, scale=0.01)),
    "to a constant for each channel": lambda n: n.add(n.constant(1, 1, 1, 5), n.input(1, 4, 3, 5)),
    "a constant scalar": lambda n: n.add(n.input(1, 4, 3, 5), n.constant(zero_point=-128)),
    "to a constant scalar": lambda n: n.add(n.constant(1, scale=0.01), n.input(1, 4, 3, 5)),
    "relu": lambda n: n.add(n.input(1, 4, 3, 5), n.input(1, 4, 3, 5), activation="RELU"),
    "relu6": lambda n: n.add(n.input(1, 4, 3, 5), n.input(1, 4, 3, 5), activation="RELU6", zero_point=-100),
    "relu_n1_to_1": lambda n: n.add(
        n.input(1, 4, 3, 5), n.input(1, 4, 3, 5), activation="RELU_N1_TO_1", scale=0.02, zero_point=90
    ),
}

# Shapes of the inputs; both orders are tested.
BROADCASTS = [
    ((1, 4, 3, 5), (5,)),
    ((1, 4, 3, 5), (1,)),
    ((1, 4, 3, 5), (1, 4, 3, 1)),
    ((1, 4, 3, 5), (1, 4, 1, 5)),
    ((1, 4, 3, 5), (1, 4, 1, 1)),
    ((1, 4, 3, 5), (1, 1, 3, 5)),
    ((1, 4, 3, 5), (1, 1, 3, 1)),
    ((1, 4, 3, 5), (3, 5)),
    ((1, 4, 3, 5), (4, 1, 5)),
    ((2, 4, 3, 5), (1, 4, 3, 5)),
    ((2, 4, 3, 5), (1, 1, 1, 5)),
    ((2, 4, 3, 5), (2, 1, 3, 1)),
    ((3, 1), (1, 7)),
    ((5, 1, 3), (1, 4, 1)),
    ((1, 4, 1, 5), (1, 1, 3, 1)),
    ((1, 4, 1, 5), (1, 1, 3, 5)),
    ((2, 1, 3, 1), (1, 4, 1, 5)),
    ((2, 4, 1, 1), (1, 1, 3, 5)),
    ((6, 1), (6, 4)),
    ((2, 3, 1, 4, 5), (2, 1, 3, 4, 1)),
    ((2, 1, 2, 2, 3), (2, 3)),
]

# Scale and zero point of both inputs and the output.
ARITHMETIC = {
    "equal scales": ((0.05, 3), (0.05, 3), (0.05, 3)),
    "twice the scale": ((0.05, 3), (0.1, -3), (0.05, 3)),
    "zero points at the lower end": ((0.05, -128), (0.03, -128), (0.08, -128)),
    "zero points at the upper end": ((0.05, 127), (0.03, 127), (0.08, 127)),
    "zero points at both ends": ((0.05, -128), (0.03, 127), (0.04, -128)),
    "second input far smaller": ((0.05, 3), (1e-6, 3), (0.05, 3)),
    "first input far smaller": ((1e-9, 3), (0.7, 3), (0.4, -9)),
    "below every bit": ((1e-30, 3), (0.7, 3), (0.4, -9)),
    "output far finer": ((0.05, 3), (0.03, -6), (1e-6, 10)),
    "output as fine as can be": ((0.5, 3), (0.3, -6), (0.5 / 2**19 * 1.01, 10)),
    "output far coarser": ((0.05, 3), (0.03, -6), (3.0, 10)),
    "output beyond every bit": ((1e-9, 3), (1e-9, -6), (3.0, 10)),
    "powers of two": ((0.25, 0), (0.125, 0), (0.5, 0)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_add(conforms: Check, case: Case) -> None:
    conforms(build(case))


@pytest.mark.parametrize("swap", [False, True], ids=["", "swapped"])
@pytest.mark.parametrize("shapes", BROADCASTS, ids=lambda shapes: f"{shapes[0]} and {shapes[1]}")
def test_broadcasting(conforms: Check, shapes: tuple[tuple[int, ...], ...], swap: bool) -> None:
    n = Network()
    a, b = (n.input(*shape, scale=0.02 * (1 + i)) for i, shape in enumerate(shapes))
    conforms(n.finish(n.add(b, a) if swap else n.add(a, b)))


@pytest.mark.parametrize(("a", "b", "y"), ARITHMETIC.values(), ids=ARITHMETIC)
def test_arithmetic(conforms: Check, a: tuple[float, int], b: tuple[float, int], y: tuple[float, int]) -> None:
    n = Network()
    inputs = [n.input(1, 64, 32, scale=scale, zero_point=zero_point) for scale, zero_point in (a, b)]
    conforms(n.finish(n.add(*inputs, scale=y[0], zero_point=y[1])))


@pytest.mark.parametrize("seed", range(25))
def test_random(conforms: Check, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = Network(seed)
    shape = rng.integers(1, 7, int(rng.integers(1, 5)))
    shape[-1] = rng.integers(1, 71)

    def operand() -> Value:
        mask = rng.random(len(shape)) < 0.2
        dropped = int(rng.integers(0, len(shape))) if rng.random() < 0.2 else 0
        make = n.constant if rng.random() < 0.2 else n.input
        scale = float(10 ** rng.uniform(-3, 0))
        return make(*np.where(mask, 1, shape)[dropped:].tolist(), scale=scale, zero_point=int(rng.integers(-128, 128)))

    first = operand()
    y = n.add(
        first,
        n.input(*shape.tolist()) if rng.random() < 0.3 else operand(),
        scale=float(10 ** rng.uniform(-2.5, 0.5)),
        zero_point=int(rng.integers(-128, 128)),
        activation=str(rng.choice(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])),
    )
    # Two constants make a model without inputs; this one has another output.
    conforms(n.finish(y, n.input(1, 2)))


ADD = Operator(
    "ADD",
    inputs={"a": Spec((1, 4, 3, 5)), "b": Spec((1, 4, 3, 5))},
    outputs={"y": Spec((1, 4, 3, 5))},
    options={},
)
ALL = ("a", "b", "y")

REFUSALS = {
    "one input": Refusal("kUnsupportedType", "a", "no kernel", {"b": None}),
    "int64": Refusal("kUnsupportedType", "a", "no kernel", {name: {"dtype": "int64"} for name in ALL}),
    "uint8": Refusal("kUnsupportedType", "a", "no kernel", {name: {"dtype": "uint8"} for name in ALL}),
    "types of the inputs differ": Refusal("kUnsupportedType", "a", "no kernel", {"b": {"dtype": "int16"}}),
    "type of the output differs": Refusal("kUnsupportedType", "a", "no kernel", {"y": {"dtype": "int16"}}),
    "shapes that do not broadcast": Refusal(
        "kUnsupportedShape", "b", "do not broadcast", {"b": {"shape": (1, 4, 2, 5)}}
    ),
    "first shape that does not broadcast": Refusal(
        "kUnsupportedShape", "a", "do not broadcast", {"a": {"shape": (2, 4, 3, 5)}}
    ),
    "output smaller than the inputs": Refusal(
        "kUnsupportedShape", "a", "do not broadcast", {"y": {"shape": (1, 4, 3, 1)}}
    ),
    "output larger than the inputs": Refusal(
        "kUnsupportedShape", "a", "do not broadcast", {"y": {"shape": (3, 4, 3, 5)}}
    ),
    "7 dimensions": Refusal("kUnsupportedShape", "y", "6 dimensions", {"y": {"shape": (1, 1, 1, 1, 4, 3, 5)}}),
    "unknown output": Refusal("kDynamicShape", "y", "not known", {"y": {"shape": (1, 4, 3, 0)}}),
    "tanh": Refusal("kUnsupportedOption", "y", "activation", options={"fused_activation_function": "TANH"}),
    "constant per channel": Refusal(
        "kUnsupportedQuantization", "b", "one positive scale", {"b": {"constant": True, "scale": [0.5] * 5}}
    ),
    "constant of scale 0": Refusal(
        "kUnsupportedQuantization", "a", "one positive scale", {"a": {"constant": True, "scale": 0.0}}
    ),
    "output without scale": Refusal("kUnsupportedQuantization", "y", "no scale", {"y": {"scale": None}}),
    "zero point -129": Refusal("kUnsupportedQuantization", "y", "does not fit", {"y": {"zero_point": -129}}),
    "output too fine": Refusal("kUnsupportedQuantization", "y", "larger input scale", {"y": {"scale": 0.5 / 2**19}}),
    "relu6 of a tiny scale": Refusal(
        "kUnsupportedQuantization",
        "y",
        "bounds overflow",
        {name: {"scale": 1e-12} for name in ALL},
        {"fused_activation_function": "RELU6"},
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refusals(refusal: Refusal) -> None:
    assert_refused(ADD, refusal)
