# SPDX-License-Identifier: Apache-2.0
"""The benchmark of shapes runs, and its outputs are CMSIS-NN's; its figures are not tested."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.boards import installed

SCRIPT = Path(__file__).parent / "shapes.py"


def test_two_shapes(tmp_path: Path) -> None:
    if not os.environ.get("CMSIS_NN_PATH"):
        pytest.skip("needs a checkout of CMSIS-NN; set CMSIS_NN_PATH to its folder")
    board = installed("qemu-cortex-m4")
    report = tmp_path / "shapes.json"
    arguments = ["--limit", "2", "--board", board.name, "--json", str(report)]
    result = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    shapes = json.loads(report.read_text())["shapes"]
    assert [shape["equal"] for shape in shapes] == [True, True]


def test_without_cmsis_nn_it_says_what_it_needs() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "CMSIS_NN_PATH"}
    result = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, env=environment)
    assert result.returncode == 2
    assert "CMSIS_NN_PATH" in result.stderr
