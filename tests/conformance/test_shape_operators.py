# SPDX-License-Identifier: Apache-2.0
"""Operators that move elements: CONCATENATION, TRANSPOSE, STRIDED_SLICE, and PAD of other types than int8."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

import microplan
from support.models import Check
from support.operators import Operators
from support.reference import Array, assert_conforms, random_inputs
from support.refusals import Operator, Refusal, Spec, assert_refused

TYPES = ["int8", "int16", "int32", "float32"]

# Shapes of the inputs, axis.
CONCATENATIONS = {
    "channels": ([(1, 4, 3, 5), (1, 4, 3, 2)], 3),
    "width": ([(1, 4, 3, 5), (1, 4, 2, 5)], 2),
    "height": ([(1, 4, 3, 5), (1, 2, 3, 5)], 1),
    "batch": ([(1, 4, 3, 5), (2, 4, 3, 5)], 0),
    "last axis": ([(2, 4, 3, 5), (2, 4, 3, 2)], -1),
    "height of two batches": ([(2, 4, 3, 5), (2, 1, 3, 5), (2, 3, 3, 5)], -3),
    "vectors": ([(4,), (1,), (7,)], 0),
    "columns": ([(3, 4), (3, 1)], 1),
    "rows": ([(3, 4), (1, 4)], 0),
    "3 dimensions": ([(2, 3, 4), (2, 1, 4)], 1),
    "5 dimensions": ([(2, 3, 2, 2, 4), (2, 1, 2, 2, 4)], 1),
    "one input": ([(2, 3, 2, 4)], 1),
    "10 inputs": ([(1, 2, 2, channels) for channels in range(1, 11)], 3),
    "10 inputs of one row": ([(1, 1, 2, 3)] * 10, 1),
}


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("shapes", "axis"), CONCATENATIONS.values(), ids=CONCATENATIONS)
def test_concatenation(conforms: Check, shapes: list[tuple[int, ...]], axis: int, dtype: str) -> None:
    n = Operators()
    conforms(n.finish(n.concatenation(*(n.source(*shape, dtype=dtype) for shape in shapes), axis=axis)))


def test_concatenation_of_constants_and_repeated_inputs(conforms: Check) -> None:
    n = Operators()
    x = n.source(1, 4, 3, 5)
    conforms(n.finish(n.concatenation(n.constant(1, 2, 3, 5), x, x, n.constant(1, 1, 3, 5), axis=1)))


@pytest.mark.parametrize("dtype", ["bool", "int64"])
def test_concatenation_of_other_types(dtype: str) -> None:
    n = Operators()
    inputs = [n.source(1, 2, channels, dtype=dtype) for channels in (3, 4)]
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 2, x.shape).astype(dtype) for x in inputs]
    assert_conforms(n.finish(n.concatenation(*inputs, axis=2)), [arrays])


@pytest.mark.parametrize("permutation", list(permutations(range(4))), ids=str)
def test_every_transposition_of_an_image(conforms: Check, permutation: tuple[int, ...]) -> None:
    n = Operators()
    conforms(n.finish(n.transpose(n.source(2, 4, 3, 5), *permutation)))


TRANSPOSITIONS = [
    ((7,), (0,)),
    ((3, 4), (1, 0)),
    ((3, 4), (0, 1)),
    ((2, 3, 4), (2, 0, 1)),
    ((2, 3, 4), (1, 0, 2)),
    ((1, 4, 3, 5), (0, 3, 1, 2)),
    ((1, 4, 3, 5), (0, 2, 1, 3)),
    ((2, 3, 2, 3, 4), (0, 1, 2, 4, 3)),
    ((2, 3, 2, 3, 4), (4, 2, 0, 3, 1)),
]


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
@pytest.mark.parametrize(("shape", "permutation"), TRANSPOSITIONS, ids=str)
def test_transpose(conforms: Check, shape: tuple[int, ...], permutation: tuple[int, ...], dtype: str) -> None:
    n = Operators()
    conforms(n.finish(n.transpose(n.source(*shape, dtype=dtype), *permutation)))


# Shape, begin, end, strides, and further arguments of strided_slice.
IMAGE = (2, 6, 5, 4)
ZEROS = (0, 0, 0, 0)
SLICES: dict[str, tuple[Any, ...]] = {
    "all": (IMAGE, ZEROS, IMAGE, None, {}),
    "rows": (IMAGE, (0, 2, 0, 0), (2, 5, 5, 4), None, {}),
    "every second row": (IMAGE, (0, 1, 0, 0), IMAGE, (1, 2, 1, 1), {}),
    "columns": (IMAGE, (0, 0, 1, 0), (2, 6, 4, 4), None, {}),
    "every third column": (IMAGE, ZEROS, IMAGE, (1, 1, 3, 1), {}),
    "channels": (IMAGE, (0, 0, 0, 1), (2, 6, 5, 3), None, {}),
    "every second channel": (IMAGE, ZEROS, IMAGE, (1, 1, 1, 2), {}),
    "the second image": (IMAGE, (1, 0, 0, 0), IMAGE, None, {}),
    "all at once": (IMAGE, (0, 1, 1, 1), (2, 5, 5, 4), (1, 3, 2, 2), {}),
    "negative indices": (IMAGE, (0, -5, -4, -3), (2, -1, -1, -1), None, {}),
    "indices beyond the ends": (IMAGE, (-9, -9, -9, -9), (9, 9, 9, 9), None, {}),
    "rows backwards": (IMAGE, (0, 5, 0, 0), (2, 0, 5, 4), (1, -1, 1, 1), {}),
    "every second row backwards": (IMAGE, (0, -1, 0, 0), (2, -9, 5, 4), (1, -2, 1, 1), {}),
    "columns backwards": (IMAGE, (0, 0, 4, 0), (2, 6, -9, 4), (1, 1, -1, 1), {}),
    "channels backwards": (IMAGE, (0, 0, 0, 9), (2, 6, 5, -9), (1, 1, 1, -1), {}),
    "everything backwards": (IMAGE, IMAGE, ZEROS, (-1, -1, -1, -1), {"begin_mask": 15, "end_mask": 15}),
    "masks": (IMAGE, (1, 2, 3, 1), (1, 3, 4, 2), None, {"begin_mask": 9, "end_mask": 6}),
    "a row": (IMAGE, (0, 2, 0, 0), (2, 3, 5, 4), None, {"shrink_axis_mask": 2}),
    "a row from the end": (IMAGE, (0, -1, 0, 0), (2, 0, 5, 4), None, {"shrink_axis_mask": 2}),
    "a column": (IMAGE, (0, 0, 2, 0), (2, 6, 3, 4), None, {"shrink_axis_mask": 4}),
    "a channel": (IMAGE, (0, 0, 0, 3), (2, 6, 5, 4), None, {"shrink_axis_mask": 8}),
    "an image": (IMAGE, (1, 0, 0, 0), (2, 6, 5, 4), None, {"shrink_axis_mask": 1}),
    "a pixel": (IMAGE, (1, 4, 2, 0), (2, 5, 3, 4), None, {"shrink_axis_mask": 7}),
    "an element": (IMAGE, (1, 4, 2, 3), (2, 5, 3, 4), None, {"shrink_axis_mask": 15}),
    "a part of a row": (IMAGE, (1, 4, 1, 0), (2, 5, 4, 4), None, {"shrink_axis_mask": 3}),
    "vector": ((9,), (2,), (8,), (3,), {}),
    "vector backwards": ((9,), (-2,), (1,), (-3,), {}),
    "matrix": ((5, 7), (1, 2), (4, 6), (2, 3), {}),
    "last of a sequence": ((1, 6, 7), (0, -1, 0), (1, 0, 7), None, {"shrink_axis_mask": 2}),
}


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("shape", "begin", "end", "strides", "masks"), SLICES.values(), ids=SLICES)
def test_strided_slice(
    conforms: Check, shape: Any, begin: Any, end: Any, strides: Any, masks: dict[str, int], dtype: str
) -> None:
    n = Operators()
    conforms(n.finish(n.strided_slice(n.source(*shape, dtype=dtype), begin, end, strides, **masks)))


@pytest.mark.parametrize("seed", range(30))
def test_random_slices(conforms: Check, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = Operators(seed)
    x = n.source(*rng.integers(1, 8, int(rng.integers(1, 5))).tolist(), dtype=str(rng.choice(TYPES)))
    index = [random_range(rng, size) for size in x.shape]
    conforms(n.finish(n.strided_slice(x, *zip(*index, strict=True))))


def random_range(rng: np.random.Generator, size: int) -> tuple[int, int, int]:
    """Begin, end and stride that take at least one of `size` indices."""
    while True:
        begin, end = rng.integers(-size - 2, size + 3, 2).tolist()
        stride = int(rng.choice([-100, -2, -1, 1, 1, 1, 2, 3, 100]))
        if range(size)[begin:end:stride]:
            return begin, end, stride


def run(model: bytes, seed: int = 0) -> tuple[Array, Array]:
    """A random input and its output."""
    interpreter = microplan.Interpreter(model)
    (values,) = random_inputs(interpreter.inputs, np.random.default_rng(seed))
    return values, interpreter.invoke(values)[0]


@pytest.mark.parametrize("stride", [2**31 - 1, -(2**31)])
def test_strides_without_an_oracle(stride: int) -> None:
    # The reference overflows.
    n = Operators()
    model = n.finish(n.strided_slice(n.model_input(3, 7), (0, 4), (3, 5 if stride > 0 else 3), (1, stride)))
    values, found = run(model)
    np.testing.assert_array_equal(found, values[:, 4:5])


def test_more_dimensions_than_the_reference_takes() -> None:
    n = Operators()
    model = n.finish(n.strided_slice(n.model_input(2, 3, 4, 2, 3, 5), (0,) * 6, (2, 3, 4, 2, 3, 5), (1, 2, 3, 1, 2, 2)))
    values, found = run(model)
    np.testing.assert_array_equal(found, values[:, ::2, ::3, :, ::2, ::2])
    n = Operators()
    values, found = run(n.finish(n.transpose(n.model_input(2, 3, 4, 2, 3, 5), 5, 0, 3, 1, 4, 2)))
    np.testing.assert_array_equal(found, values.transpose(5, 0, 3, 1, 4, 2))


PADS = {
    "image": ((1, 4, 3, 5), ((0, 0), (1, 2), (2, 1), (0, 0))),
    "channels": ((1, 4, 3, 5), ((0, 0), (1, 0), (0, 1), (2, 3))),
    "batch": ((2, 4, 3, 5), ((1, 1), (0, 0), (1, 1), (0, 0))),
    "vector": ((7,), ((3, 2),)),
    "matrix": ((3, 5), ((1, 0), (0, 2))),
    "5 dimensions": ((2, 2, 2, 3, 4), ((1, 0), (0, 1), (1, 1), (2, 0), (0, 1))),
}


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
@pytest.mark.parametrize("value", [None, -77], ids=["zero", "value"])
@pytest.mark.parametrize(("shape", "paddings"), PADS.values(), ids=PADS)
def test_pad(conforms: Check, shape: Any, paddings: Any, value: int | None, dtype: str) -> None:
    n = Operators()
    conforms(n.finish(n.pad(n.source(*shape, dtype=dtype), paddings, value=value)))


def constant(values: Any) -> Spec:
    return Spec(np.shape(values), "int32", True, values, None)


CONCATENATION = Operator(
    "CONCATENATION", {"a": Spec((1, 2, 3)), "b": Spec((1, 2, 4))}, {"y": Spec((1, 2, 7))}, {"axis": 2}
)
TRANSPOSE = Operator("TRANSPOSE", {"x": Spec((1, 2, 3)), "order": constant([2, 0, 1])}, {"y": Spec((3, 1, 2))}, {})
STRIDED_SLICE = Operator(
    "STRIDED_SLICE",
    {"x": Spec((4, 6)), "begin": constant([0, 1]), "end": constant([4, 5]), "strides": constant([1, 2])},
    {"y": Spec((4, 2))},
    {},
)
PAD = Operator(
    "PADV2",
    {"x": Spec((4,), "int16"), "paddings": constant([[1, 1]]), "value": Spec((), "int16", True)},
    {"y": Spec((6,), "int16")},
    {},
)
# The reference copies int16 whatever the scales are; no converter writes such an operator.
INT16 = {name: {"dtype": "int16"} for name in "aby"}

REFUSALS = {
    "concatenation of two types": (
        CONCATENATION,
        Refusal("kUnsupportedType", "b", "the output's type", {"b": {"dtype": "int16"}}),
    ),
    "concatenation to another type": (
        CONCATENATION,
        Refusal("kUnsupportedType", "a", "no kernel", {"y": {"dtype": "int16"}}),
    ),
    "concatenation of two scales": (
        CONCATENATION,
        Refusal("kUnsupportedQuantization", "b", "as the output", {"b": {"scale": 0.25}}),
    ),
    "concatenation of two zero points": (
        CONCATENATION,
        Refusal("kUnsupportedQuantization", "a", "as the output", {"a": {"zero_point": 1}}),
    ),
    "concatenation of two int16 scales": (
        CONCATENATION,
        Refusal("kUnsupportedQuantization", "b", "as the output", {**INT16, "b": {"dtype": "int16", "scale": 0.25}}),
    ),
    "concatenation with an activation": (
        CONCATENATION,
        Refusal("kUnsupportedOption", "y", "activation", options={"fused_activation_function": "RELU"}),
    ),
    "concatenation along no axis": (CONCATENATION, Refusal("kUnsupportedOption", "y", "axis", options={"axis": 3})),
    "concatenation along axis -4": (CONCATENATION, Refusal("kUnsupportedOption", "y", "axis", options={"axis": -4})),
    "concatenation of two heights": (
        CONCATENATION,
        Refusal("kUnsupportedShape", "b", "beside the axis", {"b": {"shape": (1, 3, 4)}}),
    ),
    "concatenation of two ranks": (
        CONCATENATION,
        Refusal("kUnsupportedShape", "b", "beside the axis", {"b": {"shape": (2, 4)}}),
    ),
    "concatenation too long": (
        CONCATENATION,
        Refusal("kUnsupportedShape", "y", "as long as", {"y": {"shape": (1, 2, 8)}}),
    ),
    "computed permutation": (
        TRANSPOSE,
        Refusal("kNotConstant", "order", "must be a constant", {"order": {"constant": False, "data": None}}),
    ),
    "permutation of int64": (
        TRANSPOSE,
        Refusal("kUnsupportedShape", "order", "do not go together", {"order": {"dtype": "int64"}}),
    ),
    "permutation too short": (
        TRANSPOSE,
        Refusal("kUnsupportedShape", "order", "do not go together", {"order": {"shape": (2,), "data": [1, 0]}}),
    ),
    "a dimension twice": (TRANSPOSE, Refusal("kUnsupportedOption", "order", "once", {"order": {"data": [2, 0, 2]}})),
    "dimension 3": (TRANSPOSE, Refusal("kUnsupportedOption", "order", "once", {"order": {"data": [3, 0, 1]}})),
    "dimension -1": (TRANSPOSE, Refusal("kUnsupportedOption", "order", "once", {"order": {"data": [-1, 0, 1]}})),
    "transposed to another shape": (
        TRANSPOSE,
        Refusal("kUnsupportedShape", "y", "made of", {"y": {"shape": (3, 2, 1)}}),
    ),
    "int64 elements": (
        TRANSPOSE,
        Refusal("kUnsupportedType", "x", "4 bytes", {name: {"dtype": "int64"} for name in "xy"}),
    ),
    "transposed to another type": (
        TRANSPOSE,
        Refusal("kUnsupportedType", "x", "no kernel", {"y": {"dtype": "int16"}}),
    ),
    "computed begin": (
        STRIDED_SLICE,
        Refusal("kNotConstant", "begin", "must be a constant", {"begin": {"constant": False, "data": None}}),
    ),
    "end too short": (
        STRIDED_SLICE,
        Refusal("kUnsupportedShape", "end", "do not go with", {"end": {"shape": (1,), "data": [4]}}),
    ),
    "stride 0": (STRIDED_SLICE, Refusal("kUnsupportedOption", "strides", "is 0", {"strides": {"data": [1, 0]}})),
    "ellipsis": (STRIDED_SLICE, Refusal("kUnsupportedOption", "x", "ellipsis", options={"ellipsis_mask": 1})),
    "new axis": (STRIDED_SLICE, Refusal("kUnsupportedOption", "x", "new axis", options={"new_axis_mask": 1})),
    "offsets": (STRIDED_SLICE, Refusal("kUnsupportedOption", "x", "offsets", options={"offset": True})),
    "an empty slice": (STRIDED_SLICE, Refusal("kUnsupportedShape", "y", "as large as", {"end": {"data": [0, 5]}})),
    "another output": (STRIDED_SLICE, Refusal("kUnsupportedShape", "y", "as large as", {"y": {"shape": (4, 3)}})),
    "output with a further axis": (
        STRIDED_SLICE,
        Refusal("kUnsupportedShape", "y", "as large as", {"y": {"shape": (4, 2, 1)}}),
    ),
    "output without an axis": (
        STRIDED_SLICE,
        Refusal("kUnsupportedShape", "y", "as large as", {"y": {"shape": (4,)}}),
    ),
    "an index behind the end": (
        STRIDED_SLICE,
        Refusal(
            "kUnsupportedOption",
            "begin",
            "behind the end",
            {"begin": {"data": [0, 6]}, "y": {"shape": (4,)}},
            {"shrink_axis_mask": 2},
        ),
    ),
    "a dropped axis backwards": (
        STRIDED_SLICE,
        Refusal(
            "kUnsupportedOption",
            "strides",
            "negative",
            {"strides": {"data": [1, -1]}, "y": {"shape": (4,)}},
            {"shrink_axis_mask": 2},
        ),
    ),
    "padding value of another type": (
        PAD,
        Refusal("kUnsupportedType", "value", "output's type", {"value": {"dtype": "int8"}}),
    ),
    "two padding values": (PAD, Refusal("kUnsupportedType", "value", "one element", {"value": {"shape": (2,)}})),
}


@pytest.mark.parametrize(("operator", "refusal"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(operator: Operator, refusal: Refusal) -> None:
    assert_refused(operator, refusal)
