# SPDX-License-Identifier: Apache-2.0
"""Every manifest has the version of include/microplan/version.h."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

import microplan

ROOT = Path(__file__).resolve().parents[2]
VERSION = re.search(r'"(.+)"', (ROOT / "include/microplan/version.h").read_text())[1]  # type: ignore[index]


def test_platformio_library() -> None:
    assert json.loads((ROOT / "library.json").read_text())["version"] == VERSION


def test_python_package() -> None:
    assert microplan.__version__ == VERSION
    assert importlib.metadata.version("microplan") == VERSION


def test_changelog() -> None:
    assert f"\n## {VERSION}\n" in (ROOT / "CHANGELOG.md").read_text()
