# SPDX-License-Identifier: Apache-2.0
"""The support table, from the operator table of the library: docs/operators.md is made of it."""

from __future__ import annotations

from microplan import _core
from microplan.planning import variant_of


def support_rows() -> list[tuple[str, ...]]:
    """The table's head, then one row for each kernel, by operator."""
    rows = [
        (
            row.operator_name,
            _types(row),
            variant_of(row.name),
            row.name,
            row.note,
        )
        for row in _core.variants()
    ]
    rows += [
        (name, "any", "view", "", "costs nothing: the output is the input") for name in _core.view_operators()
    ]
    return [("operator", "types", "variant", "kernel", "supported"), *sorted(rows)]


def _types(row: _core.Variant) -> str:
    if not row.input_type:
        return "any"
    return ", ".join(filter(None, (row.input_type, row.filter_type))) + f" to {row.output_type}"


def markdown_table() -> str:
    """docs/operators.md."""
    head, *rows = support_rows()
    lines = [
        "# Operators",
        "",
        "Made by `microplan operators --markdown` from the library's operator table.",
        "",
        _markdown_row(head),
        "|" + "---|" * len(head),
        *(_markdown_row(row) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _markdown_row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
