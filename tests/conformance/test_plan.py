# SPDX-License-Identifier: Apache-2.0
"""What a plan promises whatever the model: equal bytes for equal arguments, sound placements, exact sizes."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

import microplan


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_equal_arguments_give_equal_bytes(model_path: Path, form: microplan.Form) -> None:
    assert microplan.plan(model_path, form).data == microplan.plan(model_path.read_bytes(), form).data


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_verify_accepts_what_the_planner_makes(model_path: Path, form: microplan.Form) -> None:
    plan = microplan.plan(model_path, form)
    assert microplan.verify_plan(plan.data, model_bytes=len(plan.model.content)) == "kOk"


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_tensors_alive_together_do_not_overlap(model_path: Path, form: microplan.Form) -> None:
    # Where rows are arranged, tensors may lie over each other: test_replay.py proves those plans.
    made = microplan.plan(model_path, form, no_pass=["layout"])
    placements = [p for p in made.core.placements if p.segment == "arena"]
    for a, b in combinations(placements, 2):
        together = a.first_step <= b.last_step and b.first_step <= a.last_step
        apart = a.offset + a.bytes <= b.offset or b.offset + b.bytes <= a.offset
        assert apart or not together, (a, b)
