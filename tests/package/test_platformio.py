# SPDX-License-Identifier: Apache-2.0
"""The library as PlatformIO packs it, in projects that use it; nothing is downloaded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from microplan.boards import load_board

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
MODEL = EXAMPLES / "digits" / "digits.tflite"
BOARDS = ["qemu-cortex-m3", "qemu-cortex-m4", "qemu-cortex-m7", "qemu-cortex-m55"]
# What the examples print.
APPS = {"hello_world": "", "digits": "all right"}

Pio = Callable[..., subprocess.CompletedProcess[str]]

PROJECT = """
[env]
lib_deps = {library}
custom_microplan_model = {model}

[env:native]
platform = native

[env:native-cpp11]
platform = native
build_flags = -std=gnu++11
"""
BOARD = """
[env:{board}]
platform = qemu
board = {board}
"""

MakeProject = Callable[..., Path]


@pytest.fixture(scope="session")
def package(pio: Pio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    result = pio("pkg", "pack", "--output", folder, ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    [path] = folder.iterdir()
    return path


@pytest.fixture
def make_project(package: Path, tmp_path: Path) -> MakeProject:
    """A fresh project with the packed library and one of the examples as its program."""

    def make(app: str, model: str = "digits.tflite") -> Path:
        project = tmp_path / app
        source = project / "src"
        source.mkdir(parents=True)
        for path in (EXAMPLES / app).glob("*"):
            if path.suffix in (".cpp", ".h"):
                shutil.copy(path, source)
        shutil.copy(MODEL, project / "digits.tflite")
        settings = PROJECT.format(library=package.as_uri(), model=model)
        settings += "".join(BOARD.format(board=board) for board in BOARDS)
        (project / "platformio.ini").write_text(settings)
        return project

    return make


def run(pio: Pio, project: Path, environment: str, **options: str) -> str:
    """Builds and runs the program; exit code 0 means that it recognised its digits."""
    result = pio("run", "-d", project, "-e", environment, "-t", "exec", **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_package_has_what_a_firmware_needs_and_no_more(package: Path) -> None:
    assert package.name.startswith("microplan-")
    with tarfile.open(package) as archive:
        names = set(archive.getnames())
    assert {"library.json", "LICENSE", "README.md", "include/microplan.h", "tools/platformio_build.py"} <= names
    for example in APPS:
        assert {f"examples/{example}/main.cpp", f"examples/{example}/platformio.ini"} <= names
    tops = {"include", "src", "tools", "examples", "library.json", "LICENSE", "README.md"}
    assert {name.split("/")[0] for name in names} == tops


@pytest.mark.parametrize("environment", ["native", *BOARDS])
def test_packed_library(pio: Pio, make_project: MakeProject, environment: str) -> None:
    if environment in BOARDS:
        for program in ("arm-none-eabi-g++", "qemu-system-arm"):
            if shutil.which(program) is None:
                pytest.skip(f"needs {program}")
    # In one test, so that ccache has the library's files the second time.
    for app, printed in APPS.items():
        project = make_project(app)
        assert printed in run(pio, project, environment)
    header = project / ".pio" / "build" / environment / "microplan" / "digits" / "digits.h"
    features = load_board(environment).features if environment in BOARDS else []
    assert f"Target: {'a core with ' + ', '.join(features) if features else 'any'}." in header.read_text()


def test_project_with_an_older_cpp(pio: Pio, make_project: MakeProject) -> None:
    run(pio, make_project("hello_world"), "native-cpp11")


def test_only_the_library_is_optimized_for_speed(pio: Pio, make_project: MakeProject) -> None:
    if shutil.which("arm-none-eabi-g++") is None:
        pytest.skip("needs arm-none-eabi-g++")
    result = pio("run", "-v", "-d", make_project("hello_world"), "-e", "qemu-cortex-m4")
    options = {line.split()[-1]: line.split() for line in result.stdout.splitlines() if " -c " in line}
    [library] = [words for source, words in options.items() if source.endswith("/kernels/conv_2d.cpp")]
    application = options["src/main.cpp"]
    assert "-O2" in library
    assert "-Os" not in library
    assert "-Os" in application
    assert "-O2" not in application
    assert "-ffp-contract=off" in library
    assert "-ffp-contract=off" in application


@pytest.mark.parametrize("app", APPS)
def test_examples_use_the_checkout(pio: Pio, app: str, tmp_path: Path) -> None:
    assert APPS[app] in run(pio, EXAMPLES / app, "native", PLATFORMIO_WORKSPACE_DIR=str(tmp_path))


def test_model_is_embedded_when_it_changes(pio: Pio, make_project: MakeProject) -> None:
    project = make_project("hello_world")
    build = project / ".pio" / "build" / "native"
    header, program = build / "microplan" / "digits" / "digits.h", build / "program"

    def times() -> tuple[int, int]:
        run(pio, project, "native")
        return header.stat().st_mtime_ns, program.stat().st_mtime_ns

    first = times()
    assert times() == first
    # Bytes behind a flatbuffer mean nothing, but make it another file.
    (project / "digits.tflite").write_bytes(MODEL.read_bytes() + bytes(16))
    second = times()
    assert second[0] > first[0]
    assert second[1] > first[1]


def test_several_models(pio: Pio, make_project: MakeProject) -> None:
    project = make_project("hello_world", "digits.tflite\n  models/other.tflite")
    (project / "models").mkdir()
    shutil.copy(MODEL, project / "models" / "other.tflite")
    main = project / "src" / "main.cpp"
    main.write_text(
        main.read_text()
        + '#include "models.h"\nstatic_assert(models::kArenaBytes >= other::kArenaBytes, "");\n'
    )
    run(pio, project, "native")


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ("digits.tflite a/digits.tflite", "names two models alike. Rename one: digits.tflite, a/digits.tflite"),
        ("missing.tflite", "missing.tflite could not be embedded"),
    ],
    ids=["same name", "no such file"],
)
def test_bad_model(pio: Pio, make_project: MakeProject, models: str, message: str) -> None:
    result = pio("run", "-d", make_project("hello_world", models), "-e", "native")
    assert result.returncode == 1
    assert message in result.stderr


@pytest.fixture(scope="module")
def python_without_tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has everything that this one has, except microplan."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True)
    [packages] = folder.glob("lib/python*/site-packages")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "microplan" not in path.name:
            (packages / path.name).symlink_to(path)
    return folder / "bin" / "python"


def path_without_tool() -> str:
    """The PATH without the folders that have the command `microplan`."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not Path(folder, "microplan").exists())


def test_missing_tool_is_told_once(pio: Pio, make_project: MakeProject, python_without_tool: Path) -> None:
    project = make_project("hello_world")
    options = {"python": str(python_without_tool), "PATH": path_without_tool()}
    result = pio("run", "-d", project, "-e", "native", **options)
    assert result.returncode == 1
    assert (
        "custom_microplan_model in platformio.ini needs the Python package microplan, which is neither in the "
        "Python that runs PlatformIO nor on the PATH. Install it and build again: "
        f"{python_without_tool} -m pip install microplan=="
    ) in result.stderr
    assert result.stderr.count("microplan==") == 1
    assert "Compiling" not in result.stdout


def test_tool_on_the_path(pio: Pio, make_project: MakeProject, python_without_tool: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "microplan"
    command.write_text(f"#!{sys.executable}\nfrom microplan.cli import main\nmain()\n")
    command.chmod(0o755)
    path = os.pathsep.join([str(command.parent), path_without_tool()])
    run(pio, make_project("hello_world"), "native", python=str(python_without_tool), PATH=path)


def test_library_without_the_option(pio: Pio, make_project: MakeProject, python_without_tool: Path) -> None:
    """Generated files may also lie among the project's own: then nothing needs the Python package."""
    project = make_project("hello_world", "")
    command = [sys.executable, "-c", "from microplan.cli import main; main()", "embed"]
    subprocess.run([*command, str(MODEL), "--out", str(project / "src")], check=True)
    options = {"python": str(python_without_tool), "PATH": path_without_tool()}
    run(pio, project, "native", **options)
