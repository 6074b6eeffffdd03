# SPDX-License-Identifier: Apache-2.0
"""Builds the C++ tests with sanitizers and runs them: the executor, and the row and overlap contracts on real models."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "cpp"


@pytest.fixture(scope="module")
def programs(cmake_build) -> Path:
    return cmake_build(SOURCE)


def run(program: Path, *arguments: str | Path) -> str:
    result = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_executor(programs: Path) -> None:
    run(programs / "executor_test")


@pytest.mark.parametrize("seed", [1, 2])
def test_slices_through_rings_equal_whole_tensors(programs: Path, model_path: Path, seed: int) -> None:
    assert "rows in rings" in run(programs / "sliced", model_path, str(seed))


def test_outputs_may_lie_over_inputs_as_the_kernels_say(programs: Path, model_path: Path) -> None:
    assert "steps overlap" in run(programs / "overlap", model_path, "3")
