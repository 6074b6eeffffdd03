# SPDX-License-Identifier: Apache-2.0
"""Where the files that are not Python lie, and how files are written."""

from __future__ import annotations

import os
from pathlib import Path

from microplan.errors import UsageError


def share_dir() -> Path:
    """The folder with CMakeLists.txt, include/, src/, boards/: in the installed package, or the checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "_share"
    return installed if installed.is_dir() else package.parents[1]


def cache_dir() -> Path:
    """What is built once and kept for later runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "microplan"


def write_if_changed(path: Path, text: str) -> None:
    """A file that would not change keeps its time, so that nobody builds from it again."""
    content = text.encode()
    if not path.is_file() or path.read_bytes() != content:
        try:
            path.write_bytes(content)
        except OSError as error:
            raise UsageError(f"Cannot write {path}: {error.strerror}. Check the path.") from error
