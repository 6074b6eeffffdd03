# SPDX-License-Identifier: Apache-2.0
"""microplan embed: what it writes compiles, and answers like the host."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import microplan
from microplan.cli import main
from microplan.embed import embed, identifier
from microplan.testing.tflite_writer import ModelWriter

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples/digits/digits.tflite"

# Reads the inputs from stdin and writes the outputs to stdout; exit code: init()'s status.
PROGRAM = """
#include <stdio.h>

#include "NAME.h"

#include "microplan.h"

alignas(16) static uint8_t arena[NAME::kArenaBytes + 1];
alignas(16) static uint8_t state[NAME::kStateBytes + 1];
alignas(16) static uint8_t plan[NAME::kPlanBytes + 1];
static microplan::Model model;

int main() {
  const microplan::Status status =
      NAME::init(model, {arena, NAME::kArenaBytes - ARENA_LESS}, {state, NAME::kStateBytes},
                 {plan, NAME::kPlanBytes - PLAN_LESS});
  if (status != microplan::Status::kOk) return static_cast<int>(status);
  for (uint32_t i = 0; i < model.input_count(); ++i) {
    if (fread(model.input(i).raw(), 1, model.input(i).bytes(), stdin) != model.input(i).bytes()) return 100;
  }
  if (model.invoke() != microplan::Status::kOk) return 101;
  for (uint32_t i = 0; i < model.output_count(); ++i) {
    fwrite(model.output(i).raw(), 1, model.output(i).bytes(), stdout);
  }
  return 0;
}
"""


@pytest.fixture(scope="module")
def runtime(cmake_build: Callable[..., Path]) -> Path:
    """The runtime as a library of this machine."""
    return cmake_build(ROOT) / "libmicroplan.a"


def compile_program(folder: Path, name: str, runtime: Path, arena_less: int = 0, plan_less: int = 0) -> Path:
    (folder / "main.cpp").write_text(PROGRAM.replace("NAME", name))
    program = folder / "program"
    command = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    command += [f"-DARENA_LESS={arena_less}", f"-DPLAN_LESS={plan_less}", f"-I{ROOT / 'include'}"]
    command += [str(folder / "main.cpp"), str(folder / f"{name}.cpp"), str(runtime), "-o", str(program)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return program


def status_number(name: str) -> int:
    return [status for status, _ in microplan._core.statuses()].index(name)


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_compiled_and_run(form: microplan.Form, runtime: Path, tmp_path: Path) -> None:
    plan = microplan.plan(DIGITS, form)
    embed(plan, tmp_path, target="any")
    program = compile_program(tmp_path, "digits", runtime)
    interpreter = microplan.Interpreter(plan)
    image = np.random.default_rng(1).integers(-128, 128, (1, 8, 8, 1), np.int8)
    result = subprocess.run([str(program)], input=image.tobytes(), stdout=subprocess.PIPE, check=True)
    assert result.stdout == interpreter.invoke(image)[0].tobytes()


@pytest.mark.parametrize(
    ("form", "arena_less", "plan_less", "statuses"),
    [
        ("compiled", 1, 0, ["kArenaTooSmall"]),
        ("interpreted", 1, 0, ["kArenaTooSmall", "kWorkspaceTooSmall"]),
        ("interpreted", 0, 1, ["kPlanTooSmall"]),
    ],
)
def test_sizes_are_exact(
    form: microplan.Form,
    arena_less: int,
    plan_less: int,
    statuses: list[str],
    runtime: Path,
    tmp_path: Path,
) -> None:
    embed(microplan.plan(DIGITS, form), tmp_path, target="any")
    program = compile_program(tmp_path, "digits", runtime, arena_less, plan_less)
    code = subprocess.run([str(program)], stdin=subprocess.DEVNULL).returncode
    assert code in [status_number(status) for status in statuses]


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_model_of_views_alone(form: microplan.Form, runtime: Path, tmp_path: Path) -> None:
    writer = ModelWriter()
    x = writer.tensor("x", (1, 8), "int8", scale=0.5)
    shape = writer.tensor("shape", (2,), "int32", np.array([2, 4]))
    y = writer.tensor("y", (2, 4), "int8", scale=0.5)
    writer.operator("RESHAPE", (x, shape), (y,))
    plan = microplan.plan(writer.finish((x,), (y,)), form)
    assert embed(plan, tmp_path, target="any").name == "tflite_model"
    program = compile_program(tmp_path, "tflite_model", runtime)
    result = subprocess.run([str(program)], input=b"abcdefgh", stdout=subprocess.PIPE, check=True)
    assert result.stdout == b"abcdefgh"


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_data_is_the_plan_or_the_file_to_the_byte(form: microplan.Form, tmp_path: Path) -> None:
    plan = microplan.plan(DIGITS, form)
    source = embed(plan, tmp_path, target="any").source.read_text()
    match = re.search(r"digits_model_data\[(\d+)\] = \{(.*?)\};", source, re.DOTALL)
    assert match
    content = bytes(int(byte, 16) for byte in match[2].replace("\n", "").split(",") if byte)
    assert int(match[1]) == len(content)
    assert content == (plan.data if form == "compiled" else DIGITS.read_bytes())


def test_only_the_kernels_of_the_model_are_named(tmp_path: Path) -> None:
    plan = microplan.plan(DIGITS)
    source = embed(plan, tmp_path, target="any").source.read_text()
    assert set(re.findall(r"kernels::(\w+)", source)) == set(plan.kernels)


def test_output_is_deterministic_and_tells_its_origin(tmp_path: Path) -> None:
    plan = microplan.plan(DIGITS)
    first = embed(plan, tmp_path / "a", target="any")
    second = embed(microplan.plan(DIGITS), tmp_path / "b", target="any")
    header = first.header.read_bytes()
    assert header == second.header.read_bytes()
    assert first.source.read_bytes() == second.source.read_bytes()
    for text in ("digits.tflite", plan.model.sha256, microplan.__version__, "Form: compiled", "Target: any"):
        assert text in header.decode()
    assert b"\r" not in header + first.source.read_bytes()
    assert str(ROOT).encode() not in header + first.source.read_bytes()


def test_unchanged_files_are_not_written(tmp_path: Path) -> None:
    plan = microplan.plan(DIGITS)
    before = embed(plan, tmp_path, target="any").source.stat().st_mtime_ns
    assert embed(plan, tmp_path, target="any").source.stat().st_mtime_ns == before
    header = embed(plan, tmp_path, target="another").header
    assert "Target: another" in header.read_text()


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("digits.tflite", "digits"),
        ("pretrainedResnet_quant.tflite", "pretrainedResnet_quant"),
        ("key-word  v1.2.tflite", "key_word_v1_2"),
        ("2d.tflite", "tflite_2d"),
        ("float.tflite", "tflite_float"),
        ("__x__.tflite", "x"),
        ("é.tflite", "tflite_model"),
        ("model.tflite", "tflite_model"),
    ],
)
def test_identifier(file_name: str, expected: str) -> None:
    assert identifier(file_name) == expected


def test_file_name_stays_in_its_comment(tmp_path: Path) -> None:
    plan = microplan.plan(microplan.ModelFile("a\n#error \\.tflite", DIGITS.read_bytes()))
    first_line = embed(plan, tmp_path, target="any").header.read_text().splitlines()[0]
    assert first_line.endswith("from a?#error ?.tflite; do not edit.")


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_command(form: str, tmp_path: Path) -> None:
    arguments = ["embed", str(DIGITS), "--out", str(tmp_path), "--board", "qemu-cortex-m4", "--form", form]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert f"Form: {form}. Target: qemu-cortex-m4." in (tmp_path / "digits.h").read_text()
    # A plan for the board's features does not build for less.
    assert "static_assert((microplan::kCompiledFeatures & 9u) == 9u" in (tmp_path / "digits.cpp").read_text()
