# SPDX-License-Identifier: Apache-2.0
"""The library, the boards and the firmware compile without a warning, for every target, under GCC and Clang."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from microplan.boards import boards_dir, list_boards, load_board
from microplan.build import board_definitions

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "tools/microplan/firmware"
STUB_MODEL = ROOT / "tests/target/stub_model"

SOURCES = sorted((ROOT / "src").rglob("*.cpp"))
PUBLIC_HEADERS = sorted(path.relative_to(ROOT / "include") for path in (ROOT / "include").rglob("*.h"))
BOARDS = [board.name for board in list_boards()]
FLAGS = ["-std=c++17", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
FLAGS += ["-ffp-contract=off", "-fno-exceptions", "-fno-rtti"]

# As Arduino.h has them.
ARDUINO = """\
#define min(a,b) ((a)<(b)?(a):(b))
#define max(a,b) ((a)>(b)?(a):(b))
#define abs(x) ((x)>0?(x):-(x))
#define round(x) ((x)>=0?(long)((x)+0.5):(long)((x)-0.5))
"""
# Nobody may undefine them.
ARDUINO_USE = "int arduino_macros() { return min(1, max(2, abs(3) + (int)round(4.5))); }\n"

# What GCC's name for a target is for Clang, by the prefix of the board's compiler.
CLANG_TARGETS = {
    "arm-none-eabi-": "--target=arm-none-eabi",
    "riscv64-unknown-elf-": "--target=riscv32-unknown-elf",
}


# Clang takes the floating-point unit from -mcpu.
GCC_ONLY = ("-mfpu=auto", "-msmall-data-limit=0")


@dataclass(frozen=True)
class Target:
    """A compiler, with the flags of a board."""

    compiler: str
    flags: list[str]

    def compile(self, folder: Path, sources: list[Path], *flags: str | Path) -> None:
        command = [self.compiler, *self.flags, *FLAGS, f"-I{ROOT / 'include'}", *flags, *sources]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
        assert (result.returncode, result.stderr) == (0, "")


def gcc_for(name: str) -> Target:
    compiler = load_board(name).compiler
    if compiler is None:
        return installed(Target("g++", []))
    return installed(Target(f"{compiler.prefix}g++", compiler.flags))


def clang_for(name: str) -> Target:
    compiler = load_board(name).compiler
    if compiler is None:
        return installed(Target("clang++", []))
    # Clang brings no C library.
    search = subprocess.run(
        [gcc_for(name).compiler, *compiler.flags, "-E", "-Wp,-v", "-xc++", "/dev/null"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    folders = [line.strip() for line in search.splitlines() if line.startswith(" ")]
    libc = next(folder for folder in folders if (Path(folder) / "string.h").is_file())
    flags = [flag for flag in compiler.flags if flag.startswith("-m") and flag not in GCC_ONLY]
    return installed(Target("clang++", [CLANG_TARGETS[compiler.prefix], *flags, "-isystem", libc]))


def installed(target: Target) -> Target:
    if shutil.which(target.compiler) is None:
        pytest.skip(f"needs {target.compiler}")
    return target


@pytest.fixture(params=["gcc", "clang"])
def target(request: pytest.FixtureRequest, board_name: str) -> Target:
    return {"gcc": gcc_for, "clang": clang_for}[request.param](board_name)


@pytest.fixture(params=BOARDS)
def board_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_library(target: Target, tmp_path: Path) -> None:
    target.compile(tmp_path, SOURCES, f"-I{ROOT / 'src'}", "-fsyntax-only")


@pytest.mark.parametrize("board_name", ["host"])
def test_library_without_texts(target: Target, tmp_path: Path) -> None:
    target.compile(tmp_path, SOURCES, f"-I{ROOT / 'src'}", "-fsyntax-only", "-DMICROPLAN_TEXT=0")


@pytest.mark.parametrize("board_name", ["host", "qemu-cortex-m55", "qemu-riscv32"])
def test_library_optimized(board_name: str, tmp_path: Path) -> None:
    """GCC finds some of what it warns of only on the way to code."""
    gcc_for(board_name).compile(tmp_path, SOURCES, f"-I{ROOT / 'src'}", "-O2", "-c")


def test_every_public_header_alone_after_arduinos_macros(target: Target, tmp_path: Path) -> None:
    sources = []
    for number, header in enumerate(PUBLIC_HEADERS):
        source = tmp_path / f"header{number}.cpp"
        source.write_text(f'{ARDUINO}#include "{header}"\n{ARDUINO_USE}')
        sources.append(source)
    target.compile(tmp_path, sources, "-fsyntax-only")


@pytest.mark.parametrize("name", [name for name in BOARDS if name != "host"])
def test_boards_and_firmware(name: str, tmp_path: Path) -> None:
    board = load_board(name)
    assert board.support
    sources = [boards_dir() / source for source in board.support.sources]
    sources += sorted(FIRMWARE.glob("*.cpp"))
    includes = [f"-I{folder}" for folder in (ROOT, FIRMWARE, STUB_MODEL)]
    definitions = [f"-D{definition}" for definition in board_definitions(board)]
    gcc_for(name).compile(tmp_path, sources, "-fsyntax-only", *includes, *definitions)
