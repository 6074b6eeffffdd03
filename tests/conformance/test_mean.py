# SPDX-License-Identifier: Apache-2.0
"""MEAN over all sets of dimensions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from support.models import Check
from support.operators import Operators
from support.refusals import Operator, Refusal, Spec, assert_refused

TYPES = ["int8", "int16", "float32"]

# Shape of the input, axes.
CASES = {
    "height and width": ((2, 5, 4, 7), (1, 2)),
    "width and height": ((2, 5, 4, 7), (2, 1)),
    "negative axes": ((2, 5, 4, 7), (-3, 2)),
    "an axis twice": ((2, 5, 4, 7), (1, -3, 1)),
    "a scalar axis": ((2, 5, 4, 7), -1),
    "many channels": ((1, 3, 3, 70), (1, 2)),
    "one element": ((1, 1, 1, 1), (1, 2)),
    "nothing to add": ((2, 1, 1, 5), (1, 2)),
    "vector": ((9,), (0,)),
    "rows of a matrix": ((5, 9), (1,)),
    "columns of a matrix": ((5, 9), (0,)),
    "all of a matrix": ((5, 9), (0, 1)),
    "time": ((2, 12, 5), (1,)),
    "outer and inner": ((4, 3, 5), (0, 2)),
    "5 dimensions": ((2, 3, 2, 3, 4), (1, 3)),
    "6 dimensions": ((2, 3, 2, 2, 2, 4), (0, 2, 4)),
}

# Scale and zero point of input and output.
ARITHMETIC = {
    "equal": ((0.05, 3), (0.05, 3)),
    "another zero point": ((0.05, 3), (0.05, -40)),
    "zero points at the ends": ((0.05, -128), (0.05, 127)),
    "coarser": ((0.05, 3), (0.3, -5)),
    "finer": ((0.3, -5), (0.05, 3)),
    "much finer": ((1.0, 0), (2.0**-12, 0)),
    "much coarser": ((2.0**-28, 3), (1.0, 17)),
    "shifted as far as can be": ((2.0**-31, 3), (1.0, 17)),
    "nothing is left": ((1e-20, 5), (1.0, 17)),
}


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("keep_dims", [True, False], ids=["kept", "dropped"])
@pytest.mark.parametrize(("shape", "axes"), CASES.values(), ids=CASES)
def test_mean(conforms: Check, shape: tuple[int, ...], axes: tuple[int, ...], keep_dims: bool, dtype: str) -> None:
    n = Operators()
    conforms(n.finish(n.mean(n.source(*shape, dtype=dtype), axes, keep_dims=keep_dims)))


@pytest.mark.parametrize("axes", [axes for count in (1, 2, 3, 4) for axes in combinations(range(4), count)], ids=str)
def test_every_set_of_axes(conforms: Check, axes: tuple[int, ...]) -> None:
    n = Operators()
    x = n.source(2, 4, 3, 5)
    conforms(n.finish(n.mean(x, axes, keep_dims=True), n.mean(x, axes)))


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("count", [1, 2, 3, 49, 64, 100])
@pytest.mark.parametrize(("x", "y"), ARITHMETIC.values(), ids=ARITHMETIC)
def test_arithmetic(conforms: Check, x: tuple[float, int], y: tuple[float, int], count: int, dtype: str) -> None:
    n = Operators()
    values = n.source(1, count, 20, dtype=dtype, scale=x[0], zero_point=x[1])
    conforms(n.finish(n.mean(values, 1, scale=y[0], zero_point=y[1])))


@pytest.mark.parametrize("seed", range(20))
def test_random(conforms: Check, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = Operators(seed)
    shape = rng.integers(1, 8, int(rng.integers(1, 7))).tolist()
    axes = rng.permutation(len(shape))[: int(rng.integers(1, len(shape) + 1))].tolist()
    x = n.source(*shape, dtype=str(rng.choice(TYPES)), zero_point=int(rng.integers(-128, 128)))
    conforms(n.finish(n.mean(x, axes, keep_dims=bool(rng.random() < 0.5), scale=float(10 ** rng.uniform(-2.5, 0)))))


MEAN = Operator(
    "MEAN",
    inputs={"x": Spec((1, 4, 3, 5)), "axes": Spec((2,), "int32", True, [1, 2], None)},
    outputs={"y": Spec((1, 5))},
    options={},
)

REFUSALS = {
    "int32": Refusal("kUnsupportedType", "x", "no kernel", {name: {"dtype": "int32"} for name in "xy"}),
    "computed axes": Refusal("kNotConstant", "axes", "must be a constant", {"axes": {"constant": False, "data": None}}),
    "int64 axes": Refusal("kUnsupportedType", "axes", "not int32", {"axes": {"dtype": "int64"}}),
    "axis 4": Refusal("kUnsupportedOption", "axes", "not a dimension", {"axes": {"data": [1, 4]}}),
    "axis -5": Refusal("kUnsupportedOption", "axes", "not a dimension", {"axes": {"data": [1, -5]}}),
    "other output": Refusal("kUnsupportedShape", "y", "other dimensions", {"y": {"shape": (1, 6)}}),
    "two scales": Refusal(
        "kUnsupportedQuantization", "x", "one positive", {"x": {"constant": True, "scale": [0.5, 0.25]}}
    ),
    "2^31 finer": Refusal("kUnsupportedQuantization", "y", "exceeds 2^30", {"y": {"scale": 2.0**-32}}),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refusals(refusal: Refusal) -> None:
    assert_refused(MEAN, refusal)
