# SPDX-License-Identifier: Apache-2.0
"""`microplan boards` and `microplan operators`: what there is to choose from."""

from __future__ import annotations

import click
from rich.table import Table

from microplan.boards import Board, list_boards
from microplan.commands.common import stdout_console
from microplan.support import markdown_table, support_rows


@click.command()
def boards() -> None:
    """List the boards."""
    table = Table("board", "cpu", "flash", "RAM", "simulated", "")
    for board in list_boards():
        table.add_row(
            board.name,
            board.cpu,
            _memory(board, "flash"),
            _memory(board, "ram"),
            "yes" if board.simulator else "",
            board.description,
        )
    stdout_console().print(table)


def _memory(board: Board, kind: str) -> str:
    regions = [f"{memory.length // 1024:,} KB" for memory in board.memory if memory.kind == kind]
    return " + ".join(regions)


@click.command()
@click.option("--markdown", is_flag=True, help="As the table in the documentation.")
def operators(markdown: bool) -> None:
    """List the operators and types that the kernels support."""
    if markdown:
        click.echo(markdown_table(), nl=False)
        return
    rows = support_rows()
    table = Table(*rows[0])
    for row in rows[1:]:
        table.add_row(*row)
    stdout_console().print(table)
