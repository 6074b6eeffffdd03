# SPDX-License-Identifier: Apache-2.0
"""`Interpreter`: runs a model on this machine with the planner and the kernels that the firmware has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microplan import _core
from microplan.errors import MicroplanError
from microplan.planning import Form, ModelFile, Plan, plan, plan_for_this_machine

Array = NDArray[Any]


@dataclass(frozen=True)
class Tensor:
    """An input or output: real = scale * (q - zero_point); scale is 0 when the tensor is not quantized."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int

    @classmethod
    def describe(cls, name: str, io: _core.Io) -> Tensor:
        return cls(name, tuple(io.shape), np.dtype(io.type), io.scale, io.zero_point)

    @property
    def elements(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        return self.elements * self.dtype.itemsize

    def quantize(self, real: ArrayLike) -> Array:
        """Real values as the model takes them, rounded by the runtime itself."""
        values = np.asarray(real, np.float32)
        if self.scale == 0:
            return values.astype(self.dtype)
        limits = np.iinfo(self.dtype)
        flat = np.ascontiguousarray(values).reshape(-1)
        quantized = _core.quantize(flat, self.scale, self.zero_point, int(limits.min), int(limits.max))
        return np.array(quantized, self.dtype).reshape(values.shape)

    def dequantize(self, values: ArrayLike) -> NDArray[np.float32]:
        """The model's values as real numbers."""
        if self.scale == 0:
            return np.asarray(values).astype(np.float32)
        centered = np.asarray(values).astype(np.int64) - self.zero_point
        real: NDArray[np.float32] = np.float32(self.scale) * centered.astype(np.float32)
        return real

    def accept(self, values: ArrayLike) -> Array:
        """`values` in this tensor's shape; refuses another type or number of elements."""
        array = np.asarray(values)
        if array.dtype != self.dtype:
            raise MicroplanError(
                f'The input "{self.name}" takes {self.dtype}, not {array.dtype}. Convert the array, or, '
                "when it "
                f"holds real values, pass it through quantize() of this entry of Interpreter.inputs."
            )
        if array.size != self.elements:
            raise MicroplanError(
                f'The input "{self.name}" takes the shape {self.shape}, not {array.shape}. Reshape the '
                "array; "
                f"several samples need one invocation each."
            )
        return np.ascontiguousarray(array).reshape(self.shape)

    def from_bytes(self, content: bytes) -> Array:
        return np.frombuffer(content, self.dtype).reshape(self.shape)


def operator_outputs(
    plan: Plan, inputs: Sequence[Array], step_outputs: Mapping[tuple[int, int], bytes]
) -> dict[int, Array]:
    """What the plan computes of every operator's outputs by tensor index, from those of the steps by (step, output).

    A view has the values of its input.
    """
    info = plan.info
    contents: dict[int, bytes] = {i: array.tobytes() for i, array in zip(info.inputs, inputs, strict=True)}
    made: dict[int, Array] = {}
    for step in plan.core.steps:
        for position, index in enumerate(step.outputs):
            if index < 0:
                continue  # a graph pass made it
            if step.step >= 0 and (step.step, position) in step_outputs:
                contents[index] = step_outputs[step.step, position]
            elif step.step < 0 and step.inputs[0] in contents:
                contents[index] = contents[step.inputs[0]]
            else:
                continue  # it does not survive its step
            made[index] = np.frombuffer(contents[index], info.tensors[index].type).reshape(plan.tensor_shape(index))
    return made


class Interpreter:
    """A model on this machine.

        it = microplan.Interpreter("digits.tflite")
        (scores,) = it.invoke(it.inputs[0].quantize(pixels))

    A plan that was made for another machine runs with the kernels that this one has; the answers of integer models are
    the same. With `keep_tensors`, `tensors` holds, after each invocation, what the plan computes of every operator's
    outputs: all of them, unless graph passes removed some.
    """

    def __init__(
        self,
        model: str | Path | bytes | ModelFile | Plan,
        form: Form = "compiled",
        *,
        keep_tensors: bool = False,
    ) -> None:
        self.plan = plan_for_this_machine(model) if isinstance(model, Plan) else plan(model, form)
        self.tensors: dict[int, Array] = {}
        self._executor = _core.Executor(self.plan.data, self.plan.model.content)
        self._check(self._executor.status)
        info = self.plan.info
        names = [tensor.name for tensor in info.tensors]
        self.inputs = [
            Tensor.describe(names[i], io) for i, io in zip(info.inputs, self._executor.inputs(), strict=True)
        ]
        self.outputs = [
            Tensor.describe(names[i], io)
            for i, io in zip(info.outputs, self._executor.outputs(), strict=True)
        ]
        rows = self._executor.input_rows
        self._row_bytes = self.inputs[0].nbytes // rows if rows else 0
        self._keep_tensors = keep_tensors
        if keep_tensors:
            self._executor.keep_step_outputs()

    def invoke(self, *inputs: ArrayLike | list[Array]) -> list[Array]:
        """Runs the model on one array for each input, one by one or as one list; returns its outputs."""
        given: Any = inputs
        if len(inputs) == 1 and isinstance(inputs[0], list | tuple) and len(self.inputs) == len(inputs[0]):
            (given,) = inputs
        if len(given) != len(self.inputs):
            raise MicroplanError(
                f"The model has {len(self.inputs)} inputs, not {len(given)}. Pass one array for each."
            )
        arrays = [tensor.accept(values) for tensor, values in zip(self.inputs, given, strict=True)]
        for index, array in enumerate(arrays):
            if index > 0 or not self._row_bytes:
                self._executor.set_input(index, array.tobytes())
        self._check(self._executor.push_rows(arrays[0].tobytes()) if self._row_bytes else self._executor.invoke())
        if self._keep_tensors:
            outputs = {
                (output.step, output.output): output.data for output in self._executor.take_step_outputs()
            }
            self.tensors = operator_outputs(self.plan, arrays, outputs)
        return self._read_outputs()

    def _read_outputs(self) -> list[Array]:
        return [tensor.from_bytes(self._executor.output(i)) for i, tensor in enumerate(self.outputs)]

    def push_rows(self, rows: ArrayLike) -> list[Array] | None:
        """Gives the next rows of the first input, for a plan with `push_rows`; the outputs when it was the last."""
        content = np.ascontiguousarray(rows)
        if content.dtype != self.inputs[0].dtype or content.nbytes % (self._row_bytes or 1):
            raise MicroplanError(
                f'The input "{self.inputs[0].name}" takes rows of {self._row_bytes} bytes of {self.inputs[0].dtype}, '
                f"not {content.nbytes} bytes of {content.dtype}. Pass one or more whole rows."
            )
        status = self._executor.push_rows(content.tobytes())
        if status == "kNotReady":
            return None
        self._check(status)
        return self._read_outputs()

    def reset(self) -> None:
        """Sets the model's state (variables, recurrent state) back to its initial value."""
        self._executor.reset()

    @property
    def state(self) -> bytes:
        """The state, to be assigned again later."""
        return self._executor.state()

    @state.setter
    def state(self, content: bytes) -> None:
        if len(content) != self.plan.state_bytes:
            raise MicroplanError(
                f"The state of this model has {self.plan.state_bytes} bytes, not {len(content)}. Assign one "
                f"that was read from the same model."
            )
        self._executor.set_state(content)

    @staticmethod
    def _check(status: str) -> None:
        if status != "kOk":
            raise MicroplanError(f"The model cannot run: {dict(_core.statuses())[status]}.")
