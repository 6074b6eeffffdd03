# SPDX-License-Identifier: Apache-2.0
"""Where the files that are not Python lie."""

from __future__ import annotations

from pathlib import Path


def share_dir() -> Path:
    """The folder with CMakeLists.txt, include/, src/, boards/: in the installed package, or the checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "_share"
    return installed if installed.is_dir() else package.parents[1]
