# SPDX-License-Identifier: Apache-2.0
"""The places where a model runs, behind one face: HostRunner, BoardRunner; open_runner() chooses."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from microplan.boards import Board
from microplan.build import App, Firmware, build_firmware
from microplan.embed import embed
from microplan.inputs import Sample
from microplan.interpreter import Array, Interpreter, operator_outputs
from microplan.planning import Plan
from microplan.session import Session


@dataclass(frozen=True)
class Result:
    """What one inference left: the model's outputs, and every operator's outputs by tensor index."""

    outputs: list[Array]
    tensors: dict[int, Array]


class Runner(Protocol):
    name: str

    def run(self, samples: Sequence[Sample], *, reset_each: bool) -> list[Result]:
        """Runs the samples in order, from reset state, with `reset_each` every one of them."""


class HostRunner:
    def __init__(self, plan: Plan) -> None:
        self.name = f"host, {plan.form}"
        self._interpreter = Interpreter(plan, keep_tensors=True)

    def run(self, samples: Sequence[Sample], *, reset_each: bool) -> list[Result]:
        results = []
        self._interpreter.reset()
        for sample in samples:
            if reset_each:
                self._interpreter.reset()
            outputs = self._interpreter.invoke(*sample)
            results.append(Result(outputs, self._interpreter.tensors))
        return results


class BoardRunner:
    def __init__(self, plan: Plan, board: Board, elf: Path) -> None:
        self.name = f"{board.name}, {plan.form}"
        self._plan = plan
        self._session = Session(elf, board)
        # The shapes and types are the same wherever the plan runs.
        self._outputs = Interpreter(plan).outputs

    def run(self, samples: Sequence[Sample], *, reset_each: bool) -> list[Result]:
        contents = [[array.tobytes() for array in sample] for sample in samples]
        inferences = self._session.infer(contents, reset_each=reset_each, dump=True)
        results = []
        for sample, inference in zip(samples, inferences, strict=True):
            outputs = [
                tensor.from_bytes(content)
                for tensor, content in zip(self._outputs, inference.outputs, strict=True)
            ]
            # The firmware sends each step's only output.
            dumps = {(dump.step, 0): dump.content for dump in inference.steps}
            results.append(Result(outputs, operator_outputs(self._plan, sample, dumps)))
        return results


def build_for(
    plan: Plan, board: Board, out_dir: Path, app: App, cmsis_nn: Path | None = None
) -> Firmware:
    """Emits the model under the names that the firmware's applications use; leaves out_dir/firmware.elf."""
    generated = out_dir / "generated"
    embed(plan, generated, name="firmware_model", data_symbol="microplan_model_data", target=board.name)
    return build_firmware(generated, board, out_dir, app, plan.form, cmsis_nn)


@contextmanager
def open_runner(plan: Plan, board: Board, cmsis_nn: Path | None = None) -> Iterator[Runner]:
    """A runner for the board; it builds the firmware when the board has one."""
    if not board.has_firmware:
        yield HostRunner(plan)
        return
    with tempfile.TemporaryDirectory(prefix="microplan-") as folder:
        firmware = build_for(plan, board, Path(folder), "run", cmsis_nn)
        yield BoardRunner(plan, board, firmware.elf)
