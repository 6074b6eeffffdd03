# SPDX-License-Identifier: Apache-2.0
"""PAD and PADV2."""

from __future__ import annotations

import numpy as np
import pytest

import microplan
from support.models import Case, Check, Network, build
from support.refusals import Operator, Refusal, Spec, assert_refused

CASES: dict[str, Case] = {
    "height and width": lambda n: n.pad(n.input(1, 4, 3, 5), [(0, 0), (1, 2), (3, 1), (0, 0)]),
    "height": lambda n: n.pad(n.input(1, 4, 3, 5), [(0, 0), (2, 1), (0, 0), (0, 0)]),
    "width": lambda n: n.pad(n.input(1, 4, 3, 5), [(0, 0), (0, 0), (1, 1), (0, 0)]),
    "channels": lambda n: n.pad(n.input(1, 4, 3, 5), [(0, 0), (0, 0), (0, 0), (1, 3)]),
    "channels behind": lambda n: n.pad(n.input(1, 4, 3, 5), [(0, 0), (0, 0), (0, 0), (0, 11)]),
    "batch": lambda n: n.pad(n.input(2, 4, 3, 5), [(1, 2), (0, 0), (0, 0), (0, 0)]),
    "everything": lambda n: n.pad(n.input(2, 4, 3, 5), [(1, 0), (2, 3), (0, 1), (2, 1)]),
    "batch 3": lambda n: n.pad(n.input(3, 4, 3, 5), [(0, 0), (1, 1), (1, 1), (0, 0)]),
    "nothing": lambda n: n.pad(n.input(1, 4, 3, 5), [(0, 0), (0, 0), (0, 0), (0, 0)]),
    "in front": lambda n: n.pad(n.input(1, 4, 3, 5), [(0, 0), (3, 0), (2, 0), (0, 0)]),
    "behind": lambda n: n.pad(n.input(1, 4, 3, 5), [(0, 0), (0, 3), (0, 2), (0, 0)]),
    "more than the image": lambda n: n.pad(n.input(1, 1, 1, 2), [(0, 0), (5, 4), (6, 7), (0, 0)]),
    "vector": lambda n: n.pad(n.input(7), [(2, 3)]),
    "matrix": lambda n: n.pad(n.input(4, 7), [(1, 0), (2, 3)]),
    "3 dimensions": lambda n: n.pad(n.input(2, 4, 7), [(1, 1), (2, 0), (0, 3)]),
    "5 dimensions": lambda n: n.pad(n.input(2, 1, 3, 2, 4), [(1, 0), (0, 1), (2, 1), (1, 1), (0, 2)]),
    "zero point -128": lambda n: n.pad(n.input(1, 4, 3, 5, zero_point=-128), [(0, 0), (1, 1), (1, 1), (0, 0)]),
    "zero point 127": lambda n: n.pad(n.input(1, 4, 3, 5, zero_point=127), [(0, 0), (1, 1), (1, 1), (0, 0)]),
    "value": lambda n: n.pad(n.input(1, 4, 3, 5), [(0, 0), (1, 1), (1, 1), (0, 0)], value=17),
    "value -128": lambda n: n.pad(n.input(2, 4, 3, 5), [(1, 0), (1, 1), (1, 1), (2, 1)], value=-128),
    "value 127": lambda n: n.pad(n.input(4, 7), [(1, 0), (2, 3)], value=127),
    "before a convolution": lambda n: n.conv_2d(
        n.pad(n.input(1, 6, 6, 3), [(0, 0), (1, 2), (2, 1), (0, 0)]), 4, stride=(2, 2), padding="VALID"
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_pad(conforms: Check, case: Case) -> None:
    conforms(build(case))


@pytest.mark.parametrize("value", [None, -9])
def test_int64_paddings(value: int | None) -> None:
    # TensorFlow Lite Micro takes them for int32.
    amounts = [(0, 0), (1, 2), (3, 1), (0, 2)]
    n = Network()
    x = n.model_input(1, 4, 3, 5, zero_point=7)
    interpreter = microplan.Interpreter(n.finish(n.pad(x, amounts, value=value, index_type="int64")))
    image = np.random.default_rng(0).integers(-128, 128, x.shape, np.int8)
    expected = np.pad(image, amounts, constant_values=7 if value is None else value)
    np.testing.assert_array_equal(interpreter.invoke(image)[0], expected)


@pytest.mark.parametrize("seed", range(25))
def test_random(conforms: Check, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = Network(seed)
    shape = rng.integers(1, 6, int(rng.integers(1, 6)))
    shape[-1] = rng.integers(1, 71)
    amounts = rng.integers(0, 4, (len(shape), 2)) * (rng.random((len(shape), 1)) < 0.6)
    value = int(rng.integers(-128, 128)) if rng.random() < 0.4 else None
    x = n.input(*shape.tolist(), zero_point=int(rng.integers(-128, 128)))
    conforms(n.finish(n.pad(x, [tuple(pair) for pair in amounts.tolist()], value=value)))


def paddings(*amounts: int, dtype: str = "int32") -> dict[str, object]:
    return {"data": np.array(amounts, dtype).reshape(-1, 2), "shape": (len(amounts) // 2, 2), "dtype": dtype}


PAD = Operator(
    "PAD",
    inputs={
        "x": Spec((1, 4, 3, 5)),
        "paddings": Spec((4, 2), "int32", constant=True, data=np.array([[0, 0], [1, 1], [1, 1], [0, 0]]), scale=None),
    },
    outputs={"y": Spec((1, 6, 5, 5))},
    options={},
)
PAD_V2 = Operator("PADV2", PAD.inputs | {"value": Spec((), constant=True)}, PAD.outputs, {})

# Of both operators.
REFUSALS = {
    "no paddings": Refusal("kModelMalformed", "x", "wrong number of inputs", {"paddings": None, "value": None}),
    "types differ": Refusal("kUnsupportedType", "x", "no kernel", {"y": {"dtype": "int16"}}),
    "bool": Refusal("kUnsupportedType", "x", "no kernel", {name: {"dtype": "bool"} for name in "xy"}),
    "computed paddings": Refusal(
        "kNotConstant", "paddings", "must be a constant", {"paddings": {"constant": False, "data": None}}
    ),
    "int8 paddings": Refusal(
        "kUnsupportedType",
        "paddings",
        "neither int32 nor int64",
        {"paddings": {**paddings(0, 0, 1, 1, 1, 1, 0, 0, dtype="int8"), "scale": 1.0}},
    ),
    "paddings of 3 dimensions": Refusal(
        "kUnsupportedShape", "paddings", "do not go together", {"paddings": paddings(1, 1, 1, 1, 0, 0)}
    ),
    "output of 3 dimensions": Refusal(
        "kUnsupportedShape", "paddings", "do not go together", {"y": {"shape": (6, 5, 5)}}
    ),
    "6 dimensions": Refusal(
        "kUnsupportedShape",
        "paddings",
        "at most 5",
        {
            "x": {"shape": (1, 1, 1, 1, 1, 1)},
            "paddings": paddings(*[0] * 12),
            "y": {"shape": (1, 1, 1, 1, 1, 1)},
        },
    ),
    "output too high": Refusal("kUnsupportedShape", "y", "is not the input's", {"y": {"shape": (1, 7, 5, 5)}}),
    "output smaller than the input": Refusal(
        "kUnsupportedShape", "y", "is not the input's", {"y": {"shape": (1, 3, 5, 5)}}
    ),
    "negative padding": Refusal(
        "kUnsupportedOption", "paddings", "negative", {"paddings": paddings(0, 0, 3, -1, 1, 1, 0, 0)}
    ),
    "int64 paddings that overflow": Refusal(
        "kUnsupportedShape",
        "y",
        "is not the input's",
        {"paddings": paddings(0, 0, 2**63 - 1, 2**63 - 1, 1, 1, 0, 0, dtype="int64")},
    ),
    "output scale 0": Refusal("kUnsupportedQuantization", "y", "a scale is zero", {"y": {"scale": 0.0}}),
}
OF_A_VALUE = {
    "computed value": Refusal("kNotConstant", "value", "must be a constant", {"value": {"constant": False}}),
    "int32 value": Refusal("kUnsupportedType", "value", "one element of", {"value": {"dtype": "int32"}}),
    "two values": Refusal("kUnsupportedType", "value", "one element of", {"value": {"shape": (2,)}}),
    "value of scale 0": Refusal("kUnsupportedQuantization", "value", "one positive scale", {"value": {"scale": 0.0}}),
    "scale of the value": Refusal("kUnsupportedQuantization", "value", "as the output", {"value": {"scale": 0.25}}),
    "zero point of the value": Refusal(
        "kUnsupportedQuantization", "value", "as the output", {"value": {"zero_point": 1}}
    ),
}


@pytest.mark.parametrize("operator", [PAD, PAD_V2], ids=lambda operator: operator.name)
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refusals(operator: Operator, refusal: Refusal) -> None:
    assert_refused(operator, refusal)


@pytest.mark.parametrize("refusal", OF_A_VALUE.values(), ids=OF_A_VALUE)
def test_refusals_of_a_value(refusal: Refusal) -> None:
    assert_refused(PAD_V2, refusal)
