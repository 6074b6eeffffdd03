# SPDX-License-Identifier: Apache-2.0
"""The main job, start to end: a .tflite file and a board become firmware that answers, at a known cost.

Embeds the digits network, states its sizes, builds it for a Cortex-M4, runs it in QEMU on handwritten digits that
it was not trained on, and measures it. Every command is shown as it would be typed.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console

HERE = Path(__file__).resolve().parent
MICROPLAN = Path(sys.executable).with_name("microplan")
SHADES = " .:-=+*#@"


def microplan(console: Console, *arguments: str, capture: bool = False) -> str:
    """Shows and runs one `microplan` command; returns what it printed when `capture`."""
    console.print(f"\n[bold green]$[/] [bold]microplan {shlex.join(arguments)}[/]", soft_wrap=True)
    sys.stdout.flush()
    result = subprocess.run(
        [MICROPLAN, *arguments], cwd=HERE, check=True, text=True, stdout=subprocess.PIPE if capture else None
    )
    return result.stdout or ""


def main() -> int:
    console = Console(highlight=False)
    board = "qemu-cortex-m4"
    with tempfile.TemporaryDirectory() as out:
        microplan(console, "embed", "digits.tflite", "--board", board, "--out", out)
        microplan(console, "size", "digits.tflite", "--board", board)
        microplan(console, "build", "digits.tflite", "--board", board, "--out", out)

        arguments = (
            "run",
            "digits.tflite",
            "--board",
            board,
            "--input",
            str(Path(out, "pixels.npy")),
            "--input-as",
            "0..1",
            "--json",
        )
        samples, labels = np.load(HERE / "samples.npy"), np.load(HERE / "labels.npy")
        np.save(Path(out, "pixels.npy"), (samples / 16).astype(np.float32)[..., np.newaxis])
        answers = [
            sample["outputs"][0]["argmax"]
            for sample in json.loads(microplan(console, *arguments, capture=True))["samples"]
        ]

        console.print("What the board saw:\n")
        for first in range(0, len(samples), 4):
            rows = range(first, min(first + 4, len(samples)))
            for line in range(8):
                console.print(
                    "   ".join("".join(SHADES[pixel // 2] * 2 for pixel in samples[i][line]) for i in rows),
                    markup=False,
                )
            words = [f"{labels[i]} -> {answers[i]} {'right' if labels[i] == answers[i] else 'WRONG'}" for i in rows]
            console.print("   ".join(f"{word:<16}" for word in words) + "\n")
        right = int(np.sum(np.asarray(answers) == labels))
        console.print(f"{right} of {len(samples)} right.")

        microplan(console, "bench", "digits.tflite", "--board", board)
    return 0 if right >= len(samples) - 1 else 1


if __name__ == "__main__":
    sys.exit(main())
