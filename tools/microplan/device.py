# SPDX-License-Identifier: Apache-2.0
"""Measures on a board: bench() runs firmware/bench.cpp and computes with the raw figures that it prints."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from microplan.boards import Board
from microplan.cycles import CycleEstimate
from microplan.errors import MicroplanError, UsageError
from microplan.simulator import run_in_simulator

_LINE = re.compile(r"([a-z0-9_]+)((?: [0-9a-f]{8})+)")
_DONE = "microplan-bench done"
_NO_STEP = 0xFFFFFFFF
_FULL = 0xFFFFFFFF  # what a counter shows that has run over


@dataclass(frozen=True)
class Count:
    """Retired instructions: between `instructions` and `instructions + uncertainty`."""

    instructions: int
    uncertainty: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.instructions + other.instructions, self.uncertainty + other.uncertainty)


@dataclass(frozen=True)
class BenchResult:
    invoke: (
        Count  # the second invocation after a reset: between microplan_bench_begin and microplan_bench_end
    )
    init: Count
    steps: dict[int, Count]  # by step of the plan: what runs between the two calls of the on_step hook
    stack_bytes: int
    output_crc32: int
    cycles: int | None = None  # of `invoke` on a Cortex-M4 without wait states, an estimate


def bench(elf: Path, board: Board, timeout: float = 600, *, cycles: bool = False) -> BenchResult:
    """Runs a firmware that build_firmware() built with app="bench"; `cycles` asks for their estimate."""
    if board.counter is None:
        raise UsageError(
            f"Board {board.name} has no counter to measure with. `microplan boards` lists the boards."
        )
    tick = board.counter.instructions_per_tick
    if not cycles:
        return parse_bench(run_in_simulator(elf, board, timeout=timeout), tick)
    with tempfile.TemporaryDirectory(prefix="microplan-") as folder:
        estimate = CycleEstimate.prepare(elf, board, Path(folder))
        result = parse_bench(run_in_simulator(elf, board, timeout=timeout, options=estimate.options), tick)
        return replace(result, cycles=estimate.read(result.invoke.instructions, result.invoke.uncertainty))


# One run of a region in an invocation, repeated: delays with ticks.
_Run = list[tuple[int, int]]


@dataclass
class _Figures:
    """What the firmware printed; `samples` by region and index."""

    samples: defaultdict[tuple[str, int], list[_Run]] = field(default_factory=lambda: defaultdict(list))
    values: dict[str, int] = field(default_factory=dict)

    def add_sample(self, region: str, index: int, delay: int, ticks: int) -> None:
        runs = self.samples[region, index]
        # A step that runs several times in an invocation prints as many lines with the same delay.
        for run in runs:
            if all(delay != other for other, _ in run):
                run.append((delay, ticks))
                return
        runs.append([(delay, ticks)])


def parse_bench(output: str, tick: int) -> BenchResult:
    """From what firmware/bench.cpp prints; its head has the format. `tick` is in instructions."""
    figures = _read(output)
    empty = _total(figures, "empty", 0, tick)
    for region, rounds in [key for key in figures.samples if key[0] == "loop"]:
        loop = _total(figures, region, rounds, tick)
        found = Count(loop.instructions - empty.instructions, loop.uncertainty + empty.uncertainty)
        if found != Count(2 * rounds):
            raise MicroplanError(
                f"The instruction counter is off: a loop of {2 * rounds} instructions counted "
                f"{found.instructions}. Check the board's [counter] and that its simulator runs with -icount "
                "shift=0."
            )
    steps = {
        index: _total(figures, region, index, tick, _total(figures, "step", _NO_STEP, tick))
        for region, index in figures.samples
        if region == "step" and index != _NO_STEP
    }
    return BenchResult(
        invoke=_total(figures, "invoke", 0, tick, _total(figures, "marks", 0, tick)),
        init=_total(figures, "init", 0, tick, empty),
        steps=dict(sorted(steps.items())),
        stack_bytes=_value(figures, "stack_bytes"),
        output_crc32=_value(figures, "output_crc32"),
    )


def _read(output: str) -> _Figures:
    figures = _Figures()
    lines = output.splitlines()
    done = lines[-1].rpartition(" ") if lines else ("", "", "")
    if done[0] != _DONE or int(done[2], 16) != len(lines) - 1:
        raise MicroplanError(
            "The bench firmware did not run to its end, or printed something else between its figures. Its "
            "last lines: " + " | ".join(lines[-5:])
        )
    for line in lines[:-1]:
        match = _LINE.fullmatch(line)
        numbers = [int(word, 16) for word in match[2].split()] if match else []
        if match and len(numbers) == 1:
            figures.values[match[1]] = numbers[0]
        elif match and len(numbers) == 3:
            figures.add_sample(match[1], *numbers)
        else:
            raise MicroplanError(
                f"The bench firmware printed a line that means nothing here: {line!r}. Build it again."
            )
    return figures


def _value(figures: _Figures, key: str) -> int:
    if key not in figures.values:
        raise MicroplanError(f"The bench firmware did not print {key}. Build it again.")
    return figures.values[key]


def _total(figures: _Figures, region: str, index: int, tick: int, constant: Count = Count(0)) -> Count:
    """Instructions of all runs of a region, each less `constant`."""
    runs = figures.samples.get((region, index))
    if not runs:
        raise MicroplanError(f"The bench firmware did not measure the region {region!r}. Build it again.")
    total = Count(0)
    for run in runs:
        if any(ticks == _FULL for _, ticks in run):
            raise MicroplanError(
                f"The region {region!r} ({index}) takes more instructions than the board's counter can hold. "
                "Measure a smaller model."
            )
        # With delay d, t = floor((d + instructions) / tick): each sample bounds the instructions.
        low = max(ticks * tick - delay for delay, ticks in run)
        high = min((ticks + 1) * tick - delay for delay, ticks in run)
        if low >= high:
            raise MicroplanError(
                f"The counts of region {region!r} ({index}) contradict each other: the same code took "
                "different numbers of instructions, so something else runs on the board, or the simulator "
                "is not deterministic."
            )
        total += Count(low - constant.instructions, high - low - 1 + constant.uncertainty)
    return total
