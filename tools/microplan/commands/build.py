# SPDX-License-Identifier: Apache-2.0
"""`microplan embed` and `microplan build`: from a model to C++ and to firmware."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from microplan.boards import FEATURE_BITS, Board
from microplan.budget import Budget, require_budget
from microplan.build import App
from microplan.commands.common import (
    Choice,
    board_option,
    budget_option,
    form_option,
    model_argument,
    models_argument,
    out_option,
    plan_for,
    plan_option,
    progress,
)
from microplan.embed import embed, embed_together, identifier
from microplan.errors import UsageError
from microplan.features import feature_bits, features_named, features_of_compiler
from microplan.planning import Form, ModelFile
from microplan.runners import build_for


@click.command("embed")
@models_argument
@out_option
@board_option(required=False, help_text="Plan for this board; without a target for any.")
@click.option(
    "--features",
    help=f"Plan for a core with these: some of {', '.join(FEATURE_BITS)}, with commas between; or none.",
)
@click.option("--compiler", help="Plan for the core that this command, a compiler with its flags, compiles for.")
@form_option
@plan_option(strict=True)
@budget_option
@click.option(
    "--name",
    help="Name of the files and of the C++ namespace; without it MODEL's. With several models the name of what they "
    "share; without it models.",
)
def embed_command(
    models: list[ModelFile],
    out_dir: Path,
    board: Board | None,
    features: str | None,
    compiler: str | None,
    form: Form,
    choice: Choice,
    budget: Budget,
    name: str | None,
) -> None:
    """Write MODEL as a C++ header and source; several models so that they share one arena."""
    if sum(target is not None for target in (board, features, compiler)) > 1:
        raise UsageError("--board, --features and --compiler each name the target. Give one of them.")
    if name is not None and identifier(name) != name:
        raise UsageError(f"A model cannot have the name {name!r} in C++. Name it {identifier(name)}, say.")
    target = board.name if board else "any"
    if features is not None or compiler is not None:
        names = features_named(features) if features is not None else features_of_compiler(compiler or "")
        choice = replace(choice, target=feature_bits(names))
        target = f"a core with {', '.join(names)}" if names else "any"
    plans = [plan_for(model, board, form, choice) for model in models]
    require_budget(budget, plans)
    if len(plans) == 1:
        written = [embed(plans[0], out_dir, name=name, target=target)]
    else:
        written = embed_together(plans, out_dir, name=name, target=target)
    for made, files in zip(plans, written, strict=False):
        click.echo(
            f"{files.header} and {files.source}: {len(made.firmware_data):,} bytes of flash, "
            f"{made.arena_bytes:,} of arena, {made.state_bytes:,} of state."
        )
    if len(plans) > 1:
        click.echo(
            f"{written[-1].header} and {written[-1].source}: an arena of {max(made.arena_bytes for made in plans):,} "
            "bytes for all of them, and their kernels."
        )


@click.command("build")
@model_argument
@board_option()
@out_option
@form_option
@plan_option(strict=True, firmware=True)
@click.option(
    "--app",
    type=click.Choice(["run", "bench"]),
    default="run",
    show_default=True,
    help="What the firmware does.",
)
def build_command(
    model: ModelFile, board: Board, out_dir: Path, form: Form, choice: Choice, app: App
) -> None:
    """Build firmware for MODEL: OUT/firmware.elf."""
    made = plan_for(model, board, form, choice)
    with progress(f"Building firmware for {board.name}"):
        firmware = build_for(made, board, out_dir, app, choice.cmsis_nn)
    click.echo(
        f"{firmware.elf}: {firmware.runtime_flash_bytes:,} bytes of flash for the runtime, "
        f"{firmware.sizes.model_flash_bytes:,} for the model; {firmware.sizes.arena_bytes:,} bytes of arena, "
        f"{firmware.sizes.state_bytes:,} of state."
    )
