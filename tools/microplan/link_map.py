# SPDX-License-Identifier: Apache-2.0
"""What of a firmware's flash comes from which source file, read from GNU ld's map: code_by_file()."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

from microplan.paths import share_dir

_START = "Linker script and memory map"
# An output section begins its line, what lies in it is indented and names its object file; long names of sections have
# a line of their own.
_SECTION = re.compile(
    r"^(?P<indent> ?)(?P<name>\.\S*)\s+0x[0-9a-f]+\s+0x(?P<size>[0-9a-f]+)(?:[ \t]+(?P<object>\S.*))?$", re.MULTILINE
)
# A member of the library's archive or CMSIS-NN's.
_MEMBER = re.compile(r".*\blib(?P<library>microplan|cmsis_nn)\.a\((?P<source>\S+)\.(?:obj|o)\)")


def code_by_file(map_text: str, sections: Collection[str]) -> dict[str, int]:
    """Bytes of the runtime in these output sections by source file, the largest first."""
    sources = share_dir() / "src"
    paths = {path.name: path.relative_to(sources.parent).as_posix() for path in sources.rglob("*.cpp")}
    bytes_of: Counter[str] = Counter()
    counts = False
    for entry in _SECTION.finditer(map_text.partition(_START)[2]):
        if not entry["indent"]:
            counts = entry["name"] in sections
        elif counts and (member := _MEMBER.fullmatch(entry["object"] or "")):
            source = member["source"]
            name = paths[source] if member["library"] == "microplan" else f"CMSIS-NN {source}"
            bytes_of[name] += int(entry["size"], 16)
    return dict(sorted((+bytes_of).items(), key=lambda item: (-item[1], item[0])))
