# SPDX-License-Identifier: Apache-2.0
"""Estimated Cortex-M4 cycles of a bench firmware, by a plugin of QEMU's: CycleEstimate.

plugin/cortex_m4_cycles.cpp has the table. It is compiled for this machine when it is first used.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from microplan.boards import Board
from microplan.elf import read_sizes
from microplan.errors import MicroplanError, UsageError
from microplan.paths import cache_dir

_SOURCE = Path(__file__).resolve().parent / "plugin" / "cortex_m4_cycles.cpp"
# The one core whose timing the plugin knows.
CPU = "cortex-m4"


@dataclass(frozen=True)
class CycleEstimate:
    """One run of a bench firmware; `out` is written by the simulator when it ends."""

    options: list[str]  # of the simulator
    out: Path

    @classmethod
    def prepare(cls, elf: Path, board: Board, folder: Path) -> CycleEstimate:
        require_cycles(board)
        # Bit 0 of a function's address says that it is Thumb code.
        symbols = read_sizes(elf).symbols
        begin, end = (symbols[f"microplan_bench_{mark}"].address & ~1 for mark in ("begin", "end"))
        out = folder / "cycles"
        return cls(["-plugin", f"{_plugin()},begin={begin:#x},end={end:#x},out={out}"], out)

    def read(self, instructions: int, uncertainty: int) -> int:
        """Cycles, after a look whether the plugin saw as many instructions as the firmware itself counted."""
        text = self.out.read_text() if self.out.is_file() else ""
        seen, cycles = (int(word) for word in text.split()) if text else (0, 0)
        if not instructions <= seen <= instructions + uncertainty:
            raise MicroplanError(
                f"The plugin that estimates cycles saw {seen:,} instructions, and the firmware counted "
                f"{instructions:,}. Measure without --cycles, or use QEMU 7.2, with which it is tested."
            )
        return cycles


def require_cycles(board: Board) -> None:
    """Raises UsageError where cycles cannot be estimated."""
    if not estimates_cycles(board):
        raise UsageError(
            f"Cycles are estimated by the timing of a simulated {CPU}, which {board.name} is not. Use "
            "--board qemu-cortex-m4, or leave out --cycles."
        )


def estimates_cycles(board: Board) -> bool:
    return board.cpu == CPU and board.simulator is not None


def _plugin() -> Path:
    """The compiled plugin, built once for each state of compiler and source."""
    compiler = _compiler()
    version = subprocess.run([*compiler, "--version"], capture_output=True, check=False).stdout
    key = hashlib.sha256(version + _SOURCE.read_bytes()).hexdigest()[:16]
    library = cache_dir() / f"cortex-m4-cycles-{key}.so"
    if library.is_file():
        return library
    library.parent.mkdir(parents=True, exist_ok=True)
    partial = library.with_suffix(f".{os.getpid()}")
    command = [*compiler, "-std=c++17", "-O2", "-shared", "-fPIC", "-fvisibility=hidden"]
    if sys.platform == "darwin":
        command += ["-undefined", "dynamic_lookup"]  # QEMU has the functions
    result = subprocess.run(
        [*command, str(_SOURCE), "-o", str(partial)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise MicroplanError(f"Compiling the plugin that estimates cycles failed:\n{result.stdout}")
    partial.replace(library)
    return library


def _compiler() -> list[str]:
    if named := os.environ.get("CXX"):
        return shlex.split(named)
    for name in ("c++", "g++", "clang++"):
        if path := shutil.which(name):
            return [path]
    raise MicroplanError(
        "Estimating cycles needs this machine's C++ compiler, and there is none on the PATH. On Debian and Ubuntu: "
        "sudo apt install g++. Or leave out --cycles."
    )
