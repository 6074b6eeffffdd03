# SPDX-License-Identifier: Apache-2.0
"""The library in CMake projects: as a subdirectory and installed, for this machine and for boards."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import microplan
from microplan.boards import Board, boards_dir, load_board
from microplan.build import board_definitions, memory_script
from microplan.paths import share_dir
from microplan.simulator import run_in_simulator

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
CONSUMER = Path(__file__).parent / "cmake"
PUTS = Path(__file__).parent / "platformio" / "qemu" / "puts.cpp"
# What the examples print.
APPS = {"hello_world": "", "digits": "all right\n"}
# The options of a board's toolchain file.
TOOLCHAINS = {
    "qemu-cortex-m3": ("arm-none-eabi", "MICROPLAN_CPU=cortex-m3"),
    "qemu-cortex-m4": ("arm-none-eabi", "MICROPLAN_CPU=cortex-m4"),
    "qemu-cortex-m7": ("arm-none-eabi", "MICROPLAN_CPU=cortex-m7"),
    "qemu-cortex-m55": ("arm-none-eabi", "MICROPLAN_CPU=cortex-m55"),
    "qemu-riscv32": ("riscv64-unknown-elf", "MICROPLAN_ARCH=rv32imc", "MICROPLAN_SPECS=picolibc.specs"),
}


# Looked up once, because a test takes folders from the PATH.
CMAKE = shutil.which("cmake") or "cmake"


def cmake(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([CMAKE, *arguments], capture_output=True, text=True, timeout=600)


def configure(source: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    if ccache := shutil.which("ccache"):
        options = (f"CMAKE_CXX_COMPILER_LAUNCHER={ccache}", *options)
    definitions = [f"-D{option}" for option in ("CMAKE_BUILD_TYPE=Release", *options)]
    return cmake("-G", "Ninja", "-S", source, "-B", folder, *definitions)


def build(source: Path, folder: Path, *options: str) -> None:
    configured = configure(source, folder, *options)
    assert configured.returncode == 0, configured.stdout + configured.stderr
    built = cmake("--build", folder)
    assert built.returncode == 0, built.stdout + built.stderr


def toolchain(board_name: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    name, *options = TOOLCHAINS[board_name]
    if shutil.which(f"{name}-g++") is None:
        pytest.skip(f"needs {name}-g++")
    # The boards' linker script has no place for exceptions and for RISC-V's small data.
    small_data = " -msmall-data-limit=0" if name.startswith("riscv") else ""
    monkeypatch.setenv("CXXFLAGS", f"-fno-exceptions -fno-rtti{small_data}")
    return [f"CMAKE_TOOLCHAIN_FILE={ROOT / 'tools' / 'cmake' / name}.cmake", *options]


def board_options(board: Board, memory: Path) -> list[str]:
    """What the firmware needs beside the library; `memory`: a folder for the linker script's memory.ld."""
    assert board.support and board.compiler
    (memory / "memory.ld").write_text(memory_script(board))
    sources = [PUTS, *(boards_dir() / source for source in board.support.sources)]
    link = [*board.compiler.link_flags, "-T", str(boards_dir() / board.support.linker_script), f"-L{memory}"]
    return [
        f"BOARD_SOURCES={';'.join(map(str, sources))}",
        f"BOARD_INCLUDES={share_dir()}",
        f"BOARD_DEFINITIONS={';'.join(board_definitions(board))}",
        f"BOARD_LINK_OPTIONS={';'.join(link)}",
        f"BOARD_LIBRARIES={';'.join(board.compiler.libraries)}",
    ]


# In this order: the second time ccache has the library's files.
@pytest.mark.parametrize("target", ["host", *TOOLCHAINS])
@pytest.mark.parametrize("how", ["add_subdirectory", "find_package"])
def test_project(how: str, target: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    board = load_board(target)
    options = [f"EXAMPLES={EXAMPLES}"]
    cross = toolchain(target, monkeypatch) if board.has_firmware else []
    if how == "find_package":
        build(ROOT, tmp_path / "library", *cross)
        installed = cmake("--install", tmp_path / "library", "--prefix", tmp_path / "prefix")
        assert installed.returncode == 0, installed.stderr
        options += [f"CMAKE_PREFIX_PATH={tmp_path / 'prefix'}", f"MICROPLAN_VERSION={microplan.__version__}"]
    else:
        options.append(f"MICROPLAN_ROOT={ROOT}")
    if board.has_firmware:
        options += [*cross, *board_options(board, tmp_path)]
    build(CONSUMER, tmp_path / "build", *options)
    for app, printed in APPS.items():
        program = tmp_path / "build" / app
        if board.has_firmware:
            output = run_in_simulator(program, board)
        else:
            output = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True).stdout
        assert output.endswith(printed)


@pytest.mark.parametrize("app", APPS)
def test_example_as_it_stands(app: str, tmp_path: Path) -> None:
    build(EXAMPLES / app, tmp_path)
    assert subprocess.run([tmp_path / app], stdout=subprocess.PIPE, text=True, check=True).stdout.endswith(APPS[app])


PROJECT = """\
cmake_minimum_required(VERSION 3.18)
project(consumer LANGUAGES CXX)
add_subdirectory({root} microplan EXCLUDE_FROM_ALL)
file(WRITE "${{CMAKE_BINARY_DIR}}/main.cpp" "#include \\"{name}.h\\"
int main() {{ return {name}::kPlanBytes > 0; }}")
add_executable(app "${{CMAKE_BINARY_DIR}}/main.cpp")
microplan_embed({arguments})
"""


def write_project(folder: Path, arguments: str, name: str = "digits") -> Path:
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(PROJECT.format(root=ROOT, arguments=arguments, name=name))
    shutil.copy(EXAMPLES / "digits" / "digits.tflite", folder / "digits.tflite")
    return folder


@pytest.mark.parametrize(("form", "exit_code"), [("compiled", 0), ("interpreted", 1)])
def test_form_and_name(form: str, exit_code: int, tmp_path: Path) -> None:
    arguments = f"TARGET app MODEL digits.tflite FORM {form} NAME my_digits"
    build(write_project(tmp_path / "project", arguments, "my_digits"), tmp_path / "build")
    assert subprocess.run([tmp_path / "build" / "app"]).returncode == exit_code


@pytest.mark.parametrize(
    ("arguments", "options", "features"),
    [
        ("", ["MICROPLAN_CPU=cortex-m4"], "dsp, fpu"),
        ("", ["MICROPLAN_CPU=cortex-m3"], ""),
        ("FEATURES none PREFER ram", ["MICROPLAN_CPU=cortex-m4"], ""),
        ("", ["MICROPLAN_CPU=cortex-m4", "MICROPLAN_FEATURES=dsp"], "dsp"),
    ],
)
def test_kernels_are_chosen_for_the_core(
    arguments: str, options: list[str], features: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = write_project(tmp_path / "project", f"TARGET app MODEL digits.tflite {arguments}")
    cross = toolchain("qemu-cortex-m4", monkeypatch)[:1]
    configured = configure(project, tmp_path / "build", *cross, *options)
    assert configured.returncode == 0, configured.stderr
    built = cmake("--build", tmp_path / "build", "--target", "app.microplan/digits.cpp")
    assert built.returncode == 0, built.stdout + built.stderr
    header = (tmp_path / "build" / "app.microplan" / "digits.h").read_text()
    assert f"Target: {f'a core with {features}' if features else 'any'}." in header


def test_model_is_embedded_when_it_changes(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", "TARGET app MODEL digits.tflite")
    build(project, tmp_path / "build")
    assert "no work to do" in cmake("--build", tmp_path / "build").stdout
    model = project / "digits.tflite"
    # Bytes behind a flatbuffer mean nothing, but make it another file.
    model.write_bytes(model.read_bytes() + bytes(16))
    assert "Embedding digits.tflite" in cmake("--build", tmp_path / "build").stdout
    assert "no work to do" in cmake("--build", tmp_path / "build").stdout
    # The same content with a new time is embedded again, but only once.
    model.touch()
    assert "Embedding digits.tflite" in cmake("--build", tmp_path / "build").stdout
    assert "no work to do" in cmake("--build", tmp_path / "build").stdout


@pytest.mark.parametrize(
    "arguments",
    ["TARGET app", "MODEL digits.tflite", "TARGET app MODEL digits.tflite AS digits"],
    ids=["no model", "no target", "unknown argument"],
)
def test_wrong_use_says_what_is_right(arguments: str, tmp_path: Path) -> None:
    result = configure(write_project(tmp_path / "project", arguments), tmp_path / "build")
    assert result.returncode == 1
    assert "Use: microplan_embed(TARGET target MODEL file.tflite" in result.stderr


def test_several_models_share_an_arena(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", "TARGET app MODEL digits.tflite other.tflite")
    shutil.copy(project / "digits.tflite", project / "other.tflite")
    lists = project / "CMakeLists.txt"
    text = lists.read_text().replace("digits.h", "models.h")
    lists.write_text(text.replace("digits::kPlanBytes > 0", "models::kArenaBytes < other::kArenaBytes"))
    build(project, tmp_path / "build")
    assert "no work to do" in cmake("--build", tmp_path / "build").stdout


def test_a_budget_fails_the_build(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", "TARGET app MODEL digits.tflite BUDGET_RAM 100 BUDGET_FLASH 1M")
    assert configure(project, tmp_path / "build").returncode == 0
    result = cmake("--build", tmp_path / "build")
    assert result.returncode != 0
    assert "more than the budget of 100" in result.stdout + result.stderr


def test_name_that_cpp_does_not_take(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", "TARGET app MODEL digits.tflite NAME float")
    assert configure(project, tmp_path / "build").returncode == 0
    result = cmake("--build", tmp_path / "build")
    assert result.returncode != 0
    assert "A model cannot have the name 'float' in C++. Name it tflite_float, say." in result.stdout + result.stderr


def test_missing_command_names_the_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", "TARGET app MODEL digits.tflite")
    ninja, folders = shutil.which("ninja"), os.environ["PATH"].split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if not Path(folder, "microplan").exists())
    monkeypatch.setenv("PATH", path)
    result = configure(project, tmp_path / "build", f"CMAKE_MAKE_PROGRAM={ninja}")
    assert result.returncode == 1
    assert "pip install microplan" in " ".join(result.stderr.split())


def test_only_the_top_level_project_installs(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", "TARGET app MODEL digits.tflite")
    text = (project / "CMakeLists.txt").read_text()
    (project / "CMakeLists.txt").write_text(text.replace(" EXCLUDE_FROM_ALL", ""))
    build(project, tmp_path / "build")
    assert cmake("--install", tmp_path / "build", "--prefix", tmp_path / "prefix").returncode == 0
    assert not (tmp_path / "prefix").exists()
