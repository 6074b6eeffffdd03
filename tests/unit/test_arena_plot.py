# SPDX-License-Identifier: Apache-2.0
"""microplan size --plot: the picture of the arena."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from click.testing import CliRunner

import microplan
from conftest import DIGITS
from microplan.arena_plot import Box, arena_svg, shared_bytes
from microplan.cli import main
from microplan.costs import bytes_in_use, size_report

SVG = "{http://www.w3.org/2000/svg}"


def tensor(name: str, kind: str, offset: int, size: int, first: int, last: int) -> dict[str, Any]:
    return {
        "tensor": name,
        "kind": kind,
        "memory": "state" if kind == "state" else "arena",
        "offset": offset,
        "bytes": size,
        "first_operator": first,
        "last_operator": last,
    }


def report(*tensors: dict[str, Any], operators: int = 4) -> dict[str, Any]:
    ends = {
        memory: max((row["offset"] + row["bytes"] for row in tensors if row["memory"] == memory), default=0)
        for memory in ("arena", "state")
    }
    return {
        "model": "a&b.tflite",
        "board": None,
        "arena_bytes": ends["arena"],
        "state_bytes": ends["state"],
        "kernels": [{"operator": i, "op": "ADD", "kernel": "add_int8"} for i in range(operators)],
        "tensors": list(tensors),
    }


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_command_draws_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        result = CliRunner().invoke(main, ["size", str(DIGITS), "--plot", str(tmp_path / name)])
        assert result.exit_code == 0, result.output
    drawn = (tmp_path / "a.svg").read_bytes()
    assert drawn == (tmp_path / "b.svg").read_bytes()
    assert drawn.decode() == arena_svg(size_report(microplan.plan(DIGITS), None))


def test_a_file_that_cannot_be_written_is_wrong_use(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["size", str(DIGITS), "--plot", str(tmp_path / "absent" / "a.svg")])
    assert result.exit_code == 2
    assert "Check the path" in result.stderr


def test_every_model_is_drawn_whole(model_path: Path) -> None:
    made = size_report(microplan.plan(model_path), None)
    drawing = ElementTree.fromstring(arena_svg(made))
    width, height = float(drawing.attrib["width"]), float(drawing.attrib["height"])
    titles = []
    for rect in drawing.iter(f"{SVG}rect"):
        if (title := rect.find(f"{SVG}title")) is not None and " at " in (title.text or ""):
            titles.append(title.text)
            x, y, w, h = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
            assert min(x, y) >= 0 and x + w <= width and y + h <= height
    assert len(titles) == len(made["tensors"])
    # Whatever has no text in its box has its line in the key.
    written = [text for text in texts(arena_svg(made)) if re.search(r"\d bytes?\b|^[\d,]+$", text)]
    assert len(written) >= len(made["tensors"])


def test_peak_is_marked_with_its_bytes_and_operator() -> None:
    written = texts(
        arena_svg(report(tensor("x", "input", 0, 600, 0, 1), tensor("y", "output", 600, 400, 1, 3)))
    )
    assert "peak 1,000 bytes, operator 1 ADD" in written
    assert "1,000" in written  # the arena's end


def test_names_come_from_outside() -> None:
    drawing = arena_svg(report(tensor("<svg/onload=x>", "input", 0, 600, 0, 3)))
    assert "onload=x>, 600 bytes" not in drawing
    assert "a&b.tflite" in texts(drawing)


def test_shared_bytes_are_hatched_and_count_once() -> None:
    over = report(tensor("x", "input", 0, 600, 0, 1), tensor("y", "output", 400, 600, 1, 3))
    drawing = arena_svg(over)
    assert "200 bytes shared by x and y" in drawing
    assert "bytes that two share" in texts(drawing)
    assert "peak 1,000 bytes, operator 1 ADD" in texts(drawing)
    apart = report(tensor("x", "input", 0, 600, 0, 0), tensor("y", "output", 400, 600, 1, 3))
    assert "bytes that two share" not in texts(arena_svg(apart))


def test_bytes_in_use() -> None:
    assert bytes_in_use([]) == 0
    assert bytes_in_use([(90, 30), (0, 100), (50, 20), (200, 1)]) == 121


def test_shared_bytes() -> None:
    boxes = [
        Box("activation", name, "", "", offset, size, first, last)
        for name, offset, size, first, last in (("a", 0, 100, 0, 2), ("b", 50, 20, 1, 1), ("c", 90, 30, 1, 2))
    ]
    shared = [(box.offset, box.bytes, box.first, box.last) for box in shared_bytes(boxes)]
    assert shared == [(50, 20, 1, 1), (90, 10, 1, 2)]


def test_state_stands_beside_the_arena() -> None:
    drawing = arena_svg(report(tensor("x", "input", 0, 600, 0, 3), tensor("s", "state", 0, 8, 0, 3)))
    assert "state, kept between inferences" in texts(drawing)
    assert "s, 8 bytes" in texts(drawing)


def test_a_model_without_operators_has_one_moment() -> None:
    assert "peak 8 bytes, operator none" in texts(arena_svg(report(tensor("x", "input", 0, 8, 0, 0), operators=0)))
    assert texts(arena_svg(report(operators=0)))
