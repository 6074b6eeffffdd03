# SPDX-License-Identifier: Apache-2.0
"""The bench application and what the tools make of its figures."""

from __future__ import annotations

import subprocess
import zlib
from pathlib import Path

import pytest

from microplan.boards import Board
from microplan.build import Firmware, empty_flash_bytes
from microplan.device import BenchResult, Count, bench, parse_bench
from microplan.errors import MicroplanError
from microplan.simulator import run_in_simulator

INPUT_BYTES = 300


@pytest.fixture(scope="module")
def output(board: Board, stub_bench: Firmware) -> str:
    return run_in_simulator(stub_bench.elf, board)


@pytest.fixture(scope="module")
def result(output: str) -> BenchResult:
    return parse_bench(output, 40)


def test_crc_is_of_the_first_invocation_after_reset(result: BenchResult) -> None:
    pattern = ((i * 37 + 11) & 0xFF for i in range(INPUT_BYTES))
    assert result.output_crc32 == zlib.crc32(bytes(((byte ^ 0x55) + 1) & 0xFF for byte in pattern))


def test_counts_are_exact_and_add_up(result: BenchResult) -> None:
    counts = [result.invoke, result.init, *result.steps.values()]
    assert [count.uncertainty for count in counts] == [0] * len(counts)
    assert list(result.steps) == [0, 1]
    overhead = result.invoke.instructions - sum(step.instructions for step in result.steps.values())
    assert 0 < overhead < 200
    assert 0 < result.stack_bytes < 600


def test_bench_is_deterministic(board: Board, stub_bench: Firmware, result: BenchResult) -> None:
    assert bench(stub_bench.elf, board) == result


def test_observer_sees_the_same_count(
    board: Board, stub_bench: Firmware, result: BenchResult, tmp_path: Path
) -> None:
    """The simulator's own trace, one line for each instruction, between the two marks."""
    assert board.simulator
    symbols = stub_bench.sizes.symbols
    begin, end = (symbols[f"microplan_bench_{mark}"].address & ~1 for mark in ("begin", "end"))
    # Painting the stack and clearing RAM take millions of instructions outside of the marks.
    long_ones = ("invoke_stack_bytes", "reset_handler", "counter_loop", "memset")
    ranges = [
        f"{symbol.address & ~1:#x}..{(symbol.address & ~1) + symbol.size - 1:#x}"
        for name, symbol in symbols.items()
        if symbol.size and symbol.address < 0x20000000 and not any(long in name for long in long_ones)
    ]
    trace = tmp_path / "trace"
    values = {"elf": str(stub_bench.elf), "arguments": ""}
    command = [part.format_map(values) for part in board.simulator.command]
    command += ["-singlestep", "-d", "exec,nochain", "-D", str(trace), "-dfilter", ",".join(ranges)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    calls = {begin: 0, end: 0}
    seen = 0
    with trace.open() as lines:
        for line in lines:
            if line.startswith("Stopped"):  # the last one was not executed, and comes again
                seen -= calls[begin] == 1 and calls[end] == 0
            if not line.startswith("Trace"):
                continue
            pc = int(line.split("/")[1], 16)
            if pc in calls:
                calls[pc] += 1
            seen += calls[begin] == 1 and calls[end] == 0
    assert calls == {begin: 1, end: 1}
    # begin's return and the call of end belong to the marks.
    assert seen - 2 == result.invoke.instructions


def test_sizes(board: Board, stub_bench: Firmware) -> None:
    sizes = stub_bench.sizes
    assert (sizes.arena_bytes, sizes.state_bytes, sizes.plan_ram_bytes) == (640, 4, 0)
    assert sizes.static_bytes <= 64
    assert sizes.model_flash_bytes == 324
    assert stub_bench.runtime_flash_bytes == sizes.flash - 324 - empty_flash_bytes(board)
    assert 0 < stub_bench.runtime_flash_bytes < 4096
    assert empty_flash_bytes(board) < 1024


def lines(*figures: str) -> str:
    return "\n".join([*figures, f"microplan-bench done {len(figures):08x}"]) + "\n"


def sample(region: str, index: int, delay: int, ticks: int) -> str:
    return f"{region} {index:08x} {delay:08x} {ticks:08x}"


def region(name: str, index: int, instructions: int) -> list[str]:
    """What a region of known length prints, with every delay."""
    return [sample(name, index, delay, (instructions + delay) // 40) for delay in range(40)]


def good_run() -> list[str]:
    return [
        *region("empty", 0, 90),
        *region("marks", 0, 95),
        *region("loop", 100, 290),
        *region("init", 0, 1090),
        "stack_bytes 00000100",
        "output_crc32 12345678",
        *region("invoke", 0, 5095),
        *region("step", 0xFFFFFFFF, 50),
        *(line for pair in zip(region("step", 0, 350), region("step", 0, 150), strict=True) for line in pair),
        sample("step", 1, 0, 3),
    ]


def test_figures_are_computed_from_samples() -> None:
    # Step 0 runs twice in an invocation; step 1 was sampled once, so its last 40 instructions are not known.
    assert parse_bench(lines(*good_run()), 40) == BenchResult(
        Count(5000), Count(1000), {0: Count(400), 1: Count(70, 39)}, 0x100, 0x12345678
    )


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("", "did not run to its end"),
        ("\n".join(good_run()), "did not run to its end"),
        (lines(*good_run()).replace("stack_bytes 00000100\n", ""), "did not run to its end"),
        (lines(*good_run()[:-161]), "did not measure"),
        (lines(*good_run(), "hello"), "means nothing"),
        (lines(*(line for line in good_run() if "crc" not in line)), "did not print output_crc32"),
        (lines(*good_run(), sample("invoke", 0, 50, 0x1000)), "contradict each other"),
        (lines(*good_run(), *region("loop", 7, 105)), "a loop of 14 instructions counted 15"),
    ],
    ids=["silence", "no end", "a line lost", "cut", "noise", "no crc", "unsteady", "counter off"],
)
def test_bad_output_is_refused(output: str, message: str) -> None:
    with pytest.raises(MicroplanError, match=message):
        parse_bench(output, 40)
