# SPDX-License-Identifier: Apache-2.0
"""Models that cannot run: each is refused with one paragraph that says what was found and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner, Result

import microplan
from microplan.cli import main
from microplan.paths import share_dir
from microplan.testing.tflite_writer import ModelWriter

DIGITS = Path(__file__).parents[2] / "examples/digits/digits.tflite"


def microplan_command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def unary_model(operator: str, dtype: str = "int8", shape: tuple[int, ...] = (1, 8)) -> bytes:
    writer = ModelWriter()
    x = writer.tensor("the input", shape, dtype, scale=0.5)
    y = writer.tensor("the output", shape, dtype, scale=0.5)
    writer.operator(operator, (x,), (y,))
    return writer.finish((x,), (y,))


def with_version(version: int) -> bytes:
    model = schema.ModelT.InitFromPackedBuf(DIGITS.read_bytes(), 0)
    model.version = version
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def hostile_names() -> bytes:
    writer = ModelWriter()
    x = writer.tensor("\x1b[2J\nx", (1, 8), "int8", scale=0.5)
    writer.operator("SIN", (x,), (x,))
    return writer.finish((x,), (x,))


BAD_MODELS = {
    "truncated": (
        DIGITS.read_bytes()[: DIGITS.stat().st_size // 2],
        ["bad.tflite: ", "cut off or damaged", "again"],
    ),
    "empty": (b"", ["bad.tflite: ", "not a .tflite file", "TensorFlow Lite converter"]),
    "text": (
        b"This is not a model.\n" * 20,
        ["bad.tflite: ", "not a .tflite file", "TensorFlow Lite converter"],
    ),
    "version": (with_version(2), ["schema version", "found 2", "Convert the model"]),
    "unknown operator": (
        unary_model("SIN"),
        ["operator 0 SIN", '"the output"', "no kernel", "docs/operators.md"],
    ),
    "type": (
        unary_model("SOFTMAX", "int32"),
        ["operator 0 SOFTMAX", "found int32 to int32", "Convert the model"],
    ),
    "dynamic": (
        unary_model("SOFTMAX", shape=(1, -1)),
        ['"the input"', "not known before the inference", "found -1", "fixed input shape"],
    ),
    "names": (hostile_names(), ['tensor "\ufffd[2J\ufffdx"']),
}


@pytest.fixture(params=BAD_MODELS)
def bad_model(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[str]]:
    content, texts = BAD_MODELS[request.param]
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    return path, texts


def test_check_tells_one_paragraph(bad_model: tuple[Path, list[str]]) -> None:
    path, texts = bad_model
    result = microplan_command("check", path)
    assert (result.exit_code, result.stdout) == (1, "")
    paragraph = result.stderr.splitlines()[0]
    assert paragraph.isprintable()
    assert paragraph.endswith(".")
    for text in texts:
        assert text in paragraph


@pytest.mark.parametrize(
    "command",
    [
        ["size", "--json"],
        ["embed", "--out", "{folder}"],
        ["build", "--board", "qemu-cortex-m4", "--out", "{folder}"],
        ["run", "--board", "host", "--input", "{model}", "--json"],
        ["validate", "--board", "host", "--json"],
        ["bench", "--board", "host", "--json"],
    ],
    ids=lambda command: command[0],
)
def test_every_command_refuses(bad_model: tuple[Path, list[str]], command: list[str], tmp_path: Path) -> None:
    path, texts = bad_model
    name, *options = (part.format(folder=tmp_path / "out", model=path) for part in command)
    result = microplan_command(name, path, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    for text in texts:
        assert text in result.stderr
    assert not (tmp_path / "out").exists()


def test_python_raises_the_same(bad_model: tuple[Path, list[str]]) -> None:
    path, texts = bad_model
    with pytest.raises(microplan.ModelError) as caught:
        microplan.Interpreter(path)
    assert texts[-1] in str(caught.value)


def test_every_finding_is_told_at_once(tmp_path: Path) -> None:
    writer = ModelWriter()
    tensors = [writer.tensor(f"t{i}", (1, 8), "int8", scale=0.5) for i in range(4)]
    for i, operator in enumerate(("SIN", "RESHAPE", "COS")):
        writer.operator(operator, (tensors[i],), (tensors[i + 1],))
    path = tmp_path / "model.tflite"
    path.write_bytes(writer.finish((tensors[0],), (tensors[-1],)))
    lines = microplan_command("check", path).stderr.splitlines()
    assert len(lines) == 2
    assert "operator 0 SIN" in lines[0]
    assert "operator 2 COS" in lines[1]
    with pytest.raises(microplan.ModelError, match="There are 1 more findings") as caught:
        microplan.plan(path)
    assert caught.value.findings == lines


@pytest.mark.parametrize(
    ("kind", "length", "texts"),
    [
        ("flash", 1024, ["too big for the flash of small", "and there are 1,024", "more flash"]),
        ("ram", 256, ["too big for the RAM of small", "and there are 256", "more RAM"]),
    ],
)
def test_too_big_for_the_board(kind: str, length: int, texts: list[str], tmp_path: Path) -> None:
    board = tmp_path / "small.toml"
    board.write_text(small_board(kind, length))
    for command in (["check"], ["size"], ["build", "--out", tmp_path / "out"]):
        result = microplan_command(command[0], DIGITS, "--board", board, *command[1:])
        assert (result.exit_code, result.stdout) == (1, "")
        assert len(result.stderr.splitlines()) == 1
        for text in texts:
            assert text in result.stderr


def small_board(kind: str, length: int) -> str:
    """The simulated Cortex-M4 with less of one kind of memory."""
    text = (share_dir() / "boards/qemu-cortex-m4.toml").read_text().replace('"qemu-cortex-m4"', '"small"', 1)
    head, *regions = text.split("[[memory]]")
    changed = []
    for region in regions:
        lines = region.split("\n")
        if f'kind = "{kind}"' in lines:
            lines = [f"length = {length}" if line.startswith("length") else line for line in lines]
        changed.append("\n".join(lines))
    return "[[memory]]".join([head, *changed])


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["check", "missing.tflite"],
        ["check", DIGITS, "--board", "no-such-board"],
        ["embed", DIGITS],
        ["embed", DIGITS, "--out", "out", "--form", "jit"],
        ["build", DIGITS, "--board", "host", "--out", "out"],
        ["build", DIGITS, "--board", "qemu-cortex-m4", "--out", "out", "--app", "blink"],
        ["run", DIGITS, "--board", "host"],
        ["run", DIGITS, "--board", "host", "--input", "missing.npy"],
        ["run", DIGITS, "--board", "host", "--input", DIGITS],
        ["validate", DIGITS, "--board", "host", "--samples", "0"],
        ["bench", DIGITS, "--board", "host", "--variant", "fastest"],
        ["frobnicate"],
    ],
    ids=lambda arguments: " ".join(str(part) for part in arguments if part != DIGITS),
)
def test_wrong_use_is_exit_code_2(
    arguments: list[str | Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = microplan_command(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr


def save(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize(
    ("array", "input_as", "message"),
    [
        (np.zeros((1, 8, 8, 1), np.float32), "raw", "holds float32"),
        (np.zeros((1, 8, 8, 1), np.int8), "0..1", "holds int8"),
        (np.zeros((7, 9), np.int8), "raw", "has the shape (7, 9)"),
    ],
)
def test_arrays_that_do_not_fit(array: np.ndarray, input_as: str, message: str, tmp_path: Path) -> None:
    path = save(tmp_path / "input.npy", array)
    result = microplan_command(
        "run", DIGITS, "--board", "host", "--input", path, "--input-as", input_as, "--json"
    )
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


@pytest.mark.parametrize("name", ["input.npy", "input.png"])
def test_files_that_are_not_what_they_say(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"nothing of the kind")
    result = microplan_command("run", DIGITS, "--board", "host", "--input", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert name in result.stderr


def test_json_has_no_findings_on_stdout() -> None:
    result = microplan_command("size", DIGITS, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["model"] == "digits.tflite"
