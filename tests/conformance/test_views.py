# SPDX-License-Identifier: Apache-2.0
"""RESHAPE, SQUEEZE and EXPAND_DIMS: they cost nothing, and what lies around them is not disturbed."""

from __future__ import annotations

import numpy as np
import pytest

import microplan
from support.models import Case, Check, Network, Value, build
from support.reference import assert_conforms
from support.refusals import Operator, Refusal, Spec, assert_refused


def classifier(n: Network) -> Value:
    x = n.pool_2d(n.conv_2d(n.input(1, 6, 6, 2), 5), "AVERAGE_POOL_2D", (6, 6))
    return n.softmax(n.fully_connected(n.view(x, 1, 5), 4))


def used_on_both_sides(n: Network) -> Value:
    x = n.conv_2d(n.input(1, 4, 4, 3), 3)
    flat = n.add(n.view(x, 1, 48), n.input(1, 48))
    return n.add(n.view(flat, 1, 4, 4, 3), x)


def views_of_views(n: Network) -> Value:
    x = n.view(n.view(n.view(n.input(1, 4, 4, 3), 48), 1, 48, operator="EXPAND_DIMS"), 1, 2, 8, 3)
    return n.conv_2d(x, 4)


def view_outlives_its_source(n: Network) -> Value:
    x = n.conv_2d(n.input(1, 4, 4, 3), 3)
    view = n.view(x, 1, 1, 16, 3)
    y = n.conv_2d(n.depthwise_conv_2d(n.conv_2d(x, 6)), 3)
    return n.add(n.view(y, 1, 1, 16, 3), view)


CASES: dict[str, Case] = {
    "reshape": lambda n: n.fully_connected(n.view(n.input(1, 4, 3, 5), 1, 60), 7),
    "reshape to an image": lambda n: n.conv_2d(n.view(n.input(1, 60), 1, 5, 4, 3), 2),
    "other rows": lambda n: n.conv_2d(n.view(n.conv_2d(n.input(1, 6, 4, 3), 4), 1, 4, 6, 4), 2),
    "squeeze": lambda n: n.fully_connected(n.view(n.input(1, 1, 3, 5), 3, 5, operator="SQUEEZE"), 7),
    "expand_dims in front": lambda n: n.conv_2d(n.view(n.input(4, 3, 5), 1, 4, 3, 5, operator="EXPAND_DIMS"), 2),
    "expand_dims behind": lambda n: n.conv_2d(n.view(n.input(1, 4, 3), 1, 4, 3, 1, operator="EXPAND_DIMS"), 2),
    "in front of the output": lambda n: n.view(n.fully_connected(n.input(2, 6), 6), 1, 2, 2, 3),
    "behind the input": lambda n: n.fully_connected(n.view(n.model_input(1, 4, 3), 1, 12), 5),
    "of a constant": lambda n: n.add(n.input(1, 4, 3, 5), n.view(n.constant(60), 4, 3, 5)),
    "real": lambda n: n.fully_connected(n.view(n.input(1, 4, 5, dtype="float32"), 2, 10), 3),
    "classifier": classifier,
    "used on both sides": used_on_both_sides,
    "views of views": views_of_views,
    "view outlives its source": view_outlives_its_source,
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_views(conforms: Check, case: Case) -> None:
    conforms(build(case))


def test_views_cost_nothing() -> None:
    for case in (classifier, used_on_both_sides, views_of_views, view_outlives_its_source):
        plan = microplan.plan(build(case))
        views = [step for step in plan.core.steps if plan.info.operators[step.operator_index].name in VIEWS]
        assert views
        assert all(step.step == -1 and step.instructions == 0 for step in views)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "bool", "float32"])
def test_views_alone(dtype: str) -> None:
    n = Network()
    x = n.model_input(1, 2, 3, dtype=dtype)
    content = n.finish(n.view(n.view(x, 3, 2), 6))
    values = np.array([0, 1, 1, 0, 1, 0], dtype).reshape(1, 2, 3)
    assert_conforms(content, [[values]])


def test_an_operator_and_its_view_are_both_outputs() -> None:
    n = Network()
    x = n.fully_connected(n.input(1, 6), 4)
    assert_conforms(n.finish(x, n.view(x, 2, 2)), 3)


def test_an_input_and_its_view_are_both_outputs() -> None:
    n = Network()
    x = n.model_input(1, 6)
    assert_conforms(n.finish(n.view(x, 2, 3), x), 3)


VIEWS = ["RESHAPE", "SQUEEZE", "EXPAND_DIMS"]
REFUSALS = {
    "other number of elements": Refusal("kUnsupportedShape", "y", "number of elements", {"y": {"shape": (3, 5)}}),
    "other type": Refusal("kUnsupportedShape", "y", "number of elements", {"y": {"dtype": "uint8"}}),
    "unknown shape": Refusal("kDynamicShape", "y", "not known", {"y": {"shape": (1, -1)}}),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refusals(name: str, refusal: Refusal) -> None:
    assert_refused(Operator(name, {"x": Spec((1, 3, 4))}, {"y": Spec((3, 4))}, {}), refusal)
