# SPDX-License-Identifier: Apache-2.0
"""Makes micro_speech_features.npz with TensorFlow Lite Micro; README.md tells which preprocessor it takes."""

from __future__ import annotations

import argparse
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tflite_micro.python.tflite_micro import runtime

GOLDENS = Path(__file__).with_name("micro_speech_features.npz")
WORDS = ("yes", "no", "noise", "silence")
FRAMES, WINDOW, STEP = 49, 480, 320


def recordings(data: Path) -> dict[str, NDArray[np.int16]]:
    """The recorded words, and one that is far too loud: it is clipped, and the sums in the FFT overflow."""
    samples = {}
    for word in WORDS:
        with wave.open(str(data / f"{word}_1000ms.wav"), "rb") as file:
            samples[word] = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    loud = 16 * samples["noise"].astype(np.int32)
    return samples | {"clipped": np.clip(loud, -32768, 32767).astype(np.int16)}


def make_features(preprocessor: bytes, samples: NDArray[np.int16]) -> NDArray[np.int8]:
    interpreter = runtime.Interpreter.from_bytes(preprocessor)
    frames = []
    for start in range(0, FRAMES * STEP, STEP):
        interpreter.set_input(samples[None, start : start + WINDOW], 0)
        interpreter.invoke()
        frames.append(interpreter.get_output(0).reshape(-1).copy())
    return np.stack(frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preprocessor", type=Path, required=True, help="audio_preprocessor_int8.tflite")
    shared = GOLDENS.parents[4] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared, help="folder of the recordings")
    arguments = parser.parse_args()
    preprocessor = arguments.preprocessor.read_bytes()
    samples = recordings(arguments.data)
    np.savez_compressed(GOLDENS, **{name: make_features(preprocessor, samples[name]) for name in samples})


if __name__ == "__main__":
    main()
