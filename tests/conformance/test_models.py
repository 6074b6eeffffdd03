# SPDX-License-Identifier: Apache-2.0
"""Real models on random and real inputs: every tensor equals TensorFlow Lite Micro's, in both forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.reference import assert_conforms


def test_random_inputs(model_path: Path) -> None:
    assert_conforms(model_path.read_bytes(), 100)


def image_bytes(path: Path) -> np.ndarray:
    """The pixels as they stand, taken as int8."""
    return np.asarray(Image.open(path)).view(np.int8)


def test_person_detect_on_images(models_dir: Path) -> None:
    import microplan

    model = (models_dir / "person_detect.tflite").read_bytes()
    data = models_dir.parent / "data"
    pixels = {
        name: image_bytes(data / f"{name}.bmp").reshape(1, 96, 96, 1) for name in ("person", "no_person")
    }
    assert_conforms(model, [[image] for image in pixels.values()])
    # What TensorFlow Lite Micro's own example expects: (no person, person).
    interpreter = microplan.Interpreter(model)
    assert interpreter.invoke(pixels["person"])[0].tolist() == [[-113, 113]]
    assert interpreter.invoke(pixels["no_person"])[0].tolist() == [[57, -57]]


@pytest.mark.parametrize("image", ["person", "no_person"])
def test_vww_on_images(models_dir: Path, image: str) -> None:
    gray = np.asarray(Image.open(models_dir.parent / "data" / f"{image}.bmp"))
    pixels = (np.repeat(gray[None, :, :, None], 3, axis=3).astype(np.int16) - 128).astype(np.int8)
    assert_conforms((models_dir / "vww_96_int8.tflite").read_bytes(), [[pixels]])
