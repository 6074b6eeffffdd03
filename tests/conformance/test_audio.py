# SPDX-License-Identifier: Apache-2.0
"""Recordings: their features equal TensorFlow Lite Micro's, and micro_speech_quantized hears the words."""

from __future__ import annotations

import json
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from conformance.goldens.make_micro_speech_features import GOLDENS, WORDS, recordings
from microplan import Interpreter, audio, plan
from microplan.boards import load_board
from microplan.cli import main
from microplan.inputs import Sample, read_samples
from microplan.runners import open_runner
from support.reference import assert_conforms

FRONT_END = audio.FrontEnd()
FRAMES = 49
LABELS = ("silence", "unknown", "yes", "no")
# What is heard in each recording, and the scores TensorFlow Lite Micro gives.
HEARD = {"yes": "yes", "no": "no", "noise": "silence", "silence": "silence"}
SCORES = {
    "yes": [-128, -128, 127, -128],
    "no": [-128, -114, -128, 114],
    "noise": [120, -125, -126, -125],
    "silence": [-42, -68, -68, -78],
}


@pytest.fixture(scope="module")
def data(models_dir: Path) -> Path:
    return models_dir.parent / "data"


@pytest.fixture(scope="module")
def model(models_dir: Path) -> Path:
    return models_dir / "micro_speech_quantized.tflite"


def samples_of(model: Path, *files: Path) -> list[Sample]:
    """As `microplan run --input` reads them."""
    inputs = Interpreter(model).inputs
    return [sample for file in files for sample in read_samples(inputs, [file], "raw")]


def word_files(data: Path) -> list[Path]:
    return [data / f"{word}_1000ms.wav" for word in WORDS]


def write_wav(
    path: Path, samples: np.ndarray, rate: int = 16000, channels: int = 1, sample_bytes: int = 2
) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setframerate(rate)
        file.setnchannels(channels)
        file.setsampwidth(sample_bytes)
        file.writeframes(samples.tobytes())
    return path


@pytest.mark.parametrize("name", [*WORDS, "clipped"])
def test_features_equal_the_goldens(data: Path, name: str) -> None:
    with np.load(GOLDENS) as goldens:
        found = audio.features(recordings(data)[name], FRAMES, FRONT_END)
        np.testing.assert_array_equal(found, goldens[name])


@pytest.mark.parametrize("length", [128, 256, 512, 1024])
def test_fft_is_one(length: int) -> None:
    values = np.random.default_rng(length).integers(-32768, 32767, (3, length), np.int64)
    real, imaginary = audio._real_fft(values)
    exact = np.fft.rfft(values)[:, 1:-1] / length
    # Each of the up to six stages rounds.
    np.testing.assert_allclose(real, exact.real, rtol=0, atol=6)
    np.testing.assert_allclose(imaginary, exact.imag, rtol=0, atol=6)


def test_tensors_equal_the_reference(model: Path, data: Path) -> None:
    assert_conforms(model.read_bytes(), samples_of(model, *word_files(data)))


@pytest.mark.parametrize("word", WORDS)
def test_run_hears_the_word(model: Path, data: Path, word: str) -> None:
    arguments = ["run", str(model), "--board", "host", "--json", "--input", str(data / f"{word}_1000ms.wav")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    (output,) = json.loads(result.stdout)["samples"][0]["outputs"]
    assert output["raw"] == SCORES[word]
    assert LABELS[output["argmax"]] == HEARD[word]


def test_the_board_hears_the_words(model: Path, data: Path) -> None:
    board = load_board("qemu-cortex-m4")
    assert board.compiler and board.simulator
    for program in (f"{board.compiler.prefix}g++", board.simulator.command[0]):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing")
    made = plan(model, features=board.feature_bits)
    with open_runner(made, board) as runner:
        results = runner.run(samples_of(model, *word_files(data)), reset_each=False)
    scores = [result.outputs[0].reshape(-1).tolist() for result in results]
    assert scores == [SCORES[word] for word in WORDS]


def test_length_is_made_to_fit(model: Path, tmp_path: Path) -> None:
    second = np.random.default_rng(1).integers(-9999, 9999, 16000).astype(np.int16)
    full = write_wav(tmp_path / "full.wav", second)
    longer = write_wav(tmp_path / "longer.wav", np.concatenate([second, second]))
    (expected,), (found,) = samples_of(model, full, longer)
    np.testing.assert_array_equal(found, expected)

    short = write_wav(tmp_path / "short.wav", second[:4000])
    filled = write_wav(tmp_path / "filled.wav", np.where(np.arange(16000) < 4000, second, 0).astype(np.int16))
    (expected,), (found,) = samples_of(model, filled, short)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"rate": 44100}, "44100 Hz, 1 channels and 16 bits"),
        ({"channels": 2}, "16000 Hz, 2 channels and 16 bits"),
        ({"sample_bytes": 1}, "16000 Hz, 1 channels and 8 bits"),
    ],
)
def test_other_recordings_are_refused(
    model: Path, tmp_path: Path, options: dict[str, int], found: str
) -> None:
    path = write_wav(tmp_path / "other.wav", np.zeros(16000, np.int16), **options)
    result = CliRunner().invoke(main, ["run", str(model), "--board", "host", "--input", str(path)])
    assert result.exit_code == 1
    assert found in result.stderr
    assert "Convert it: ffmpeg -i other.wav -ar 16000 -ac 1 -c:a pcm_s16le" in result.stderr


@pytest.mark.parametrize(
    ("content", "complaint"), [(b"", "ends too early"), (b"RIFF\0\0\0\0WAVX", "not a .wav file")]
)
def test_no_recording_is_refused(model: Path, tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    result = CliRunner().invoke(main, ["run", str(model), "--board", "host", "--input", str(path)])
    assert result.exit_code == 1
    assert complaint in result.stderr


def test_silence_of_no_length_is_refused(model: Path, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "empty.wav", np.zeros(0, np.int16))
    result = CliRunner().invoke(main, ["run", str(model), "--board", "host", "--input", str(path)])
    assert result.exit_code == 1
    assert "holds no sound" in result.stderr


@pytest.mark.parametrize("other", ["str_ww_ref_model", "kws_ref_model", "hello_world_float"])
def test_models_with_other_inputs_are_refused(models_dir: Path, data: Path, other: str) -> None:
    path = models_dir / f"{other}.tflite"
    arguments = ["run", str(path), "--board", "host", "--input", str(data / "yes_1000ms.wav")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert "give them as an .npy file" in result.stderr
