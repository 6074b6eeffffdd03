# SPDX-License-Identifier: Apache-2.0
"""Builds firmware: build_firmware() from what `microplan embed` generated, empty_flash_bytes() to compare."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from microplan.boards import Board, Compiler, Support, boards_dir
from microplan.elf import ElfSizes, read_sizes
from microplan.errors import DoesNotFitError, MicroplanError, UsageError
from microplan.link_map import code_by_file
from microplan.paths import cache_dir, share_dir, write_if_changed
from microplan.planning import Form

App = Literal["bench", "run"]

# What the linker keeps of the RAM for the stack, by form: enough for the applications and an inference, and for the
# planner where that runs on the board.
STACK_BYTES: dict[Form, int] = {"compiled": 2048, "interpreted": 4096}

_FIRMWARE_DIR = Path(__file__).resolve().parent / "firmware"


@dataclass(frozen=True)
class Firmware:
    elf: Path
    board: Board
    app: App
    form: Form
    sizes: ElfSizes
    runtime_flash_bytes: int
    code: dict[str, int]  # of these, bytes by source file of the library


def build_firmware(
    generated_dir: Path,
    board: Board,
    out_dir: Path,
    app: App = "run",
    form: Form = "compiled",
    cmsis_nn: Path | None = None,
) -> Firmware:
    """Leaves out_dir/firmware.elf. `generated_dir` has firmware_model.h and the sources that belong to it.

    `cmsis_nn` is a checkout of CMSIS-NN to build in.
    """
    elf = _build(board, out_dir, app, generated_dir, STACK_BYTES[form], cmsis_nn)
    sizes = read_sizes(elf)
    if not sizes.model_flash_bytes:
        raise MicroplanError(
            f"{elf} has no symbol microplan_model_data, so the model's size is unknown. Generate "
            f"{generated_dir} again."
        )
    code = code_by_file((_build_dir(out_dir, app) / "firmware.map").read_text(), sizes.flash_sections)
    return Firmware(elf, board, app, form, sizes, sizes.runtime_flash_bytes(empty_flash_bytes(board)), code)


def empty_flash_bytes(board: Board) -> int:
    """Flash of the board's start-up code alone. Built once for each state of compiler and sources."""
    cache = cache_dir() / f"empty-{board.name}-{_empty_key(board)}.json"
    if cache.is_file():
        return int(json.loads(cache.read_text())["flash"])
    with tempfile.TemporaryDirectory(prefix="microplan-") as folder:
        flash = read_sizes(_build(board, Path(folder), "empty", None, STACK_BYTES["compiled"])).flash
    cache.parent.mkdir(parents=True, exist_ok=True)
    # Renamed into place, because another process may be reading.
    partial = cache.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps({"flash": flash}))
    partial.replace(cache)
    return flash


def _build(
    board: Board,
    out_dir: Path,
    app: str,
    generated_dir: Path | None,
    stack_bytes: int,
    cmsis_nn: Path | None = None,
) -> Path:
    compiler, support = _firmware_parts(board)
    build_dir = _build_dir(out_dir, app)
    build_dir.mkdir(parents=True, exist_ok=True)
    write_if_changed(build_dir / "memory.ld", memory_script(board, stack_bytes))
    gxx = _compiler_path(board, compiler)
    ninja = _tool("ninja")
    configure = [
        _tool("cmake"),
        *("-G", "Ninja", "-S", str(_FIRMWARE_DIR), "-B", str(build_dir), f"-DCMAKE_MAKE_PROGRAM={ninja}"),
        *("-DCMAKE_SYSTEM_NAME=Generic", "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY"),
        f"-DCMAKE_CXX_COMPILER={gxx}",
        f"-DMICROPLAN_SHARE={share_dir()}",
        f"-DMICROPLAN_APP={app}",
        f"-DBOARD_SOURCES={';'.join(str(boards_dir() / source) for source in support.sources)}",
        f"-DBOARD_LINKER_SCRIPT={boards_dir() / support.linker_script}",
        f"-DBOARD_FLAGS={';'.join(compiler.flags)}",
        f"-DBOARD_LINK_FLAGS={';'.join(compiler.link_flags)}",
        f"-DBOARD_LIBRARIES={';'.join(compiler.libraries)}",
        f"-DBOARD_DEFINITIONS={';'.join(board_definitions(board))}",
    ]
    if generated_dir is not None:
        configure.append(f"-DMICROPLAN_GENERATED={generated_dir.resolve()}")
    configure.append(f"-DMICROPLAN_CMSIS_NN={cmsis_nn.resolve() if cmsis_nn else ''}")
    if cmsis_nn:
        configure.append(f"-DCMAKE_C_COMPILER={_compiler_path(board, compiler, 'gcc')}")
    if ccache := shutil.which("ccache"):
        configure += [f"-DCMAKE_{language}_COMPILER_LAUNCHER={ccache}" for language in ("C", "CXX")]
    _run(configure, board, stack_bytes)
    _run([ninja, "-C", str(build_dir), "firmware.elf"], board, stack_bytes)
    elf = out_dir / "firmware.elf"
    shutil.copyfile(build_dir / "firmware.elf", elf)
    return elf


def _build_dir(out_dir: Path, app: str) -> Path:
    return out_dir.resolve() / f"build-{app}"


def _firmware_parts(board: Board) -> tuple[Compiler, Support]:
    if board.compiler is None or board.support is None:
        raise UsageError(
            f"Board {board.name} has no firmware to build: models run on it inside the Python package. "
            "`microplan boards` lists the boards that have."
        )
    return board.compiler, board.support


def board_definitions(board: Board) -> list[str]:
    """The macros with which the board's support code and the applications are compiled."""
    assert board.counter is not None  # every board with firmware has one
    return [
        f"BOARD_INSTRUCTIONS_PER_TICK={board.counter.instructions_per_tick}",
        f"BOARD_COUNTS_CYCLES={int(board.counter.counts == 'cycles')}",
        f"BOARD_TIMER_TICKS_PER_TICK={board.counter.timer_ticks_per_tick}",
    ]


def memory_script(board: Board, stack_bytes: int = STACK_BYTES["compiled"]) -> str:
    """What the board's linker script INCLUDEs: its memory regions and the stack at the end of the RAM."""
    data = board.region("ram")
    if data.length <= stack_bytes:
        raise MicroplanError(
            f"{board.name} has {data.length:,} bytes of RAM, and the stack alone needs {stack_bytes:,}. Use a "
            "board with more RAM."
        )
    lines = ["MEMORY", "{"]
    for memory in board.memory:
        access = "rx" if memory.kind == "flash" else "rwx"
        length = memory.length - (stack_bytes if memory is data else 0)
        lines.append(f"  {memory.name} ({access}) : ORIGIN = {memory.origin:#x}, LENGTH = {length:#x}")
    lines += [
        "}",
        f'REGION_ALIAS("CODE", {board.region("flash").name})',
        f'REGION_ALIAS("DATA", {data.name})',
        f"board_stack_bytes = {stack_bytes};",
    ]
    return "\n".join(lines) + "\n"


def _run(command: list[str], board: Board, stack_bytes: int) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode == 0:
        return
    overflows = dict(re.findall(r"region `(\w+)' overflowed by (\d+) bytes", result.stdout))
    flash, ram = board.region("flash"), board.region("ram")
    problems = []
    if flash.name in overflows:
        problems.append(
            f"the flash has {flash.length:,} bytes, and {int(overflows[flash.name]):,} more are needed"
        )
    if ram.name in overflows:
        problems.append(
            f"the RAM has {ram.length:,} bytes, of which {stack_bytes:,} are kept for the stack, and "
            f"{int(overflows[ram.name]):,} more are needed"
        )
    if problems:
        raise DoesNotFitError(
            f"The firmware does not fit {board.name}: {'; '.join(problems)}. Use a smaller model, or a board "
            "with more; `microplan size` lists what takes the room."
        )
    progress = re.compile(r"\[\d+/\d+\]")
    lines = [line for line in result.stdout.splitlines() if not progress.match(line)]
    raise MicroplanError(f"Building the firmware for {board.name} failed:\n" + "\n".join(lines))


def _compiler_path(board: Board, compiler: Compiler, program: str = "g++") -> str:
    name = f"{compiler.prefix}{program}"
    path = shutil.which(name)
    if path is None:
        raise MicroplanError(
            f"Building for {board.name} needs the cross compiler {name}, which is not on the PATH. On Debian "
            f"and Ubuntu: sudo apt install {compiler.package}. Elsewhere install it from its maker and add "
            "its bin folder to the PATH."
        )
    return path


def _tool(name: str) -> str:
    """A build tool from the PATH or, installed by pip, from beside the Python that runs."""
    beside_python = str(Path(sys.executable).parent)
    path = shutil.which(name) or shutil.which(name, path=beside_python)
    if path is None:
        raise MicroplanError(f"Building firmware needs {name}, which is not on the PATH: pip install {name}.")
    return path


def _empty_key(board: Board) -> str:
    """Changes with everything that the empty firmware is made of."""
    compiler, support = _firmware_parts(board)
    digest = hashlib.sha256(board.model_dump_json().encode())
    version = subprocess.run([_compiler_path(board, compiler), "--version"], capture_output=True, check=False)
    digest.update(version.stdout)
    sources = [boards_dir() / source for source in (*support.sources, support.linker_script)]
    sources += sorted(boards_dir().glob("*.h"))
    sources += [_FIRMWARE_DIR / "CMakeLists.txt", _FIRMWARE_DIR / "empty.cpp"]
    sources.append(share_dir() / "include/microplan/config.h")
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
