# SPDX-License-Identifier: Apache-2.0
"""What the commands share: their arguments, progress, output, and the way from a model to a firmware."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from microplan.boards import FEATURE_BITS, Board, load_board
from microplan.budget import Budget, parse_bytes
from microplan.build import STACK_BYTES
from microplan.errors import DoesNotFitError, MicroplanError, UsageError
from microplan.kernel_choice import reference_warnings
from microplan.planning import FORMS, PREFERENCES, Form, ModelFile, Plan, Prefer, pass_names, plan, printable


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


def _load_models(
    _context: click.Context, _parameter: click.Parameter, paths: tuple[Path, ...]
) -> list[ModelFile]:
    return [ModelFile.load(path) for path in paths]


Decorator = Callable[[Callable[..., None]], Callable[..., None]]

model_argument: Decorator = click.argument(
    "model", type=click.Path(exists=True, dir_okay=False, path_type=Path), callback=_load_model
)
models_argument: Decorator = click.argument(
    "models",
    metavar="MODEL...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=_load_models,
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


@dataclass(frozen=True)
class Choice:
    """How the kernels are chosen, and what else plan_option() asks for."""

    prefer: Prefer | None = None  # None: not asked for
    variant: str | None = None
    strict: bool = False
    cmsis_nn: Path | None = None  # a checkout of CMSIS-NN, which the firmware is built with
    target: int = 0  # features of a target without a board
    no_pass: tuple[str, ...] = ()  # graph passes that do not run
    push_rows: bool = False

    def features(self, board: Board | None) -> int:
        """Those of the board or the target, and what the build adds."""
        build = FEATURE_BITS["cmsis_nn"] if self.cmsis_nn else 0
        return (board.feature_bits if board else self.target) | build

    @property
    def is_asked_for(self) -> bool:
        """Whether the user says how kernels are chosen."""
        return self.prefer is not None or self.variant is not None


def _check_cmsis_nn(_context: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and not (path / "Include" / "arm_nnfunctions.h").is_file():
        raise UsageError(f"{path} has no Include/arm_nnfunctions.h. Name a checkout of CMSIS-NN.")
    return path


def plan_option(*, strict: bool = False, firmware: bool = False) -> Decorator:
    """The options by which kernels are chosen, as one argument `choice`.

    With `strict` also --strict, with `firmware` what firmware can be built with.
    """
    options = [
        click.option(
            "--prefer",
            type=click.Choice(PREFERENCES),
            help="What kernels are chosen by: balanced (the default) takes the fewest instructions among those "
            "whose constants do not grow, speed whatever the constants take, ram the least scratch, flash the "
            "smallest constants.",
        ),
        click.option(
            "--variant",
            help="For comparison: take these kernels where they exist, else base, else reference.",
        ),
        click.option(
            "--no-pass",
            type=click.Choice(["all", *pass_names()]),
            multiple=True,
            help="Leave out this pass of the compiled form, or all of them; may be given several times.",
        ),
        click.option(
            "--push-rows",
            is_flag=True,
            help="The first input comes row by row (a camera's lines) through push_rows() and never exists whole.",
        ),
    ]
    if strict:
        options.append(
            click.option(
                "--strict", is_flag=True, help="Fail when a reference kernel runs where the board has a better one."
            )
        )

    if firmware:
        options.append(
            click.option(
                "--cmsis-nn",
                type=click.Path(file_okay=False, path_type=Path),
                envvar="CMSIS_NN_PATH",
                callback=_check_cmsis_nn,
                help="A checkout of CMSIS-NN: the firmware is built with it, and its kernels can be chosen.",
            )
        )

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def with_choice(
            prefer: Prefer | None,
            variant: str | None,
            no_pass: tuple[str, ...],
            strict: bool = False,
            cmsis_nn: Path | None = None,
            push_rows: bool = False,
            **arguments: Any,
        ) -> None:
            if prefer is not None and variant is not None:
                raise UsageError("--variant names the kernels, so that there is nothing to --prefer. Give one of them.")
            command(choice=Choice(prefer, variant, strict, cmsis_nn, push_rows=push_rows, no_pass=no_pass), **arguments)

        for option in reversed(options):
            option(with_choice)
        return with_choice

    return decorate


def _parse_bytes(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    return None if text is None else parse_bytes(text)


def budget_option(command: Callable[..., None]) -> Callable[..., None]:
    """--budget-ram and --budget-flash, as one argument `budget`."""

    @click.option(
        "--budget-ram",
        metavar="BYTES",
        callback=_parse_bytes,
        help="Fail, with the list of what to cut, when arena and state take more: 20480 or 20K. Where the firmware is "
        "built its static variables count, too.",
    )
    @click.option(
        "--budget-flash",
        metavar="BYTES",
        callback=_parse_bytes,
        help="The same for the model in flash. Where the firmware is built the runtime's code counts, too.",
    )
    @wraps(command)
    def with_budget(budget_ram: int | None, budget_flash: int | None, **arguments: Any) -> None:
        command(budget=Budget(budget_ram, budget_flash), **arguments)

    return with_budget


def plan_for(
    model: ModelFile, board: Board | None, form: Form = "compiled", choice: Choice = Choice()
) -> Plan:
    """A plan for the board that fits its memory, with kernels that need less where the best do not.

    Warns on stderr of reference kernels where the board has better ones.
    """
    made = fitting_plan(model, board, form, choice)
    warn_of_reference(made, choice)
    return made


def fitting_plan(model: ModelFile, board: Board | None, form: Form, choice: Choice) -> Plan:
    """The plan asked for when it fits the board's memory, else one that prefers RAM or flash, else an error."""
    features = choice.features(board)
    prefer = choice.prefer or PREFERENCES[0]
    rest: dict[str, Any] = {"push_rows": choice.push_rows, "no_pass": choice.no_pass}
    made = plan(model, form, features=features, prefer=prefer, variant=choice.variant, **rest)
    problems = memory_problems(made, board)
    if not problems:
        return made
    for other in _LESS_MEMORY:
        if choice.variant is not None or other == prefer:
            continue
        smaller = plan(model, form, features=features, prefer=other, **rest)
        if board is not None and not memory_problems(smaller, board):
            click.echo(
                f"{model.name}: with the {prefer} kernels it does not fit {board.name}, so it is planned with those "
                f"that need the least {other.replace('ram', 'RAM')}. {problems[0]}",
                err=True,
            )
            return smaller
    raise DoesNotFitError(" ".join(problems))


# What is tried when a plan does not fit.
_LESS_MEMORY: tuple[Prefer, ...] = ("ram", "flash")


def warn_of_reference(made: Plan, choice: Choice) -> None:
    """Tells of reference kernels where the target has better ones; an error with --strict.

    Who names a variant or saves memory may want reference kernels.
    """
    if choice.variant is not None or choice.prefer in _LESS_MEMORY:
        return
    warnings = reference_warnings(made)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if warnings and choice.strict:
        raise MicroplanError(
            f"{made.model.name} runs {len(warnings)} operators by reference kernels, and --strict forbids it. Change "
            "the operators as the warnings say, or leave out --strict."
        )


def print_passes(made: Plan) -> None:
    """What graph passes did, if they did something."""
    if not made.pass_reports:
        return
    table = Table("graph pass", "what it did")
    for name, text in made.pass_reports:
        table.add_row(name, printable(text))
    stdout_console().print(table)


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
