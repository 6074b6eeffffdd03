# SPDX-License-Identifier: Apache-2.0
"""`microplan.testing.tflite_writer`: LiteRT, TensorFlow Lite Micro and the schema read its files alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import ArrayLike, NDArray
from tflite_micro.python.tflite_micro import runtime

from microplan.testing.tflite_writer import (
    BUFFER_ALIGNMENT,
    ModelWriter,
    asymmetric_parameters,
    dequantize,
    quantize,
    symmetric_scale,
)

SCALE = 0.05
RELU = {"fused_activation_function": "RELU"}
STRIDE_1 = {"stride_w": 1, "stride_h": 1}
STRIDE_2 = {"stride_w": 2, "stride_h": 2}

# The arguments of ModelWriter.tensor, without the name.
Tensor = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A model of one operator. Its inputs are the tensors that are neither constant nor state."""

    operator: str
    inputs: list[Tensor | None]
    output: Tensor
    options: dict[str, Any] = field(default_factory=dict)
    intermediates: list[Tensor] = field(default_factory=list)
    tolerance: int = 0

    def write(self) -> bytes:
        model = ModelWriter()
        indices = [
            None if tensor is None else model.tensor(f"input {i}", **tensor)
            for i, tensor in enumerate(self.inputs)
        ]
        output = model.tensor("output", **self.output)
        intermediates = [model.tensor(f"intermediate {i}", **t) for i, t in enumerate(self.intermediates)]
        model.operator(self.operator, indices, (output,), intermediates=intermediates, **self.options)
        given = [i for i, t in zip(indices, self.inputs, strict=True) if i is not None and t and is_input(t)]
        return model.finish(given, (output,))

    def input_values(self) -> list[NDArray[Any]]:
        rng = np.random.default_rng(7)
        return [random_values(rng, t) for t in self.inputs if t is not None and is_input(t)]


def is_input(tensor: Tensor) -> bool:
    return tensor.get("data") is None and not tensor.get("is_variable")


def random_values(rng: np.random.Generator, tensor: Tensor) -> NDArray[Any]:
    if tensor["dtype"] == "float32":
        return np.asarray(rng.uniform(-2, 2, tensor["shape"]), np.float32)
    return np.asarray(rng.integers(-128, 128, tensor["shape"]), tensor["dtype"])


def real(*shape: int) -> Tensor:
    return {"shape": shape, "dtype": "float32"}


def int8(*shape: int, scale: float = SCALE, zero_point: int = -3) -> Tensor:
    return {"shape": shape, "dtype": "int8", "scale": scale, "zero_point": zero_point}


def constant(data: ArrayLike, dtype: str = "int32", **quantization: Any) -> Tensor:
    return {"shape": np.shape(data), "dtype": dtype, "data": data, **quantization}


def weights(*shape: int, axis: int | None = None, dtype: str = "int8") -> Tensor:
    data = np.random.default_rng(shape).integers(-127, 128, shape)
    return constant(data, dtype, scale=weight_scale(shape, axis), quantized_dimension=axis or 0)


def bias(channels: int, input_scale: float = SCALE, per_channel: bool = True) -> Tensor:
    data = np.random.default_rng(channels).integers(-2000, 2000, channels)
    scale = input_scale * weight_scale((channels,), 0 if per_channel else None)
    return constant(data, scale=scale)


def weight_scale(shape: tuple[int, ...], axis: int | None) -> NDArray[np.float32]:
    return np.linspace(0.01, 0.02, 1 if axis is None else shape[axis], dtype=np.float32)


CASES = [
    Case(
        "CONV_2D",
        [int8(1, 5, 6, 3), weights(4, 3, 2, 3, axis=0), bias(4)],
        int8(1, 3, 3, 4, scale=0.3, zero_point=-128),
        {"padding": "SAME", **STRIDE_2, **RELU},
    ),
    Case(
        "DEPTHWISE_CONV_2D",
        [int8(1, 5, 6, 3), weights(1, 3, 2, 6, axis=3), bias(6)],
        int8(1, 3, 5, 6, scale=0.3, zero_point=7),
        {"padding": "VALID", **STRIDE_1, "depth_multiplier": 2},
    ),
    Case(
        "TRANSPOSE_CONV",
        [constant([1, 6, 6, 2]), weights(2, 3, 3, 4, axis=0), int8(1, 3, 3, 4), bias(2)],
        int8(1, 6, 6, 2, scale=0.3, zero_point=7),
        {"padding": "SAME", **STRIDE_2},
    ),
    Case(
        "FULLY_CONNECTED",
        [int8(2, 9), weights(5, 9), bias(5, per_channel=False)],
        int8(2, 5, scale=0.2, zero_point=4),
        {"fused_activation_function": "RELU6"},
    ),
    Case("FULLY_CONNECTED", [real(2, 3), constant(np.eye(3) * 2, "float32"), None], real(2, 3)),
    Case(
        "AVERAGE_POOL_2D",
        [int8(1, 5, 5, 2)],
        int8(1, 3, 3, 2),
        {"padding": "SAME", **STRIDE_2, "filter_width": 3, "filter_height": 2},
    ),
    Case(
        "MAX_POOL_2D",
        [int8(1, 5, 5, 2)],
        int8(1, 2, 2, 2),
        {"padding": "VALID", **STRIDE_2, "filter_width": 2, "filter_height": 2},
    ),
    Case("ADD", [int8(1, 4, 3), int8(1, 4, 3, scale=0.1)], int8(1, 4, 3, scale=0.12), RELU),
    Case("SUB", [int8(1, 4, 3), int8(1, 4, 3, scale=0.1)], int8(1, 4, 3, scale=0.12)),
    Case("MUL", [int8(1, 4, 3), int8(1, 4, 3, scale=0.1)], int8(1, 4, 3, scale=0.3)),
    Case("PAD", [int8(1, 2, 2, 1), constant([[0, 0], [1, 0], [1, 2], [0, 0]])], int8(1, 3, 5, 1)),
    Case(
        "PADV2",
        [
            int8(1, 2, 2, 1),
            constant([[0, 0], [1, 0], [1, 2], [0, 0]]),
            constant([9], "int8", scale=SCALE, zero_point=-3),
        ],
        int8(1, 3, 5, 1),
    ),
    Case("RESHAPE", [int8(1, 4, 3), constant([2, 6])], int8(2, 6), {"new_shape": [2, 6]}),
    Case("SOFTMAX", [int8(2, 7)], int8(2, 7, scale=1 / 256, zero_point=-128), {"beta": 1.0}),
    Case("QUANTIZE", [real(1, 9)], int8(1, 9)),
    Case("DEQUANTIZE", [int8(1, 9, scale=0.25)], real(1, 9)),
    Case("MEAN", [int8(1, 4, 3, 5), constant([1, 2])], int8(1, 1, 1, 5), {"keep_dims": True}),
    Case("CONCATENATION", [int8(1, 2, 3), int8(1, 2, 4)], int8(1, 2, 7), {"axis": -1}),
    Case("TRANSPOSE", [int8(2, 3, 4), constant([2, 0, 1])], int8(4, 2, 3)),
    Case(
        "STRIDED_SLICE",
        [int8(3, 5), constant([1, 0]), constant([2, 5]), constant([1, 2])],
        int8(3),
        {"end_mask": 2, "shrink_axis_mask": 1},
    ),
    Case("LOGISTIC", [int8(1, 64)], int8(1, 64, scale=1 / 256, zero_point=-128)),
    Case("TANH", [int8(1, 64)], int8(1, 64, scale=1 / 128, zero_point=0)),
    Case("RELU", [int8(1, 64)], int8(1, 64, scale=0.03, zero_point=-128)),
    Case("RELU6", [int8(1, 64)], int8(1, 64)),
    Case("LEAKY_RELU", [real(1, 64)], real(1, 64), {"alpha": 0.25}),
    Case(
        "SVDF",
        [
            int8(1, 5),
            weights(6, 5),
            weights(6, 4, dtype="int16"),
            constant([100, -100, 0], scale=0.004 * 0.01),
            {"shape": (1, 24), "dtype": "int16", "scale": 0.004, "is_variable": True},
        ],
        int8(1, 3, scale=0.02, zero_point=-128),
        {"rank": 2, **RELU},
    ),
    Case(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        [
            int8(1, 3, 5),
            *[weights(4, 5)] * 4,
            *[weights(4, 4)] * 4,
            *[None] * 3,
            *[bias(4, per_channel=False)] * 4,
            *[None] * 2,
            int8(1, 4, scale=1 / 128, zero_point=0) | {"is_variable": True},
            {"shape": (1, 4), "dtype": "int16", "scale": 2.0**-12, "is_variable": True},
            *[None] * 4,
        ],
        int8(1, 3, 4, scale=1 / 128, zero_point=0),
        {"fused_activation_function": "TANH", "cell_clip": 10.0},
        # As converters write them: only the last, the hidden state's, is used without layer normalization.
        intermediates=[*[real(0)] * 4, int8(0, scale=1 / 128, zero_point=0)],
        # The two interpreters compute the gates in different steps.
        tolerance=1,
    ),
]


def read(model: bytes) -> Any:
    assert schema.Model.ModelBufferHasIdentifier(model, 0)
    return schema.ModelT.InitFromPackedBuf(model)


def run_litert(model: bytes, inputs: list[NDArray[Any]]) -> NDArray[Any]:
    # Without XNNPACK, whose arithmetic differs from the reference kernels in single bits.
    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    for details, values in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(details["index"], values)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def run_tflm(model: bytes, inputs: list[NDArray[Any]]) -> NDArray[Any]:
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 16)
    for index, values in enumerate(inputs):
        interpreter.set_input(values, index)
    interpreter.invoke()
    return np.asarray(interpreter.get_output(0))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operator}-{case.output['dtype']}")
def test_operator_runs_alike_in_both_interpreters(case: Case) -> None:
    model, inputs = case.write(), case.input_values()
    litert = run_litert(model, inputs)
    assert litert.shape == case.output["shape"]
    assert litert.dtype == case.output["dtype"]
    assert len(np.unique(litert)) > 1, "an output without content would agree with anything"
    np.testing.assert_allclose(run_tflm(model, inputs), litert, rtol=0, atol=case.tolerance)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operator}-{case.output['dtype']}")
def test_operator_has_its_options_table(case: Case) -> None:
    operator = read(case.write()).subgraphs[0].operators[0]
    without_table = {"LOGISTIC", "TANH", "RELU", "RELU6"}
    assert (operator.builtinOptions is None) == (case.operator in without_table)


def test_quantized_layer_computes_the_real_one() -> None:
    rng = np.random.default_rng(3)
    x, w, b = rng.uniform(-1, 3, (4, 6)), rng.normal(size=(5, 6)), rng.normal(size=5)
    expected = x @ w.T + b
    x_scale, x_zero_point = asymmetric_parameters(x.min(), x.max())
    y_scale, y_zero_point = asymmetric_parameters(expected.min(), expected.max())
    w_scale = symmetric_scale(w)
    b_scale = x_scale * w_scale
    case = Case(
        "FULLY_CONNECTED",
        [
            int8(4, 6, scale=x_scale, zero_point=x_zero_point),
            constant(quantize(w, w_scale), "int8", scale=w_scale),
            constant(quantize(b, b_scale, dtype=np.int32), scale=b_scale),
        ],
        int8(4, 5, scale=y_scale, zero_point=y_zero_point),
    )
    y = run_tflm(case.write(), [quantize(x, x_scale, x_zero_point)])
    # Half a step for every weight and input that was rounded, and one for the bias and the output.
    bound = 0.5 * (w_scale * np.abs(x).sum(1).max() + x_scale * np.abs(w).sum(1).max()) + y_scale
    np.testing.assert_allclose(dequantize(y, y_scale, y_zero_point), expected, rtol=0, atol=bound)


def test_every_buffer_is_aligned() -> None:
    writer = ModelWriter()
    for size in range(40):
        writer.tensor("c" * size, (size,), "int8", np.arange(size))
    model = writer.finish((), ())
    table = schema.Model.GetRootAs(model)
    for size in range(40):
        buffer = table.Buffers(1 + size)
        # Field 0 of the table; its vtable entry stands behind the vtable's two size fields.
        offset = buffer._tab.Vector(buffer._tab.Offset(4))
        assert offset % BUFFER_ALIGNMENT == 0
        assert model[offset : offset + size] == bytes(range(size))


def test_equal_calls_give_equal_bytes() -> None:
    for case in CASES:
        assert case.write() == case.write()


def test_finish_can_be_called_again() -> None:
    writer = ModelWriter()
    x = writer.tensor("x", (1,), "int8", scale=1.0)
    assert writer.finish((x,), (x,)) == writer.finish((x,), (x,))


def test_tensor_fields() -> None:
    writer = ModelWriter()
    writer.tensor("plain", (2, 3), np.float32)
    writer.tensor("state", (), "int16", scale=0.5, is_variable=True)
    writer.tensor("channels", (1, 2), "int8", [[3, -4]], scale=[0.5, 0.25], quantized_dimension=1)
    writer.tensor("packed", (3,), "int4", b"\x21\x03", scale=1.0, zero_point=2)
    model = read(writer.finish((0,), (1, 2)))

    assert model.version == 3
    assert model.buffers[0].data is None
    subgraph = model.subgraphs[0]
    assert (list(subgraph.inputs), list(subgraph.outputs)) == ([0], [1, 2])
    plain, state, channels, packed = subgraph.tensors
    assert (plain.name, list(plain.shape), plain.type) == (b"plain", [2, 3], schema.TensorType.FLOAT32)
    assert (plain.buffer, plain.isVariable, plain.quantization) == (0, False, None)
    assert (state.shape.size, state.type, state.isVariable) == (0, schema.TensorType.INT16, True)
    assert list(channels.quantization.scale) == [0.5, 0.25]
    assert list(channels.quantization.zeroPoint) == [0, 0]
    assert channels.quantization.quantizedDimension == 1
    assert list(model.buffers[channels.buffer].data) == [3, 256 - 4]
    assert (packed.type, list(packed.quantization.zeroPoint)) == (schema.TensorType.INT4, [2])
    assert list(model.buffers[packed.buffer].data) == [0x21, 0x03]


def test_operator_fields() -> None:
    writer = ModelWriter()
    writer.operator("CONV_2D", (0, 1, None), (2,), version=3, padding="VALID", stride_w=2, strideH=3)
    writer.operator("GELU", (2,), (3,), approximate=True)
    writer.operator("CONV_2D", (3, 1, None), (4,), version=3)
    model = read(writer.finish((0,), (4,)))

    codes = [(c.builtinCode, c.deprecatedBuiltinCode, c.version) for c in model.operatorCodes]
    assert codes == [(3, 3, 3), (150, 127, 1)]
    first, gelu, second = model.subgraphs[0].operators
    assert [first.opcodeIndex, gelu.opcodeIndex, second.opcodeIndex] == [0, 1, 0]
    assert (list(first.inputs), list(first.outputs)) == ([0, 1, -1], [2])
    assert first.builtinOptionsType == schema.BuiltinOptions.Conv2DOptions
    assert first.builtinOptions.padding == schema.Padding.VALID
    assert (first.builtinOptions.strideW, first.builtinOptions.strideH) == (2, 3)
    assert gelu.builtinOptions.approximate
    assert second.builtinOptions.dilationWFactor == 1


def test_what_cannot_be_written_is_refused() -> None:
    writer = ModelWriter()
    with pytest.raises(ValueError, match="no CONV_9D"):
        writer.operator("CONV_9D", (), ())
    with pytest.raises(TypeError, match="CONV_2D has no option stride; it has: padding, strideW"):
        writer.operator("CONV_2D", (), (), stride=1)
    with pytest.raises(TypeError, match="RELU has no option alpha; it has: none"):
        writer.operator("RELU", (), (), alpha=1.0)
    with pytest.raises(ValueError, match="Padding has no HALF"):
        writer.operator("CONV_2D", (), (), padding="HALF")
    with pytest.raises(ValueError, match="no INT9"):
        writer.tensor("t", (1,), "int9")
    with pytest.raises(ValueError, match="tensor t: values do not fit int8"):
        writer.tensor("t", (2,), "int8", [1, 128])
    with pytest.raises(ValueError, match=r"tensor t: data of shape \(2,\) given for shape \(2, 1\)"):
        writer.tensor("t", (2, 1), "int8", [1, 2])


def test_quantize_rounds_halves_away_from_zero_and_saturates() -> None:
    real_values = [-0.75, -0.25, 0.0, 0.2, 0.25, 0.75, 1e9, -1e9]
    assert quantize(real_values, 0.5).tolist() == [-2, -1, 0, 0, 1, 2, 127, -128]
    assert quantize(real_values, 0.5, 10, np.uint8).tolist() == [8, 9, 10, 10, 11, 12, 255, 0]


def test_quantization_along_an_axis() -> None:
    weights_2d = np.array([[1.0, -2.0, 0.0], [0.5, 4.0, 0.0]])
    scale = symmetric_scale(weights_2d, axis=1)
    np.testing.assert_allclose(scale, [1 / 127, 4 / 127, 1], rtol=1e-6)
    quantized = quantize(weights_2d, scale, axis=1)
    assert quantized.tolist() == [[127, -64, 0], [64, 127, 0]]
    np.testing.assert_allclose(dequantize(quantized, scale, axis=1), weights_2d, atol=0.5 * scale.max())


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 255.0, (1.0, -128)),
        (-255.0, -1.0, (1.0, 127)),
        (-51.0, 204.0, (1.0, -77)),
        (0.0, 0.0, (1.0, -128)),
    ],
)
def test_asymmetric_parameters(low: float, high: float, expected: tuple[float, int]) -> None:
    assert asymmetric_parameters(low, high) == expected
