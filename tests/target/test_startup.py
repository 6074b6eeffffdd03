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


def test_memory_and_fpu_are_ready(board: Board, build_program: BuildProgram) -> None:
    assert run_in_simulator(build_program(SOURCE, "-DCASE=0"), board) == "well 00c0ffee\n"


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (1, "exit code 7"),
        (2, r"HardFault at 0x[0-9a-f]{8} in store_nowhere, called from main"),
        (3, r"HardFault at 0x[0-9a-f]{8} in main"),
        (4, r"HardFault|exit code"),
    ],
    ids=["main returns 7", "bus fault", "undefined instruction", "stack overflow"],
)
def test_failure_is_an_error(board: Board, build_program: BuildProgram, case: int, message: str) -> None:
    with pytest.raises(MicroplanError, match=message):
        run_in_simulator(build_program(SOURCE, f"-DCASE={case}"), board, timeout=60)


def test_endless_loop_times_out(board: Board, build_program: BuildProgram) -> None:
    with pytest.raises(MicroplanError, match="did not end within 1 seconds"):
        run_in_simulator(build_program(SOURCE, "-DCASE=5"), board, timeout=1)


def test_missing_simulator_names_the_package(board: Board) -> None:
    assert board.simulator
    simulator = board.simulator.model_copy(update={"command": ["no-such-simulator"]})
    with pytest.raises(MicroplanError, match="sudo apt install qemu-system-arm"):
        run_in_simulator(Path("firmware.elf"), board.model_copy(update={"simulator": simulator}))
