# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE of real and of quantized tensors, and DEQUANTIZE."""

from __future__ import annotations

import numpy as np
import pytest

import microplan
from support.models import Case, Check, Network, Value, build
from support.reference import assert_conforms
from support.refusals import Operator, Refusal, Spec, assert_refused


def shapes_case(*shape: int) -> Case:
    """A real tensor between two quantized ones, then another scale."""

    def case(n: Network) -> Value:
        x = n.quantize(n.input(*shape, dtype="float32"), scale=0.07, zero_point=-4)
        return n.quantize(x, scale=0.11, zero_point=9)

    return case


SHAPES = [(1,), (7,), (3, 5), (2, 3, 5), (1, 4, 3, 5), (2, 4, 3, 5), (2, 1, 2, 3, 5), (1, 1, 1, 70)]

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
    "twice": ((0.5, 1), (0.25, 2)),
    "a third": ((0.1, 0), (0.3, 0)),
    "just below 1": ((0.1, 0), (0.1000001, 0)),
    "just above 1": ((0.1000001, 0), (0.1, 0)),
    "2^20 finer": ((1.0, 0), (2.0**-20, 0)),
    "all that is left is the sign": ((2.0**-9, 0), (1.0, 0)),
    "nothing is left": ((1e-20, 5), (1.0, 17)),
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes(conforms: Check, shape: tuple[int, ...]) -> None:
    conforms(build(shapes_case(*shape)))


@pytest.mark.parametrize("source", ["int8", "int16"])
@pytest.mark.parametrize(("x", "y"), ARITHMETIC.values(), ids=ARITHMETIC)
def test_from_quantized(conforms: Check, source: str, x: tuple[float, int], y: tuple[float, int]) -> None:
    n = Network()
    zero_point = x[1] * 256 if source == "int16" else x[1]
    value = n.model_input(64, 16, dtype=source, scale=x[0], zero_point=zero_point)
    conforms(n.finish(n.quantize(value, scale=y[0], zero_point=y[1])))


@pytest.mark.parametrize(("x", "y"), ARITHMETIC.values(), ids=ARITHMETIC)
def test_through_real(conforms: Check, x: tuple[float, int], y: tuple[float, int]) -> None:
    n = Network()
    value = n.dequantize(n.model_input(64, 16, scale=x[0], zero_point=x[1]))
    conforms(n.finish(n.quantize(value, scale=y[0], zero_point=y[1]), value))


@pytest.mark.parametrize(("scale", "zero_point"), [(0.05, 3), (1.0, 0), (0.1, -128), (0.3, 127)])
def test_real_values_at_the_edges(scale: float, zero_point: int) -> None:
    halves = (np.arange(-300, 300, dtype=np.float32) + np.float32(0.5)) * np.float32(scale)
    others = np.array([0, -0.0, 1e-40, 1e-30, -1e-30, 1e8, -1e8], np.float32)
    values = np.concatenate([halves, np.nextafter(halves, 9e9), np.nextafter(halves, -9e9), others])
    assert_conforms(quantizer(values.size, scale, zero_point), [[values.astype(np.float32)]])


def test_real_values_without_an_oracle() -> None:
    # From 2^31 steps on the reference overflows.
    values = np.array([3e38, -3e38, 3e9, -3e9, np.inf, -np.inf, np.nan], np.float32)
    found = microplan.Interpreter(quantizer(values.size, 1.0, 5)).invoke(values)[0]
    assert found.tolist() == [127, -128, 127, -128, 127, -128, -128]


def quantizer(elements: int, scale: float, zero_point: int) -> bytes:
    n = Network()
    x = n.model_input(elements, dtype="float32")
    return n.finish(n.quantize(x, scale=scale, zero_point=zero_point))


def test_constants(conforms: Check) -> None:
    n = Network()
    constant = n.dequantize(n.constant(1, 4, 3, 5))
    requantized = n.quantize(n.constant(1, 4, 3, 5), scale=0.02, zero_point=-1)
    conforms(n.finish(n.add(requantized, n.input(1, 4, 3, 5)), constant))


QUANTIZE = Operator(
    "QUANTIZE",
    inputs={"x": Spec((2, 5), "float32", scale=None)},
    outputs={"y": Spec((2, 5))},
    options={},
)
REQUANTIZE = Operator("QUANTIZE", {"x": Spec((2, 5))}, QUANTIZE.outputs, {})
DEQUANTIZE = Operator("DEQUANTIZE", REQUANTIZE.inputs, {"y": Spec((2, 5), "float32", scale=None)}, {})

REFUSALS = {
    "real to int64": (QUANTIZE, Refusal("kUnsupportedType", "x", "no kernel", {"y": {"dtype": "int64"}})),
    "bool to int8": (QUANTIZE, Refusal("kUnsupportedType", "x", "no kernel", {"x": {"dtype": "bool"}})),
    "int64 to real": (DEQUANTIZE, Refusal("kUnsupportedType", "x", "no kernel", {"x": {"dtype": "int64"}})),
    "int8 to int8 by DEQUANTIZE": (
        DEQUANTIZE,
        Refusal("kUnsupportedType", "x", "no kernel", {"y": {"dtype": "int8", "scale": 0.5}}),
    ),
    "other shape": (QUANTIZE, Refusal("kUnsupportedShape", "y", "differ in shape", {"y": {"shape": (5, 2)}})),
    "other shape, requantized": (
        REQUANTIZE,
        Refusal("kUnsupportedShape", "y", "differ in shape", {"y": {"shape": (10,)}}),
    ),
    "other shape, dequantized": (
        DEQUANTIZE,
        Refusal("kUnsupportedShape", "y", "differ in shape", {"y": {"shape": (2, 6)}}),
    ),
    "output without scale": (
        QUANTIZE,
        Refusal("kUnsupportedQuantization", "y", "no scale", {"y": {"scale": None}}),
    ),
    "output of two scales": (
        REQUANTIZE,
        Refusal("kUnsupportedQuantization", "y", "per channel", {"y": {"scale": [0.5, 0.25]}}),
    ),
    "constant of two scales": (
        DEQUANTIZE,
        Refusal(
            "kUnsupportedQuantization",
            "x",
            "one positive scale",
            {"x": {"constant": True, "scale": [0.5, 0.25]}},
        ),
    ),
    "constant of scale 0": (
        REQUANTIZE,
        Refusal("kUnsupportedQuantization", "x", "one positive scale", {"x": {"constant": True, "scale": 0.0}}),
    ),
    "2^31 finer": (
        REQUANTIZE,
        Refusal("kUnsupportedQuantization", "y", "exceeds 2^30", {"y": {"scale": 2.0**-32}}),
    ),
}


@pytest.mark.parametrize(("operator", "refusal"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(operator: Operator, refusal: Refusal) -> None:
    assert_refused(operator, refusal)
