# SPDX-License-Identifier: Apache-2.0
"""Start-up, exit codes, and that every crash ends the run with an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from microplan.boards import Board
from microplan.errors import MicroplanError
from microplan.simulator import run_in_simulator

SOURCE = Path(__file__).parent / "programs/startup.cpp"
BuildProgram = Callable[..., Path]


@pytest.fixture(scope="module")
def program(any_board: Board, build_program: BuildProgram) -> Path:
    return build_program(any_board, SOURCE)


def test_memory_and_fpu_are_ready(any_board: Board, program: Path) -> None:
    assert run_in_simulator(program, any_board, ["0"]) == "well 00c0ffee\n"


# What a core calls it: Cortex-M has one exception for all, RISC-V a cause for each.
NO_ADDRESS = "(HardFault|store access fault)"
NO_INSTRUCTION = "(HardFault|illegal instruction)"


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("1", "exit code 7"),
        ("2", rf"{NO_ADDRESS} at 0x[0-9a-f]{{8}} in store_nowhere, called from main"),
        ("3", rf"{NO_INSTRUCTION} at 0x[0-9a-f]{{8}} in main"),
        ("4", "used more stack"),
        ("5", "used more stack"),
    ],
    ids=["main returns 7", "no such address", "undefined instruction", "endless recursion", "stack used up"],
)
def test_failure_is_an_error(any_board: Board, program: Path, case: str, message: str) -> None:
    with pytest.raises(MicroplanError, match=message):
        run_in_simulator(program, any_board, [case], timeout=60)


def test_endless_loop_times_out(board: Board, build_program: BuildProgram) -> None:
    with pytest.raises(MicroplanError, match="did not end within 1 seconds"):
        run_in_simulator(build_program(board, SOURCE), board, ["9"], timeout=1)


def test_missing_simulator_names_the_package(board: Board) -> None:
    assert board.simulator
    simulator = board.simulator.model_copy(update={"command": ["no-such-simulator"]})
    with pytest.raises(MicroplanError, match="sudo apt install qemu-system-arm"):
        run_in_simulator(Path("firmware.elf"), board.model_copy(update={"simulator": simulator}))
