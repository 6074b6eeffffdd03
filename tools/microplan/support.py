# SPDX-License-Identifier: Apache-2.0
"""The support table, from the operator table of the library: docs/operators.md is made of it."""

from __future__ import annotations

from microplan import _core
from microplan.planning import variant_names, variant_of


def support_rows() -> list[tuple[str, ...]]:
    """The table's head, then one row for each operator and types, with all of their kernel variants."""
    kinds: dict[tuple[str, str], list[_core.Variant]] = {}
    for row in _core.variants():
        kinds.setdefault((row.operator_name, _types(row)), []).append(row)
    order = variant_names()
    rows = []
    for (operator, types), kernels in kinds.items():
        kernels.sort(key=lambda row: order.index(variant_of(row.name)))
        # What the operator's first kernel, the reference, takes; the planner knows what the others do not.
        first = kernels[0]
        variants = ", ".join(dict.fromkeys(variant_of(row.name) for row in kernels))
        rows.append((operator, types, variants, first.name, first.note))
    rows += [
        (name, "any", "view", "", "costs nothing: the output is the input") for name in _core.view_operators()
    ]
    return [("operator", "types", "variants", "reference kernel", "supported"), *sorted(rows)]


def _types(row: _core.Variant) -> str:
    if not row.input_type:
        return "any"
    return ", ".join(filter(None, (row.input_type, row.filter_type))) + f" to {row.output_type}"


_HEAD = """\
# Operators

Made by `microplan operators --markdown` from the library's operator table.

The planner takes the best of an operator's variants that the board, the shape and the quantization allow; the
reference kernel takes everything that the table says. `base` is for any core, `dsp` for the DSP extension of Armv7E-M
and Armv8-M, `mve` for Helium, `fpu` for single-precision floating point in hardware; `cmsis_nn` calls CMSIS-NN, where
a build brings it.
"""


def markdown_table() -> str:
    """docs/operators.md."""
    head, *rows = support_rows()
    lines = [_HEAD, _markdown_row(head), "|" + "---|" * len(head), *(_markdown_row(row) for row in rows)]
    return "\n".join(lines) + "\n"


def _markdown_row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
