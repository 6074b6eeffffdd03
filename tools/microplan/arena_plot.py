# SPDX-License-Identifier: Apache-2.0
"""A picture of a plan's memory: arena_svg(). Operators run from left to right, bytes lie from the bottom up.

Every tensor and every scratch buffer is a box over the operators during which it is alive. Bytes that two boxes share
at one time, where the planner has proved that safe, are hatched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from microplan.costs import bytes_in_use
from microplan.planning import shorten
from microplan.rendering import render

# By kind of memory; told apart by who does not see all colours, too (the palette of Okabe and Ito).
_COLOURS = {
    "input": "#56b4e9",
    "activation": "#009e73",
    "output": "#cc79a7",
    "scratch": "#e69f00",
    "state": "#f0e442",
}

# Pixels.
_MARGIN = 24
_AXIS = 64  # for the numbers of bytes
_ABOVE = 128  # title, legend
_PROFILE = 64  # the bars of the bytes in use
_ARENA = 520
_GAP = 36  # between two memories
_LINE = 13  # of text
_CHARACTER = 6.7  # of that text, on average
_KEY_WIDTH = 540


@dataclass(frozen=True)
class Box:
    """Bytes [offset, offset + bytes) of a memory, taken while the columns [first, last] run."""

    kind: str
    name: str
    facts: str  # what the box tells beside its name
    title: str  # what the key tells, and what appears under the mouse
    offset: int
    bytes: int
    first: int
    last: int

    @property
    def end(self) -> int:
        return self.offset + self.bytes


@dataclass
class Shape:
    """A box in pixels, with the text that fits into it, or else a number for the key."""

    box: Box
    x: float
    y: float
    width: float
    height: float
    text: list[str] = field(default_factory=list)
    upright: bool = False
    number: int | None = None
    number_y: float = 0.0

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True)
class Panel:
    """One memory: byte 0 lies at `bottom`, the last one at `top`."""

    total: int
    top: float
    bottom: float
    scale: float  # pixels a byte
    ticks: list[tuple[float, str]]
    shapes: list[Shape]
    shared: list[Shape]


def arena_svg(report: dict[str, Any]) -> str:
    """The picture of what size_report() tells; equal reports give equal bytes."""
    # A view of its input takes no time. In a model of views alone, or of nothing, everything is alive at one moment.
    steps = [row for row in report["kernels"] if row["kernel"] != "view"] or report["kernels"][:1]
    columns = {row["operator"]: column for column, row in enumerate(steps)}
    names = [f"{row['operator']} {row['op']}" for row in steps] or ["none"]
    column = max(48.0, min(150.0, 1120 / len(names)), 600 / len(names))
    arena, state = (
        [_box(cost, columns) for cost in report["tensors"] if cost["memory"] == memory] for memory in ("arena", "state")
    )
    profile = [
        bytes_in_use((box.offset, box.bytes) for box in arena if box.first <= i <= box.last) for i in range(len(names))
    ]
    peak = profile.index(max(profile))

    panels = [_panel(arena, report["arena_bytes"], _ABOVE + _PROFILE, _ARENA, column)]
    if state:
        # On the arena's scale as far as its tensors can be read so.
        height = max(report["state_bytes"] * panels[0].scale, 18.0 * len(state))
        panels.append(
            _panel(state, report["state_bytes"], panels[0].bottom + _GAP, min(height, _ARENA), column)
        )
    key = _number([shape for panel in panels for shape in panel.shapes], panels[0].top)

    width = _AXIS + len(names) * column + 2 * _MARGIN
    key_top = panels[-1].bottom + 0.75 * _CHARACTER * max(map(len, names)) + 40
    key_columns = max(1, min(len(key), int((width - 2 * _MARGIN) // _KEY_WIDTH)))
    key_rows = math.ceil(len(key) / key_columns)
    return render(
        "arena.svg.j2",
        {
            "report": report,
            "colours": {kind: _COLOURS[kind] for kind in _COLOURS if any(box.kind == kind for box in arena + state)},
            "overlaps": any(panel.shared for panel in panels),
            "panels": panels,
            "names": names,
            "column": column,
            "left": _MARGIN + _AXIS,
            "width": width,
            "height": key_top + (key_rows * 16 + 20 if key else 0),
            "margin": _MARGIN,
            "profile": profile,
            "profile_height": _PROFILE - 22,
            "peak": peak,
            "line": _LINE,
            "key": [
                (shape, _MARGIN + i // key_rows * _KEY_WIDTH, key_top + i % key_rows * 16)
                for i, shape in enumerate(key)
            ],
            "key_top": key_top,
        },
    )


def shared_bytes(boxes: Sequence[Box]) -> list[Box]:
    """What two boxes have in common at one time."""
    found = []
    for a, b in combinations(boxes, 2):
        offset, end = max(a.offset, b.offset), min(a.end, b.end)
        first, last = max(a.first, b.first), min(a.last, b.last)
        if offset < end and first <= last:
            title = f"{end - offset:,} bytes shared by {a.name} and {b.name}"
            found.append(Box("shared", "", "", title, offset, end - offset, first, last))
    return found


def _box(cost: dict[str, Any], columns: dict[int, int]) -> Box:
    first, last = cost["first_operator"], cost["last_operator"]
    scratch = cost["kind"] == "scratch"
    # Tensors without a name have their index instead.
    name = "scratch" if scratch else f"tensor {cost['tensor']}" if cost["tensor"].isdigit() else cost["tensor"]
    size = f"{cost['bytes']:,} byte{'s' if cost['bytes'] != 1 else ''}"
    when = f"operator {first}" if first == last else f"operators {first} to {last}"
    return Box(
        kind=cost["kind"],
        name=name,
        facts=size,
        title=f"{shorten(cost['tensor'] if scratch else name, 36)}: {size} at {cost['offset']:,}, {when}",
        offset=cost["offset"],
        bytes=cost["bytes"],
        first=columns.get(first, 0),
        last=columns.get(last, 0),
    )


def _panel(boxes: list[Box], total: int, top: float, height: float, column: float) -> Panel:
    scale = height / max(total, 1)
    bottom = top + height

    def shape(box: Box) -> Shape:
        # A box of a few bytes is still to be seen.
        tall = max(box.bytes * scale, 2.0)
        x = _MARGIN + _AXIS + box.first * column
        return Shape(box, x + 0.5, bottom - box.offset * scale - tall, (box.last + 1 - box.first) * column - 1, tall)

    shapes = [shape(box) for box in boxes]
    for each in shapes:
        _write_into(each)
    ticks = [(bottom - value * scale, f"{value:,}") for value in _ticks(total, int(height // 50))]
    # The total is written there, too.
    ticks = [(y, label) for y, label in ticks if y - top >= _LINE or not total]
    return Panel(total, top, bottom, scale, ticks, shapes, [shape(box) for box in shared_bytes(boxes)])


def _ticks(total: int, count: int) -> list[int]:
    """Round numbers from 0 to the total, about `count` of them."""
    step = 1
    while total > step * max(count, 1):
        # 1, 2, 5, 10, 20, ...
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return list(range(0, total + 1, step))


def _write_into(shape: Shape) -> None:
    """Name and facts in two lines or one, lying rather than upright, as far as the name can be recognised."""
    box = shape.box
    for upright, width, height in ((False, shape.width, shape.height), (True, shape.height, shape.width)):
        room = int((width - 4) / _CHARACTER)
        two_lines = room >= len(box.facts) and height >= 2 * _LINE
        name = _short(box.name, room if two_lines else room - len(box.facts) - 2)
        if name and height >= _LINE - 1:
            shape.text = [name, box.facts] if two_lines else [f"{name}, {box.facts}"]
        elif box.kind == "scratch" and height >= _LINE - 1 and room >= len(f"{box.bytes:,}"):
            shape.text = [f"{box.bytes:,}"]  # the colour tells the rest
        if shape.text:
            shape.upright = upright
            return


def _short(name: str, room: int) -> str:
    """What fits of a name, "" when that is too little.

    Converters join the names of fused operators, the last one first, and put scopes before each.
    """
    parts = name.split(";")[0].split("/")
    # A scope tells more than the operator in it: "activation_2" than "Relu".
    candidates = ["/".join(parts[first:]) for first in range(len(parts) - 1)] + parts[-2:]
    fitting = next((candidate for candidate in candidates if len(candidate) <= room), None)
    return fitting or (f"{parts[-1][: room - 1]}…" if room >= 7 else "")


def _number(shapes: list[Shape], top: float) -> list[Shape]:
    """Numbers the boxes that are too small for text, each number beside its box and clear of the others."""
    small = [shape for shape in shapes if not shape.text]
    taken: list[tuple[float, float]] = []
    for number, shape in enumerate(small, 1):
        x, y = shape.middle
        if shape.height < _LINE - 2:
            y = shape.y - 8
        while any(abs(x - other_x) < 20 and abs(y - other_y) < 14 for other_x, other_y in taken) and y > top:
            y -= 14
        taken.append((x, y))
        shape.number, shape.number_y = number, y
    return small
