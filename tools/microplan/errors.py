# SPDX-License-Identifier: Apache-2.0
"""The exceptions of the package. Each message is one paragraph: what was found, and what to do."""

from __future__ import annotations

from collections.abc import Sequence


class MicroplanError(Exception):
    """What the user asked for cannot be done. The commands print it and end with exit code 1."""


class UsageError(MicroplanError):
    """The request itself is wrong. The commands print it and end with exit code 2."""


class DoesNotFitError(MicroplanError):
    """The board has too little flash or RAM."""


class ModelError(MicroplanError):
    """A model that cannot be planned; `findings` has one paragraph for each reason."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = list(findings)
        more = len(self.findings) - 1
        others = f" There are {more} more findings: `microplan check` lists all of them." if more else ""
        super().__init__(self.findings[0] + others)
