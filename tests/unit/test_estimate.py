# SPDX-License-Identifier: Apache-2.0
"""The planner's estimates in words, and how good they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from microplan import estimate
from microplan.boards import load_board
from microplan.estimate import QUALITY_FILE, estimate_in_words, estimated_instructions, spread
from microplan.planning import plan

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples/digits/digits.tflite"


def test_spread() -> None:
    assert spread([1.0]) == {"median": 1.0, "worst": 1.0}
    assert spread([0.4, 1.0, 1.2, 2.0]) == {"median": 1.1, "worst": 0.4}
    assert spread([1.1, 0.9, 3.0]) == {"median": 1.1, "worst": 3.0}


def test_the_quality_of_the_estimate_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "QUALITY_FILE", tmp_path / "quality.json")
    board = load_board("qemu-cortex-m4")
    made = plan(DIGITS, features=board.feature_bits)
    assert "has not been measured" in estimate_in_words(made, board)
    quality = {
        "any": {"measurements": 20, "median": 1.1, "worst": 3},
        board.name: {"measurements": 10, "median": 0.9, "worst": 1.25},
    }
    (tmp_path / "quality.json").write_text(json.dumps(quality))
    assert "In 10 measurements on this board inferences took 0.9 times" in estimate_in_words(made, board)
    other = board.model_copy(update={"name": "mine"})
    assert "In 20 measurements on all boards" in estimate_in_words(made, other)


def test_two_digits_are_enough() -> None:
    made = plan(DIGITS)
    text = estimate_in_words(made, load_board("qemu-cortex-m4"))
    count = int(text.split()[2].replace(",", ""))
    assert abs(count / estimated_instructions(made) - 1) < 0.05
    assert len(str(count).rstrip("0")) <= 2


def test_the_quality_is_that_of_the_published_benchmarks() -> None:
    published = ROOT / "docs/benchmarks.json"
    if not published.exists():
        assert not QUALITY_FILE.exists(), "make bench writes both"
        return
    ratios = [
        report["instructions"] / report["instructions_estimate"]
        for report in json.loads(published.read_text())["results"]
        if report.get("instructions_estimate")
    ]
    quality = json.loads(QUALITY_FILE.read_text())["any"]
    assert quality == {"measurements": len(ratios), **spread(ratios)}
