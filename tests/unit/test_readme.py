# SPDX-License-Identifier: Apache-2.0
"""What the README shows is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from microplan.cli import main

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_program_is_the_example() -> None:
    (block,) = re.findall(r"```cpp\n(.*?)```", README, re.DOTALL)
    assert block == (ROOT / "examples" / "hello_world" / "main.cpp").read_text()


def test_the_python_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {"x": np.zeros((1, 8, 8, 1), np.int8)}
    exec(block, names)
    assert names["scores"].shape == (1, 10)  # type: ignore[attr-defined]


def test_every_command_exists() -> None:
    commands = set(re.findall(r"`microplan (\w+)", README))
    assert commands == set(main.commands)
    for command in commands:
        assert CliRunner().invoke(main, [command, "--help"]).exit_code == 0


def test_every_link_leads_somewhere() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
