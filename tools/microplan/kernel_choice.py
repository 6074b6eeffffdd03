# SPDX-License-Identifier: Apache-2.0
"""Why an operator runs by a reference kernel although its target has a better one: reference_warnings()."""

from __future__ import annotations

from microplan import _core
from microplan.planning import ModelFile, Plan, variant_of


def reference_warnings(made: Plan) -> list[str]:
    """One paragraph for each operator that a reference kernel runs where the target has a better one.

    A kernel that the planner rates slower than the reference is none.
    """
    found = []
    for step in made.core.steps:
        if step.step < 0 or variant_of(step.kernel) != "reference":
            continue
        reasons = [reason for kernel in _others(made, step) if (reason := _reason(made, step, kernel))]
        if reasons:
            name = f"operator {step.operator_index} {made.model.operator_name(step.operator_index)}"
            found.append(
                f"{made.model.name}, {name}: the reference kernel {step.kernel} runs it: {'; '.join(reasons)}."
            )
    return found


def _others(made: Plan, step: _core.Step) -> list[str]:
    """The kernels beside the reference that the target has for a step's operator and types, in the plan's form."""
    return [
        row.name
        for row in _core.variants()
        if variant_of(row.name) != "reference"
        and not row.features & ~made.features
        and (made.form == "compiled" or not row.packs)
        and _takes(row, made.model, step.operator_index)
    ]


def _takes(row: _core.Variant, model: ModelFile, operator_index: int) -> bool:
    """Whether the row is for this operator and its types."""
    # As in the planner: no type stands for any, as the output's for that of the first input.
    info = model.info
    assert info is not None  # it was planned
    operator = info.operators[operator_index]
    first, second, output = (
        info.tensors[indices[position]].type if position < len(indices) and indices[position] >= 0 else ""
        for indices, position in ((operator.inputs, 0), (operator.inputs, 1), (operator.outputs, 0))
    )
    return (
        row.operator_name == operator.name
        and row.input_type in ("", first)
        and row.filter_type in ("", second)
        and (row.output_type or first) == output
    )


def _reason(made: Plan, step: _core.Step, kernel: str) -> str | None:
    """What keeps a better kernel away: the planner tells when it has to look at that kernel first."""
    tried = _core.plan(
        made.model.content,
        (made.flags & _core.OWNS_CONSTANTS) | _core.TAKES_FIRST,
        made.features,
        [kernel, *(row.name for row in _core.variants() if variant_of(row.name) == "reference")],
        made.optimized,
    )
    (other,) = (each for each in tried.steps if each.operator_index == step.operator_index)
    if other.kernel != kernel:
        return f"{kernel} does not support its shape or quantization"
    if other.instructions >= step.instructions:
        return None
    if made.flags & (_core.PREFERS_RAM | _core.PREFERS_FLASH):
        return f"{kernel} needs more memory than there is"
    return f"{kernel} needs {other.constant_bytes:,} bytes for its constants, and --prefer speed takes it"
