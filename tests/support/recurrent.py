# SPDX-License-Identifier: Apache-2.0
"""Models of one recurrent operator, with random weights and the scales that fill the range of their activations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from microplan.testing.tflite_writer import ModelWriter


@dataclass(frozen=True)
class Tensor:
    """One that has neither data nor is a variable is an input or output of the model."""

    shape: tuple[int, ...]
    dtype: str
    data: NDArray[Any] | None = None
    scale: Any = None
    zero_point: int = 0
    is_variable: bool = False


@dataclass(frozen=True)
class Recurrent:
    """A model of one operator, which may be changed before it is written."""

    operator: str
    inputs: Mapping[str, Tensor | None]
    output: Tensor
    options: Mapping[str, Any]

    def changed(self, tensors: Mapping[str, Mapping[str, Any] | None], **options: Any) -> Recurrent:
        """With other fields of these tensors (None: left out; the output is "y") and other options."""

        def change(name: str, tensor: Tensor | None) -> Tensor | None:
            fields = tensors.get(name, {})
            if fields is None:
                return None
            return Tensor(**fields) if tensor is None and fields else tensor and replace(tensor, **fields)

        output = change("y", self.output)
        assert output is not None
        inputs = {name: change(name, tensor) for name, tensor in self.inputs.items()}
        return Recurrent(self.operator, inputs, output, {**self.options, **options})

    def write(self) -> bytes:
        model = ModelWriter()

        def add(name: str, t: Tensor) -> int:
            data = None if t.data is None else np.asarray(t.data).reshape(t.shape)
            return model.tensor(name, t.shape, t.dtype, data, t.scale, t.zero_point, is_variable=t.is_variable)

        indices = {name: None if t is None else add(name, t) for name, t in self.inputs.items()}
        y = add("y", self.output)
        model.operator(self.operator, list(indices.values()), [y], **self.options)
        given = [
            index
            for name, index in indices.items()
            if index is not None and self.inputs[name].data is None and not self.inputs[name].is_variable
        ]
        return model.finish(given, [y])


def svdf(
    *,
    batch: int = 1,
    depth: int = 8,
    units: int = 5,
    rank: int = 1,
    memory: int = 4,
    state: str = "int8",
    zero_points: tuple[int, int, int] = (3, -5, 7),
    spread: float = 1 / 3,
    activation: str = "RELU",
    seed: int = 0,
) -> Recurrent:
    """`state`: the type of the state and the time weights; zero_points: of input, state and output; `spread`: the
    standard deviation of state and output as a part of their range."""
    rng = np.random.default_rng(seed)
    filters = units * rank
    shapes = {"feature": (filters, depth), "time": (filters, memory), "bias": (units,)}
    if state == "float32":
        inputs: dict[str, Tensor | None] = {"x": Tensor((batch, depth), "float32")}
        for name, shape in shapes.items():
            inputs[name] = Tensor(shape, "float32", rng.normal(0, 1, shape).astype(np.float32))
        inputs["state"] = Tensor((batch, filters * memory), "float32", is_variable=True)
        output = Tensor((batch, units), "float32")
    else:
        input_scale, state_scale, output_scale = 0.05, 0.3 if state == "int8" else 0.003, 0.2
        largest_time = 127 if state == "int8" else 1000
        range_of_state = 127 if state == "int8" else 32767
        feature_sum = math.sqrt(depth) * 74 * 73
        time_sum = math.sqrt(memory * rank) * spread * range_of_state * largest_time / 1.73
        feature_scale = np.float32(spread * range_of_state / feature_sum * state_scale / input_scale)
        time_scale = np.float32(spread * 127 / time_sum * output_scale / state_scale)
        bias = rng.normal(0, time_sum / 3, units).astype(np.int32)
        bias_scale = np.float32(state_scale) * time_scale
        inputs = {
            "x": Tensor((batch, depth), "int8", None, input_scale, zero_points[0]),
            "feature": Tensor(shapes["feature"], "int8", _integers(rng, 127, shapes["feature"]), feature_scale),
            "time": Tensor(shapes["time"], state, _integers(rng, largest_time, shapes["time"]), time_scale),
            "bias": Tensor(shapes["bias"], "int32", bias, bias_scale),
            "state": Tensor((batch, filters * memory), state, None, state_scale, zero_points[1], is_variable=True),
        }
        output = Tensor((batch, units), "int8", None, output_scale, zero_points[2])
    return Recurrent("SVDF", inputs, output, {"rank": rank, "fused_activation_function": activation})


GATES = ("input", "forget", "cell", "output")
_BIAS_TYPES = {"int8": "int32", "int16": "int64", "float32": "float32"}


def lstm(
    *,
    dtype: str = "int8",
    batch: int = 1,
    steps: int = 5,
    depth: int = 6,
    units: int = 4,
    time_major: bool = False,
    zero_points: tuple[int, int] = (-3, 0),
    cell_scale: float = 2.0**-12,
    clip: float = 0.0,
    spread: float = 1.5,
    seed: int = 0,
) -> Recurrent:
    """zero_points: of the input and the hidden state; `spread`: the standard deviation of the gates' arguments."""
    rng = np.random.default_rng(seed)
    real = dtype == "float32"
    input_scale, hidden_scale = (0.02, 1 / 128) if dtype == "int8" else (0.0001, 1 / 32768)
    deviation = 74 if dtype == "int8" else 19000

    def filters(columns: int, scale: float) -> list[Tensor | None]:
        made: list[Tensor | None] = []
        for _ in GATES:
            if real:
                data = rng.normal(0, spread / math.sqrt(columns) / 2, (units, columns))
                made.append(Tensor((units, columns), dtype, data.astype(np.float32)))
            else:
                factor = rng.uniform(0.5, 1.5) * spread / (math.sqrt(columns) * deviation * 73 * scale)
                data = _integers(rng, 127, (units, columns))
                made.append(Tensor((units, columns), "int8", data, np.float32(factor)))
        return made

    def bias(gate: int) -> Tensor:
        if real:
            return Tensor((units,), dtype, rng.normal(0, 1, units).astype(np.float32))
        input_filter = input_filters[gate]
        assert input_filter is not None
        scale = np.float32(input_scale) * input_filter.scale
        terms = rng.normal(0, spread / 2 / scale, units)
        return Tensor((units,), _BIAS_TYPES[dtype], terms.astype(_BIAS_TYPES[dtype]), scale)

    input_filters = filters(depth, input_scale)
    recurrent_filters = filters(units, hidden_scale)
    quantized: dict[str, Any] = {} if real else {"scale": hidden_scale, "zero_point": zero_points[1]}
    time = (steps, batch) if time_major else (batch, steps)
    x = Tensor((*time, depth), dtype, None, None if real else input_scale, 0 if real else zero_points[0])
    cell = {"dtype": dtype} if real else {"dtype": "int16", "scale": cell_scale}
    inputs: dict[str, Tensor | None] = {"x": x}
    inputs |= {f"input_to_{gate}": input_filters[i] for i, gate in enumerate(GATES)}
    inputs |= {f"recurrent_to_{gate}": recurrent_filters[i] for i, gate in enumerate(GATES)}
    inputs |= {f"cell_to_{gate}": None for gate in ("input", "forget", "output")}
    inputs |= {f"{gate}_bias": bias(i) for i, gate in enumerate(GATES)}
    inputs |= {"projection": None, "projection_bias": None}
    inputs["hidden"] = Tensor((batch, units), dtype, is_variable=True, **quantized)
    inputs["cell"] = Tensor((batch, units), is_variable=True, **cell)
    inputs |= {f"{gate}_normalization": None for gate in GATES}
    options = {"fused_activation_function": "TANH", "cell_clip": clip, "time_major": time_major}
    output = Tensor((*time, units), dtype, **quantized)
    return Recurrent("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, output, options)


def _integers(rng: np.random.Generator, largest: int, shape: tuple[int, ...]) -> NDArray[Any]:
    return rng.integers(-largest, largest, shape, endpoint=True)


def plain(shape: tuple[int, ...], dtype: DTypeLike) -> dict[str, Any]:
    """The fields of a constant of zeros, for an input that a sound operator leaves out."""
    return {"shape": shape, "dtype": np.dtype(dtype).name, "data": np.zeros(shape, dtype), "scale": 0.5}
