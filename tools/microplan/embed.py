# SPDX-License-Identifier: Apache-2.0
"""Writes models as C++ that firmware compiles: `embed()`, and `embed_together()` for several that share an arena."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from microplan import _core
from microplan.errors import UsageError
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
    plan: Plan,
    out_dir: Path,
    *,
    name: str | None = None,
    data_symbol: str | None = None,
    target: str,
    shared: str | None = None,
) -> Embedded:
    """Writes `<name>.h` and `<name>.cpp` into `out_dir`; files that would not change keep their time.

    `target` tells the reader for which board or target features the plan was made; `shared` names the files with the
    table of kernels, where the model does not have its own.
    """
    chosen = name or identifier(plan.model.name)
    values = _template_values(plan, chosen, data_symbol or f"{chosen}_model_data", target)
    values |= {"shared": shared, "table": f"{shared}::kernels()" if shared else "kKernels"}
    return _write(out_dir, chosen, "model", values)


def embed_together(plans: Sequence[Plan], out_dir: Path, *, name: str | None = None, target: str) -> list[Embedded]:
    """Writes each model as embed() does, and for all of them `<name>.h` and `<name>.cpp`, which come last.

    These have the size of the arena that they share and one table of the kernels that they use.
    """
    chosen = name or "models"
    names = [identifier(plan.model.name) for plan in plans]
    if len({*names, chosen}) <= len(names):
        raise UsageError(
            f"The models and what they share would have one name in C++: {', '.join([*names, chosen])}. Rename a file, "
            "or give what they share another --name."
        )
    written = [
        embed(plan, out_dir, name=each, target=target, shared=chosen)
        for plan, each in zip(plans, names, strict=True)
    ]
    values = {
        "name": chosen,
        "guard": _guard(chosen),
        "names": names,
        "model_names": [_in_comment(plan.model.name) for plan in plans],
        "arena_bytes": max(plan.arena_bytes for plan in plans),
        # In the order in which the models name them.
        "kernels": list(dict.fromkeys(kernel for plan in plans for kernel in plan.kernels)),
        "awaits": any(plan.takes_rows for plan in plans),
        "version": _core.VERSION,
    }
    return [*written, _write(out_dir, chosen, "models", values)]


def _write(out_dir: Path, name: str, template: str, values: dict[str, object]) -> Embedded:
    out_dir.mkdir(parents=True, exist_ok=True)
    written = Embedded(name, out_dir / f"{name}.h", out_dir / f"{name}.cpp")
    write_if_changed(written.header, render(f"{template}.h.j2", values))
    write_if_changed(written.source, render(f"{template}.cpp.j2", values))
    return written


def _guard(name: str) -> str:
    return f"MICROPLAN_MODEL_{name.upper()}_H_"


def _in_comment(file_name: str) -> str:
    """A comment ends with its line, whatever the file is called."""
    return re.sub(r"[^\x20-\x7e]|\\", "?", file_name)


def _template_values(plan: Plan, name: str, data_symbol: str, target: str) -> dict[str, object]:
    data = plan.firmware_data
    return {
        "name": name,
        "guard": _guard(name),
        "data_symbol": data_symbol,
        "data_lines": [
            _hex_line(data[i : i + _BYTES_PER_LINE]) for i in range(0, len(data), _BYTES_PER_LINE)
        ],
        "data_bytes": len(data),
        "kernels": plan.kernels,
        "awaits": plan.takes_rows,
        "plan": plan,
        "model_name": _in_comment(plan.model.name),
        "target": target,
        "version": _core.VERSION,
        "plan_format": _core.PLAN_FORMAT,
    }


def _hex_line(content: bytes) -> str:
    return ",".join(f"0x{byte:02x}" for byte in content) + ","
