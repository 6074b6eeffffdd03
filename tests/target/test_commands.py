# SPDX-License-Identifier: Apache-2.0
"""The commands on the simulated board."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import microplan
from microplan.boards import Board, boards_dir
from microplan.cli import main
from microplan.elf import read_sizes
from microplan.planning import variant_of, variants_for

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples/digits/digits.tflite"


def output_of(*arguments: str | Path) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def json_of(*arguments: str | Path) -> Any:
    return json.loads(output_of(*arguments, "--json"))


@pytest.fixture(scope="module")
def digits_size(board: Board) -> Any:
    return json_of("size", DIGITS, "--board", board.name)


@pytest.fixture(scope="module")
def digits_bench(board: Board) -> Any:
    return json_of("bench", DIGITS, "--board", board.name)


def test_size_is_what_the_symbols_say(board: Board, digits_size: Any, tmp_path: Path) -> None:
    output_of("build", DIGITS, "--board", board.name, "--out", tmp_path, "--app", "bench")
    sizes = read_sizes(tmp_path / "firmware.elf")
    assert digits_size["arena_bytes"] == sizes.symbol_bytes("microplan_arena")
    assert digits_size["state_bytes"] == sizes.symbol_bytes("microplan_state")
    assert digits_size["model_flash_bytes"] == sizes.symbol_bytes("microplan_model_data")
    assert digits_size["static_bytes"] == sizes.static_bytes
    # The kernels that run and nothing of the planner; the rest is the application's and the compiler's library's.
    code = digits_size["code"]
    assert "src/microplan/plan/executor.cpp" in code
    assert not any("planner" in file for file in code)
    assert 0.5 * digits_size["runtime_flash_bytes"] < sum(code.values()) < digits_size["runtime_flash_bytes"]


def test_size_and_bench_agree(digits_size: Any, digits_bench: Any) -> None:
    for key in digits_size.keys() & digits_bench.keys():
        assert digits_size[key] == digits_bench[key], key


def test_bench_of_the_host_has_the_same_checksum(digits_bench: Any) -> None:
    assert digits_bench["output_crc32"] == json_of("bench", DIGITS, "--board", "host")["output_crc32"]


def test_operators_add_up_to_the_inference(digits_bench: Any) -> None:
    steps = sum(row["instructions"] for row in digits_bench["operators"])
    rest = digits_bench["instructions"] - steps
    # The executor's own loop.
    assert 0 < rest < 100 * len(digits_bench["operators"])


def test_bench_table(board: Board) -> None:
    text = output_of(
        "bench", DIGITS, "--board", board.name, "--form", "interpreted", "--variant", "reference"
    )
    assert "interpreted, reference" in text
    assert "conv_2d_int8" in text
    assert "not measured" not in text


@pytest.fixture(scope="module")
def comparison(board: Board) -> Any:
    return json_of("bench", DIGITS, "--board", board.name, "--variants", "all")


def test_variants_are_measured_side_by_side(board: Board, comparison: Any, digits_bench: Any) -> None:
    names = [report["variant"] for report in comparison["variants"]]
    assert names[0] == "reference"
    assert set(names) <= set(variants_for(board.feature_bits))
    for report in comparison["variants"]:
        assert report["error"] is None
        assert report["output_crc32"] == digits_bench["output_crc32"]
        assert report.keys() == digits_bench.keys() | {"error"}
        kernels = {row["kernel"] for row in report["operators"]} - {"view"}
        assert {variant_of(kernel) for kernel in kernels} <= {report["variant"], "base", "reference"}
    chosen = [(row["index"], row["kernel"]) for row in digits_bench["operators"]]
    assert [(row["index"], row["kernel"]) for row in comparison["chosen"]] == chosen


def test_variants_in_a_table(board: Board) -> None:
    # Helium is not of this board.
    text = output_of("bench", DIGITS, "--board", board.name, "--variants", "reference, mve")
    assert "mve" not in text
    for word in ("reference", "CONV_2D", "planner takes", "runtime flash bytes", "(per MAC)"):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--variants", "nonsense"], "There is no kernel variant 'nonsense'"),
        (["--variants", "mve"], "runs none of these variants"),
        (["--variants", "all", "--prefer", "ram"], "Leave out"),
    ],
)
def test_variants_that_cannot_be_measured(board: Board, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["bench", str(DIGITS), "--board", board.name, *arguments])
    assert result.exit_code == 2
    assert message in result.stderr


def test_check_estimates_without_a_simulator(board: Board, digits_bench: Any) -> None:
    text = output_of("check", DIGITS, "--board", board.name)
    estimate = sum(row["instructions_estimate"] for row in digits_bench["operators"])
    assert digits_bench["instructions_estimate"] == estimate
    assert f"Estimate: about {str(estimate)[:1]}" in text
    assert "at a nominal 100 MHz" in text
    for row in digits_bench["operators"]:
        assert row["kernel"] in text


def test_check_knows_the_clock_of_a_board(board: Board, tmp_path: Path) -> None:
    source = (boards_dir() / f"{board.name}.toml").read_text()
    path = tmp_path / "own.toml"
    path.write_text(source.replace("features =", "clock_hz = 168_000_000\nfeatures ="))
    assert "at its 168 MHz" in output_of("check", DIGITS, "--board", path)


def test_cycles_are_in_the_report(board: Board, digits_bench: Any) -> None:
    report = json_of("bench", DIGITS, "--board", board.name, "--cycles")
    cycles = report.pop("cycles_estimate")
    assert cycles > report["instructions"]
    assert digits_bench.pop("cycles_estimate") is None
    assert report == digits_bench


def test_benchmarks_of_a_folder(board: Board, tmp_path: Path) -> None:
    """What `make bench` runs, on one model and two boards."""
    shutil.copy(DIGITS, tmp_path)
    command = [sys.executable, str(ROOT / "tools/benchmarks.py"), str(tmp_path)]
    command += ["--boards", f"{board.name},qemu-cortex-m0"]
    subprocess.run([*command, "--out", str(tmp_path), "--quality", str(tmp_path / "quality.json")], check=True)
    text, content, quality = (
        (tmp_path / name).read_text() for name in ("benchmarks.md", "benchmarks.json", "quality.json")
    )
    for path in (tmp_path, ROOT):
        assert str(path) not in text + content
    reports = json.loads(content)["results"]
    assert [report["board"] for report in reports] == [board.name, "qemu-cortex-m0"]
    for report in reports:
        assert f"| {report['instructions']:,} |" in text
    assert f"| {reports[0]['cycles_estimate']:,} |" in text
    assert reports[1]["cycles_estimate"] is None
    assert set(json.loads(quality)) == {"any", board.name, "qemu-cortex-m0"}
    assert "QEMU emulator version" in text


def test_run_answers_like_this_machine(board: Board, tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(-128, 128, (3, 8, 8, 1), np.int8)
    np.save(tmp_path / "images.npy", images)
    on_board, on_host = (
        json_of("run", DIGITS, "--board", name, "--input", tmp_path / "images.npy")["samples"]
        for name in (board.name, "host")
    )
    assert on_board == on_host


@pytest.mark.parametrize("model", ["hello_world_int8", "hello_world_float", "kws_ref_model"])
def test_validate(model: str, board: Board, models_dir: Path) -> None:
    report = json_of("validate", models_dir / f"{model}.tflite", "--board", board.name)
    assert report["passed"]
    compared = [comparison["found"] for comparison in report["comparisons"]]
    assert f"{board.name}, compiled" in compared


def test_build_leaves_firmware_of_both_forms(board: Board, tmp_path: Path) -> None:
    for form in microplan.planning.FORMS:
        out = tmp_path / form
        text = output_of("build", DIGITS, "--board", board.name, "--out", out, "--form", form)
        assert str(out / "firmware.elf") in text
        assert (out / "firmware.elf").stat().st_size > 0
