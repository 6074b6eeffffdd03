# SPDX-License-Identifier: Apache-2.0
"""What all tests share: where the real models lie, building C++ projects, and the C++ tests' programs."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from microplan import _core
from support.replay import replay_core

ROOT = Path(__file__).resolve().parent.parent
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"
# The real models, beside the repository or in the folder that MICROPLAN_MODELS names.
MODELS = [
    "hello_world_int8",
    "hello_world_float",
    "kws_ref_model",
    "vww_96_int8",
    "person_detect",
    "pretrainedResnet_quant",
    "ad01_int8",
    "str_ww_ref_model",
    "micro_speech_quantized",
    "keyword_scrambled_8bit",
    "mnist_lstm_int8",
]


def models_folder() -> Path:
    return Path(os.environ.get("MICROPLAN_MODELS", ROOT.parent / "shared" / "models"))


@pytest.fixture(scope="session", autouse=True)
def _replay_every_plan() -> Iterator[None]:
    """Whatever a test plans is replayed byte by byte."""
    original = _core.plan

    def plan(
        model: bytes,
        flags: int,
        features: int,
        variants: list[str] | None = None,
        optimized: _core.Optimized | None = None,
    ) -> _core.Plan:
        made = original(model, flags, features, variants, optimized)
        if made.status == "kOk":
            replay_core(model, made, optimized)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_core, "plan", plan)
        yield


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The folder of the real models."""
    folder = models_folder()
    if not folder.is_dir():
        pytest.skip(f"needs the real models in {folder}; set MICROPLAN_MODELS to their folder")
    return folder


@pytest.fixture(params=[*MODELS, "digits"])
def model_path(request: pytest.FixtureRequest) -> Path:
    """Each real model in turn."""
    if request.param == "digits":
        return DIGITS
    folder: Path = request.getfixturevalue("models_dir")
    return folder / f"{request.param}.tflite"


@pytest.fixture(scope="session")
def cmake_build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Builds a CMake project and returns its build folder."""

    def build(source: Path, *options: str) -> Path:
        folder = tmp_path_factory.mktemp(source.name)
        for command in (
            ["cmake", "-G", "Ninja", "-S", str(source), "-B", str(folder), *options],
            ["cmake", "--build", str(folder)],
        ):
            result = subprocess.run(command, capture_output=True, text=True, timeout=600)
            assert result.returncode == 0, result.stdout + result.stderr
        return folder

    return build


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory, cmake_build: Callable[..., Path]) -> Path:
    """The folder of the C++ tests' programs, which have all sanitizers; xdist's workers share one build."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (shared / "programs").open("a+") as record:
        # Whoever comes first builds; closing the file lets the others go on.
        fcntl.flock(record, fcntl.LOCK_EX)
        record.seek(0)
        folder = record.read()
        if not folder:
            folder = str(cmake_build(ROOT / "tests" / "unit" / "cpp"))
            record.write(folder)
    return Path(folder)


@pytest.fixture
def run_program(programs: Path) -> Callable[..., str]:
    """Runs one of these programs and returns what it prints."""

    def run(name: str, *arguments: str | Path) -> str:
        result = subprocess.run([programs / name, *arguments], capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    return run
