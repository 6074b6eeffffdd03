# SPDX-License-Identifier: Apache-2.0
"""The Zephyr module: built and run by Zephyr itself where ZEPHYR_BASE names a tree, and by a stand-in everywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import kconfiglib
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "zephyr"
SAMPLE = MODULE / "samples" / "hello_world"
STAND_IN = Path(__file__).parent / "zephyr"

# The keys of module.yml that Zephyr 2.6 knows; its configure step stops at any other.
STRING = {"type": "string"}
MODULE_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": STRING,
        "build": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "cmake": STRING,
                "kconfig": STRING,
                "depends": {"type": "array"},
                "settings": {"type": "object"},
            },
        },
        "samples": {"type": "array", "items": STRING},
        "tests": {"type": "array", "items": STRING},
        "boards": {"type": "array", "items": STRING},
    },
}


def environment() -> dict[str, str]:
    """The command `microplan` beside this Python comes first."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def test_module_file() -> None:
    module = yaml.safe_load((MODULE / "module.yml").read_text())
    jsonschema.validate(module, MODULE_SCHEMA)
    assert (ROOT / module["build"]["cmake"] / "CMakeLists.txt").exists()
    assert (ROOT / module["build"]["kconfig"]).exists()
    for folder in module["samples"]:
        assert list((ROOT / folder).glob("*/sample.yaml"))


@pytest.mark.parametrize("cpp", ["CPP", "CPLUSPLUS"])
def test_kconfig(tmp_path: Path, cpp: str) -> None:
    """`cpp`: the symbol for C++ that the tree has."""
    (tmp_path / "Kconfig").write_text(
        f'config {cpp}\n\tbool "C++"\n\nconfig STD_CPP17\n\tbool "C++17"\n\nconfig MAIN_STACK_SIZE\n\tint "Stack"\n\n'
        f'source "{MODULE / "Kconfig"}"\n'
    )
    kconfig = kconfiglib.Kconfig(str(tmp_path / "Kconfig"))
    assert kconfig.syms["MICROPLAN"].str_value == "n"
    kconfig.load_config(str(SAMPLE / "prj.conf"))
    assert not [warning for warning in kconfig.warnings if "prj.conf" in warning]
    assert kconfig.syms["MICROPLAN"].str_value == "y"
    assert kconfig.syms[cpp].str_value == "y"
    assert kconfig.syms["MICROPLAN_TEXT"].str_value == "n"


@pytest.mark.parametrize("tree", ["old", "new"])
def test_the_sample_runs_in_the_stand_in(tmp_path: Path, tree: str) -> None:
    configure = [
        *("cmake", "-G", "Ninja", "-S", SAMPLE, "-B", tmp_path, f"-DZephyr_DIR={STAND_IN}"),
        *(f"-DMODULE={ROOT}", f"-DTREE={tree}", "-DCONFIG_MICROPLAN=y"),
    ]
    if shutil.which("ccache"):
        configure.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    for command in (configure, ["cmake", "--build", tmp_path], [tmp_path / "app"]):
        result = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment())
        assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout == "It is a 7\n"


@pytest.mark.parametrize(
    ("config", "target"),
    [
        (["CPU_CORTEX_M=y", "CPU_CORTEX_M4=y", "FPU=y", "MICROPLAN_PREFER_RAM=y"], "a core with dsp, fpu"),
        (["CPU_CORTEX_M=y", "ARMV8_M_DSP=y", "ARMV8_1_M_MVEI=y"], "a core with dsp, mve"),
        (["CPU_CORTEX_M=y", "CPU_CORTEX_M3=y"], "any"),
    ],
)
def test_models_are_embedded_for_the_core(config: list[str], target: str, tmp_path: Path) -> None:
    configure = ["cmake", "-G", "Ninja", "-S", SAMPLE, "-B", tmp_path, f"-DZephyr_DIR={STAND_IN}"]
    configure += [f"-DMODULE={ROOT}", "-DTREE=new"]
    configure += [f"-DCONFIG_{symbol}" for symbol in ("MICROPLAN=y", *config)]
    for command in (configure, ["cmake", "--build", tmp_path, "--target", "app.microplan/digits.cpp"]):
        result = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment())
        assert result.returncode == 0, result.stdout + result.stderr
    assert f"Target: {target}." in (tmp_path / "app.microplan" / "digits.h").read_text()
    prefer = "--prefer ram" in (tmp_path / "build.ninja").read_text()
    assert prefer == ("MICROPLAN_PREFER_RAM=y" in config)


@pytest.mark.skipif("ZEPHYR_BASE" not in os.environ, reason="needs a Zephyr tree: set ZEPHYR_BASE")
def test_the_sample_runs_in_zephyr(tmp_path: Path) -> None:
    base = Path(os.environ["ZEPHYR_BASE"])
    board = "mps2/an385" if (base / "boards" / "arm" / "mps2" / "board.yml").exists() else "mps2_an385"
    configure = ["cmake", "-G", "Ninja", "-S", SAMPLE, "-B", tmp_path, f"-DBOARD={board}"]
    # Zephyr 2.6 knows the first name only, current trees both.
    configure += [f"-DZEPHYR_EXTRA_MODULES={ROOT}", f"-DEXTRA_ZEPHYR_MODULES={ROOT}"]
    for command in (configure, ["cmake", "--build", tmp_path]):
        result = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment())
        assert result.returncode == 0, result.stdout + result.stderr
    qemu = ["qemu-system-arm", "-M", "mps2-an385", "-nographic", "-kernel", tmp_path / "zephyr" / "zephyr.elf"]
    with subprocess.Popen(qemu, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if "It is a" in line:
                break
        process.kill()
    assert "It is a 7" in line
