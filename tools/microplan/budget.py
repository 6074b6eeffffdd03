# SPDX-License-Identifier: Apache-2.0
"""Limits for RAM and flash that a build must keep: require_budget() fails with the list of what to cut."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from microplan import _core
from microplan.build import Firmware
from microplan.costs import arena_peak, tensor_costs
from microplan.errors import DoesNotFitError, ModelError, UsageError
from microplan.planning import Form, Plan, Prefer, plan, shorten

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20}

# How many of the largest constants and kernels are told.
_TOLD = 6


def parse_bytes(text: str) -> int:
    """20480, 20k, 20K, 20KB and 20KiB are the same, as in the data sheets of chips; so is 1M 1,048,576."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([km]?)(?:i?b)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise UsageError(f"{text!r} is no number of bytes. Write 20480, 20K or 1M, say.")
    return int(float(match[1]) * _UNITS[match[2].lower()])


@dataclass(frozen=True)
class Budget:
    """Bytes; None: no limit."""

    ram: int | None = None
    flash: int | None = None


@dataclass(frozen=True)
class Need:
    """What models that share one arena take together."""

    arena: int
    state: int
    plan_buffers: int
    static: int | None  # None: no firmware was built
    data: int
    runtime: int | None  # None: no firmware was built

    @classmethod
    def of(cls, plans: Sequence[Plan], firmware: Firmware | None) -> Need:
        return cls(
            arena=max(made.arena_bytes for made in plans),
            state=sum(made.state_bytes for made in plans),
            plan_buffers=sum(made.plan_buffer_bytes for made in plans),
            # A plan in RAM is one of the static variables.
            static=firmware.sizes.static_bytes - firmware.sizes.plan_ram_bytes if firmware else None,
            data=sum(len(made.firmware_data) for made in plans),
            runtime=firmware.runtime_flash_bytes if firmware else None,
        )

    @property
    def ram(self) -> int:
        return self.arena + self.state + self.plan_buffers + (self.static or 0)

    @property
    def flash(self) -> int:
        return self.data + (self.runtime or 0)


def require_budget(budget: Budget, plans: Sequence[Plan], firmware: Firmware | None = None) -> None:
    """Raises DoesNotFitError when the plans, which share one arena, take more than the budget.

    Static RAM and the runtime's code count when there is a firmware to read them from.
    """
    need = Need.of(plans, firmware)
    paragraphs = []
    if budget.ram is not None and need.ram > budget.ram:
        paragraphs.append("\n".join(_over_ram(plans, need, budget.ram, firmware)))
    if budget.flash is not None and need.flash > budget.flash:
        paragraphs.append("\n".join(_over_flash(plans, need, budget.flash, firmware)))
    if paragraphs:
        raise DoesNotFitError("\n".join(paragraphs))


def _over_ram(plans: Sequence[Plan], need: Need, limit: int, firmware: Firmware | None) -> Iterator[str]:
    parts = [f"arena {need.arena:,}", f"state {need.state:,}"]
    if need.plan_buffers:
        parts.append(f"plan in RAM {need.plan_buffers:,}")
    parts.append("static RAM not measured" if need.static is None else f"static {need.static:,}")
    yield _head(plans, "RAM", need.ram, limit, parts)
    largest = max(plans, key=lambda made: made.arena_bytes)
    peak, alive = arena_peak(largest)
    if alive:
        yield f"  At the peak, operator {peak} {largest.model.operator_name(peak)} of {largest.model.name}, there are:"
    yield from (f"  {cost.bytes:>9,}  {shorten(cost.tensor)}" for cost in alive)
    if need.state:
        yield "  The state is:"
        yield from (
            f"  {cost.bytes:>9,}  {shorten(cost.tensor)}"
            for made in plans
            for cost in tensor_costs(made)
            if cost.memory == "state"
        )
    yield from _hints(plans, "ram", lambda need: need.ram, firmware)


def _over_flash(plans: Sequence[Plan], need: Need, limit: int, firmware: Firmware | None) -> Iterator[str]:
    code = "code not measured" if need.runtime is None else f"code {need.runtime:,}"
    yield _head(plans, "flash", need.flash, limit, [f"models {need.data:,}", code])
    constants = [
        (size, f"constants of operator {index} {made.model.operator_name(index)} of {made.model.name}")
        for made in plans
        for index, size in _constants(made).items()
    ]
    files = [(size, f"code of {file}") for file, size in (firmware.code if firmware else {}).items()]
    yield "  The largest parts are:"
    for size, what in sorted(constants, reverse=True)[:_TOLD] + files[:_TOLD]:
        yield f"  {size:>9,}  {what}"
    yield from _hints(plans, "flash", lambda need: need.flash, firmware)
    floats = sum(
        tensor.bytes
        for made in plans
        for tensor in made.info.tensors
        if tensor.is_constant and tensor.type == "float32"
    )
    if floats:
        yield f"  - {floats:,} bytes of constants are float32: quantized to int8 they take a quarter."


def _head(plans: Sequence[Plan], memory: str, need: int, limit: int, parts: list[str]) -> str:
    names = " and ".join(made.model.name for made in plans)
    return (
        f"{names}: {need:,} bytes of {memory} ({', '.join(parts)}) are {need - limit:,} more than the budget of "
        f"{limit:,}. What can be cut:"
    )


def _constants(made: Plan) -> dict[int, int]:
    """Bytes of constants in flash by operator."""
    if made.form == "compiled":
        return {step.operator_index: step.plan_constant_bytes for step in made.core.steps}
    tensors = made.info.tensors
    return {
        index: sum(tensors[i].bytes for i in operator.inputs if i >= 0 and tensors[i].is_constant)
        for index, operator in enumerate(made.info.operators)
    }


def _hints(
    plans: Sequence[Plan], prefer: Prefer, need: Callable[[Need], int], firmware: Firmware | None
) -> Iterator[str]:
    """Other options, with what they would take. Code and static RAM would change, too, and are taken as they are."""
    others: list[tuple[str, Callable[[Plan], Plan]]] = []
    if any(made.prefer != prefer for made in plans):
        others.append((f"--prefer {prefer}", lambda made: _planned(made, prefer=prefer)))
    if any(made.flags & _core.PINS_INPUTS for made in plans):
        others.append(("inputs that an inference may overwrite", lambda made: _planned(made, pin_inputs=False)))
    if prefer == "ram" and any(_can_take_rows(made) for made in plans):
        others.append(
            ("--push-rows", lambda made: _planned(made, push_rows=True) if _can_take_rows(made) else made)
        )
    if any(made.form == "interpreted" for made in plans):
        others.append(("--form compiled", lambda made: _planned(made, form="compiled")))
    now = need(Need.of(plans, firmware))
    for words, other in others:
        then = need(Need.of([other(made) for made in plans], firmware))
        if then < now:
            yield f"  - With {words}: {then:,} bytes."


def _can_take_rows(made: Plan) -> bool:
    """Whether the input could come row by row, and does not."""
    if made.form != "compiled" or made.takes_rows or made.flags & _core.PINS_INPUTS:
        return False
    try:
        _planned(made, push_rows=True)
    except ModelError:
        return False
    return True


def _planned(
    made: Plan,
    form: Form | None = None,
    prefer: Prefer | None = None,
    pin_inputs: bool | None = None,
    push_rows: bool | None = None,
) -> Plan:
    """The same with one option changed."""
    return plan(
        made.model,
        form or made.form,
        features=made.features,
        prefer=prefer or made.prefer or "balanced",
        pin_inputs=bool(made.flags & _core.PINS_INPUTS) if pin_inputs is None else pin_inputs,
        push_rows=made.takes_rows if push_rows is None else push_rows,
    )
