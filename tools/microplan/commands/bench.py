# SPDX-License-Identifier: Apache-2.0
"""`microplan bench`: what one inference costs on a board, also by kernel variant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import click
from rich.table import Table

from microplan.boards import Board
from microplan.commands.common import (
    Choice,
    board_option,
    fitting_plan,
    form_option,
    json_option,
    model_argument,
    plan_for,
    plan_option,
    progress,
    stdout_console,
    write_json,
)
from microplan.cycles import require_cycles
from microplan.errors import DoesNotFitError, UsageError
from microplan.measure import measure
from microplan.planning import Form, ModelFile, Plan, variant_names, variant_of, variants_for

_FIGURES = (
    "instructions",
    "cycles_estimate",
    "init_instructions",
    "arena_bytes",
    "scratch_bytes",
    "state_bytes",
    "static_bytes",
    "stack_bytes",
    "runtime_flash_bytes",
    "model_flash_bytes",
    "output_crc32",
)

_COMPARED = (
    "cycles_estimate",
    "arena_bytes",
    "static_bytes",
    "stack_bytes",
    "runtime_flash_bytes",
    "model_flash_bytes",
)


@click.command()
@model_argument
@board_option()
@form_option
@plan_option(strict=True, firmware=True)
@click.option(
    "--variants",
    metavar="all|NAME,...",
    help="Measure several kernel variants side by side: those of this list that the board can run, or all of them.",
)
@click.option(
    "--cycles",
    is_flag=True,
    help="Estimate also the cycles, from a Cortex-M4's instruction timing, without wait states.",
)
@json_option
def bench(
    model: ModelFile,
    board: Board,
    form: Form,
    choice: Choice,
    variants: str | None,
    cycles: bool,
    as_json: bool,
) -> None:
    """Measure one inference of MODEL on the board: instructions, memory, flash, by operator."""
    if cycles:
        require_cycles(board)
    quietly = partial(progress, as_json=as_json)
    run = partial(measure, board=board, progress=quietly, cycles=cycles, cmsis_nn=choice.cmsis_nn)
    if variants is not None:
        _compare(model, board, form, choice, variants, run, as_json)
        return
    made = plan_for(model, board, form, choice)
    report = run(made)
    if choice.variant is not None:
        report["variant"] = choice.variant
    if as_json:
        write_json(report)
        return
    _print(report)
    _say_what_is_not_counted(board)


def _compare(
    model: ModelFile,
    board: Board,
    form: Form,
    choice: Choice,
    variants: str,
    run: Callable[[Plan], dict[str, Any]],
    as_json: bool,
) -> None:
    """One firmware for each variant; a variant that does not fit the board has a column that says so."""
    if choice.is_asked_for:
        raise UsageError("--variants chooses the kernels of every column. Leave out --variant and --prefer.")
    chosen = plan_for(model, board, form, choice)
    names = _named_variants(variants, board, chosen.features)
    reports: list[dict[str, Any]] = []
    for name in names:
        try:
            made = fitting_plan(model, board, form, replace(choice, variant=name))
            if variants == "all" and name not in made.variant.split("+"):
                continue  # it has nothing for this model
            reports.append(run(made) | {"variant": name, "error": None})
        except DoesNotFitError as error:
            reports.append({"variant": name, "error": str(error)})
    if as_json:
        kernels = [{"index": step.operator_index, "kernel": step.kernel} for step in chosen.core.steps]
        head = {"model": model.name, "board": board.name, "form": form}
        write_json({**head, "chosen": kernels, "variants": reports})
        return
    _print_comparison(reports, {step.operator_index: step.kernel for step in chosen.core.steps}, model, board, form)
    _say_what_is_not_counted(board)


def _named_variants(variants: str, board: Board, features: int) -> list[str]:
    """Those of the list that exist for these features."""
    there = variants_for(features)
    if variants == "all":
        return there
    names = [name.strip() for name in variants.split(",") if name.strip()]
    for name in names:
        if name not in variant_names():
            raise UsageError(f"There is no kernel variant {name!r}. Use some of: {', '.join(variant_names())}.")
    if not any(name in there for name in names):
        raise UsageError(f"{board.name} runs none of these variants. Use some of: {', '.join(there)}.")
    return [name for name in names if name in there]


def _say_what_is_not_counted(board: Board) -> None:
    if not board.has_firmware:
        click.echo(
            "This machine counts no instructions. Give --board qemu-cortex-m4 for exact counts.", err=True
        )


def _print_comparison(
    reports: list[dict[str, Any]], chosen: dict[int, str], model: ModelFile, board: Board, form: Form
) -> None:
    """A row an operator with a column a variant, then the totals."""
    console = stdout_console()
    measured = [report for report in reports if report["error"] is None]
    for report in reports:
        if report["error"] is not None:
            click.echo(f"{report['variant']}: {report['error']}", err=True)
    if not measured:
        raise click.exceptions.Exit(1)
    table = Table("", "operator", "planner takes", *(report["variant"] for report in measured))
    table.title = f"{model.name} on {board.name}, {form}: instructions (per MAC)"
    for column in (table.columns[0], *table.columns[3:]):
        column.justify = "right"
    for rows in zip(*(report["operators"] for report in measured), strict=True):
        first = rows[0]
        cells = [_cell(row, report["variant"]) for row, report in zip(rows, measured, strict=True)]
        table.add_row(str(first["index"]), first["op"], chosen[first["index"]], *cells)
    table.add_section()
    macs = sum(row["macs"] for row in measured[0]["operators"])
    totals = [_count(report["instructions"], macs) for report in measured]
    table.add_row("", "instructions", "", *totals)
    for key in _COMPARED:
        if all(report[key] is None for report in measured):
            continue
        label = _LABELS.get(key, key.replace("_", " "))
        table.add_row("", label, "", *(_text(report[key]) for report in measured))
    console.print(table)


def _cell(row: dict[str, Any], variant: str) -> str:
    """Where another variant stands in, its name."""
    stand_in = variant_of(row["kernel"])
    other = f" {stand_in}" if stand_in != variant and row["kernel"] not in ("view", "folded") else ""
    return _count(row["instructions"], row["macs"]) + other


def _count(instructions: int | None, macs: int) -> str:
    ratio = f" ({instructions / macs:.2f})" if instructions and macs else ""
    return _text(instructions) + ratio


def _text(value: Any) -> str:
    return "not measured" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _print(report: dict[str, Any]) -> None:
    console = stdout_console()
    operators = Table("", "operator", "kernel", "MACs", "instructions", "per MAC", "scratch")
    for column in (operators.columns[0], *operators.columns[3:]):
        column.justify = "right"
    for row in report["operators"]:
        count = row["instructions"]
        operators.add_row(
            str(row["index"]),
            row["op"],
            row["kernel"],
            f"{row['macs']:,}",
            "" if count is None else f"{count:,}",
            f"{count / row['macs']:.2f}" if count and row["macs"] else "",
            f"{row['scratch_bytes']:,}" if row["scratch_bytes"] else "",
        )
    console.print(operators)
    figures = Table(f"{report['model']} on {report['board']}", f"{report['form']}, {report['variant']}")
    figures.columns[1].justify = "right"
    for key in _FIGURES:
        if key == "cycles_estimate" and report[key] is None:
            continue  # nobody asked
        figures.add_row(_LABELS.get(key, key.replace("_", " ")), _text(report[key]))
    console.print(figures)


_LABELS = {
    "cycles_estimate": "Cortex-M4 cycles (estimate, without wait states)",
    "scratch_bytes": "of the arena, scratch at most",
}
