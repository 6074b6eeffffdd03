# SPDX-License-Identifier: Apache-2.0
"""Models of one operator that have to be refused, each with a reason that names operator and tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

import microplan
from microplan import _core
from microplan.testing.tflite_writer import ModelWriter


@dataclass(frozen=True)
class Spec:
    """A tensor of an Operator; a constant is all zeros unless there is data."""

    shape: tuple[int, ...]
    dtype: str = "int8"
    constant: bool = False
    data: Any = None
    scale: Any = 0.5
    zero_point: Any = 0
    axis: int = 0


@dataclass(frozen=True)
class Operator:
    """A model of one operator, to be changed until it is refused."""

    name: str
    inputs: dict[str, Spec]
    outputs: dict[str, Spec]
    options: dict[str, Any]

    def changed(self, tensors: dict[str, dict[str, Any] | None], options: dict[str, Any]) -> Operator:
        """With other fields of these tensors (None: left out) and other options."""

        def change(specs: dict[str, Spec]) -> dict[str, Spec]:
            kept = {name: spec for name, spec in specs.items() if tensors.get(name, {}) is not None}
            return {name: replace(spec, **(tensors.get(name) or {})) for name, spec in kept.items()}

        return Operator(self.name, change(self.inputs), change(self.outputs), self.options | options)

    def model(self) -> bytes:
        writer = ModelWriter()
        indices = {name: _write(writer, name, spec) for name, spec in (self.inputs | self.outputs).items()}
        writer.operator(
            self.name,
            [indices[name] for name in self.inputs],
            [indices[name] for name in self.outputs],
            **self.options,
        )
        computed = [indices[name] for name, spec in self.inputs.items() if not spec.constant]
        # A model has an input, even if its operator has none.
        inputs = computed or [writer.tensor("unused", (1,), "float32")]
        return writer.finish(inputs, [indices[name] for name in self.outputs])


def _write(writer: ModelWriter, name: str, spec: Spec) -> int:
    data = spec.data
    if spec.constant and data is None:
        item = 1 if spec.dtype == "int4" else np.dtype(spec.dtype).itemsize
        data = bytes(math.prod(spec.shape) * item)
    return writer.tensor(name, spec.shape, spec.dtype, data, spec.scale, spec.zero_point, quantized_dimension=spec.axis)


@dataclass(frozen=True)
class Refusal:
    """What is changed in a sound operator, and what the planner finds."""

    status: str
    tensor: str
    reason: str  # a part of it
    tensors: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def assert_refused(sound: Operator, refusal: Refusal) -> None:
    assert _core.plan(sound.model(), 0, 0).status == "kOk"
    model = sound.changed(refusal.tensors, refusal.options).model()
    assert _core.plan(model, 0, 0).status == refusal.status
    with pytest.raises(microplan.ModelError) as caught:
        microplan.plan(model)
    message = caught.value.findings[0]
    assert f'operator 0 {sound.name}, tensor "{refusal.tensor}": ' in message
    assert refusal.reason in message
