# SPDX-License-Identifier: Apache-2.0
"""Where the files that are not Python lie."""

from __future__ import annotations

import os
from pathlib import Path


def share_dir() -> Path:
    """The folder with CMakeLists.txt, include/, src/, boards/: in the installed package, or the checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "_share"
    return installed if installed.is_dir() else package.parents[1]


def cache_dir() -> Path:
    """What is built once and kept for later runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "microplan"
