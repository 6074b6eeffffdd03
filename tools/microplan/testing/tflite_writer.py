# SPDX-License-Identifier: Apache-2.0
"""Writes `.tflite` files without TensorFlow: `ModelWriter`, and the quantization arithmetic it needs.

    model = ModelWriter()
    x = model.tensor("x", (1, 8), "int8", scale=0.5, zero_point=3)
    w = model.tensor("w", (2, 8), "int8", weights, scale=0.25)
    y = model.tensor("y", (1, 2), "int8", scale=0.5, zero_point=0)
    model.operator("FULLY_CONNECTED", (x, w, None), (y,), fused_activation_function="RELU")
    content = model.finish(inputs=(x,), outputs=(y,))

The same calls give the same bytes. Data that does not fit its tensor is refused; beyond that nothing checks
that a model makes sense, so that tests can write models that do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import ArrayLike, DTypeLike, NDArray

# Readers point kernels straight into the file, so converters align every buffer to this many bytes.
BUFFER_ALIGNMENT = 16

_FILE_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3

# The options tables that are not named after their operators.
_OPTIONS_NAMES = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "REDUCE_ALL": "ReducerOptions",
    "REDUCE_ANY": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "CONV_3D_TRANSPOSE": "Conv3DOptions",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
    "RANDOM_STANDARD_NORMAL": "RandomOptions",
    "RANDOM_UNIFORM": "RandomOptions",
    "MULTINOMIAL": "RandomOptions",
}

# The option fields whose value may be given as an enumerator's name.
_ENUM_FIELDS = {
    "padding": schema.Padding,
    "fusedActivationFunction": schema.ActivationFunctionType,
    "quantizedBiasType": schema.TensorType,
}


def quantize(
    real: ArrayLike,
    scale: ArrayLike,
    zero_point: ArrayLike = 0,
    dtype: DTypeLike = np.int8,
    axis: int | None = None,
) -> NDArray[Any]:
    """Returns the q nearest to `real = scale * (q - zero_point)`, halves away from zero, saturated to dtype.

    With `axis`, scale and zero_point hold one value for each index of that axis.
    """
    values = np.asarray(real, np.float64)
    scaled = values / _along(scale, values.ndim, axis)
    rounded = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled) + _along(zero_point, values.ndim, axis)
    limits = np.iinfo(dtype)
    return np.clip(rounded, limits.min, limits.max).astype(dtype)


def dequantize(
    quantized: ArrayLike, scale: ArrayLike, zero_point: ArrayLike = 0, axis: int | None = None
) -> NDArray[np.float32]:
    """Returns `scale * (q - zero_point)`; `axis` as in `quantize`."""
    values = np.asarray(quantized, np.float64)
    real = _along(scale, values.ndim, axis) * (values - _along(zero_point, values.ndim, axis))
    return real.astype(np.float32)


def symmetric_scale(
    weights: ArrayLike, axis: int | None = None, dtype: DTypeLike = np.int8
) -> NDArray[np.float32]:
    """Returns the scale, or one per index of `axis`, that maps the largest magnitude to dtype's maximum."""
    magnitudes = np.abs(np.asarray(weights, np.float32))
    others = None if axis is None else tuple(i for i in range(magnitudes.ndim) if i != axis)
    largest = np.max(magnitudes, axis=others)
    # All-zero weights are exact with any scale, but a scale of 0 is not allowed.
    return np.where(largest > 0, largest / np.iinfo(dtype).max, 1).astype(np.float32)


def asymmetric_parameters(low: float, high: float, dtype: DTypeLike = np.int8) -> tuple[float, int]:
    """Returns (scale, zero point) for values in [low, high], a range that is widened to contain 0."""
    limits = np.iinfo(dtype)
    low, high = min(low, 0.0), max(high, 0.0)
    # The file stores a float32; the zero point has to fit the scale that readers will see.
    scale = float(np.float32((high - low) / (limits.max - limits.min))) or 1.0
    return scale, int(quantize(-low, scale, limits.min, dtype))


class ModelWriter:
    """Collects the tensors and operators of a model (one subgraph) and packs them into a `.tflite` file."""

    def __init__(self) -> None:
        self._tensors: list[schema.TensorT] = []
        self._operators: list[schema.OperatorT] = []
        # Index by (builtin code, version).
        self._operator_codes: dict[tuple[int, int], int] = {}
        # Buffer 0 is the schema's "no data".
        self._buffers: list[schema.BufferT] = [schema.BufferT()]

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: DTypeLike,
        data: ArrayLike | bytes | None = None,
        scale: ArrayLike | None = None,
        zero_point: ArrayLike | None = None,
        quantized_dimension: int = 0,
        is_variable: bool = False,
    ) -> int:
        """Adds a tensor and returns its index.

        dtype: a numpy type, or the name of a type of the schema ("int8", "int4").
        data: makes the tensor a constant: values of that shape, or bytes that are stored as they are.
        scale, zero_point: one value, or one for each index of quantized_dimension; a scale alone means
            zero point 0.
        is_variable: the tensor is state that outlives an inference.
        """
        type_name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
        tensor = schema.TensorT()
        tensor.name = name
        tensor.shape = np.array(shape, np.int32)
        tensor.type = _enumerator(schema.TensorType, type_name.upper())
        tensor.isVariable = is_variable
        if data is not None:
            if not isinstance(data, bytes):
                data = _constant(name, data, tuple(shape), np.dtype(dtype))
            tensor.buffer = len(self._buffers)
            self._buffers.append(_AlignedBuffer(data))
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            quantization = schema.QuantizationParametersT()
            quantization.scale = scales
            zero_points = np.asarray(0 if zero_point is None else zero_point, np.int64)
            quantization.zeroPoint = np.broadcast_to(zero_points, scales.shape)
            quantization.quantizedDimension = quantized_dimension
            tensor.quantization = quantization
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def operator(
        self,
        name: str,
        inputs: Sequence[int | None],
        outputs: Sequence[int],
        *,
        version: int = 1,
        intermediates: Sequence[int] = (),
        **options: Any,
    ) -> None:
        """Appends an operator; the order of the calls is the order of execution.

        name: as in the schema's BuiltinOperator ("CONV_2D").
        inputs: tensor indices; None stands for an optional input that is left out.
        options: fields of the operator's options table, as `stride_w` or `strideW`; enumerators by name
            (`padding="SAME"`) or number. A field that is not given has the schema's default.
        """
        code = (_enumerator(schema.BuiltinOperator, name), version)
        operator = schema.OperatorT()
        operator.opcodeIndex = self._operator_codes.setdefault(code, len(self._operator_codes))
        operator.inputs = np.array([-1 if index is None else index for index in inputs], np.int32)
        operator.outputs = np.array(outputs, np.int32)
        if intermediates:
            operator.intermediates = np.array(intermediates, np.int32)
        operator.builtinOptionsType, operator.builtinOptions = _options(name, options)
        self._operators.append(operator)

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """Returns the file's bytes, with these tensors as the model's inputs and outputs."""
        subgraph = schema.SubGraphT()
        subgraph.name = "main"
        subgraph.tensors = self._tensors
        subgraph.inputs = np.array(inputs, np.int32)
        subgraph.outputs = np.array(outputs, np.int32)
        subgraph.operators = self._operators

        model = schema.ModelT()
        model.version = _SCHEMA_VERSION
        model.operatorCodes = [_operator_code(code, version) for code, version in self._operator_codes]
        model.subgraphs = [subgraph]
        model.buffers = self._buffers

        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), file_identifier=_FILE_IDENTIFIER)
        return bytes(builder.Output())


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]  # the schema module has no type hints
    """A buffer whose content is aligned in the file: the generated class ignores the schema's force_align."""

    def __init__(self, content: bytes) -> None:
        super().__init__(data=np.frombuffer(content, np.uint8))

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802  # overrides the generated method
        # A flatbuffer is built from its end: this pads so that the content, written next, begins aligned.
        builder.Prep(BUFFER_ALIGNMENT, len(self.data))
        return int(super().Pack(builder))


def _along(parameter: ArrayLike, rank: int, axis: int | None) -> NDArray[np.float64]:
    """Returns the parameter in a shape that broadcasts over a tensor of this rank, along axis if given."""
    values = np.asarray(parameter, np.float64)
    if axis is None:
        return values
    shape = [1] * rank
    shape[axis] = -1
    return values.reshape(shape)


def _constant(name: str, data: ArrayLike, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Returns a constant's little-endian bytes; raises ValueError if dtype or shape do not suit the data."""
    given = np.asarray(data)
    values = given.astype(dtype.newbyteorder("<"))
    if dtype.kind != "f" and not np.array_equal(values, given):
        raise ValueError(f"tensor {name}: values do not fit {dtype}")
    if values.shape != shape:
        raise ValueError(f"tensor {name}: data of shape {values.shape} given for shape {shape}")
    return values.tobytes()


def _fold(name: str) -> str:
    """Makes the schema's spellings comparable: CONV_2D and Conv2D, stride_w and strideW."""
    return name.replace("_", "").lower()


def _operator_code(code: int, version: int) -> schema.OperatorCodeT:
    operator_code = schema.OperatorCodeT()
    operator_code.builtinCode = code
    # Readers take the larger of the two; the older field is a byte and ends at this placeholder.
    operator_code.deprecatedBuiltinCode = min(code, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)
    operator_code.version = version
    return operator_code


def _enumerator(enum: type, name: str) -> int:
    value = getattr(enum, name, None)
    if value is None:
        raise ValueError(f"the schema's {enum.__name__} has no {name}")
    return int(value)


def _options(operator: str, values: dict[str, Any]) -> tuple[int, Any]:
    """Returns the union's type and the filled options table of an operator; (0, None) if it has no table."""
    wanted = _fold(_OPTIONS_NAMES.get(operator, operator + "Options"))
    table_name = next((name for name in vars(schema.BuiltinOptions) if _fold(name) == wanted), "NONE")
    table = None if table_name == "NONE" else getattr(schema, table_name + "T")()
    fields = {} if table is None else {_fold(field): field for field in vars(table)}
    for key, value in values.items():
        field = fields.get(_fold(key))
        if field is None:
            raise TypeError(f"{operator} has no option {key}; it has: {', '.join(fields.values()) or 'none'}")
        if isinstance(value, str) and field in _ENUM_FIELDS:
            value = _enumerator(_ENUM_FIELDS[field], value)
        setattr(table, field, value)
    return getattr(schema.BuiltinOptions, table_name), table
