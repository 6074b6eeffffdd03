# SPDX-License-Identifier: Apache-2.0
"""Writes a model as C++ that firmware compiles: `embed()`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from microplan import _core
from microplan.paths import write_if_changed
from microplan.planning import Plan
from microplan.rendering import render

# C++17's words, and names that a program has for other things beside the model's namespace.
_RESERVED_WORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class
    compl const const_cast constexpr continue decltype default delete do double dynamic_cast else enum
    explicit export extern false float for friend goto if inline int long mutable namespace new noexcept
    not not_eq nullptr operator or or_eq private protected public register reinterpret_cast return short
    signed sizeof static static_assert static_cast struct switch template this thread_local throw true try
    typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq
    arena main microplan model std
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())

_BYTES_PER_LINE = 20


@dataclass(frozen=True)
class Embedded:
    """The files that embed() wrote."""

    name: str
    header: Path
    source: Path


def identifier(file_name: str) -> str:
    """A C++ identifier from a model's file name."""
    name = re.sub(r"_+", "_", re.sub(r"[^0-9A-Za-z]", "_", Path(file_name).stem)).strip("_")
    if not name or name[0].isdigit() or name in _RESERVED:
        return f"tflite_{name or 'model'}"
    return name


def embed(
    plan: Plan, out_dir: Path, *, name: str | None = None, data_symbol: str | None = None, target: str
) -> Embedded:
    """Writes `<name>.h` and `<name>.cpp` into `out_dir`; files that would not change keep their time.

    `target` tells the reader for which board or target features the plan was made.
    """
    chosen = name or identifier(plan.model.name)
    values = _template_values(plan, chosen, data_symbol or f"{chosen}_model_data", target)
    out_dir.mkdir(parents=True, exist_ok=True)
    written = Embedded(chosen, out_dir / f"{chosen}.h", out_dir / f"{chosen}.cpp")
    write_if_changed(written.header, render("model.h.j2", values))
    write_if_changed(written.source, render("model.cpp.j2", values))
    return written


def _template_values(plan: Plan, name: str, data_symbol: str, target: str) -> dict[str, object]:
    data = plan.firmware_data
    return {
        "name": name,
        "guard": f"MICROPLAN_MODEL_{name.upper()}_H_",
        "data_symbol": data_symbol,
        "data_lines": [
            _hex_line(data[i : i + _BYTES_PER_LINE]) for i in range(0, len(data), _BYTES_PER_LINE)
        ],
        "data_bytes": len(data),
        "kernels": plan.kernels,
        "plan": plan,
        # A comment ends with its line, whatever the file is called.
        "model_name": re.sub(r"[^\x20-\x7e]|\\", "?", plan.model.name),
        "target": target,
        "version": _core.VERSION,
        "plan_format": _core.PLAN_FORMAT,
    }


def _hex_line(content: bytes) -> str:
    return ",".join(f"0x{byte:02x}" for byte in content) + ","
