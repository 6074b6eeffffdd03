# SPDX-License-Identifier: Apache-2.0
"""`microplan run`: a model's answers, from the device."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click
import numpy as np

from microplan.boards import Board
from microplan.commands.common import (
    Choice,
    board_option,
    json_option,
    model_argument,
    plan_for,
    plan_option,
    progress,
    write_json,
)
from microplan.inputs import INPUT_AS, InputAs, read_samples
from microplan.interpreter import Array, Interpreter, Tensor
from microplan.planning import ModelFile, shorten
from microplan.runners import open_runner

_SHOWN_VALUES = 16


@click.command()
@model_argument
@board_option()
@click.option(
    "--input",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    required=True,
    help=".npy, .bmp, .png or .wav; once for each input of the model. An .npy with several samples runs "
    "each. A .wav (16 kHz, mono, 16 bits) becomes micro_speech's features, for its 49 frames those of the "
    "first second; silence follows a shorter recording.",
)
@click.option(
    "--input-as",
    type=click.Choice(INPUT_AS),
    default="raw",
    show_default=True,
    help="raw: the elements as they stand. Else pixels become real values of this range and are quantized.",
)
@plan_option(firmware=True)
@json_option
def run(
    model: ModelFile,
    board: Board,
    files: tuple[Path, ...],
    input_as: InputAs,
    choice: Choice,
    as_json: bool,
) -> None:
    """Run MODEL on the board and show its outputs."""
    made = plan_for(model, board, choice=choice)
    interpreter = Interpreter(made)
    samples = read_samples(interpreter.inputs, files, input_as)
    message = f"Running {len(samples)} samples on {board.name}"
    with progress(message, as_json), open_runner(made, board, choice.cmsis_nn) as runner:
        results = [result.outputs for result in runner.run(samples, reset_each=False)]
    described = [
        [_describe(tensor, values) for tensor, values in zip(interpreter.outputs, outputs, strict=True)]
        for outputs in results
    ]
    if as_json:
        # One sample, the usual case, needs no list of samples to look into.
        answers = {"outputs": described[0]} if len(described) == 1 else {}
        samples_json = [{"outputs": outputs} for outputs in described]
        write_json({"model": model.name, "board": board.name, **answers, "samples": samples_json})
        return
    for index, outputs in enumerate(described):
        for output in outputs:
            sample = f"sample {index}, " if len(described) > 1 else ""
            click.echo(f'{sample}output "{shorten(output["name"])}": argmax {output["argmax"]}')
            click.echo(f"  values {_shorten([f'{value:.6g}' for value in output['values']])}")
            click.echo(f"  raw    {_shorten([str(value) for value in output['raw']])}")


def _describe(tensor: Tensor, values: Array) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "type": str(tensor.dtype),
        "argmax": int(np.argmax(values)),
        "values": _finite(tensor.dequantize(values)),
        "raw": _finite(values),
    }


def _finite(values: Array) -> list[Any]:
    """JSON has no NaN and no infinity: null."""
    flat = values.reshape(-1).tolist()
    return [value if not isinstance(value, float) or math.isfinite(value) else None for value in flat]


def _shorten(values: list[str]) -> str:
    rest = len(values) - _SHOWN_VALUES
    return " ".join(values[:_SHOWN_VALUES]) + (f" ... and {rest} more" if rest > 0 else "")
