# SPDX-License-Identifier: Apache-2.0
"""`microplan check`: everything that stops a model."""

from __future__ import annotations

import click

from microplan import _core
from microplan.boards import Board
from microplan.build import STACK_BYTES
from microplan.commands.common import MemoryNeed, board_option, memory_problems, model_argument
from microplan.planning import FORMS, ModelFile, Plan, findings, plan


@click.command()
@model_argument
@board_option(required=False, help_text="Check also that the model fits this board.")
def check(model: ModelFile, board: Board | None) -> None:
    """Tell everything that stops MODEL, all at once.

    Each finding names the operator, the tensors, the reason and what to do.
    """
    features = board.feature_bits if board else 0
    problems = findings(model, _core.plan(model.content, _core.OWNS_CONSTANTS, features))
    if not problems:
        made = plan(model, FORMS[0], features=features)
        problems = memory_problems(made, board)
    if problems:
        for problem in problems:
            click.echo(problem, err=True)
        raise click.exceptions.Exit(1)
    where = f" on {board.name}" if board else ""
    click.echo(
        f"{model.name} runs{where}: {len(made.core.steps)} operators, {made.macs:,} multiply-accumulates, "
        f"{made.arena_bytes:,} bytes of arena, {made.state_bytes:,} of state, {len(made.data):,} of flash "
        f"for the model.{_room(made, board)}"
    )


def _room(made: Plan, board: Board | None) -> str:
    if board is None or not board.has_firmware:
        return ""
    need = MemoryNeed.of(made)
    return (
        f" With a stack of {STACK_BYTES[made.form]:,} bytes, {board.region('ram').length - need.ram:,} bytes "
        f"of RAM and {board.region('flash').length - need.flash:,} of flash are left for the rest."
    )
