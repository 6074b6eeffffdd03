# SPDX-License-Identifier: Apache-2.0
"""The C++ tests, with all sanitizers: the executor, and the row and overlap contracts on real models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def test_executor(run_program: Callable[..., str]) -> None:
    run_program("executor_test")


@pytest.mark.parametrize("seed", ["1", "2"])
def test_slices_through_rings_equal_whole_tensors(
    run_program: Callable[..., str], model_path: Path, seed: str
) -> None:
    assert "rows in rings" in run_program("sliced", model_path, seed)


def test_outputs_may_lie_over_inputs_as_the_kernels_say(
    run_program: Callable[..., str], model_path: Path
) -> None:
    assert "steps overlap" in run_program("overlap", model_path, "3")
