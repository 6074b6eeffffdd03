# SPDX-License-Identifier: Apache-2.0
"""The files of the examples that are made from others are up to date."""

from __future__ import annotations

import runpy
from pathlib import Path

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"


def test_samples_header() -> None:
    make_samples = runpy.run_path(str(DIGITS / "make_samples.py"))
    assert (DIGITS / "samples.h").read_text() == make_samples["samples_header"]()
