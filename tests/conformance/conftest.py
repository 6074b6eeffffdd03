# SPDX-License-Identifier: Apache-2.0
"""What the tables of cases share: every check of one model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.litert import assert_agrees
from support.models import Check
from support.reference import assert_conforms

# Random inputs for each model.
INPUTS = 6


@pytest.fixture
def conforms(run_program: Callable[..., str], tmp_path: Path) -> Check:
    """Checks a model on random inputs: in both forms against TensorFlow Lite Micro, then against itself, in
    random slices through rings of rows and with outputs that lie over inputs."""

    def check(model: bytes) -> None:
        assert_conforms(model, INPUTS)
        path = tmp_path / "model.tflite"
        path.write_bytes(model)
        for seed in ("1", "2"):
            assert "rows in rings" in run_program("sliced", path, seed)
        assert "steps overlap" in run_program("overlap", path, "3")

    return check


@pytest.fixture
def agrees(run_program: Callable[..., str], tmp_path: Path) -> Check:
    """Checks a hybrid model against LiteRT, then against itself as `conforms` does."""

    def check(model: bytes) -> None:
        assert_agrees(model, INPUTS)
        path = tmp_path / "model.tflite"
        path.write_bytes(model)
        assert "rows in rings" in run_program("sliced", path, "1")
        assert "steps overlap" in run_program("overlap", path, "2")

    return check
