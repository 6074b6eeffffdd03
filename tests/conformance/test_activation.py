# SPDX-License-Identifier: Apache-2.0
"""LOGISTIC, TANH, RELU, RELU6 and LEAKY_RELU as operators of their own, and SOFTMAX of int16 and real values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microplan
from support.models import Check, Value
from support.operators import Operators
from support.reference import Array, Reference, assert_conforms
from support.refusals import Operator, Refusal, Spec, assert_refused

EVERY_INT8 = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
EVERY_INT16 = np.arange(-32768, 32768).astype(np.int16).reshape(16, 4096)
OPERATORS: list[tuple[str, dict[str, Any]]] = [
    ("LOGISTIC", {}),
    ("TANH", {}),
    ("RELU", {}),
    ("RELU6", {}),
    ("LEAKY_RELU", {"alpha": 0.3}),
]
NAMES = [name for name, _ in OPERATORS]


def of_every_value(values: Array, operator: str, of: tuple[float, int], **rest: Any) -> None:
    """`of`: scale and zero point of the input."""
    n = Operators()
    x = n.model_input(*values.shape, dtype=values.dtype, scale=of[0], zero_point=of[1])
    assert_conforms(n.finish(n.activation(operator, x, **rest)), [[values]])


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
@pytest.mark.parametrize("shape", [(1,), (7,), (3, 5), (2, 3, 5), (2, 4, 3, 5), (2, 1, 2, 3, 5)], ids=str)
@pytest.mark.parametrize(("operator", "options"), OPERATORS, ids=NAMES)
def test_shapes(conforms: Check, operator: str, options: dict[str, Any], shape: tuple[int, ...], dtype: str) -> None:
    n = Operators()
    conforms(n.finish(n.activation(operator, n.source(*shape, dtype=dtype), **options)))


@pytest.mark.parametrize("scale", [0.05, 0.0235, 1 / 16])
@pytest.mark.parametrize("operator", ["LOGISTIC", "TANH"])
def test_int8_sigmoids_at_every_zero_point(operator: str, scale: float) -> None:
    for zero_point in range(-128, 128):
        of_every_value(EVERY_INT8, operator, (scale, zero_point))


@pytest.mark.parametrize("zero_point", [0, 77])
@pytest.mark.parametrize("operator", ["LOGISTIC", "TANH"])
def test_int8_sigmoids_at_every_power_of_two(operator: str, zero_point: int) -> None:
    # From 2^-28 on down TensorFlow Lite Micro shifts by a negative number of bits, and from 2^35 on by too many.
    for power in range(-27, 35):
        for factor in (1, 1.2345):
            of_every_value(EVERY_INT8, operator, (2.0**power * factor, zero_point))


@pytest.mark.parametrize("power", [-40, -28, 35, 100])
def test_int8_sigmoids_of_scales_without_an_oracle(power: int) -> None:
    n = Operators()
    x = n.model_input(1, 256, scale=2.0**power, zero_point=0)
    model = n.finish(n.activation("LOGISTIC", x), n.activation("TANH", x))
    logistic, tanh = microplan.Interpreter(model).invoke(EVERY_INT8)
    steep = power > 0
    # A positive argument however large is 1, a negative one 0; arguments that are all nearly 0 are 1/2.
    assert set(logistic[0, 129:].tolist()) == {127 if steep else 0}
    assert set(logistic[0, :128].tolist()) == {-128 if steep else 0}
    assert set(tanh[0, 129:].tolist()) == {127 if steep else 0}
    assert set(tanh[0, :128].tolist()) == {-128 if steep else 0}


# Within a thousandth of a power of two in the logarithm a scale counts as one.
INT16_SCALES = [
    *(2.0**power * factor for power in (-12, -11) for factor in (1, 1.0006, 0.9994, 1.0008, 0.9992)),
    *(2.0**power for power in (-20, -15, -13, -10, -5, 0)),
    *(10.0**exponent for exponent in (-12, -9, -6, -5, -4, -3, -2, -1)),
    0.00024,
    0.000333,
    2.6666,
]


@pytest.mark.parametrize("operator", ["LOGISTIC", "TANH"])
@pytest.mark.parametrize("scale", INT16_SCALES)
def test_int16_sigmoids(operator: str, scale: float) -> None:
    of_every_value(EVERY_INT16, operator, (scale, 0))
    of_every_value(EVERY_INT16, operator, (scale, 0), scale=2.0**-15 * 1.0005)


# Scale and zero point of input and output.
ARITHMETIC = {
    "equal": ((0.05, 3), (0.05, 3)),
    "another zero point": ((0.05, 3), (0.05, -40)),
    "zero points at the lower end": ((0.05, -128), (0.06, -128)),
    "zero points at the upper end": ((0.05, 127), (0.03, 127)),
    "from end to end": ((0.05, -128), (0.05, 127)),
    "coarser": ((0.05, 3), (0.3, -5)),
    "finer": ((0.3, -5), (0.05, 3)),
    "half": ((0.25, 0), (0.5, 0)),
    "a third": ((0.1, 0), (0.3, 0)),
    "just below 1": ((0.1, 0), (0.1000001, 0)),
    "nothing is left": ((1e-20, 5), (1.0, 17)),
}
RECTIFIERS: list[tuple[str, dict[str, Any]]] = [
    ("RELU", {}),
    ("RELU6", {}),
    *(("LEAKY_RELU", {"alpha": alpha}) for alpha in (0.3, 0.01, 0.0, 1.0, 2.5, -0.75, 1e-12)),
]


# The reference overflows where RELU6's 6 is 2^31 steps or more.
each_rectifier = pytest.mark.parametrize(
    ("operator", "options", "x", "y"),
    [
        pytest.param(operator, options, x, y, id=f"{operator} {options}, {name}")
        for operator, options in RECTIFIERS
        for name, (x, y) in ARITHMETIC.items()
        if operator != "RELU6" or x[0] > 1e-9
    ],
)


@each_rectifier
def test_int8_rectifiers(operator: str, options: dict[str, Any], x: tuple[float, int], y: tuple[float, int]) -> None:
    of_every_value(EVERY_INT8, operator, x, scale=y[0], zero_point=y[1], **options)


@each_rectifier
def test_int16_rectifiers(operator: str, options: dict[str, Any], x: tuple[float, int], y: tuple[float, int]) -> None:
    symmetric = operator == "RELU"
    of_every_value(
        EVERY_INT16,
        operator,
        (x[0] / 256, 0 if symmetric else x[1] * 256),
        scale=y[0] / 256,
        zero_point=0 if symmetric else y[1] * 256,
        **options,
    )


@pytest.mark.parametrize("seed", range(20))
def test_random_rectifiers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale = float(10 ** rng.uniform(-4, 1))
    ratio = float(10 ** rng.uniform(-1, 1))
    of_every_value(EVERY_INT16, "RELU", (scale, 0), scale=scale * ratio)
    of_every_value(EVERY_INT16, "LEAKY_RELU", (scale, 0), scale=scale * ratio, alpha=float(rng.uniform(-2, 2)))


@pytest.mark.parametrize(("operator", "options"), OPERATORS, ids=NAMES)
def test_real_values(operator: str, options: dict[str, Any]) -> None:
    special = [0, -0.0, np.inf, -np.inf, 6, np.nextafter(np.float32(6), np.float32(9)), 1e38, -1e38, 1e-45, -1e-45]
    values = np.concatenate([special, np.linspace(-110, 110, 5001), np.linspace(-1e-3, 1e-3, 501)]).astype(np.float32)
    n = Operators()
    model = n.finish(n.activation(operator, n.model_input(values.size, dtype="float32"), **options))
    reference = Reference(model)
    reference.invoke([values])
    # Every element by itself: a bound of the largest one would say nothing.
    tolerance = 1e-6 if operator in ("LOGISTIC", "TANH") else 0
    found = microplan.Interpreter(model).invoke(values)[0]
    np.testing.assert_allclose(found, reference.tensor(1), rtol=tolerance, atol=1e-44 if tolerance else 0)


# SOFTMAX: shape, scale of an int16 input, beta.
SOFTMAXES = {
    "10 classes": ((1, 10), 0.0005, 1.0),
    "1 class": ((3, 1), 0.0005, 1.0),
    "400 classes": ((1, 400), 0.0001, 1.0),
    "vector": ((7,), 0.0005, 1.0),
    "batch 9": ((9, 5), 0.0005, 1.0),
    "image": ((1, 4, 3, 6), 0.0005, 1.0),
    "5 dimensions": ((2, 1, 3, 2, 4), 0.0005, 1.0),
    "beta 2.5": ((4, 10), 0.0001, 2.5),
    "fine scale": ((4, 10), 1e-7, 1.0),
    "coarse scale": ((4, 10), 0.9, 1.0),
    "scale of the table": ((4, 10), 10 / 65535, 1.0),
}


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize(("shape", "scale", "beta"), SOFTMAXES.values(), ids=SOFTMAXES)
def test_softmax(conforms: Check, shape: tuple[int, ...], scale: float, beta: float, dtype: str) -> None:
    n = Operators()
    conforms(n.finish(softmax(n, n.source(*shape, dtype=dtype, scale=scale), beta)))


def softmax(n: Operators, x: Value, beta: float = 1.0) -> Value:
    y = n._tensor(x.shape, x.dtype, 2.0**-15)
    n._operator("SOFTMAX", [x], y, beta=beta)
    return y


@pytest.mark.parametrize("scale", [10 / 65535, 7 / 65535, 0.002])
def test_every_exponential_of_int16(scale: float) -> None:
    pairs = np.full((65536, 2), 32767, np.int16)
    pairs[:, 1] = EVERY_INT16.reshape(-1)
    n = Operators()
    model = n.finish(softmax(n, n.model_input(8192, 2, dtype="int16", scale=scale, zero_point=0)))
    assert_conforms(model, [[part] for part in np.split(pairs, 8)])


@pytest.mark.parametrize("depth", [1000, 30000, 65536])
def test_wide_rows_of_int16(depth: int) -> None:
    n = Operators()
    model = n.finish(softmax(n, n.model_input(1, depth, dtype="int16", scale=1e-6, zero_point=0)))
    assert_conforms(model, 2)


@pytest.mark.parametrize("scale", [5.0, 1e5, 1e30])
def test_int16_scales_without_an_oracle(scale: float) -> None:
    n = Operators()
    model = n.finish(softmax(n, n.model_input(1, 4, dtype="int16", scale=scale, zero_point=0)))
    found = microplan.Interpreter(model).invoke(np.array([[-32768, 32766, 32767, 5]], np.int16))[0][0].tolist()
    # One step is 5 at least: nearly all of the probability is the largest element's.
    assert found[2] > 32400 and found[0] + found[1] + found[3] < 300


ELEMENTS = {"x": Spec((2, 5))}
SIGMOIDS_INT16 = {"x": {"dtype": "int16"}, "y": {"dtype": "int16", "scale": 2.0**-15, "zero_point": 0}}
LOGISTIC = Operator("LOGISTIC", ELEMENTS, {"y": Spec((2, 5), scale=2.0**-8, zero_point=-128)}, {})
TANH = Operator("TANH", ELEMENTS, {"y": Spec((2, 5), scale=2.0**-7)}, {})
RELU = Operator("RELU", ELEMENTS, {"y": Spec((2, 5))}, {})
LEAKY_RELU = Operator("LEAKY_RELU", ELEMENTS, {"y": Spec((2, 5))}, {"alpha": 0.1})
LOGISTIC_INT16 = LOGISTIC.changed(SIGMOIDS_INT16, {})
TANH_INT16 = TANH.changed(SIGMOIDS_INT16, {})
SOFTMAX_INT16 = Operator("SOFTMAX", LOGISTIC_INT16.inputs, LOGISTIC_INT16.outputs, {"beta": 1.0})

REFUSALS = {
    "other shape": (RELU, Refusal("kUnsupportedShape", "y", "differ in shape", {"y": {"shape": (5, 2)}})),
    "other type": (RELU, Refusal("kUnsupportedType", "x", "no kernel", {"y": {"dtype": "int16"}})),
    "uint8": (
        RELU,
        Refusal("kUnsupportedType", "x", "no kernel", {name: {"dtype": "uint8"} for name in "xy"}),
    ),
    "two scales": (
        RELU,
        Refusal("kUnsupportedQuantization", "x", "one positive", {"x": {"constant": True, "scale": [0.5, 0.25]}}),
    ),
    "2^31 finer": (RELU, Refusal("kUnsupportedQuantization", "y", "exceeds 2^30", {"y": {"scale": 2.0**-32}})),
    "alpha of 2^31": (LEAKY_RELU, Refusal("kUnsupportedQuantization", "y", "alpha", options={"alpha": 2.0**31})),
    "infinite alpha": (LEAKY_RELU, Refusal("kUnsupportedQuantization", "y", "alpha", options={"alpha": -np.inf})),
    "alpha is not a number": (
        LEAKY_RELU,
        Refusal("kUnsupportedQuantization", "y", "alpha", options={"alpha": float("nan")}),
    ),
    "logistic zero point": (
        LOGISTIC,
        Refusal("kUnsupportedQuantization", "y", "is not -128", {"y": {"zero_point": 0}}),
    ),
    "int16 logistic output scale": (
        LOGISTIC_INT16,
        Refusal("kUnsupportedQuantization", "y", "not 2^-15", {"y": {"scale": 2.0**-15 * 1.001}}),
    ),
    "int16 tanh input zero point": (
        TANH_INT16,
        Refusal("kUnsupportedQuantization", "y", "not 0", {"x": {"zero_point": 1}}),
    ),
    "int16 tanh input scale": (TANH_INT16, Refusal("kUnsupportedQuantization", "x", "8/3", {"x": {"scale": 2.67}})),
    "int16 softmax output scale": (
        SOFTMAX_INT16,
        Refusal("kUnsupportedQuantization", "y", "not 2^-15", {"y": {"scale": 2.0**-15 * 0.998}}),
    ),
    "int16 softmax zero point": (
        SOFTMAX_INT16,
        Refusal("kUnsupportedQuantization", "y", "not 0", {"x": {"zero_point": 4}}),
    ),
    "int16 softmax beta": (SOFTMAX_INT16, Refusal("kUnsupportedOption", "x", "beta", options={"beta": 0.0})),
    "int16 softmax of a very long row": (
        SOFTMAX_INT16,
        Refusal("kTooLarge", "x", "exceeds 65536", {name: {"shape": (1, 65537)} for name in "xy"}),
    ),
}


@pytest.mark.parametrize(("operator", "refusal"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(operator: Operator, refusal: Refusal) -> None:
    assert_refused(operator, refusal)
