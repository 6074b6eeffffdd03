# SPDX-License-Identifier: Apache-2.0
"""What the target tests share: the simulated boards, a compiler for small programs, the model made by hand."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from microplan.boards import Board, boards_dir, list_boards
from microplan.build import Firmware, board_definitions, build_firmware, memory_script
from microplan.paths import share_dir
from support.boards import installed

STUB_MODEL = Path(__file__).parent / "stub_model"

BOARDS = [board.name for board in list_boards() if board.has_firmware]

# Compiles a C++ file with a board's support code; further arguments are compiler flags.
BuildProgram = Callable[..., Path]


@pytest.fixture(scope="session")
def board() -> Board:
    """The simulated Cortex-M4."""
    return installed("qemu-cortex-m4")


@pytest.fixture(scope="session", params=BOARDS)
def any_board(request: pytest.FixtureRequest) -> Board:
    """Every simulated board in turn."""
    return installed(request.param)


@pytest.fixture(scope="session")
def board_named() -> Callable[[str], Board]:
    """A board by its name."""
    return installed


@pytest.fixture(scope="session")
def build_program(tmp_path_factory: pytest.TempPathFactory) -> BuildProgram:
    def build(board: Board, source: Path, *flags: str) -> Path:
        assert board.compiler and board.support
        folder = tmp_path_factory.mktemp(source.stem)
        (folder / "memory.ld").write_text(memory_script(board))
        elf = folder / f"{source.stem}.elf"
        command = [f"{board.compiler.prefix}g++", "-std=c++17", "-O2", "-fno-exceptions", "-fno-rtti"]
        command += [*board.compiler.flags, *board.compiler.link_flags, *flags]
        command += [f"-D{definition}" for definition in board_definitions(board)]
        command += [f"-I{share_dir()}", f"-I{share_dir()}/include", str(source)]
        command += [str(boards_dir() / name) for name in board.support.sources]
        command += ["-T", str(boards_dir() / board.support.linker_script), "-L", str(folder), "-o", str(elf)]
        subprocess.run([*command, *board.compiler.libraries], check=True)
        return elf

    return build


@pytest.fixture(scope="session")
def stub_bench(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    return build_firmware(STUB_MODEL, board, tmp_path_factory.mktemp("bench"), "bench")


@pytest.fixture(scope="session")
def stub_run(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    return build_firmware(STUB_MODEL, board, tmp_path_factory.mktemp("run"), "run")
