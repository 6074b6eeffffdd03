# SPDX-License-Identifier: Apache-2.0
"""Boards as data: one TOML file a board, in boards/ or the user's own. See load_board()."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from microplan.errors import MicroplanError, UsageError
from microplan.paths import share_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# The bits of TargetFeature in microplan/config.h.
FEATURE_BITS = {"dsp": 1, "mve": 2, "mve_f": 4, "fpu": 8, "cmsis_nn": 16}

Word = Annotated[int, Field(ge=0, lt=1 << 32)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Compiler(_Table):
    prefix: str  # of the program names: "arm-none-eabi-"
    package: str  # the Debian packages that bring it
    flags: list[str]  # instruction set and ABI, for compiling and linking
    link_flags: list[str] = []
    libraries: list[str] = []  # linked last, where link_flags leave out the compiler's own


class Support(_Table):
    """Start-up code and the like: an implementation of boards/board.h. Paths from the boards folder."""

    sources: list[str]
    linker_script: str  # of the regions it only uses CODE and DATA


class Memory(_Table):
    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    kind: Literal["flash", "ram"]
    origin: Word
    length: Annotated[int, Field(gt=0, lt=1 << 32)]


class Simulator(_Table):
    package: str  # the Debian package that brings it
    command: list[str]  # placeholders: {elf}, {arguments}


class Counter(_Table):
    # A simulator that makes every instruction take the same time counts them by its timer; real cores count cycles.
    counts: Literal["instructions", "cycles"] = "instructions"
    instructions_per_tick: Annotated[int, Field(ge=1, le=255)]
    # Ticks of the hardware's timer that make one of ours; more than 1 where only several are whole instructions.
    timer_ticks_per_tick: Annotated[int, Field(ge=1, le=255)] = 1


class Board(_Table):
    """A board. Only `host` has no compiler: its models run inside the Python package."""

    name: str
    description: str
    cpu: str
    # CMSIS-NN is none of them: a build brings it, not a board.
    features: list[Literal["dsp", "mve", "mve_f", "fpu"]]
    clock_hz: Annotated[int, Field(gt=0)] | None = None  # of the core; simulators have none
    compiler: Compiler | None = None
    support: Support | None = None
    memory: list[Memory] = []
    simulator: Simulator | None = None
    counter: Counter | None = None

    @property
    def has_firmware(self) -> bool:
        return self.compiler is not None

    @property
    def feature_bits(self) -> int:
        """The features as the planner's Target takes them."""
        return sum(FEATURE_BITS[feature] for feature in set(self.features))

    def region(self, kind: Literal["flash", "ram"]) -> Memory:
        """The region that the linker script fills first."""
        for memory in self.memory:
            if memory.kind == kind:
                return memory
        raise MicroplanError(f"Board {self.name} has no {kind} region: add a [[memory]] table to its file.")


def boards_dir() -> Path:
    return share_dir() / "boards"


def list_boards() -> list[Board]:
    """The boards that Microplan brings, by name."""
    return [_read(path) for path in sorted(boards_dir().glob("*.toml"))]


def load_board(name_or_path: str | Path) -> Board:
    """A board by its name, or from a file of the user's."""
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if not path.is_file():
            raise UsageError(
                f"There is no board file {path}. Give the path of an existing one, or a board's name."
            )
        return _read(path)
    path = boards_dir() / f"{name_or_path}.toml"
    if path.parent != boards_dir() or not path.is_file():
        known = ", ".join(sorted(p.stem for p in boards_dir().glob("*.toml")))
        raise UsageError(
            f"There is no board {str(name_or_path)!r}. The boards are {known}; a board of your own is a "
            ".toml file whose path you give instead of a name."
        )
    return _read(path)


def _read(path: Path) -> Board:
    try:
        with path.open("rb") as file:
            board = Board.model_validate(tomllib.load(file))
    except tomllib.TOMLDecodeError as error:
        raise MicroplanError(
            f"{path} is not a TOML file: {error}. Compare it with the files in {boards_dir()}."
        ) from None
    except ValidationError as error:
        findings = "; ".join(
            f"{'.'.join(str(part) for part in finding['loc'])}: {finding['msg']}"
            for finding in error.errors()
        )
        raise MicroplanError(
            f"{path} does not describe a board: {findings}. Compare it with the files in {boards_dir()}."
        ) from None
    parts = (board.compiler, board.support, board.counter)
    if any(part is None for part in parts) and any(part is not None for part in parts):
        raise MicroplanError(
            f"{path}: a board with firmware needs all of [compiler], [support] and [counter]."
        )
    if board.has_firmware:
        board.region("flash")
        board.region("ram")
    return board
