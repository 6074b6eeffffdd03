# SPDX-License-Identifier: Apache-2.0
"""What a model will take on a board, from the planner's own estimates and without a simulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from microplan.boards import Board
from microplan.planning import Plan

# For boards that do not say how fast they are: a common clock of such cores.
NOMINAL_CLOCK_HZ = 100_000_000

# How good the estimates are: measured / estimated instructions of the real models, the median and the ratio that is
# farthest off, by board and over all ("any"). `make bench` writes it.
QUALITY_FILE = Path(__file__).resolve().parent / "estimate_quality.json"


def estimated_instructions(made: Plan) -> int:
    return sum(step.instructions for step in made.core.steps)


def estimate_in_words(made: Plan, board: Board) -> str:
    """One paragraph: instructions, time, and how good that is."""
    instructions = _rounded(estimated_instructions(made))
    clock = board.clock_hz or NOMINAL_CLOCK_HZ
    which = "its" if board.clock_hz else "a nominal"
    return (
        f"Estimate: about {instructions:,} instructions an inference, which take "
        f"{_milliseconds(instructions / clock)} at {which} {clock / 1e6:g} MHz if every one takes one cycle. "
        f"{_quality_in_words(board)}"
    )


def _quality_in_words(board: Board) -> str:
    if not QUALITY_FILE.is_file():
        return "How good the estimate is has not been measured: make bench does."
    qualities: dict[str, dict[str, Any]] = json.loads(QUALITY_FILE.read_text())
    name = board.name if board.name in qualities else "any"
    quality = qualities[name]
    where = "on this board" if name == board.name else "on all boards"
    return (
        f"In {quality['measurements']} measurements {where} inferences took {quality['median']:g} times their "
        f"estimate in the median and {quality['worst']:g} times in the worst case; `microplan bench` counts exactly."
    )


def spread(ratios: list[float]) -> dict[str, float]:
    """Median, and the ratio that is farthest from 1."""
    ordered = sorted(ratios)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    worst = max(ordered, key=lambda ratio: max(ratio, 1 / ratio))
    return {"median": round(middle, 2), "worst": round(worst, 2)}


def _rounded(count: int) -> int:
    """To two digits: an estimate is not more exact."""
    unit = int("1".ljust(len(str(count)) - 1, "0"))
    return (count + unit // 2) // unit * unit


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.2g} ms" if seconds < 0.0995 else f"{seconds * 1e3:,.0f} ms"
