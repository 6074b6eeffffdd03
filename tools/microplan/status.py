# SPDX-License-Identifier: Apache-2.0
"""The runtime's Status by number: firmware sends numbers, the texts stay on the laptop."""

from __future__ import annotations

import re
from functools import cache

from microplan.paths import share_dir


@cache
def _rows() -> list[tuple[str, str]]:
    header = (share_dir() / "include/microplan/status.h").read_text(encoding="utf-8")
    return re.findall(r'^ *X\((k\w+), "([^"]*)"\)', header, re.MULTILINE)


def status_name(status: int) -> str:
    """ "kArenaTooSmall" and so on; the number itself for one that this version does not know."""
    return _rows()[status][0] if status < len(_rows()) else str(status)


def describe_status(status: int) -> str:
    """ "the arena is smaller than the plan's arena_bytes (kArenaTooSmall)" and so on."""
    if status >= len(_rows()):
        return f"unknown status {status}"
    name, text = _rows()[status]
    return f"{text} ({name})"
