# SPDX-License-Identifier: Apache-2.0
"""The commands on this machine; tests/target has those that need a board."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import microplan
from microplan.cli import main
from microplan.inputs import pattern_bytes
from support.pruned import Pruned

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/digits"
DIGITS = EXAMPLE / "digits.tflite"


def output_of(*arguments: str | Path) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def json_of(*arguments: str | Path) -> Any:
    return json.loads(output_of(*arguments, "--json"))


def test_version() -> None:
    assert output_of("--version") == f"microplan, version {microplan.__version__}\n"


def test_check_tells_what_a_sound_model_needs() -> None:
    plan = microplan.plan(DIGITS)
    text = output_of("check", DIGITS)
    assert text.startswith("digits.tflite runs: ")
    assert f"{plan.arena_bytes:,} bytes of arena" in text
    assert "digits.tflite runs on qemu-cortex-m4: " in output_of("check", DIGITS, "--board", "qemu-cortex-m4")


def test_size_json() -> None:
    plan = microplan.plan(DIGITS)
    report = json_of("size", DIGITS)
    assert report["arena_bytes"] == plan.arena_bytes
    assert report["model_flash_bytes"] == report["plan_bytes"] == len(plan.data)
    assert report["runtime_flash_bytes"] is report["code"] is None
    assert sum(row["plan_constant_bytes"] for row in report["kernels"]) == report["constant_bytes"]
    assert report["constant_bytes"] + report["table_bytes"] == report["plan_bytes"]
    arena = [tensor for tensor in report["tensors"] if tensor["memory"] == "arena"]
    assert max(tensor["offset"] + tensor["bytes"] for tensor in arena) == plan.arena_bytes
    names = {tensor["tensor"] for tensor in arena}
    assert {plan.info.tensors[index].name for index in (*plan.info.inputs, *plan.info.outputs)} <= names
    for tensor in report["tensors"]:
        assert 0 <= tensor["first_operator"] <= tensor["last_operator"] < len(plan.info.operators)


@pytest.fixture
def pruned(tmp_path: Path) -> Path:
    """A model with constant channels."""
    n = Pruned(3)
    x = n.conv_2d(n.model_input(1, 6, 6, 3), 16, (1, 1), zero_point=-128, activation="RELU")
    path = tmp_path / "pruned.tflite"
    path.write_bytes(n.finish(n.conv_2d(x, 4)))
    return path


def test_graph_passes_tell_what_they_did(pruned: Path) -> None:
    assert "dead_channels" in output_of("check", pruned)
    assert "dead_channels" in output_of("size", pruned)
    report = json_of("size", pruned)
    assert {entry["pass"] for entry in report["passes"]} == {"dead_channels"}
    assert any("of 16 channels dropped" in entry["did"] for entry in report["passes"])


def test_graph_passes_are_left_out(pruned: Path, tmp_path: Path) -> None:
    for names in (["dead_channels"], ["all"], ["identities", "dead_channels"]):
        options = [option for name in names for option in ("--no-pass", name)]
        assert json_of("size", pruned, *options)["passes"] == []
        assert json_of("bench", pruned, "--board", "host", *options)["passes"] == []
        assert "dead_channels" not in output_of("check", pruned, *options)
        output_of("embed", pruned, "--out", tmp_path, *options)
        assert "graph passes" not in (tmp_path / "pruned.h").read_text()
    output_of("embed", pruned, "--out", tmp_path)
    assert "//   graph passes          dead_channels\n" in (tmp_path / "pruned.h").read_text()
    result = CliRunner().invoke(main, ["check", str(pruned), "--no-pass", "fast"])
    assert result.exit_code == 2
    assert "dead_channels" in result.stderr


def test_size_table() -> None:
    text = output_of("size", DIGITS)
    plan = microplan.plan(DIGITS)
    assert f"{plan.arena_bytes:,}" in text
    assert plan.info.tensors[plan.info.inputs[0]].name in text


@pytest.mark.parametrize("name", ["size_arena.py", "embed_model.py"])
def test_scripts_are_the_commands(name: str, tmp_path: Path) -> None:
    arguments = ["--json"] if name == "size_arena.py" else ["--out", str(tmp_path)]
    command = [sys.executable, str(ROOT / "tools" / name), str(DIGITS), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    if name == "size_arena.py":
        assert json.loads(result.stdout) == json_of("size", DIGITS)
    else:
        assert (tmp_path / "digits.cpp").exists()


@pytest.mark.parametrize("name", ["size_arena.py", "embed_model.py"])
def test_scripts_without_the_package(name: str) -> None:
    command = [sys.executable, "-S", "-E", str(ROOT / "tools" / name), str(DIGITS)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert "pip install microplan" in result.stderr


def test_boards() -> None:
    text = output_of("boards")
    assert "host" in text
    assert "qemu-cortex-m4" in text


def test_operators_documentation_is_current() -> None:
    made = output_of("operators", "--markdown")
    written = (ROOT / "docs/operators.md").read_text()
    assert written == made, "microplan operators --markdown > docs/operators.md"
    assert "fully_connected_int8" in output_of("operators")


@pytest.fixture
def samples(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """Three digits as a file of uint8 pixels, 0 to 255."""
    pixels = np.load(EXAMPLE / "samples.npy").reshape(-1, 8, 8, 1)[:3].astype(np.float64) * (255 / 16)
    pixels = np.round(pixels).astype(np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    return tmp_path / "pixels.npy", pixels


def test_run_takes_a_batch_of_pixels(samples: tuple[Path, np.ndarray]) -> None:
    path, pixels = samples
    report = json_of("run", DIGITS, "--board", "host", "--input", path, "--input-as", "0..1")
    interpreter = microplan.Interpreter(DIGITS)
    (tensor,) = interpreter.outputs
    assert len(report["samples"]) == 3
    for sample, image in zip(report["samples"], pixels, strict=True):
        (scores,) = interpreter.invoke(interpreter.inputs[0].quantize(image / np.float64(255)))
        (output,) = sample["outputs"]
        assert output["raw"] == scores.reshape(-1).tolist()
        assert output["values"] == tensor.dequantize(scores).reshape(-1).tolist()
        assert output["argmax"] == scores.argmax()
        assert output["shape"] == [1, 10]


def test_run_reads_images_and_ranges(samples: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    _, pixels = samples
    image = pixels[0].reshape(8, 8)
    interpreter = microplan.Interpreter(DIGITS)
    (tensor,) = interpreter.inputs
    expected = {
        "raw": image.view(np.int8),
        "0..1": tensor.quantize(image / np.float64(255)),
        "-1..1": tensor.quantize(image / np.float64(127.5) - 1),
    }
    for suffix in ("png", "bmp"):
        path = tmp_path / f"digit.{suffix}"
        Image.fromarray(image).save(path)
        for input_as, values in expected.items():
            report = json_of("run", DIGITS, "--board", "host", "--input", path, "--input-as", input_as)
            (output,) = report["samples"][0]["outputs"]
            assert output["raw"] == interpreter.invoke(values)[0].reshape(-1).tolist()


def test_run_in_words(samples: tuple[Path, np.ndarray]) -> None:
    text = output_of("run", DIGITS, "--board", "host", "--input", samples[0], "--input-as", "0..1")
    assert text.count("argmax") == 3
    assert text.count("raw ") == 3


def test_bench_on_this_machine_counts_no_instructions() -> None:
    report = json_of("bench", DIGITS, "--board", "host")
    assert list(report) == [
        "model",
        "board",
        "form",
        "variant",
        "prefer",
        "instructions",
        "instructions_estimate",
        "cycles_estimate",
        "init_instructions",
        "arena_bytes",
        "scratch_bytes",
        "state_bytes",
        "static_bytes",
        "stack_bytes",
        "runtime_flash_bytes",
        "model_flash_bytes",
        "output_crc32",
        "passes",
        "operators",
    ]
    assert report["instructions"] is None
    assert "reference" in report["variant"]
    assert [list(row) for row in report["operators"]] == [
        ["index", "op", "kernel", "macs", "instructions", "instructions_estimate", "scratch_bytes"]
    ] * len(report["operators"])
    interpreter = microplan.Interpreter(DIGITS)
    (tensor,) = interpreter.inputs
    (scores,) = interpreter.invoke(tensor.from_bytes(pattern_bytes(tensor.nbytes)))
    assert report["output_crc32"] == f"{zlib.crc32(scores.tobytes()):08x}"


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_bench_says_so(form: str) -> None:
    arguments = ["bench", str(DIGITS), "--board", "host", "--form", form, "--variant", "reference"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert "not measured" in result.stdout
    assert "counts no instructions" in result.stderr


def test_bench_sums_are_the_published_ones(models_dir: Path) -> None:
    report = json_of("bench", models_dir / "kws_ref_model.tflite", "--board", "host")
    assert report["output_crc32"] == "4a3130da"
    assert sum(row["macs"] for row in report["operators"]) == 2_656_768
    views = [row for row in report["operators"] if row["kernel"] == "view"]
    assert [(row["op"], row["instructions"], row["macs"]) for row in views] == [("RESHAPE", 0, 0)]
