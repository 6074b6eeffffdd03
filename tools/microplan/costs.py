# SPDX-License-Identifier: Apache-2.0
"""What a plan costs in memory, by tensor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from microplan.planning import Plan


@dataclass(frozen=True)
class TensorCost:
    """A tensor in the arena or the state, alive while the operators [first_operator, last_operator] run."""

    tensor: str
    memory: str  # "arena" or "state"
    offset: int
    bytes: int
    first_operator: int
    last_operator: int
    kind: str  # "input", "activation", "output", "scratch", "state"
    scratch: bool


def tensor_costs(plan: Plan) -> list[TensorCost]:
    """By memory, offset and time."""
    # A model of views alone has no step.
    operator_of = [step.operator_index for step in plan.core.steps if step.step >= 0] or [0]
    inputs, outputs = ({_memory_of(plan, tensor) for tensor in ios} for ios in (plan.info.inputs, plan.info.outputs))
    costs = []
    for placed in plan.core.placements:
        scratch = placed.tensor_index < 0
        # The model's outputs outlive the last step.
        first, last = (
            operator_of[min(step, len(operator_of) - 1)] for step in (placed.first_step, placed.last_step)
        )
        name = (
            f"scratch of {plan.model.operator_name(first)}"
            if scratch
            else plan.model.tensor_name(placed.tensor_index)
        )
        if scratch or placed.segment == "state":
            kind = "scratch" if scratch else "state"
        else:
            kind = (
                "input"
                if placed.tensor_index in inputs
                else "output"
                if placed.tensor_index in outputs
                else "activation"
            )
        costs.append(TensorCost(name, placed.segment, placed.offset, placed.bytes, first, last, kind, scratch))
    return sorted(costs, key=lambda cost: (cost.memory, cost.offset, cost.first_operator, cost.tensor))


def bytes_in_use(ranges: Iterable[tuple[int, int]]) -> int:
    """Of ranges (offset, bytes); what several share counts once."""
    used = end = 0
    for offset, size in sorted(ranges):
        used += max(offset + size - max(offset, end), 0)
        end = max(end, offset + size)
    return used


def arena_peak(plan: Plan) -> tuple[int, list[TensorCost]]:
    """The operator during which most of the arena is in use, and what is alive then, the largest first."""
    arena = [cost for cost in tensor_costs(plan) if cost.memory == "arena"]

    def alive(operator: int) -> list[TensorCost]:
        return [cost for cost in arena if cost.first_operator <= operator <= cost.last_operator]

    operators = [step.operator_index for step in plan.core.steps if step.step >= 0] or [0]
    peak = max(operators, key=lambda operator: bytes_in_use((cost.offset, cost.bytes) for cost in alive(operator)))
    return peak, sorted(alive(peak), key=lambda cost: -cost.bytes)


def _memory_of(plan: Plan, tensor: int) -> int:
    """The tensor whose memory this one is: its own, or that of which views were made."""
    viewed = {
        plan.info.operators[step.operator_index].outputs[0]: plan.info.operators[step.operator_index].inputs[0]
        for step in plan.core.steps
        if step.step < 0
    }
    while tensor in viewed:
        tensor = viewed[tensor]
    return tensor


def size_report(plan: Plan, board: str | None) -> dict[str, Any]:
    """The figures of `microplan size`; those of the firmware are None until it is built."""
    return {
        "model": plan.model.name,
        "board": board,
        "form": plan.form,
        "variant": plan.variant,
        "arena_bytes": plan.arena_bytes,
        "state_bytes": plan.state_bytes,
        "plan_bytes": plan.core.plan_bytes,
        "constant_bytes": plan.core.constant_bytes,
        "table_bytes": plan.core.plan_bytes - plan.core.constant_bytes,
        "model_flash_bytes": len(plan.firmware_data),
        "runtime_flash_bytes": None,
        "code": None,
        "static_bytes": None,
        "kernels": [
            {
                "operator": step.operator_index,
                "op": plan.model.operator_name(step.operator_index),
                "kernel": step.kernel,
                "constant_bytes": step.constant_bytes,
                "plan_constant_bytes": step.plan_constant_bytes,
            }
            for step in plan.core.steps
        ],
        "passes": [{"pass": name, "did": text} for name, text in plan.pass_reports],
        "tensors": [asdict(cost) for cost in tensor_costs(plan)],
    }
