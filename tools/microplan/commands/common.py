# SPDX-License-Identifier: Apache-2.0
"""What the commands share: their arguments, progress, output, and the way from a model to a firmware."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from microplan.boards import Board, load_board
from microplan.build import STACK_BYTES
from microplan.errors import MicroplanError
from microplan.planning import FORMS, Form, ModelFile, Plan, plan, select_variants


class _BoardType(click.ParamType[Board]):
    name = "board"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Board:
        if isinstance(value, Board):
            return value
        try:
            return load_board(value)
        except MicroplanError as error:
            self.fail(str(error), param, ctx)


def _load_model(_context: click.Context, _parameter: click.Parameter, path: Path) -> ModelFile:
    return ModelFile.load(path)


Decorator = Callable[[Callable[..., None]], Callable[..., None]]

model_argument: Decorator = click.argument(
    "model", type=click.Path(exists=True, dir_okay=False, path_type=Path), callback=_load_model
)
json_option: Decorator = click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON object to stdout."
)
form_option: Decorator = click.option(
    "--form",
    type=click.Choice(FORMS),
    default="compiled",
    show_default=True,
    help="Where the planner runs: on this machine (compiled) or on the board at boot (interpreted).",
)
out_option: Decorator = click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the result.",
)


def board_option(
    *, required: bool = True, help_text: str = "A board's name, or a board file of your own."
) -> Decorator:
    return click.option("--board", type=_BoardType(), required=required, help=help_text)


def write_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def stdout_console() -> Console:
    """For tables; as wide as they need when nobody's terminal limits them."""
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


@contextmanager
def progress(message: str, as_json: bool = False) -> Iterator[None]:
    """Shows on stderr that long work goes on; silent for machines."""
    console = Console(stderr=True)
    if as_json or not console.is_terminal:
        yield
        return
    with console.status(message):
        yield


def plan_for(
    model: ModelFile, board: Board | None, form: Form = "compiled", variant: str | None = None
) -> Plan:
    """A plan for the board, refused when the board's memory cannot hold it."""
    features = board.feature_bits if board else 0
    made = plan(model, form, features=features, variants=select_variants(variant))
    problems = memory_problems(made, board)
    if problems:
        raise MicroplanError(" ".join(problems))
    return made


@dataclass(frozen=True)
class MemoryNeed:
    """What a plan needs of a board's memory; the firmware's code and its few variables come on top of it."""

    flash: int
    ram: int  # with the stack

    @classmethod
    def of(cls, made: Plan) -> MemoryNeed:
        ram = made.arena_bytes + made.state_bytes + made.plan_buffer_bytes + STACK_BYTES[made.form]
        return cls(len(made.firmware_data), ram)


def memory_problems(made: Plan, board: Board | None) -> list[str]:
    """What of a plan's need is more than the board has."""
    if board is None or not board.has_firmware:
        return []
    problems = []
    need = MemoryNeed.of(made)
    flash = board.region("flash").length
    if need.flash > flash:
        problems.append(
            f"{made.model.name} is too big for the flash of {board.name}: its data alone needs "
            f"{need.flash:,} bytes, and there are {flash:,}: {need.flash - flash:,} too few. "
            "Use a smaller model, or a board with more flash."
        )
    ram = board.region("ram").length
    if need.ram > ram:
        problems.append(
            f"{made.model.name} is too big for the RAM of {board.name}: its arena of {made.arena_bytes:,} "
            f"bytes, its state of {made.state_bytes:,} bytes{_plan_part(made)} and a stack of "
            f"{STACK_BYTES[made.form]:,} bytes need {need.ram:,} bytes, and there are {ram:,}: "
            f"{need.ram - ram:,} too few. Use a model with smaller activations, or a board with more RAM; "
            "`microplan size` shows what takes the room."
        )
    return problems


def _plan_part(made: Plan) -> str:
    return f", its plan of {made.plan_buffer_bytes:,} bytes" if made.plan_buffer_bytes else ""
