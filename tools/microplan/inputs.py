# SPDX-License-Identifier: Apache-2.0
"""A model's inputs: read from files, or made as test patterns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from microplan.audio import FrontEnd, features, read_recording
from microplan.errors import MicroplanError, UsageError
from microplan.interpreter import Array, Tensor

InputAs = Literal["raw", "0..1", "-1..1"]
INPUT_AS: tuple[InputAs, ...] = get_args(InputAs)

# One array for each input of the model.
Sample = list[Array]

_IMAGE_SUFFIXES = (".bmp", ".png")


def read_samples(tensors: Sequence[Tensor], files: Sequence[Path], input_as: InputAs) -> list[Sample]:
    """The samples in `files`, one file for each input; an .npy file may hold several samples."""
    if len(files) != len(tensors):
        names = ", ".join(f'"{tensor.name}"' for tensor in tensors)
        raise UsageError(
            f"The model has {len(tensors)} inputs ({names}) and {len(files)} input files were given. Give "
            "--input once for each, in this order."
        )
    columns = [
        [_convert(tensor, values, input_as, path) for values in _split(tensor, _read(tensor, path), path)]
        for tensor, path in zip(tensors, files, strict=True)
    ]
    if len({len(column) for column in columns}) > 1:
        counts = ", ".join(f"{path.name}: {len(column)}" for path, column in zip(files, columns, strict=True))
        raise MicroplanError(
            f"The input files hold different numbers of samples ({counts}). Give each the same number."
        )
    return [list(row) for row in zip(*columns, strict=True)]


def _read(tensor: Tensor, path: Path) -> Array:
    suffix = path.suffix.lower()
    if suffix == ".npy":
        try:
            array = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise MicroplanError(
                f"{path} is not an array that numpy.save wrote: {error}. Write it again."
            ) from None
        return np.asarray(array)
    if suffix in _IMAGE_SUFFIXES:
        return _read_image(tensor, path)
    if suffix == ".wav":
        return _read_audio(tensor, path)
    raise UsageError(f"{path} is no .npy, .bmp, .png or .wav file. Convert the input to one of these.")


def _read_image(tensor: Tensor, path: Path) -> Array:
    try:
        with Image.open(path) as image:
            channels = tensor.shape[-1] if len(tensor.shape) == 4 else 1
            if channels not in (1, 3):
                raise MicroplanError(
                    f'The input "{tensor.name}" has {channels} channels, and images have 1 or 3. Write the '
                    "input as an "
                    ".npy file."
                )
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except (OSError, UnidentifiedImageError) as error:
        raise MicroplanError(f"{path} is not an image that can be read: {error}. Convert it again.") from None
    if pixels.size != tensor.elements or (len(tensor.shape) == 4 and pixels.shape[:2] != tensor.shape[1:3]):
        height, width = pixels.shape[:2]
        raise MicroplanError(
            f'{path} has {width} x {height} pixels, and the input "{tensor.name}" takes the shape '
            f"{tensor.shape}. Scale "
            "the image to that size, as it was done for the training."
        )
    return pixels


def _read_audio(tensor: Tensor, path: Path) -> Array:
    """micro_speech's features of the recording's beginning, as many frames as the input takes."""
    front_end = FrontEnd()
    frames, rest = divmod(tensor.elements, front_end.channels)
    # Other models take 40 channels too, and other features: the range of the real values tells them apart.
    # micro_speech's own scale comes from its calibration and differs by 0.2 %.
    known_range = tensor.zero_point == -128 and abs(tensor.scale / front_end.feature_scale - 1) < 0.01
    if rest or tensor.dtype != np.int8 or not known_range:
        raise MicroplanError(
            f"{path} is a recording, from which micro_speech's features can be made: int8, "
            f"{front_end.channels} for each frame (one second has 49 frames), scale about "
            f'{front_end.feature_scale:.3g}, zero point -128. The input "{tensor.name}" takes '
            f"{tensor.dtype}, the shape {tensor.shape}, scale {tensor.scale:.3g}, zero point "
            f"{tensor.zero_point}. Compute its features as for the training and give them as an .npy file."
        )
    samples = read_recording(path, front_end.samples(frames), front_end)
    return features(samples, frames, front_end)


def _split(tensor: Tensor, values: Array, path: Path) -> list[Array]:
    """The samples of an array: one that fits the tensor, or several behind each other."""
    if values.size == tensor.elements:
        return [values.reshape(tensor.shape)]
    if values.ndim and values.shape[0] and values.size == values.shape[0] * tensor.elements:
        return [sample.reshape(tensor.shape) for sample in values]
    raise MicroplanError(
        f'{path} has the shape {values.shape}, and the input "{tensor.name}" takes {tensor.shape}, or '
        "several of them along "
        "a first dimension. Reshape the array."
    )


def _convert(tensor: Tensor, values: Array, input_as: InputAs, path: Path) -> Array:
    if input_as != "raw":
        return tensor.quantize(_real_values(values, input_as, path))
    if values.dtype == tensor.dtype:
        return values
    if values.dtype == np.uint8 and tensor.dtype == np.int8:
        return values.view(np.int8)
    raise MicroplanError(
        f'{path} holds {values.dtype}, and the input "{tensor.name}" takes {tensor.dtype}. Convert the '
        "array, or give "
        "--input-as 0..1 or --input-as -1..1 when it holds pixels or real values that are to be quantized."
    )


def _real_values(values: Array, input_as: InputAs, path: Path) -> NDArray[np.float32]:
    """Pixels become real values of the range; real values stay as they are."""
    low = 0.0 if input_as == "0..1" else -1.0
    if values.dtype == np.uint8:
        return (values.astype(np.float64) * ((1 - low) / 255) + low).astype(np.float32)
    if np.issubdtype(values.dtype, np.floating):
        return values.astype(np.float32)
    raise MicroplanError(
        f"{path} holds {values.dtype}, and --input-as {input_as} takes uint8 pixels or real values. Convert "
        "the array, or give --input-as raw when it is quantized already."
    )


def pattern_bytes(count: int) -> bytes:
    """What the bench firmware feeds."""
    return ((np.arange(count, dtype=np.uint32) * 37 + 11) & 0xFF).astype(np.uint8).tobytes()


def random_samples(tensors: Sequence[Tensor], count: int, seed: int) -> list[Sample]:
    """Random values over the full range of each type; the same seed gives the same samples."""
    generator = np.random.default_rng(seed)
    return [[_random(tensor, generator) for tensor in tensors] for _ in range(count)]


def extreme_samples(tensors: Sequence[Tensor]) -> list[Sample]:
    """All values the smallest, all the largest, both in turn."""
    return [
        [np.full(tensor.shape, _limits(tensor.dtype)[0], tensor.dtype) for tensor in tensors],
        [np.full(tensor.shape, _limits(tensor.dtype)[1], tensor.dtype) for tensor in tensors],
        [np.resize(np.array(_limits(tensor.dtype), tensor.dtype), tensor.shape) for tensor in tensors],
    ]


def _limits(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    if dtype == np.bool_:
        return False, True
    if np.issubdtype(dtype, np.integer):
        return np.iinfo(dtype).min, np.iinfo(dtype).max
    # Floats have no useful full range: what follows scaling, with room on both sides.
    return -8.0, 8.0


def _random(tensor: Tensor, generator: np.random.Generator) -> Array:
    low, high = _limits(tensor.dtype)
    if np.issubdtype(tensor.dtype, np.floating):
        return generator.uniform(low, high, tensor.shape).astype(tensor.dtype)
    return generator.integers(low, high, tensor.shape, dtype=tensor.dtype, endpoint=True)
