# SPDX-License-Identifier: Apache-2.0
"""`microplan check`: everything that stops a model, and else what it will cost."""

from __future__ import annotations

import click
from rich.table import Table

from microplan.boards import Board
from microplan.budget import Budget, require_budget
from microplan.build import STACK_BYTES
from microplan.commands.common import (
    Choice,
    MemoryNeed,
    board_option,
    budget_option,
    fitting_plan,
    model_argument,
    plan_option,
    print_passes,
    stdout_console,
    warn_of_reference,
)
from microplan.errors import ModelError
from microplan.estimate import estimate_in_words
from microplan.planning import FORMS, ModelFile, Plan


@click.command()
@model_argument
@board_option(required=False, help_text="Check also that the model fits this board, and estimate its time.")
@plan_option(strict=True)
@budget_option
def check(model: ModelFile, board: Board | None, choice: Choice, budget: Budget) -> None:
    """Tell everything that stops MODEL, all at once; for a sound one its kernels and what they will cost.

    Each finding names the operator, the tensors, the reason and what to do.
    """
    try:
        made = fitting_plan(model, board, FORMS[0], choice)
    except ModelError as error:
        for finding in error.findings:
            click.echo(finding, err=True)
        raise click.exceptions.Exit(1) from None
    where = f" on {board.name}" if board else ""
    click.echo(
        f"{model.name} runs{where}: {len(made.core.steps)} operators, {made.macs:,} multiply-accumulates, "
        f"{made.arena_bytes:,} bytes of arena, {made.state_bytes:,} of state, {len(made.data):,} of flash "
        f"for the model.{_room(made, board)}"
    )
    _print_kernels(made)
    print_passes(made)
    if board is not None and board.has_firmware:
        click.echo(estimate_in_words(made, board))
    warn_of_reference(made, choice)
    require_budget(budget, [made])


def _room(made: Plan, board: Board | None) -> str:
    if board is None or not board.has_firmware:
        return ""
    need = MemoryNeed.of(made)
    return (
        f" With a stack of {STACK_BYTES[made.form]:,} bytes, {board.region('ram').length - need.ram:,} bytes "
        f"of RAM and {board.region('flash').length - need.flash:,} of flash are left for the rest."
    )


def _print_kernels(made: Plan) -> None:
    table = Table("", "operator", "kernel", "MACs", "instructions, about")
    for column in (table.columns[0], *table.columns[3:]):
        column.justify = "right"
    for step in made.core.steps:
        table.add_row(
            str(step.operator_index),
            made.model.operator_name(step.operator_index),
            step.kernel,
            f"{step.macs:,}",
            f"{step.instructions:,}",
        )
    stdout_console().print(table)
