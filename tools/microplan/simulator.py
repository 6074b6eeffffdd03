# SPDX-License-Identifier: Apache-2.0
"""Runs a firmware in the board's simulator."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from microplan.boards import Board
from microplan.elf import read_sizes
from microplan.errors import MicroplanError, UsageError
from microplan.status import describe_status

_FAULT = re.compile(r"^microplan-fault" + r" ([0-9a-f]{8})" * 4 + "$", re.MULTILINE)
_ERROR = re.compile(r"^error (\w+) ([0-9a-f]{8}) ([0-9a-f]{8})$", re.MULTILINE)
# By the ELF file's machine: the exception number on Arm, mcause on RISC-V.
_EXCEPTIONS = {
    "EM_ARM": {
        2: "NMI",
        3: "HardFault",
        4: "MemManage",
        5: "BusFault",
        6: "UsageFault",
        7: "SecureFault",
    },
    "EM_RISCV": {
        0: "misaligned instruction",
        1: "instruction access fault",
        2: "illegal instruction",
        3: "breakpoint",
        4: "misaligned load",
        5: "load access fault",
        6: "misaligned store",
        7: "store access fault",
    },
}


def run_in_simulator(
    elf: Path,
    board: Board,
    arguments: Sequence[str] = (),
    cwd: Path | None = None,
    timeout: float = 600,
    options: Sequence[str] = (),
) -> str:
    """What the firmware printed. `arguments` become its command line; files that it opens lie in `cwd`.

    `options` are further ones of the simulator.
    """
    if board.simulator is None:
        raise UsageError(
            f"Board {board.name} has no simulator. `microplan boards` lists the boards that have."
        )
    program = board.simulator.command[0]
    if shutil.which(program) is None:
        raise MicroplanError(
            f"Running on {board.name} needs {program}, which is not on the PATH. On Debian and Ubuntu: "
            f"sudo apt install {board.simulator.package}."
        )
    # A comma separates options for QEMU; two stand for one.
    words = "".join(f",arg={argument.replace(',', ',,')}" for argument in arguments)
    values = {"elf": str(elf.resolve()), "arguments": words}
    command = [*(part.format_map(values) for part in board.simulator.command), *options]
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=cwd,
            timeout=timeout,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired as expired:
        raise MicroplanError(
            f"{elf.name} did not end within {timeout:g} seconds in {program}. Give it more time, or look for "
            f"an endless loop. It printed last: {_tail(expired.stdout)}"
        ) from None
    if fault := _FAULT.search(result.stdout):
        raise MicroplanError(_fault_message(elf, board, [int(word, 16) for word in fault.groups()]))
    if "microplan-fault stack overflow" in result.stdout:
        raise MicroplanError(
            f"{elf.name} used more stack on {board.name} than there is. Use a board with more RAM, or a model "
            "that leaves more of it free."
        )
    if error := _ERROR.search(result.stdout):
        raise MicroplanError(
            f"{elf.name} failed on {board.name} in {error[1]}: {describe_status(int(error[2], 16))}; "
            f"needed: {int(error[3], 16)}."
        )
    if result.returncode != 0:
        raise MicroplanError(
            f"{elf.name} ended with exit code {result.returncode} in {program}. It printed last: "
            f"{_tail(result.stdout)} {program} said: {_tail(result.stderr)}"
        )
    return result.stdout


def _fault_message(elf: Path, board: Board, words: list[int]) -> str:
    exception, pc, lr, status = words
    sizes = read_sizes(elf)
    prefix = board.compiler.prefix if board.compiler else ""
    name = _EXCEPTIONS.get(sizes.machine, {}).get(exception, f"exception {exception}")
    return (
        f"{elf.name} crashed on {board.name}: {name} at {pc:#010x} in "
        f"{sizes.symbol_at(pc) or 'no known function'}, called from "
        f"{sizes.symbol_at(lr & ~1) or 'no known function'}, fault status {status:#010x}. This is a defect "
        f"of the firmware; {prefix}addr2line -e {elf} {pc:#x} names the source line of a build with -g."
    )


def _tail(output: str | bytes | None) -> str:
    text = output.decode(errors="replace") if isinstance(output, bytes) else output or ""
    lines = text.strip().splitlines()
    return " | ".join(lines[-5:]) or "nothing."
