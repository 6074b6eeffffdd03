# SPDX-License-Identifier: Apache-2.0
"""microplan validate, and the comparison under it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import microplan
from microplan import oracle
from microplan.cli import main
from microplan.commands import validate
from microplan.comparison import compare
from microplan.errors import MicroplanError
from microplan.inputs import extreme_samples, random_samples
from microplan.interpreter import Array, Interpreter
from microplan.oracle import OracleRunner, available_oracles

DIGITS = Path(__file__).parents[2] / "examples/digits/digits.tflite"


def run_validate(model: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["validate", str(model), "--board", "host", *arguments])


def test_everything_agrees(model_path: Path) -> None:
    result = run_validate(model_path, "--samples", "2", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["passed"]
    assert report["oracle"] == (available_oracles() or [None])[0]
    plan = microplan.plan(model_path)
    tensors = sum(len(step.outputs) for step in plan.core.steps)
    for comparison in report["comparisons"]:
        # Two random samples, three extreme ones, the sequence.
        assert comparison["tensors"] == tensors * (2 + 3 + 20)
        assert comparison["difference"] is None


def test_in_words() -> None:
    result = run_validate(DIGITS, "--samples", "1")
    assert result.exit_code == 0
    assert "host, interpreted against host, compiled" in result.stdout


def test_without_an_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "ORACLES", {"none": "no_such_module"})
    result = run_validate(DIGITS, "--samples", "1")
    assert result.exit_code == 0
    assert "pip install 'microplan[oracle]'" in result.stderr


def test_oracle_that_crashes_is_told_and_survived(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    crash = tmp_path / "python"
    crash.write_text("#!/bin/sh\necho the last words >&2\nkill -SEGV $$\n")
    crash.chmod(0o755)
    monkeypatch.setattr(oracle, "ORACLES", {"tflite-micro": "microplan"})
    monkeypatch.setattr(sys, "executable", str(crash))
    result = run_validate(DIGITS, "--samples", "1")
    assert result.exit_code == 0
    assert "tflite-micro does not run digits.tflite (exit code -11): the last words." in result.stderr


@pytest.mark.parametrize("name", available_oracles())
def test_oracles(name: str) -> None:
    interpreter = Interpreter(DIGITS)
    samples = random_samples(interpreter.inputs, 3, seed=1)
    output = interpreter.plan.info.outputs[0]
    found = OracleRunner(name, interpreter.plan.model, [output]).run(samples, reset_each=False)
    assert [values[output].tobytes() for values in found] == [
        interpreter.invoke(*sample)[0].tobytes() for sample in samples
    ]


def test_oracle_that_refuses(models_dir: Path) -> None:
    if "tflite-micro" not in available_oracles():
        pytest.skip("needs tflite-micro: pip install 'microplan[oracle]'")
    model = microplan.ModelFile.load(models_dir / "kws_ref_model_float32.tflite")
    with pytest.raises(MicroplanError, match=r"tflite-micro does not run kws_ref_model_float32.tflite"):
        OracleRunner("tflite-micro", model, [0]).run(
            [[np.zeros((1, 49, 10, 1), np.float32)]], reset_each=True
        )


def test_first_difference_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One element of operator 1's output is changed in the last step of the sequence."""
    info = microplan.plan(DIGITS).info
    tensor = info.operators[1].outputs[0]

    class Flawed(validate.HostRunner):
        def run(self, samples, *, reset_each):  # type: ignore[no-untyped-def]
            results = super().run(samples, reset_each=reset_each)
            if not reset_each and "interpreted" in self.name:
                for index in (tensor, info.outputs[0]):
                    flawed = results[-1].tensors[index].copy()
                    flawed.reshape(-1)[5] ^= 1
                    results[-1].tensors[index] = flawed
            return results

    monkeypatch.setattr(validate, "HostRunner", Flawed)
    result = run_validate(DIGITS, "--samples", "1")
    assert result.exit_code == 1
    name = info.operators[1].name
    assert f'operator 1 {name}, tensor "' in result.stderr
    assert "1 of " in result.stderr
    assert "step 19 of the sequence without reset" in result.stderr

    result = run_validate(DIGITS, "--samples", "1", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert not report["passed"]
    assert report["comparisons"][0]["difference"]["operator"] == 1


def differs(left: Array, right: Array, *, exact: bool) -> bool:
    plan = microplan.plan(DIGITS)
    tensor = plan.info.outputs[0]
    comparison = compare(plan, ("a", [{tensor: left}]), ("b", [{tensor: right}]), ["sample 0"], exact=exact)
    assert comparison.tensors == 1
    return comparison.difference is not None


def test_floats_within_the_bound_agree() -> None:
    reference = np.array([100, -1, 0, np.inf, np.nan], np.float32)
    close = reference + np.array([1e-4, 9e-4, -9e-4, 0, 0], np.float32)
    far = reference + np.array([0, 2e-3, 0, 0, 0], np.float32)
    assert not differs(close, reference, exact=False)
    assert differs(close, reference, exact=True)
    assert differs(far, reference, exact=False)
    assert differs(np.nan_to_num(reference), reference, exact=False)
    assert not differs(reference.copy(), reference, exact=True)


def test_samples_cover_the_range_and_repeat() -> None:
    tensors = Interpreter(DIGITS).inputs
    first, second = (random_samples(tensors, 20, seed=1) for _ in range(2))
    assert [sample[0].tobytes() for sample in first] == [sample[0].tobytes() for sample in second]
    values = np.concatenate([sample[0].reshape(-1) for sample in first])
    assert {-128, 127} <= set(values.tolist())
    assert [set(sample[0].reshape(-1).tolist()) for sample in extreme_samples(tensors)] == [
        {-128},
        {127},
        {-128, 127},
    ]
