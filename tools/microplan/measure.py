# SPDX-License-Identifier: Apache-2.0
"""Builds a model's bench firmware, runs it and reports: measure(). `microplan bench` and `make bench` print it."""

from __future__ import annotations

import tempfile
import zlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from microplan import device
from microplan.boards import Board
from microplan.estimate import estimated_instructions
from microplan.inputs import pattern_bytes
from microplan.interpreter import Interpreter
from microplan.planning import Plan
from microplan.runners import build_for


class Progress(Protocol):
    """Tells the user that something long goes on."""

    def __call__(self, message: str) -> AbstractContextManager[None]: ...


def measure(
    made: Plan, board: Board, progress: Progress, *, cycles: bool = False, cmsis_nn: Path | None = None
) -> dict[str, Any]:
    """What one inference costs; None stands for what the board cannot count, and for cycles that nobody asked for."""
    if not board.has_firmware:
        return _on_this_machine(made, board)
    with tempfile.TemporaryDirectory(prefix="microplan-") as folder:
        with progress(f"Building firmware for {board.name}"):
            firmware = build_for(made, board, Path(folder), "bench", cmsis_nn)
        with progress(f"Measuring on {board.name}"):
            measured = device.bench(firmware.elf, board, cycles=cycles)
    report = _report(made, board)
    report["instructions"] = measured.invoke.instructions
    report["cycles_estimate"] = measured.cycles
    report["init_instructions"] = measured.init.instructions
    report["static_bytes"] = firmware.sizes.static_bytes
    report["stack_bytes"] = measured.stack_bytes
    report["runtime_flash_bytes"] = firmware.runtime_flash_bytes
    report["output_crc32"] = f"{measured.output_crc32:08x}"
    for operator, step in zip(report["operators"], made.core.steps, strict=True):
        if step.step >= 0:
            operator["instructions"] = measured.steps[step.step].instructions
    return report


def _report(made: Plan, board: Board) -> dict[str, Any]:
    scratch = made.scratch_by_step
    return {
        "model": made.model.name,
        "board": board.name,
        "form": made.form,
        "variant": made.variant,
        "prefer": made.prefer,
        "instructions": None,
        "instructions_estimate": estimated_instructions(made),
        "cycles_estimate": None,
        "init_instructions": None,
        "arena_bytes": made.arena_bytes,
        "scratch_bytes": max(scratch.values(), default=0),
        "state_bytes": made.state_bytes,
        "static_bytes": None,
        "stack_bytes": None,
        "runtime_flash_bytes": None,
        "model_flash_bytes": len(made.firmware_data),
        "output_crc32": None,
        "passes": [{"pass": name, "did": text} for name, text in made.pass_reports],
        "operators": [
            {
                "index": step.operator_index,
                "op": made.model.operator_name(step.operator_index),
                "kernel": step.kernel,
                "macs": step.macs,
                "instructions": None if step.step >= 0 else 0,
                "instructions_estimate": step.instructions,
                "scratch_bytes": scratch.get(step.step, 0),
            }
            for step in made.core.steps
        ],
    }


def _on_this_machine(made: Plan, board: Board) -> dict[str, Any]:
    interpreter = Interpreter(made)
    outputs = interpreter.invoke(
        *(tensor.from_bytes(pattern_bytes(tensor.nbytes)) for tensor in interpreter.inputs)
    )
    report = _report(made, board)
    report["output_crc32"] = f"{zlib.crc32(b''.join(output.tobytes() for output in outputs)):08x}"
    return report
