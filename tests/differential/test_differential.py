# SPDX-License-Identifier: Apache-2.0
"""Every kernel against the reference kernel of its operator on random cases: on the host with sanitizers, on boards."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from microplan.boards import boards_dir
from microplan.build import board_definitions, memory_script
from microplan.simulator import run_in_simulator
from support.boards import installed

SOURCE = Path(__file__).parent
SEED = "1"
# Of each operator and type.
HOST_CASES = "200"
BOARD_CASES = "20"
# The Cortex-M7 has the M4's instructions; the M0 has too little RAM.
BOARDS = ["qemu-cortex-m3", "qemu-cortex-m4", "qemu-cortex-m33", "qemu-cortex-m55", "qemu-riscv32"]
STACK_BYTES = 16 * 1024

Build = Callable[..., Path]


def check(output: str) -> None:
    """The sentinel ends the output, after a line for each kernel."""
    lines = output.splitlines()
    assert lines, "no output"
    done = re.fullmatch(r"differential done (\d+)", lines[-1])
    assert done, output
    kernels = {name: int(count) for name, count in (line.split() for line in lines[:-1])}
    assert int(done[1]) > 0
    assert all(kernels.values())
    assert "conv_2d_int8" in kernels


@pytest.fixture(scope="module")
def host_program(cmake_build: Build) -> Path:
    return cmake_build(SOURCE) / "differential"


def test_kernels_equal_the_reference_on_the_host(host_program: Path) -> None:
    result = subprocess.run([host_program, SEED, HOST_CASES], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    check(result.stdout)


def test_bad_arguments_are_refused(host_program: Path) -> None:
    for arguments in ([], ["1"], ["1", "x"], ["1", "2", "conv", "-3"]):
        result = subprocess.run([host_program, *arguments], capture_output=True, text=True)
        assert result.returncode == 2
        assert "usage" in result.stdout


@pytest.mark.parametrize("name", BOARDS)
def test_kernels_equal_the_reference_on_boards(name: str, cmake_build: Build, tmp_path: Path) -> None:
    board = installed(name)
    assert board.compiler and board.support
    (tmp_path / "memory.ld").write_text(memory_script(board, STACK_BYTES))
    sources = [boards_dir() / source for source in board.support.sources]
    build = cmake_build(
        SOURCE,
        "-DCMAKE_SYSTEM_NAME=Generic",
        "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY",
        f"-DCMAKE_CXX_COMPILER={board.compiler.prefix}g++",
        f"-DBOARD_SOURCES={';'.join(map(str, sources))}",
        f"-DBOARD_LINKER_SCRIPT={boards_dir() / board.support.linker_script}",
        f"-DBOARD_FLAGS={';'.join(board.compiler.flags)}",
        f"-DBOARD_LINK_FLAGS=-L;{tmp_path};{';'.join(board.compiler.link_flags)}",
        f"-DBOARD_LIBRARIES={';'.join(board.compiler.libraries)}",
        f"-DBOARD_DEFINITIONS={';'.join(board_definitions(board))}",
    )
    check(run_in_simulator(build / "differential", board, [SEED, BOARD_CASES], timeout=300))
