# SPDX-License-Identifier: Apache-2.0
"""`microplan size`: what a model costs in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from microplan.arena_plot import arena_svg
from microplan.boards import Board
from microplan.budget import Budget, require_budget
from microplan.commands.common import (
    Choice,
    board_option,
    budget_option,
    json_option,
    model_argument,
    plan_for,
    plan_option,
    print_passes,
    progress,
    stdout_console,
    write_json,
)
from microplan.costs import size_report
from microplan.paths import write_if_changed
from microplan.planning import ModelFile, shorten
from microplan.runners import build_for

_LABELS = {
    "arena_bytes": "arena",
    "state_bytes": "state",
    "static_bytes": "static RAM of the runtime",
    "model_flash_bytes": "model in flash (the plan)",
    "constant_bytes": "  of that filters, biases, multipliers",
    "table_bytes": "  of that steps, parameters, tables",
    "runtime_flash_bytes": "code of the runtime in flash",
}


@click.command()
@model_argument
@board_option(required=False, help_text="Measure also the code, by building the firmware for this board.")
@plan_option(strict=True, firmware=True)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw arena and state over the operators into this SVG file.",
)
@budget_option
@json_option
def size(
    model: ModelFile, board: Board | None, choice: Choice, plot: Path | None, budget: Budget, as_json: bool
) -> None:
    """Show what MODEL costs: arena by tensor, state, plan, constants, code."""
    made = plan_for(model, board, choice=choice)
    report = size_report(made, board.name if board else None)
    firmware = None
    if board is not None and board.has_firmware:
        with (
            tempfile.TemporaryDirectory(prefix="microplan-") as folder,
            progress("Building firmware", as_json),
        ):
            firmware = build_for(made, board, Path(folder), "bench", choice.cmsis_nn)
        report["runtime_flash_bytes"] = firmware.runtime_flash_bytes
        report["static_bytes"] = firmware.sizes.static_bytes
        report["code"] = firmware.code
    if plot is not None:
        write_if_changed(plot, arena_svg(report))
    if as_json:
        write_json(report)
    else:
        _print(report)
        print_passes(made)
    require_budget(budget, [made], firmware)


def _print(report: dict[str, Any]) -> None:
    console = stdout_console()
    tensors = Table("tensor", "memory", "offset", "bytes", "operators")
    for column in tensors.columns[2:4]:
        column.justify = "right"
    for cost in report["tensors"]:
        tensors.add_row(
            shorten(cost["tensor"]),
            cost["memory"],
            f"{cost['offset']:,}",
            f"{cost['bytes']:,}",
            f"{cost['first_operator']} to {cost['last_operator']}",
        )
    console.print(tensors)
    kernels = Table("", "operator", "kernel", "constants in flash", "beyond the model's")
    for column in (kernels.columns[0], *kernels.columns[3:]):
        column.justify = "right"
    for row in report["kernels"]:
        kernels.add_row(
            str(row["operator"]),
            row["op"],
            row["kernel"],
            f"{row['plan_constant_bytes']:,}",
            f"{row['constant_bytes']:,}",
        )
    console.print(kernels)
    if report["code"] is not None:
        code = Table("code of the runtime", "bytes")
        code.columns[1].justify = "right"
        for file, size_of_file in report["code"].items():
            code.add_row(file, f"{size_of_file:,}")
        rest = report["runtime_flash_bytes"] - sum(report["code"].values())
        code.add_row("the application, the model's table of kernels, the compiler's library", f"{rest:,}")
        console.print(code)
    totals = Table("", "bytes")
    totals.columns[1].justify = "right"
    for key, label in _LABELS.items():
        value = report[key]
        totals.add_row(label, "with --board" if value is None else f"{value:,}")
    console.print(totals)
