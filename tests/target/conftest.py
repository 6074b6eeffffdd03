# SPDX-License-Identifier: Apache-2.0
"""What the target tests share: the simulated board, a compiler for small programs, the model made by hand."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from microplan.boards import Board, boards_dir, load_board
from microplan.build import Firmware, build_firmware, memory_script
from microplan.paths import share_dir

STUB_MODEL = Path(__file__).parent / "stub_model"

# Compiles one C++ file with a board's support code; further arguments are compiler flags.
BuildProgram = Callable[..., Path]


@pytest.fixture(scope="session")
def board() -> Board:
    """The simulated Cortex-M4, where its tools are installed."""
    board = load_board("qemu-cortex-m4")
    assert board.compiler and board.simulator
    for program, package in (
        (f"{board.compiler.prefix}g++", board.compiler.package),
        (board.simulator.command[0], board.simulator.package),
    ):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: sudo apt install {package}")
    return board


@pytest.fixture
def build_program(board: Board, tmp_path: Path) -> BuildProgram:
    def build(source: Path, *flags: str) -> Path:
        assert board.compiler and board.support and board.counter
        (tmp_path / "memory.ld").write_text(memory_script(board))
        elf = tmp_path / f"{source.stem}.elf"
        command = [f"{board.compiler.prefix}g++", "-std=c++17", "-O2", "-fno-exceptions", "-fno-rtti"]
        command += [*board.compiler.flags, *board.compiler.link_flags, *flags]
        command += [f"-DBOARD_INSTRUCTIONS_PER_TICK={board.counter.instructions_per_tick}"]
        command += [f"-I{share_dir()}", f"-I{share_dir()}/include", str(source)]
        command += [str(boards_dir() / name) for name in board.support.sources]
        command += [
            "-T",
            str(boards_dir() / board.support.linker_script),
            "-L",
            str(tmp_path),
            "-o",
            str(elf),
        ]
        subprocess.run(command, check=True)
        return elf

    return build


@pytest.fixture(scope="session")
def stub_bench(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    return build_firmware(STUB_MODEL, board, tmp_path_factory.mktemp("bench"), "bench")


@pytest.fixture(scope="session")
def stub_run(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    return build_firmware(STUB_MODEL, board, tmp_path_factory.mktemp("run"), "run")
