# SPDX-License-Identifier: Apache-2.0
"""--budget-ram and --budget-flash: what is too much fails, and is told what to cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import microplan
from conftest import DIGITS
from microplan.budget import Budget, parse_bytes, require_budget
from microplan.cli import main
from microplan.errors import DoesNotFitError, UsageError
from microplan.planning import shorten

ARENA = microplan.plan(DIGITS).arena_bytes
FLASH = len(microplan.plan(DIGITS).data)


def invoke(command: str, *options: str | int, out: Path | None = None) -> Result:
    arguments = [command, str(DIGITS), *map(str, options)]
    return CliRunner().invoke(main, arguments + (["--out", str(out)] if out else []))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20480", 20480), ("20k", 20480), ("20K", 20480), ("20KB", 20480), ("20 KiB", 20480), ("1.5M", 1572864), ("0", 0)],
)
def test_parse_bytes(text: str, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "k", "-1", "20 kilo", "1G", "0x10", "1e3"])
def test_what_is_no_number_of_bytes_is_wrong_use(text: str) -> None:
    with pytest.raises(UsageError, match="no number of bytes"):
        parse_bytes(text)
    assert invoke("check", f"--budget-ram={text}").exit_code == 2


@pytest.mark.parametrize("command", ["check", "size", "embed"])
def test_limits_are_exact(command: str, tmp_path: Path) -> None:
    out = tmp_path / "out" if command == "embed" else None
    exact = invoke(command, "--budget-ram", ARENA, "--budget-flash", FLASH, out=out)
    assert (exact.exit_code, exact.stderr) == (0, "")
    for option, limit, memory in (("--budget-ram", ARENA - 1, "RAM"), ("--budget-flash", FLASH - 1, "flash")):
        result = invoke(command, option, limit, out=out)
        assert result.exit_code == 1
        assert f"of {memory} (" in result.stderr
        assert f"are 1 more than the budget of {limit:,}" in result.stderr


def test_embed_writes_nothing_over_budget(tmp_path: Path) -> None:
    assert invoke("embed", "--budget-ram", 1, out=tmp_path / "out").exit_code == 1
    assert not (tmp_path / "out").exists()


def test_tells_what_is_alive_at_the_peak_and_the_largest_constants() -> None:
    text = invoke("check", "--budget-ram", "0.1k", "--budget-flash", 100).stderr
    plan = microplan.plan(DIGITS)
    report = microplan.costs.size_report(plan, None)
    largest = max(report["tensors"], key=lambda row: row["bytes"])
    assert f"{largest['bytes']:>9,}  {shorten(largest['tensor'])}" in text
    constants = max(report["kernels"], key=lambda row: row["plan_constant_bytes"])
    assert f"{constants['plan_constant_bytes']:>9,}  constants of operator {constants['operator']} " in text


def test_hints_are_what_the_other_options_take() -> None:
    with pytest.raises(DoesNotFitError) as caught:
        require_budget(Budget(ram=1), [microplan.plan(DIGITS, "interpreted", pin_inputs=True)])
    text = str(caught.value)
    assert f"With --form compiled: {microplan.plan(DIGITS, pin_inputs=True).arena_bytes:,} bytes" in text
    with pytest.raises(DoesNotFitError) as caught:
        require_budget(Budget(ram=1), [microplan.plan(DIGITS, prefer="ram")])
    assert "--prefer" not in str(caught.value)


def test_float_constants_are_told(models_dir: Path) -> None:
    with pytest.raises(DoesNotFitError, match="bytes of constants are float32"):
        require_budget(Budget(flash=100), [microplan.plan(models_dir / "hello_world_float.tflite")])


def test_models_that_share_an_arena_count_together() -> None:
    plan = microplan.plan(DIGITS)
    require_budget(Budget(ram=ARENA, flash=2 * FLASH), [plan, plan])
    with pytest.raises(DoesNotFitError, match=r"digits\.tflite and digits\.tflite: "):
        require_budget(Budget(flash=2 * FLASH - 1), [plan, plan])
