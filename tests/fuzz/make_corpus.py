# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of both fuzz targets: tiny models of every operator, and plans of them.

python tests/fuzz/make_corpus.py OUT --dump-plan build/fuzz/dump_plan [--models DIR] leaves OUT/models and
OUT/plans. DIR holds further models; those above 60 KB are left out.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from microplan import _core
from microplan.testing.tflite_writer import ModelWriter

MAX_MODEL_BYTES = 60_000
WINDOW = {"stride_w": 1, "stride_h": 1, "dilation_w_factor": 1, "dilation_h_factor": 1, "padding": "SAME"}

MODELS: dict[str, Callable[[], bytes]] = {}


def model(build: Callable[[], bytes]) -> Callable[[], bytes]:
    MODELS[build.__name__] = build
    return build


def weights(*shape: int) -> NDArray[np.int8]:
    return np.random.default_rng(sum(shape)).integers(-127, 128, shape).astype(np.int8)


class TinyModel(ModelWriter):
    """A model in construction whose tensors have ordinary quantization; each operator returns its output."""

    def activation(self, *shape: int, dtype: str = "int8", scale: float = 0.5, zero_point: int = 3) -> int:
        if dtype == "float32":
            return self.tensor("float", shape, dtype)
        return self.tensor("activation", shape, dtype, scale=scale, zero_point=zero_point)

    def filter(self, *shape: int, channels: int = 1, axis: int = 0) -> int:
        scale = np.linspace(0.01, 0.02, channels)
        return self.tensor("filter", shape, "int8", weights(*shape), scale=scale, quantized_dimension=axis)

    def bias(self, count: int) -> int:
        return self.tensor("bias", (count,), "int32", np.arange(count) * 100 - 150, scale=0.005)

    def ints(self, values: list[int] | list[list[int]], dtype: str = "int32") -> int:
        return self.tensor("ints", np.shape(values), dtype, np.array(values))

    def convolution(
        self, x: int, shape: tuple[int, ...], per_channel: bool = False, groups: int = 1, **more: object
    ) -> int:
        """A 3x3 convolution of a tensor with 4 channels to `shape`."""
        channels = shape[3]
        w = self.filter(channels, 3, 3, 4 // groups, channels=channels if per_channel else 1)
        y = self.activation(*shape)
        self.operator("CONV_2D", (x, w, self.bias(channels)), (y,), **(WINDOW | more))
        return y

    def depthwise(self, x: int, shape: tuple[int, ...], per_channel: bool = False, **more: object) -> int:
        channels = shape[3]
        w = self.filter(1, 3, 3, channels, channels=channels if per_channel else 1, axis=3)
        y = self.activation(*shape)
        self.operator("DEPTHWISE_CONV_2D", (x, w, self.bias(channels)), (y,), **(WINDOW | more))
        return y

    def pool(self, kind: str, x: int, shape: tuple[int, ...], **more: object) -> int:
        y = self.activation(*shape)
        options = {"stride_w": 2, "stride_h": 2, "filter_width": 2, "filter_height": 2, "padding": "VALID"}
        self.operator(f"{kind}_POOL_2D", (x,), (y,), **(options | more))
        return y

    def add(self, a: int, b: int, *shape: int) -> int:
        y = self.activation(*shape, scale=0.75)
        self.operator("ADD", (a, b), (y,), fused_activation_function="RELU")
        return y

    def fully_connected(self, x: int, depth: int, channels: int, rows: int = 1, per_channel: bool = False) -> int:
        y = self.activation(rows, channels)
        w = self.filter(channels, depth, channels=channels if per_channel else 1)
        self.operator("FULLY_CONNECTED", (x, w, self.bias(channels)), (y,))
        return y

    def reshape(self, x: int, *shape: int) -> int:
        y = self.activation(*shape)
        self.operator("RESHAPE", (x, self.ints(list(shape))), (y,))
        return y

    def softmax(self, x: int, count: int, dtype: str = "int8") -> int:
        scale, zero_point = (1 / 256, -128) if dtype == "int8" else (1 / 65536, -32768)
        y = self.activation(1, count, dtype=dtype, scale=scale, zero_point=zero_point)
        self.operator("SOFTMAX", (x,), (y,), beta=1.0)
        return y


@model
def conv_same() -> bytes:
    m = TinyModel()
    x = m.activation(1, 6, 5, 4)
    return m.finish((x,), (m.convolution(x, (1, 6, 5, 3), fused_activation_function="RELU6"),))


@model
def conv_valid_per_channel() -> bytes:
    m = TinyModel()
    x = m.activation(1, 7, 7, 4)
    y = m.convolution(x, (1, 3, 3, 5), per_channel=True, padding="VALID", stride_w=2, stride_h=2)
    return m.finish((x,), (y,))


@model
def conv_grouped() -> bytes:
    m = TinyModel()
    x = m.activation(1, 5, 5, 4)
    return m.finish((x,), (m.convolution(x, (1, 5, 5, 6), groups=2),))


@model
def conv_dilated_batches() -> bytes:
    m = TinyModel()
    x = m.activation(2, 8, 8, 4)
    return m.finish((x,), (m.convolution(x, (2, 8, 8, 2), dilation_w_factor=2, dilation_h_factor=3),))


@model
def depthwise_same() -> bytes:
    m = TinyModel()
    x = m.activation(1, 6, 6, 5)
    return m.finish((x,), (m.depthwise(x, (1, 6, 6, 5), per_channel=True),))


@model
def depthwise_multiplier_valid() -> bytes:
    m = TinyModel()
    x = m.activation(1, 7, 6, 2)
    y = m.depthwise(x, (1, 3, 2, 10), depth_multiplier=5, padding="VALID", stride_w=2, stride_h=2)
    return m.finish((x,), (y,))


@model
def fully_connected() -> bytes:
    m = TinyModel()
    x = m.activation(2, 8)
    return m.finish((x,), (m.fully_connected(x, 8, 4, rows=2),))


@model
def fully_connected_per_channel() -> bytes:
    m = TinyModel()
    x = m.activation(1, 8)
    return m.finish((x,), (m.fully_connected(x, 8, 4, per_channel=True),))


@model
def fully_connected_float() -> bytes:
    m = TinyModel()
    x, y = m.activation(1, 6, dtype="float32"), m.activation(1, 3, dtype="float32")
    w = m.tensor("filter", (3, 6), "float32", weights(3, 6) / 64)
    m.operator("FULLY_CONNECTED", (x, w, None), (y,), fused_activation_function="RELU")
    return m.finish((x,), (y,))


@model
def pools() -> bytes:
    m = TinyModel()
    x = m.activation(1, 8, 8, 3)
    average = m.pool("AVERAGE", x, (1, 4, 4, 3))
    same = m.pool("AVERAGE", average, (1, 4, 4, 3), padding="SAME", stride_w=1, stride_h=1, filter_width=3)
    return m.finish((x,), (m.pool("MAX", same, (1, 2, 2, 3)),))


@model
def add_broadcast() -> bytes:
    m = TinyModel()
    x, row = m.activation(2, 4, 5, 3), m.activation(1, 1, 5, 1, scale=0.25)
    y = m.add(x, row, 2, 4, 5, 3)
    constant = m.tensor("constant", (3,), "int8", weights(3), scale=2.0)
    return m.finish((x, row), (m.add(constant, y, 2, 4, 5, 3), y))


@model
def pad() -> bytes:
    m = TinyModel()
    x, y = m.activation(1, 3, 4, 2), m.activation(1, 6, 5, 2)
    m.operator("PAD", (x, m.ints([[0, 0], [1, 2], [1, 0], [0, 0]])), (y,))
    return m.finish((x,), (y,))


@model
def pad_v2() -> bytes:
    m = TinyModel()
    x, y = m.activation(2, 3, 2), m.activation(4, 3, 5)
    value = m.tensor("value", (1,), "int8", np.array([-7]), scale=0.5, zero_point=3)
    m.operator("PADV2", (x, m.ints([[2, 0], [0, 0], [1, 2]], "int64"), value), (y,))
    return m.finish((x,), (y,))


@model
def reshape() -> bytes:
    m = TinyModel()
    x = m.activation(1, 2, 6)
    flat = m.reshape(x, 12)
    return m.finish((x,), (m.reshape(flat, 3, 4), flat))


@model
def softmax() -> bytes:
    m = TinyModel()
    x = m.activation(1, 9)
    return m.finish((x,), (m.softmax(x, 9), m.softmax(x, 9, "int16")))


@model
def quantize() -> bytes:
    m = TinyModel()
    x = m.activation(3, 5, dtype="float32")
    q = m.activation(3, 5)
    r = m.activation(3, 5, scale=0.3, zero_point=-9)
    y = m.activation(3, 5, dtype="float32")
    m.operator("QUANTIZE", (x,), (q,))
    m.operator("QUANTIZE", (q,), (r,))
    m.operator("DEQUANTIZE", (r,), (y,))
    return m.finish((x,), (y,))


@model
def quantize_types() -> bytes:
    m = TinyModel()
    x = m.activation(2, 7, dtype="float32")
    outputs = []
    for chain in (
        ("int16", "int8", "uint8", "int8", "int16", "int16"),
        ("int8", "int32", "int16", "int32", "int8"),
    ):
        last = x
        for dtype in chain:
            q = m.activation(2, 7, dtype=dtype, zero_point=0 if dtype in ("int16", "int32") else 5)
            m.operator("QUANTIZE", (last,), (q,))
            last = q
        y = m.activation(2, 7, dtype="float32")
        m.operator("DEQUANTIZE", (last,), (y,))
        outputs.append(y)
    unsigned = m.activation(2, 7, dtype="uint8")
    y = m.activation(2, 7, dtype="float32")
    m.operator("DEQUANTIZE", (unsigned,), (y,))
    return m.finish((x, unsigned), (*outputs, y))


def svdf(state_type: str) -> bytes:
    m = TinyModel()
    kind = "float32" if state_type == "float32" else "int8"
    weight = {"scale": 0.01} if kind == "int8" else {}
    time_scale = {"scale": 0.001} if kind == "int8" else {}
    state_scale = {"scale": 0.05, "zero_point": 0} if kind == "int8" else {}
    x, y = m.activation(2, 6, dtype=kind), m.activation(2, 3, dtype=kind)
    feature = m.tensor("feature", (6, 6), kind, weights(6, 6), **weight)
    time = m.tensor("time", (6, 4), state_type, weights(6, 4), **time_scale)
    bias = m.tensor("bias", (3,), "int32" if kind == "int8" else kind, np.arange(3), **time_scale)
    state = m.tensor("state", (2, 24), state_type, is_variable=True, **state_scale)
    m.operator("SVDF", (x, feature, time, bias, state), (y,), rank=2, fused_activation_function="RELU")
    return m.finish((x,), (y,))


@model
def svdf_int8() -> bytes:
    return svdf("int8")


@model
def svdf_int16() -> bytes:
    return svdf("int16")


@model
def svdf_float() -> bytes:
    return svdf("float32")


def lstm(kind: str) -> bytes:
    m = TinyModel()
    depth, units = 3, 2
    integer = kind != "float32"
    weight = "int8" if integer else kind
    quantized = {"scale": 0.01} if integer else {}
    x = m.activation(1, 4, depth, dtype=kind, zero_point=0)
    y = m.activation(1, 4, units, dtype=kind, zero_point=0)

    def constants(name: str, dtype: str, *shape: int) -> list[int | None]:
        return [m.tensor(name, shape, dtype, weights(*shape), **quantized) for _ in range(4)]

    def state(dtype: str, scale: float) -> int:
        more = {"scale": scale, "zero_point": 0} if integer else {}
        return m.tensor("state", (1, units), dtype, is_variable=True, **more)

    bias = {"int8": "int32", "int16": "int64", "float32": "float32"}[kind]
    inputs = [x, *constants("input", weight, units, depth), *constants("recurrent", weight, units, units)]
    inputs += [None] * 3 + constants("bias", bias, units) + [None] * 2
    inputs += [state(kind, 0.5), state("int16" if integer else kind, 2.0**-10)] + [None] * 4
    options = {"fused_activation_function": "TANH", "cell_clip": 10.0, "time_major": False}
    m.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (y,), **options)
    return m.finish((x,), (y,))


@model
def lstm_int8() -> bytes:
    return lstm("int8")


@model
def lstm_int16() -> bytes:
    return lstm("int16")


@model
def lstm_float() -> bytes:
    return lstm("float32")


@model
def residual() -> bytes:
    m = TinyModel()
    x = m.activation(1, 8, 8, 4)
    first = m.convolution(x, (1, 8, 8, 4), per_channel=True)
    second = m.depthwise(first, (1, 8, 8, 4))
    joined = m.add(first, second, 1, 8, 8, 4)
    small = m.activation(1, 8, 8, 4)
    m.operator("QUANTIZE", (joined,), (small,))
    pooled = m.pool("AVERAGE", small, (1, 1, 1, 4), filter_width=8, filter_height=8)
    flat = m.reshape(pooled, 1, 4)
    return m.finish((x,), (m.softmax(m.fully_connected(flat, 4, 3), 3),))


def padded_pooled(stride: int) -> bytes:
    m = TinyModel()
    x = m.activation(1, 6, 6, 4)
    padded = m.activation(1, 8, 9, 4)
    m.operator("PAD", (x, m.ints([[0, 0], [1, 1], [2, 1], [0, 0]])), (padded,))
    out = (8 - 3) // stride + 1, (9 - 3) // stride + 1
    y = m.convolution(padded, (1, *out, 4), padding="VALID", stride_w=stride, stride_h=stride)
    z = m.activation(1, *out, 4)
    m.operator("RELU", (y,), (z,))
    return m.finish((x,), (m.reshape(m.reshape(z, 4, *out), 1, 4 * out[0] * out[1]),))


@model
def passes_pads() -> bytes:
    return padded_pooled(1)


@model
def explicit_padding() -> bytes:
    """As graph passes write it."""
    return _core.optimize(padded_pooled(2), [name for name, _ in _core.passes()]).model


@model
def passes_dead_channels() -> bytes:
    m = TinyModel()
    x = m.activation(1, 5, 5, 4)
    pruned = np.where(np.arange(24) % 3 == 0, 0, weights(24))
    w = m.tensor("filter", (6, 1, 1, 4), "int8", pruned.reshape(6, 1, 1, 4), 0.01)
    b = m.tensor("bias", (6,), "int32", np.array([-90000, 50, 90000, -90000, 7, -90000]), scale=0.005)
    y = m.activation(1, 5, 5, 6)
    m.operator("CONV_2D", (x, w, b), (y,), **(WINDOW | {"fused_activation_function": "RELU"}))
    deep = m.depthwise(y, (1, 5, 5, 6))
    joined = m.add(deep, y, 1, 5, 5, 6)
    return m.finish((x,), (m.fully_connected(m.reshape(joined, 1, 150), 150, 3),))


@model
def passes_transposes() -> bytes:
    m = TinyModel()
    x = m.activation(1, 4, 3, 2)
    first, second, scaled = m.activation(1, 3, 2, 4), m.activation(1, 4, 3, 2), m.activation(1, 4, 3, 2, scale=0.25)
    m.operator("TRANSPOSE", (x, m.ints([0, 2, 3, 1])), (first,))
    m.operator("TRANSPOSE", (first, m.ints([0, 3, 1, 2])), (second,))
    m.operator("QUANTIZE", (second,), (scaled,))
    again = m.activation(1, 4, 3, 2)
    m.operator("QUANTIZE", (scaled,), (again,))
    return m.finish((x,), (m.reshape(again, 1, 24),))


@model
def variable() -> bytes:
    m = TinyModel()
    x = m.activation(1, 6)
    state = m.tensor("state", (1, 6), "int8", scale=0.5, zero_point=0, is_variable=True)
    return m.finish((x,), (m.add(x, state, 1, 6), state))


@model
def no_operator() -> bytes:
    m = TinyModel()
    x = m.activation(1, 4)
    return m.finish((x,), (x,))


def write_corpus(out: Path, dump_plan: Path, models: Path | None) -> None:
    for kind in ("models", "plans"):
        (out / kind).mkdir(parents=True, exist_ok=True)
    for name, build in MODELS.items():
        file = out / "models" / f"{name}.tflite"
        file.write_bytes(build())
        for form in ("compiled", "interpreted"):
            plan = out / "plans" / f"{name}_{form}.plan"
            subprocess.run([dump_plan, file, plan, form], check=True)
    for file in sorted(models.glob("*.tflite")) if models else []:
        if file.stat().st_size > MAX_MODEL_BYTES:
            continue
        shutil.copyfile(file, out / "models" / file.name)
        # Fails for models with operators that have no kernel; as models they are seeds all the same.
        subprocess.run([dump_plan, file, out / "plans" / f"{file.stem}.plan", "compiled"], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dump-plan", type=Path, required=True)
    parser.add_argument("--models", type=Path)
    arguments = parser.parse_args()
    write_corpus(arguments.out, arguments.dump_plan, arguments.models)


if __name__ == "__main__":
    main()
