# SPDX-License-Identifier: Apache-2.0
"""microplan embed: what it writes compiles, and answers like the host."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import microplan
from microplan.cli import main
from microplan.embed import embed, embed_together, identifier
from microplan.testing.tflite_writer import ModelWriter
from support.recurrent import svdf

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


# Two models by turns in one arena: `rounds` times each, from stdin to stdout.
TOGETHER = """
#include <stdio.h>

#include "microplan.h"
#include "pair.h"

static microplan::Arena<pair::kArenaBytes> arena;
static microplan::Arena<NAME_A::kStateBytes> state_a;
static microplan::Arena<NAME_B::kStateBytes> state_b;
static microplan::Arena<NAME_A::kPlanBytes> plan_a;
static microplan::Arena<NAME_B::kPlanBytes> plan_b;
static microplan::Model a, b;

static bool run(microplan::Model& model) {
  for (uint32_t i = 0; i < model.input_count(); ++i) {
    if (fread(model.input(i).raw(), 1, model.input(i).bytes(), stdin) != model.input(i).bytes()) return false;
  }
  if (model.invoke() != microplan::Status::kOk) return false;
  for (uint32_t i = 0; i < model.output_count(); ++i) {
    fwrite(model.output(i).raw(), 1, model.output(i).bytes(), stdout);
  }
  return true;
}

int main() {
  if (NAME_A::init(a, arena, state_a, plan_a) != microplan::Status::kOk) return 1;
  if (NAME_B::init(b, arena, state_b, plan_b) != microplan::Status::kOk) return 2;
  for (int i = 0; i < ROUNDS; ++i) {
    if (!run(a) || !run(b)) return 3;
  }
  return 0;
}
"""


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_models_that_share_an_arena_answer_as_alone(form: microplan.Form, runtime: Path, tmp_path: Path) -> None:
    contents = {"first.tflite": DIGITS.read_bytes(), "second.tflite": svdf(state="int16").write()}
    plans = [microplan.plan(microplan.ModelFile(*model), form) for model in contents.items()]
    # The state must survive what the other model does in the arena.
    assert plans[1].state_bytes > 0
    written = embed_together(plans, tmp_path, name="pair", target="any")
    assert [files.name for files in written] == ["first", "second", "pair"]
    text = written[-1].header.read_text()
    assert f"kArenaBytes = {max(plan.arena_bytes for plan in plans)};" in text
    table = re.findall(r"kernels::(\w+),", written[-1].source.read_text())
    assert sorted(table) == sorted({kernel for plan in plans for kernel in plan.kernels})
    assert "kKernels" not in written[0].source.read_text() + written[1].source.read_text()

    rounds = 5
    (tmp_path / "main.cpp").write_text(TOGETHER.replace("NAME_A", "first").replace("NAME_B", "second"))
    command = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Wconversion", "-Werror", f"-DROUNDS={rounds}"]
    command += [f"-I{ROOT / 'include'}", str(tmp_path / "main.cpp"), *(str(files.source) for files in written)]
    result = subprocess.run([*command, str(runtime), "-o", str(tmp_path / "program")], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr

    alone = [microplan.Interpreter(plan) for plan in plans]
    rng = np.random.default_rng(1)
    inputs, outputs = b"", b""
    for _ in range(rounds):
        for interpreter in alone:
            x = rng.integers(-128, 128, interpreter.inputs[0].shape, np.int8)
            inputs += x.tobytes()
            outputs += interpreter.invoke(x)[0].tobytes()
    result = subprocess.run([str(tmp_path / "program")], input=inputs, stdout=subprocess.PIPE, check=True)
    assert result.stdout == outputs


def test_command_embeds_several(tmp_path: Path) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(svdf(state="int16").write())
    result = CliRunner().invoke(main, ["embed", str(DIGITS), str(other), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert f"an arena of {microplan.plan(DIGITS).arena_bytes:,} bytes for all of them" in result.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"{name}.{suffix}" for name in ("digits", "other", "models") for suffix in ("h", "cpp")
    }


def test_the_documentation_of_several_models_compiles(tmp_path: Path) -> None:
    program, pushing = re.findall(r"```cpp\n(.*?)```", (ROOT / "docs" / "memory.md").read_text(), re.DOTALL)
    plan = microplan.plan(DIGITS)
    models = [replace(plan.model, name=f"{name}.tflite") for name in ("keyword", "person")]
    embed_together([replace(plan, model=model) for model in models], tmp_path, target="any")
    check_syntax(tmp_path, program)
    rows = microplan.plan(DIGITS, push_rows=True)
    embed(replace(rows, model=models[1]), tmp_path, target="any")
    check_syntax(tmp_path, pushing)


def check_syntax(folder: Path, program: str) -> None:
    (folder / "main.cpp").write_text(program)
    command = ["g++", "-std=c++17", "-Wall", "-Werror", "-fsyntax-only", f"-I{ROOT / 'include'}", "main.cpp"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(("second", "options"), [("digits.tflite", []), ("other.tflite", ["--name", "other"])])
def test_names_must_differ(second: str, options: list[str], tmp_path: Path) -> None:
    (tmp_path / second).write_bytes(DIGITS.read_bytes())
    arguments = ["embed", str(DIGITS), str(tmp_path / second), "--out", str(tmp_path / "out"), *options]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "would have one name in C++" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_command(form: str, tmp_path: Path) -> None:
    arguments = ["embed", str(DIGITS), "--out", str(tmp_path), "--board", "qemu-cortex-m4", "--form", form]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert f"Form: {form}. Target: qemu-cortex-m4." in (tmp_path / "digits.h").read_text()
    # A plan for the board's features does not build for less.
    assert "static_assert((microplan::kCompiledFeatures & 9u) == 9u" in (tmp_path / "digits.cpp").read_text()
