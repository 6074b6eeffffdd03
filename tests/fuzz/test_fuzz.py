# SPDX-License-Identifier: Apache-2.0
"""Both loaders against damaged files: a short run, and every file that ever broke them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECONDS = 20
TARGETS = ("model", "plan")


@dataclass(frozen=True)
class Fuzzer:
    """The drivers' build folder, and seeds in `<corpus>/models` and `<corpus>/plans`."""

    build: Path
    corpus: Path

    def run(self, target: str, crash: Path, *arguments: str | Path) -> str:
        """Runs a driver and returns its report; a finding fails the test and leaves its input in `crash`."""
        result = subprocess.run(
            [self.build / f"fuzz_{target}_driver", "--crash", crash, *arguments],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert result.returncode == 0, f"finding in {crash}:\n{result.stdout}{result.stderr}"
        return result.stdout


@pytest.fixture(scope="session")
def fuzzer(
    request: pytest.FixtureRequest,
    cmake_build: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Fuzzer:
    build = cmake_build(HERE)
    corpus = tmp_path_factory.mktemp("corpus")
    command = [sys.executable, HERE / "make_corpus.py", corpus, "--dump-plan", build / "dump_plan"]
    # Without the real models the tiny ones have to do.
    with contextlib.suppress(pytest.skip.Exception):
        command += ["--models", request.getfixturevalue("models_dir")]
    subprocess.run(command, check=True, timeout=300)
    return Fuzzer(build, corpus)


@pytest.mark.parametrize("target", TARGETS)
def test_mutated_files_break_no_promise(fuzzer: Fuzzer, target: str, tmp_path: Path) -> None:
    report = fuzzer.run(
        target, tmp_path / "crash", "--seconds", str(SECONDS), "--seed", "1", fuzzer.corpus / f"{target}s"
    )
    print(report)


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_are_accepted(fuzzer: Fuzzer, target: str, tmp_path: Path) -> None:
    """A corpus of files that are refused would test next to nothing."""
    for seed in sorted((fuzzer.corpus / f"{target}s").glob("*")):
        if seed.stat().st_size < 4096:
            report = fuzzer.run(target, tmp_path / "crash", seed)
            assert "1 accepted, 1 executed" in report, seed.name


@pytest.mark.parametrize("file", sorted(HERE.glob("regressions/*/*")), ids=lambda file: file.stem)
def test_past_findings_stay_fixed(fuzzer: Fuzzer, file: Path, tmp_path: Path) -> None:
    target = file.parent.name.removesuffix("s")
    fuzzer.run(target, tmp_path / "crash", file)
