# SPDX-License-Identifier: Apache-2.0
"""The features of a target that has no board file: by their names, or as its compiler sees them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess

from microplan.boards import FEATURE_BITS
from microplan.errors import MicroplanError, UsageError
from microplan.paths import share_dir

_CONSTANT = re.compile(r"\bkCompiledFeatures\s*=\s*0([^;]*);")
_NAMES = {
    "kFeatureDsp": "dsp",
    "kFeatureMve": "mve",
    "kFeatureMveF": "mve_f",
    "kFeatureFpu": "fpu",
    "kFeatureCmsisNn": "cmsis_nn",
}


def features_named(names: str) -> list[str]:
    """From a list with commas; `none` for none."""
    chosen = [name.strip() for name in names.split(",") if name.strip() not in ("", "none")]
    for name in chosen:
        if name not in FEATURE_BITS:
            raise UsageError(f"There is no feature {name!r}. Use some of: {', '.join(FEATURE_BITS)}; or none.")
    return chosen


def features_of_compiler(command: str) -> list[str]:
    """What microplan/config.h makes of a compiler and its flags, given as one command line."""
    words = shlex.split(command, posix=os.name != "nt")
    config = share_dir() / "include" / "microplan" / "config.h"
    try:
        result = subprocess.run(
            [*(word.strip('"') for word in words), "-E", "-P", "-x", "c++", str(config)],
            capture_output=True,
            text=True,
            check=False,
        )
        output, problem = result.stdout, result.stderr
    except OSError as error:
        output, problem = "", str(error)
    match = _CONSTANT.search(output)
    if match is None:
        raise MicroplanError(
            f"The compiler does not tell what it compiles for; {command!r} said: {problem.strip() or 'nothing'}. "
            "Name the target's features instead, by --features."
        )
    return [_NAMES[name] for name in re.findall(r"kFeature\w+", match[1])]


def feature_bits(names: list[str]) -> int:
    return sum(FEATURE_BITS[name] for name in set(names))
