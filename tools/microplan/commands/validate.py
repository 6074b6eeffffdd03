# SPDX-License-Identifier: Apache-2.0
"""`microplan validate`: the same inputs on this machine, the board and the oracle; every tensor compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import click

from microplan.boards import Board
from microplan.commands.common import (
    Choice,
    board_option,
    fitting_plan,
    json_option,
    model_argument,
    plan_for,
    plan_option,
    progress,
    write_json,
)
from microplan.comparison import Comparison, Tensors, compare, operator_tensors
from microplan.errors import MicroplanError
from microplan.inputs import Sample, extreme_samples, random_samples
from microplan.interpreter import Interpreter
from microplan.oracle import OracleRunner, available_oracles
from microplan.planning import ModelFile, Plan, plan_for_this_machine
from microplan.runners import HostRunner, Runner, open_runner

_SEED = 20_240_229
SEQUENCE = 20


@dataclass(frozen=True)
class _Samples:
    """Each of `single` begins from reset state, `sequence` runs on without."""

    single: list[Sample]
    sequence: list[Sample]

    @property
    def names(self) -> list[str]:
        return [f"sample {i}" for i in range(len(self.single))] + [
            f"step {i} of the sequence without reset" for i in range(len(self.sequence))
        ]


@click.command()
@model_argument
@board_option()
@click.option(
    "--samples", type=click.IntRange(min=1), default=5, show_default=True, help="Number of random samples."
)
@plan_option(firmware=True)
@json_option
def validate(model: ModelFile, board: Board, samples: int, choice: Choice, as_json: bool) -> None:
    """Compare MODEL's tensors on this machine, the board and, where installed, the oracle.

    Random samples and extreme ones, each after a reset, then a sequence of 20 without. The oracle is
    tflite-micro, else LiteRT.
    """
    compiled = plan_for(model, board, "compiled", choice)
    # A board that plans has the whole input.
    interpreted = fitting_plan(model, board, "interpreted", replace(choice, push_rows=False))
    inputs = Interpreter(compiled).inputs
    chosen = _Samples(
        random_samples(inputs, samples, _SEED) + extreme_samples(inputs),
        random_samples(inputs, SEQUENCE, _SEED + 1),
    )
    kernels = [set(plan_for_this_machine(made).kernels) for made in (compiled, interpreted)]
    with progress("Running on this machine", as_json):
        host = _run(HostRunner(compiled), chosen)
        other = _run(HostRunner(interpreted), chosen)
    comparisons = [
        compare(
            compiled,
            ("host, interpreted", other),
            ("host, compiled", host),
            chosen.names,
            # Kernels for packed filters exist in the compiled form only, and floats differ between kernels.
            exact=kernels[0] == kernels[1],
        )
    ]
    with progress("Running in the oracle", as_json):
        oracle, notes, reference = _run_oracle(compiled, chosen)
    if oracle is not None:
        comparisons.append(
            compare(compiled, ("host, compiled", host), (oracle, reference), chosen.names, exact=False)
        )
    if board.has_firmware:
        running = progress(f"Running on {board.name}", as_json)
        with running, open_runner(compiled, board, choice.cmsis_nn) as runner:
            device = _run(runner, chosen)
        expected = (oracle, reference) if oracle is not None else ("host, compiled", host)
        comparisons.append(compare(compiled, (runner.name, device), expected, chosen.names, exact=False))

    passed = all(comparison.difference is None for comparison in comparisons)
    if as_json:
        write_json(_report(model, board, samples, oracle, notes, comparisons, passed))
    else:
        _print(model, comparisons, notes)
    if not passed:
        raise click.exceptions.Exit(1)


def _run(runner: Runner, samples: _Samples) -> list[Tensors]:
    results = runner.run(samples.single, reset_each=True) + runner.run(samples.sequence, reset_each=False)
    return [result.tensors for result in results]


def _run_oracle(plan: Plan, samples: _Samples) -> tuple[str | None, list[str], list[Tensors]]:
    """Name of the oracle that ran the model, what the others said, and the tensors."""
    tensors = [tensor for _, tensor in operator_tensors(plan)]
    notes: list[str] = []
    for name in available_oracles():
        runner = OracleRunner(name, plan.model, tensors)
        try:
            single = runner.run(samples.single, reset_each=True)
            return name, notes, [*single, *runner.run(samples.sequence, reset_each=False)]
        except MicroplanError as error:
            notes.append(str(error))
    if not notes:
        notes.append(
            "No oracle is installed: pip install 'microplan[oracle]' brings tflite-micro and LiteRT."
        )
    return None, notes, []


def _report(
    model: ModelFile,
    board: Board,
    samples: int,
    oracle: str | None,
    notes: list[str],
    comparisons: list[Comparison],
    passed: bool,
) -> dict[str, Any]:
    return {
        "model": model.name,
        "board": board.name,
        "samples": samples,
        "sequence": SEQUENCE,
        "oracle": oracle,
        "notes": notes,
        "comparisons": [asdict(comparison) for comparison in comparisons],
        "passed": passed,
    }


def _print(model: ModelFile, comparisons: list[Comparison], notes: list[str]) -> None:
    for note in notes:
        click.echo(note, err=True)
    for comparison in comparisons:
        pair = f"{comparison.found} against {comparison.expected}"
        if comparison.difference is None:
            click.echo(f"{pair}: {comparison.tensors:,} tensors agree")
        else:
            click.echo(f"{model.name}, {pair}: {comparison.difference}.", err=True)
