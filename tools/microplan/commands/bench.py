# SPDX-License-Identifier: Apache-2.0
"""`microplan bench`: what one inference costs on a board."""

from __future__ import annotations

import tempfile
import zlib
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from microplan import device
from microplan.boards import Board
from microplan.commands.common import (
    board_option,
    form_option,
    json_option,
    model_argument,
    plan_for,
    progress,
    stdout_console,
    write_json,
)
from microplan.inputs import pattern_bytes
from microplan.interpreter import Interpreter
from microplan.planning import Form, ModelFile, Plan
from microplan.runners import build_for

_FIGURES = (
    "instructions",
    "init_instructions",
    "arena_bytes",
    "state_bytes",
    "static_bytes",
    "stack_bytes",
    "runtime_flash_bytes",
    "model_flash_bytes",
    "output_crc32",
)


@click.command()
@model_argument
@board_option()
@form_option
@click.option("--variant", help="Take these kernels where they exist, else the reference: reference, ...")
@json_option
def bench(model: ModelFile, board: Board, form: Form, variant: str | None, as_json: bool) -> None:
    """Measure one inference of MODEL on the board: instructions, memory, flash, by operator."""
    made = plan_for(model, board, form, variant)
    report = _board_report(made, board, as_json) if board.has_firmware else _host_report(made, board)
    report["variant"] = variant or made.variant
    if as_json:
        write_json(report)
    else:
        _print(report)
        if not board.has_firmware:
            click.echo(
                "This machine counts no instructions. Give --board qemu-cortex-m4 for exact counts.", err=True
            )


def _report(made: Plan, board: Board) -> dict[str, Any]:
    return {
        "model": made.model.name,
        "board": board.name,
        "form": made.form,
        "variant": None,
        "instructions": None,
        "init_instructions": None,
        "arena_bytes": made.arena_bytes,
        "state_bytes": made.state_bytes,
        "static_bytes": None,
        "stack_bytes": None,
        "runtime_flash_bytes": None,
        "model_flash_bytes": len(made.firmware_data),
        "output_crc32": None,
        "operators": [
            {
                "index": step.operator_index,
                "op": made.model.operator_name(step.operator_index),
                "kernel": step.kernel,
                "macs": step.macs,
                "instructions": None if step.step >= 0 else 0,
            }
            for step in made.core.steps
        ],
    }


def _board_report(made: Plan, board: Board, as_json: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="microplan-") as folder:
        with progress(f"Building firmware for {board.name}", as_json):
            firmware = build_for(made, board, Path(folder), "bench")
        with progress(f"Measuring on {board.name}", as_json):
            measured = device.bench(firmware.elf, board)
    report = _report(made, board)
    report["instructions"] = measured.invoke.instructions
    report["init_instructions"] = measured.init.instructions
    report["static_bytes"] = firmware.sizes.static_bytes
    report["stack_bytes"] = measured.stack_bytes
    report["runtime_flash_bytes"] = firmware.runtime_flash_bytes
    report["output_crc32"] = f"{measured.output_crc32:08x}"
    for operator, step in zip(report["operators"], made.core.steps, strict=True):
        if step.step >= 0:
            operator["instructions"] = measured.steps[step.step].instructions
    return report


def _host_report(made: Plan, board: Board) -> dict[str, Any]:
    interpreter = Interpreter(made)
    outputs = interpreter.invoke(
        *(tensor.from_bytes(pattern_bytes(tensor.nbytes)) for tensor in interpreter.inputs)
    )
    report = _report(made, board)
    report["output_crc32"] = f"{zlib.crc32(b''.join(output.tobytes() for output in outputs)):08x}"
    return report


def _print(report: dict[str, Any]) -> None:
    console = stdout_console()
    operators = Table("", "operator", "kernel", "MACs", "instructions", "per MAC")
    for column in (operators.columns[0], *operators.columns[3:]):
        column.justify = "right"
    for row in report["operators"]:
        count = row["instructions"]
        ratio = f"{count / row['macs']:.2f}" if count and row["macs"] else ""
        operators.add_row(
            str(row["index"]),
            row["op"],
            row["kernel"],
            f"{row['macs']:,}",
            "" if count is None else f"{count:,}",
            ratio,
        )
    console.print(operators)
    figures = Table(f"{report['model']} on {report['board']}", f"{report['form']}, {report['variant']}")
    figures.columns[1].justify = "right"
    for key in _FIGURES:
        value = report[key]
        text = "not measured" if value is None else f"{value:,}" if isinstance(value, int) else value
        figures.add_row(key.replace("_", " "), text)
    console.print(figures)
