# SPDX-License-Identifier: Apache-2.0
"""Replays a plan symbolically: `replay()`. It shares nothing with the planner but the plan's bytes, the model's graph,
and the kernels' own word on what they touch.

Every byte of the arena remembers which byte of which tensor was written there last. A read must find the very bytes
that the graph says are meant, so whatever was overwritten too early, not yet computed or misplaced stands out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from microplan import _core
from microplan.planning import Plan

PINS_INPUTS = _core.PINS_INPUTS
# Segments, as plan.h numbers them.
_PLAN, _MODEL, _EXTERNAL, _STATE, _ARENA = 1, 2, 3, 4, 5
_OFFSET_MASK = 0x0FFFFFFF
_SCRATCH_ALIGNMENT = 16
# The step of a run that waits for rows of the input.
_AWAIT = 0xFFFFFFFF
# What arena bytes mean that belong to no tensor; scratch of step s is _SCRATCH - s.
_NOTHING, _SCRATCH = -1, -2
# Of all tensors of a model whose plans are replayed on the side.
_MAX_BYTES = 1 << 24


class BrokenPlanError(AssertionError):
    """The plan would compute something else than its model."""


@dataclass
class Run:
    step: int
    first: int
    last: int


@dataclass
class View:
    """Where the plan has rows of a tensor."""

    ref: int
    row_stride: int
    ring_rows: int
    at: int  # of this entry in the plan

    @property
    def segment(self) -> int:
        return self.ref >> 28

    @property
    def offset(self) -> int:
        return self.ref & _OFFSET_MASK


@dataclass
class Step:
    views: list[View]
    scratch: int
    at: int


@dataclass
class Frame:
    """The parts of a plan's bytes that say what runs where."""

    arena_bytes: int
    state_bytes: int
    options: int
    runs: list[Run]
    steps: list[Step]
    inputs: list[View]
    outputs: list[View]
    lists_at: int
    runs_at: int  # the first that is made
    pushed: View | None  # where rows of the first input are pushed to, which is not there from the start then

    @classmethod
    def read(cls, data: bytes) -> Frame:
        (
            _, _, _, _, arena_bytes, state_bytes, _, _, _, options, _, _, _, inputs, outputs, lists, step_count, _, ios,
            lists_at, steps_at, _, _, _, runs_at, run_count, pushed_at,
        ) = struct.unpack_from("<I2H9I4H11I", data)  # fmt: skip
        if pushed_at:
            # List 0 refuses to run; the others stand one behind the other, each behind the rows that it waits for.
            first, count = 1, run_count - 1
        elif lists == 1:
            first, count = struct.unpack_from("<2I", data, lists_at)
        else:
            raise BrokenPlanError(f"{lists} lists of runs: one is known")
        if first + count > run_count:
            raise BrokenPlanError("the list of runs ends behind their table")
        runs = [Run(*struct.unpack_from("<3I", data, runs_at + 12 * i)) for i in range(first, first + count)]

        def step(at: int) -> Step:
            _, view_count, _, _, operands, scratch = struct.unpack_from("<H2B3I", data, at)
            places = [operands + 12 * i for i in range(view_count)]
            return Step([View(*struct.unpack_from("<3I", data, place), place) for place in places], scratch, at)

        def io(at: int) -> View:
            ref, size = struct.unpack_from("<2I", data, at)
            return View(ref, size, 1, at)

        io_views = [io(ios + 44 * i) for i in range(inputs + outputs)]
        steps = [step(steps_at + 16 * i) for i in range(step_count)]
        return cls(
            arena_bytes,
            state_bytes,
            options,
            runs,
            steps,
            io_views[:inputs],
            io_views[inputs:],
            lists_at,
            runs_at + 12 * first,
            View(*struct.unpack_from("<3I", data, pushed_at), pushed_at) if pushed_at else None,
        )


@dataclass
class Tensor:
    """One that has memory of its own; reshaped ones are other views of it."""

    name: str
    bytes: int
    first_name: int  # what its byte 0 is called in the shadow memory
    is_constant: bool


@dataclass
class Operand:
    """A view together with what it must hold."""

    view: View
    tensor: Tensor
    rows: int
    row_bytes: int

    @property
    def is_in_arena(self) -> bool:
        return self.view.segment == _ARENA

    @property
    def is_whole(self) -> bool:
        return self.view.ring_rows == self.rows and self.view.row_stride == self.row_bytes

    def pieces(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """Address, name of the first byte and length of all that these rows take."""
        if first >= last:
            return
        if self.is_whole:
            start = first * self.row_bytes
            yield self.view.offset + start, self.tensor.first_name + start, (last - first) * self.row_bytes
            return
        for row in range(first, last):
            address = self.view.offset + row % self.view.ring_rows * self.view.row_stride
            yield address, self.tensor.first_name + row * self.row_bytes, self.row_bytes

    def area(self, first: int, last: int) -> tuple[int, int]:
        pieces = list(self.pieces(first, last))
        if not pieces:
            return 0, 0
        return min(address for address, _, _ in pieces), max(address + size for address, _, size in pieces)


class Arena:
    """The shadow memory."""

    def __init__(self, size: int, names: int) -> None:
        self._holds = np.full(size, _NOTHING, np.int32)
        self._names = np.arange(names, dtype=np.int32)

    def write(self, operand: Operand, first: int, last: int) -> None:
        for address, name, size in operand.pieces(first, last):
            self._inside(address, size)
            self._holds[address : address + size] = self._names[name : name + size]

    def holds(self, operand: Operand, first: int, last: int) -> bool:
        for address, name, size in operand.pieces(first, last):
            self._inside(address, size)
            if not np.array_equal(self._holds[address : address + size], self._names[name : name + size]):
                return False
        return True

    def fill(self, address: int, size: int, value: int) -> None:
        self._inside(address, size)
        self._holds[address : address + size] = value

    def is_filled(self, address: int, size: int, value: int) -> bool:
        return bool((self._holds[address : address + size] == value).all())

    def _inside(self, address: int, size: int) -> None:
        if address + size > len(self._holds):
            raise BrokenPlanError(f"bytes [{address}, {address + size}) of an arena of {len(self._holds)}")


class Replay:
    """One inference of a plan; `data` may be another's than the planner's."""

    def __init__(self, data: bytes, model: _core.ModelInfo) -> None:
        self.frame = Frame.read(data)
        self._model = model
        self._operators = _operators(model)
        self.contracts = _core.contracts(data)
        self._tensors = self._find_tensors()
        self._operands = [self._find_operands(step) for step in range(len(self.frame.steps))]
        given = slice(0 if self.frame.pushed is None else 1, None)
        self._inputs = [
            self._io(view, i) for view, i in zip(self.frame.inputs[given], model.inputs[given], strict=True)
        ]
        self._outputs = [self._io(view, i) for view, i in zip(self.frame.outputs, model.outputs, strict=True)]
        names = sum(tensor.bytes for tensor in model.tensors if not tensor.is_constant)
        self._arena = Arena(self.frame.arena_bytes, names)
        self._done = [np.zeros(operands[-1].rows, bool) for operands in self._operands]
        self._variables: dict[int, tuple[int, int]] = {}  # by name: where it lies
        self._newest_reader: dict[int, int] = {}  # step, by name of a variable
        self._doing = "the frame"

    def run(self) -> None:
        self._doing = "before the first run"
        for operand in self._inputs:
            self._expect_memory(operand)
            self._arena.write(operand, 0, 1)
        for operand in self._inputs:
            self._expect(operand, 0, 1)
        for index, run in enumerate(self.frame.runs):
            if run.step == _AWAIT:
                self._doing = f"run {index}: rows [{run.first}, {run.last}) of the input"
                self._take_rows(run)
                continue
            self._doing = f"run {index}: step {run.step} {self._kernel(run.step)} rows [{run.first}, {run.last})"
            self._run(run)
        self._doing = "after the last run"
        for step, done in enumerate(self._done):
            if not done.all():
                self._fail(f"step {step} {self._kernel(step)} has not computed row {int(np.argmin(done))}")
        for operand in self._outputs + (self._inputs if self.frame.options & PINS_INPUTS else []):
            self._expect(operand, 0, 1)

    def tensor_of(self, step: int, view: int) -> Tensor:
        return self._operands[step][view].tensor

    def places_of(self, tensor: Tensor) -> list[View]:
        """All views of a tensor, those of inputs and outputs of the model included."""
        operands = [operand for step in self._operands for operand in step] + self._inputs + self._outputs
        return [operand.view for operand in operands if operand.tensor is tensor]

    def _kernel(self, step: int) -> str:
        return self.contracts[step].kernel if step < len(self.contracts) else "unknown"

    def _fail(self, what: str) -> NoReturn:
        raise BrokenPlanError(f"{self._doing}: {what}")

    # ---- What the model says

    def _find_tensors(self) -> list[Tensor]:
        tensors = []
        names = 0
        for index, info in enumerate(self._model.tensors):
            tensors.append(Tensor(f'"{info.name}" ({index})', info.bytes, names, info.is_constant))
            names += 0 if info.is_constant else info.bytes
        views = set(_core.view_operators())
        with_step = set(self._operators)
        for index, operator in enumerate(self._model.operators):
            if index in with_step:
                continue
            source, result = operator.inputs[0], operator.outputs[0]
            if operator.name not in views or tensors[source].bytes != tensors[result].bytes:
                raise BrokenPlanError(f"operator {index} {operator.name} has no step")
            tensors[result] = tensors[source]
        return tensors

    def _find_operands(self, step: int) -> list[Operand]:
        operator = self._model.operators[self._operators[step]]
        contract = self.contracts[step]
        operands = []
        for view, meant in zip(self.frame.steps[step].views, contract.views, strict=True):
            index = (operator.outputs if meant.is_output else operator.inputs)[meant.index]
            tensor = self._tensors[index]
            where = f"step {step} {contract.kernel}, tensor {tensor.name}"
            if meant.rows * meant.row_bytes != tensor.bytes:
                raise BrokenPlanError(
                    f"{where}: {meant.rows} rows of {meant.row_bytes} bytes are not {tensor.bytes} bytes"
                )
            if not 0 < view.ring_rows <= meant.rows or view.row_stride < meant.row_bytes:
                raise BrokenPlanError(f"{where}: a ring of {view.ring_rows} rows, {view.row_stride} bytes apart")
            if view.offset % meant.alignment or view.row_stride % meant.alignment:
                raise BrokenPlanError(f"{where}: rows are not aligned to {meant.alignment} bytes")
            operands.append(Operand(view, tensor, meant.rows, meant.row_bytes))
        if not contract.views[-1].is_output or any(view.is_output for view in contract.views[:-1]):
            raise BrokenPlanError(f"step {step} {contract.kernel}: the output is not the last view")
        return operands

    def _io(self, view: View, index: int) -> Operand:
        tensor = self._tensors[index]
        if view.row_stride != tensor.bytes:
            raise BrokenPlanError(f"the input or output {tensor.name} has {view.row_stride} bytes")
        return Operand(view, tensor, 1, tensor.bytes)

    # ---- What one run does

    def _expect_memory(self, operand: Operand) -> None:
        """Constants lie in the plan or the model, all else in the arena: a plan knows no other memory yet."""
        known = (_PLAN, _MODEL, _EXTERNAL) if operand.tensor.is_constant else (_ARENA,)
        if operand.view.segment not in known:
            self._fail(f"the tensor {operand.tensor.name} lies in segment {operand.view.segment}")

    def _expect(self, operand: Operand, first: int, last: int) -> None:
        self._expect_memory(operand)
        if not operand.tensor.is_constant and not self._arena.holds(operand, first, last):
            self._fail(f"rows [{first}, {last}) of the tensor {operand.tensor.name} are not there")

    def _take_rows(self, run: Run) -> None:
        tensor = self._tensors[self._model.inputs[0]]
        view = self.frame.pushed
        if view is None or tensor.bytes % view.row_stride:
            self._fail("the input is not pushed in rows")
        rows = tensor.bytes // view.row_stride
        if not run.first < run.last <= rows or run.last - run.first > view.ring_rows:
            self._fail(f"a ring of {view.ring_rows} rows for an input of {rows}")
        self._arena.write(Operand(view, tensor, rows, view.row_stride), run.first, run.last)

    def _run(self, run: Run) -> None:
        if run.step >= len(self.frame.steps):
            self._fail("no such step")
        contract = self.contracts[run.step]
        operands = self._operands[run.step]
        output = operands[-1]
        if not run.first < run.last <= output.rows:
            self._fail(f"the output has {output.rows} rows")
        if self._done[run.step][run.first : run.last].any():
            self._fail("rows are computed a second time")
        self._done[run.step][run.first : run.last] = True
        whole = (run.first, run.last) == (0, output.rows)
        if contract.whole_only and not (whole and all(operand.is_whole for operand in operands)):
            self._fail("the kernel cannot be cut")
        needed = [contract.input_rows(i, run.first, run.last) for i in range(len(operands) - 1)]
        for operand, (first, last) in zip(operands, [*needed, (run.first, run.last)], strict=True):
            if not first <= last <= operand.rows or last - first > operand.view.ring_rows:
                self._fail(f"rows [{first}, {last}) in a ring of {operand.view.ring_rows}")
        self._expect_memory(output)

        scratch = self._take_scratch(run, contract)
        first_input_is_checked = self._compute(run, contract, operands)
        for i, (operand, (first, last)) in enumerate(zip(operands[:-1], needed, strict=True)):
            if contract.views[i].written or operand.view.segment == _STATE:
                self._use_variable(run, operand, whole)
            elif i != 0 or not first_input_is_checked:
                self._expect(operand, first, last)
        self._expect(output, run.first, run.last)
        if scratch is not None and not self._arena.is_filled(*scratch, _SCRATCH - run.step):
            self._fail("the scratch is overwritten while it is used")

    def _take_scratch(self, run: Run, contract: _core.Contract) -> tuple[int, int] | None:
        """Address and bytes. The kernel may write them at any time of its run."""
        size = contract.scratch_bytes(run.last - run.first)
        ref = self.frame.steps[run.step].scratch
        if size == 0:
            return None
        address = ref & _OFFSET_MASK
        if ref >> 28 != _ARENA or address % _SCRATCH_ALIGNMENT:
            self._fail(f"scratch at {ref:#x}")
        self._arena.fill(address, size, _SCRATCH - run.step)
        return address, size

    def _compute(self, run: Run, contract: _core.Contract, operands: list[Operand]) -> bool:
        """Writes the output's rows. True when the first input was looked at row by row."""
        first_input, output = operands[0], operands[-1]
        if not self._goes_row_by_row(run, contract, operands):
            # All rows are read and written in any order: what is read must still be there when all is written.
            self._arena.write(output, run.first, run.last)
            return False
        # Element or pixel i is read before it is written, so the output may begin where the input does, or before.
        in_place = (
            contract.overlap in ("elementwise", "pixels")
            and first_input.rows == output.rows
            and first_input.row_bytes >= output.row_bytes
            and output.view.offset <= first_input.view.offset
        )
        for row in range(run.first, run.last):
            read = contract.input_rows(0, row, row + 1)
            if in_place:
                self._expect(first_input, *read)
            self._arena.write(output, row, row + 1)
            if not in_place:
                self._expect(first_input, *read)
        return True

    @staticmethod
    def _goes_row_by_row(run: Run, contract: _core.Contract, operands: list[Operand]) -> bool:
        """Whether the output lies over the first input, whose kernel then promises to finish row after row."""
        first_input, output = operands[0], operands[-1]
        if contract.overlap == "none" or len(operands) < 2 or not (first_input.is_in_arena and output.is_in_arena):
            return False
        if not (first_input.is_whole and output.is_whole):
            return False
        low, high = first_input.area(*contract.input_rows(0, run.first, run.last))
        first, last = output.area(run.first, run.last)
        return first < high and low < last

    def _use_variable(self, run: Run, operand: Operand, whole: bool) -> None:
        """State outlives an inference: each step that reads or changes it runs once, in the order of the graph."""
        tensor = operand.tensor
        if operand.view.segment != _STATE or not whole:
            self._fail(f"the variable {tensor.name} in segment {operand.view.segment}, all rows: {whole}")
        place = (operand.view.offset, operand.view.offset + tensor.bytes)
        if self._variables.setdefault(tensor.first_name, place) != place or place[1] > self.frame.state_bytes:
            self._fail(f"the variable {tensor.name} lies elsewhere")
        for name, (first, last) in self._variables.items():
            if name != tensor.first_name and first < place[1] and place[0] < last:
                self._fail(f"the variable {tensor.name} lies over another one")
        if self._newest_reader.get(tensor.first_name, -1) > run.step:
            self._fail(f"the variable {tensor.name} was used by a later step before")
        self._newest_reader[tensor.first_name] = run.step


def _operators(model: _core.ModelInfo) -> list[int]:
    """Of the model, by step: all but views have one."""
    views = set(_core.view_operators())
    return [index for index, operator in enumerate(model.operators) if operator.name not in views]


def _describe(model: bytes, optimized: _core.Optimized | None) -> _core.ModelInfo:
    """What was planned: the model, or what the graph passes made of it."""
    info = _core.describe(model if optimized is None else optimized.model)
    assert info is not None
    return info


def replay_of(plan: Plan, data: bytes | None = None) -> Replay:
    """`data`: other bytes than the plan's, for its model."""
    return Replay(plan.data if data is None else data, _describe(plan.model.content, plan.optimized))


def replay(plan: Plan) -> None:
    """Raises BrokenPlanError where the plan overwrites what is still needed, or reads what is not there."""
    replay_of(plan).run()


def replay_core(model: bytes, core: _core.Plan, optimized: _core.Optimized | None) -> None:
    """The same for what the extension returns."""
    info = _describe(model, optimized)
    if any(not operator.outputs for operator in info.operators):
        return  # of a damaged model describe() reads only what it can
    if sum(tensor.bytes for tensor in info.tensors if not tensor.is_constant) <= _MAX_BYTES:
        Replay(core.data, info).run()
