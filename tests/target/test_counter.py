# SPDX-License-Identifier: Apache-2.0
"""The instruction counter against loops of known length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from microplan.boards import Board, Counter
from microplan.simulator import run_in_simulator

SOURCE = Path(__file__).parent / "programs/counter.cpp"
BuildProgram = Callable[..., Path]


def samples(output: str) -> dict[int, list[int]]:
    """Ticks by delay, by rounds."""
    by_rounds = defaultdict(list)
    for line in output.splitlines():
        rounds, delay, ticks = (int(word, 16) for word in line.split()[1:])
        assert delay == len(by_rounds[rounds])
        by_rounds[rounds].append(ticks)
    return by_rounds


def test_loops_are_counted_to_the_instruction(any_board: Board, build_program: BuildProgram) -> None:
    loops = samples(run_in_simulator(build_program(any_board, SOURCE), any_board))
    # Hermite's identity: floor((x + d) / n) summed over d = 0 .. n - 1 is x.
    counts = {rounds: sum(ticks) for rounds, ticks in loops.items()}
    constant = counts[1] - 2
    assert counts == {rounds: 2 * rounds + constant for rounds in counts}
    assert len(counts) == 12


# SysTick alone wraps; one tick of it is one, two and four of the board's.
@pytest.mark.parametrize("name", ["qemu-cortex-m4", "qemu-cortex-m0", "qemu-cortex-m55"])
def test_wraps_are_counted(
    name: str, board_named: Callable[[str], Board], build_program: BuildProgram
) -> None:
    board = board_named(name)
    assert board.counter
    period = 100
    loops = samples(run_in_simulator(build_program(board, SOURCE, f"-DBOARD_COUNTER_PERIOD={period}"), board))
    whole = samples(run_in_simulator(build_program(board, SOURCE), board))
    instructions = board.counter.instructions_per_tick
    ticks_per_wrap = period // board.counter.timer_ticks_per_tick
    assert max(map(max, whole.values())) > 50 * ticks_per_wrap
    for rounds, ticks in whole.items():
        for with_wraps, without in zip(loops[rounds], ticks, strict=True):
            # The handler's five instructions are in the region, and what they take has wraps of its own.
            handlers = without // ticks_per_wrap * 5 * 1.01 / instructions
            assert without <= with_wraps <= without + handlers + 1


@pytest.mark.parametrize("name", ["qemu-cortex-m4", "qemu-riscv32"])
def test_boards_can_count_cycles(
    name: str, board_named: Callable[[str], Board], build_program: BuildProgram
) -> None:
    board = board_named(name)
    counter = Counter(counts="cycles", instructions_per_tick=1)
    elf = build_program(board.model_copy(update={"counter": counter}), SOURCE)
    # QEMU has no trace unit; its mcycle goes up with every instruction.
    if name == "qemu-riscv32":
        assert run_in_simulator(elf, board) == run_in_simulator(build_program(board, SOURCE), board)
