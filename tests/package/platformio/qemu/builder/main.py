# SPDX-License-Identifier: Apache-2.0
"""Builds bare-metal firmware for the board of this name among Microplan's; the target `exec` runs it in QEMU."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

from microplan.boards import boards_dir, load_board
from microplan.build import board_definitions, memory_script
from microplan.paths import share_dir

env = DefaultEnvironment()
board = load_board(env["BOARD"])
assert board.compiler and board.support and board.simulator

launcher = "ccache " if shutil.which("ccache") else ""
prefix = board.compiler.prefix
env.Replace(
    AR=f"{prefix}ar",
    RANLIB=f"{prefix}ranlib",
    CC=f"{launcher}{prefix}gcc",
    CXX=f"{launcher}{prefix}g++",
    LINK=f"{prefix}g++",
    PROGSUFFIX=".elf",
    LDSCRIPT_PATH=str(boards_dir() / board.support.linker_script),
)
env.Append(
    # For size, as PlatformIO's own platforms do.
    CCFLAGS=[*board.compiler.flags, "-Os", "-ffunction-sections", "-fdata-sections"],
    CXXFLAGS=["-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"],
    LINKFLAGS=[*board.compiler.flags, *board.compiler.link_flags, "-Wl,--gc-sections"],
)
Path(env.subst("$BUILD_DIR"), "memory.ld").write_text(memory_script(board))

support = env.Clone()
support.Append(
    CPPPATH=[str(share_dir()), str(share_dir() / "include")],
    CPPDEFINES=board_definitions(board),
    CXXFLAGS=["-std=gnu++17"],
)
puts = Path(env.PioPlatform().get_dir(), "puts.cpp")
for name, source in {"puts": puts, **{name: boards_dir() / name for name in board.support.sources}}.items():
    env.Append(PIOBUILDFILES=[support.Object(f"$BUILD_DIR/board/{name}.o", str(source))])

program = env.BuildProgram()
simulator = [part.format(elf="$PROGPATH", arguments="") for part in board.simulator.command]
AlwaysBuild(env.Alias("exec", program, shlex.join(simulator).replace("'$PROGPATH'", "$PROGPATH")))
Default(program)
