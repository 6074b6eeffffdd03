# SPDX-License-Identifier: Apache-2.0
"""MUL, SUB, ADD of other types than int8, and QUANTIZE and DEQUANTIZE between all pairs of types."""

from __future__ import annotations

import numpy as np
import pytest

from support.models import Check
from support.operators import Operators
from support.reference import Array, assert_conforms
from support.refusals import Operator, Refusal, Spec, assert_refused

# Every operator and type beside ADD of int8, which has tables of its own.
TYPES = ("int8", "int16", "int32", "float32")
BINARY = [(operator, dtype) for operator in ("ADD", "SUB", "MUL") for dtype in TYPES][1:]
each_binary = pytest.mark.parametrize(("operator", "dtype"), BINARY, ids=lambda value: value)

# Shapes of the inputs.
SHAPES = [
    ((), ()),
    ((7,), (7,)),
    ((3, 5), (3, 5)),
    ((2, 4, 3, 5), (2, 4, 3, 5)),
    ((1, 4, 3, 5), (5,)),
    ((1,), (1, 4, 3, 5)),
    ((1, 4, 3, 5), (1, 1, 3, 1)),
    ((2, 1, 3, 1), (1, 4, 1, 5)),
    ((5, 1, 3), (1, 4, 1)),
    ((2, 3, 1, 4, 5), (2, 1, 3, 4, 1)),
]


@pytest.mark.parametrize("shapes", SHAPES, ids=lambda shapes: f"{shapes[0]} and {shapes[1]}")
@each_binary
def test_shapes(conforms: Check, operator: str, dtype: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    n = Operators()
    a, b = (n.source(*shape, dtype=dtype, scale=0.02 * (1 + i)) for i, shape in enumerate(shapes))
    if operator != "MUL" and dtype == "int32":
        # The reference overflows from 2^31 on.
        a, b = (n.binary("MUL", x, x, activation="RELU6") for x in (a, b))
    conforms(n.finish(n.binary(operator, a, b)))


# The reference leaves the activation of an int32 sum out; here it is refused.
@pytest.mark.parametrize("activation", ["RELU", "RELU6", "RELU_N1_TO_1"])
@pytest.mark.parametrize(("operator", "dtype"), [row for row in BINARY if row != ("ADD", "int32")])
def test_activations(conforms: Check, operator: str, dtype: str, activation: str) -> None:
    n = Operators()
    a, b = (n.source(1, 4, 3, 5, dtype=dtype) for _ in range(2))
    conforms(n.finish(n.binary(operator, a, b, activation=activation, scale=0.05, zero_point=-100)))


@each_binary
def test_an_input_twice_and_constants(conforms: Check, operator: str, dtype: str) -> None:
    n = Operators()
    x = n.source(1, 3, 4, 5, dtype=dtype)
    if operator != "MUL" and dtype == "int32":
        x = n.binary("MUL", x, x, activation="RELU6")
    constant = n.given([-7, 30, 0, 1, -1], dtype, like=x)
    conforms(n.finish(n.binary(operator, n.binary(operator, x, x), constant), n.binary(operator, constant, x)))


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("seed", range(40))
def test_random_scales(seed: int, dtype: str) -> None:
    rng = np.random.default_rng(seed)
    n = Operators(seed)
    symmetric = dtype == "int16"
    scales = [float(np.float32(10 ** rng.uniform(-4, 0))) for _ in range(2)]
    if seed % 3 == 0:
        scales[1] = scales[0] * float(rng.choice([1, 2, 0.5, 1.0000001]))
    a, b = (
        n.model_input(8, 512, dtype=dtype, scale=scale, zero_point=0 if symmetric else int(rng.integers(-128, 128)))
        for scale in scales
    )
    total = float(max(scales) * 10 ** rng.uniform(-1, 1))
    product = float(scales[0] * scales[1] * 10 ** rng.uniform(1, 5) * (128 if symmetric else 1))
    zero_point = int(rng.integers(-128, 128))
    outputs = [
        n.binary(operator, first, second, scale=scale, zero_point=zero_point)
        for operator, scale in (("ADD", total), ("SUB", total), ("MUL", product))
        for first, second in ((a, b), (b, a))
    ]
    limits = np.iinfo(dtype)
    shape = (8, 512)
    extremes = [rng.choice([limits.min, limits.min + 1, -1, 0, 1, limits.max], shape).astype(dtype) for _ in range(2)]
    lowest = [np.full(shape, limits.min, dtype)] * 2
    uniform = [rng.integers(limits.min, limits.max, shape, dtype, endpoint=True) for _ in range(2)]
    assert_conforms(n.finish(*outputs), [uniform, extremes, lowest])


@pytest.mark.parametrize("finest", [1.01, 2.0, 100.0])
def test_int16_outputs_as_fine_as_can_be(finest: float) -> None:
    n = Operators()
    a, b = (n.model_input(4, 64, dtype="int16", scale=scale, zero_point=0) for scale in (0.5, 0.3))
    assert_conforms(n.finish(n.binary("ADD", a, b, scale=0.5 / 2**14 * finest)), 4)


# Every pair of types, with zero points that are within both.
REQUANTIZED = [
    ("int8", "int8"),
    ("int8", "uint8"),
    ("int8", "int16"),
    ("int8", "int32"),
    ("uint8", "int8"),
    ("int16", "int8"),
    ("int16", "int16"),
    ("int16", "int32"),
    ("int32", "int8"),
    ("int32", "int16"),
]
RATIOS = {"equal": 1.0, "finer": 0.31, "coarser": 2.7, "half": 2.0, "2^7 finer": 2.0**-7, "nothing is left": 2.0**33}


def every_value(dtype: str, largest: int) -> Array:
    limits = np.iinfo(dtype)
    if dtype != "int32":
        return np.arange(limits.min, limits.max + 1).astype(dtype)
    values = np.random.default_rng(0).integers(-largest, largest, 65536, np.int32, endpoint=True)
    values[:4] = -largest, largest, 0, 1
    return values


@pytest.mark.parametrize("zero_points", [(0, 0), (5, 5), (3, 90)], ids=str)
@pytest.mark.parametrize("ratio", RATIOS.values(), ids=RATIOS)
@pytest.mark.parametrize(("source", "target"), REQUANTIZED, ids=lambda value: value)
def test_every_value_requantized(source: str, target: str, ratio: float, zero_points: tuple[int, int]) -> None:
    values = every_value(source, largest=2**23)
    n = Operators()
    x = n.model_input(1, values.size, dtype=source, scale=0.25, zero_point=zero_points[0])
    y = n.quantize(x, target, scale=0.25 * ratio, zero_point=zero_points[1])
    assert_conforms(n.finish(y), [[values[None]]])


@pytest.mark.parametrize(("source", "target"), [("uint8", "int8"), ("int8", "uint8")])
def test_the_same_bytes_with_another_sign(conforms: Check, source: str, target: str) -> None:
    n = Operators()
    zero_points = (131, 3) if source == "uint8" else (3, 131)
    x = n.model_input(1, 4, 4, 16, dtype=source, scale=0.1, zero_point=zero_points[0])
    conforms(n.finish(n.quantize(x, target, scale=0.1, zero_point=zero_points[1])))


@pytest.mark.parametrize("zero_point", [0, 77])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_every_value_dequantized(dtype: str, zero_point: int) -> None:
    values = every_value(dtype, 0)
    n = Operators()
    x = n.model_input(1, values.size, dtype=dtype, scale=0.0371, zero_point=zero_point)
    assert_conforms(n.finish(n.dequantize(x)), [[values[None]]])


@pytest.mark.parametrize(("scale", "zero_point"), [(0.05, 0), (1.0, -300), (0.1, 32767)])
def test_real_values_to_int16(scale: float, zero_point: int) -> None:
    halves = (np.arange(-33000, 33000, dtype=np.float32) + np.float32(0.5)) * np.float32(scale)
    n = Operators()
    x = n.model_input(1, halves.size, dtype="float32")
    values = [halves, np.nextafter(halves, np.float32(9e9)), np.nextafter(halves, np.float32(-9e9))]
    model = n.finish(n.quantize(x, "int16", scale=scale, zero_point=zero_point))
    assert_conforms(model, [[array[None]] for array in values])


@pytest.mark.parametrize("shape", [(1,), (7,), (3, 5), (2, 4, 3, 5), (2, 1, 2, 3, 5)], ids=str)
def test_shapes_between_types(conforms: Check, shape: tuple[int, ...]) -> None:
    n = Operators()
    x = n.quantize(n.source(*shape), "int16", scale=0.0003, zero_point=0)
    wide = n.quantize(x, "int32", scale=0.0001, zero_point=4)
    conforms(
        n.finish(
            n.dequantize(x),
            n.quantize(wide, "int8", scale=0.07),
            n.quantize(wide, "int16", scale=0.0005, zero_point=0),
            n.dequantize(n.quantize(n.source(*shape), "uint8", scale=0.04, zero_point=130)),
        )
    )


def binary(operator: str, dtype: str) -> Operator:
    scale = 0.5 if dtype in ("int8", "int16") else None
    spec = Spec((2, 5), dtype, scale=scale)
    return Operator(operator, {"a": spec, "b": spec}, {"y": spec}, {})


MUL_INT8 = binary("MUL", "int8")
ADD_INT16 = binary("ADD", "int16")
MUL_INT16 = binary("MUL", "int16")
ADD_INT32 = binary("ADD", "int32")
SUB_INT16 = binary("SUB", "int16")
SUB_INT32 = binary("SUB", "int32")

REFUSALS = {
    "mixed types": (MUL_INT8, Refusal("kUnsupportedType", "a", "no kernel", {"b": {"dtype": "int16"}})),
    "other output type": (MUL_INT16, Refusal("kUnsupportedType", "a", "no kernel", {"y": {"dtype": "int8"}})),
    "uint8": (MUL_INT8, Refusal("kUnsupportedType", "a", "no kernel", {name: {"dtype": "uint8"} for name in "aby"})),
    "other shape": (MUL_INT8, Refusal("kUnsupportedShape", "b", "do not broadcast", {"b": {"shape": (2, 4)}})),
    "tanh": (MUL_INT8, Refusal("kUnsupportedOption", "y", "fused", options={"fused_activation_function": "TANH"})),
    "product of 2^31 steps": (
        MUL_INT8,
        Refusal("kUnsupportedQuantization", "y", "exceeds 2^30", {"y": {"scale": 2.0**-33}}),
    ),
    "int16 zero point": (MUL_INT16, Refusal("kUnsupportedQuantization", "b", "not 0", {"b": {"zero_point": 1}})),
    "int16 output zero point": (
        ADD_INT16,
        Refusal("kUnsupportedQuantization", "y", "not 0", {"y": {"zero_point": -1}}),
    ),
    "int16 output too fine": (
        ADD_INT16,
        Refusal("kUnsupportedQuantization", "y", "2^14", {"y": {"scale": 2.0**-15}}),
    ),
    "int16 difference too fine": (
        SUB_INT16,
        Refusal("kUnsupportedQuantization", "y", "2^14", {"y": {"scale": 2.0**-15}}),
    ),
    "int32 difference with a scale": (
        SUB_INT32,
        Refusal("kUnsupportedQuantization", "b", "with a scale", {"b": {"scale": 0.5}}),
    ),
    "int32 activation": (
        ADD_INT32,
        Refusal("kUnsupportedOption", "y", "activation", options={"fused_activation_function": "RELU"}),
    ),
    "int32 scale": (ADD_INT32, Refusal("kUnsupportedQuantization", "b", "with a scale", {"b": {"scale": 0.5}})),
}


@pytest.mark.parametrize(("operator", "refusal"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(operator: Operator, refusal: Refusal) -> None:
    assert_refused(operator, refusal)
