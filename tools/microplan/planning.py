# SPDX-License-Identifier: Apache-2.0
"""Planning a model: `plan()`. It returns the planner's own word, with the names of the model beside."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from microplan import _core
from microplan.errors import ModelError, UsageError

Form = Literal["compiled", "interpreted"]
FORMS: tuple[Form, ...] = get_args(Form)

# Kernels are named operator_type or operator_type_variant: conv_2d_int8, conv_2d_int8_dsp.
_KERNEL_NAME = re.compile(r".*_(?:u?int\d+(?:x\d+)?|float\d*|bool)(?:_(?P<variant>\w+))?")


@dataclass(frozen=True)
class ModelFile:
    """A `.tflite` file and, when it can be read, what it holds."""

    name: str
    content: bytes

    @classmethod
    def load(cls, source: str | Path | bytes, name: str = "model") -> ModelFile:
        if isinstance(source, bytes):
            return cls(name, source)
        path = Path(source)
        try:
            return cls(path.name, path.read_bytes())
        except OSError as error:
            raise UsageError(f"Cannot read the model {path}: {error.strerror}. Check the path.") from error

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def info(self) -> _core.ModelInfo | None:
        """None when the file is not a readable model."""
        return _core.describe(self.content)

    def tensor_name(self, index: int) -> str:
        info = self.info
        if info is None or not 0 <= index < len(info.tensors):
            return f"{index}"
        return printable(info.tensors[index].name) or f"{index}"

    def operator_name(self, index: int) -> str:
        info = self.info
        if info is None or not 0 <= index < len(info.operators):
            return "unknown"
        return printable(info.operators[index].name)


@dataclass(frozen=True)
class Plan:
    """A plan for one model, in one form, for one set of target features."""

    model: ModelFile
    form: Form
    features: int
    variants: list[str] | None
    core: _core.Plan

    @property
    def info(self) -> _core.ModelInfo:
        info = self.model.info
        assert info is not None  # it was planned
        return info

    @property
    def data(self) -> bytes:
        return self.core.data

    @property
    def arena_bytes(self) -> int:
        """What the firmware's arena needs; the interpreted form plans in it as well."""
        if self.form == "interpreted":
            return max(self.core.arena_bytes, self.core.workspace_bytes)
        return self.core.arena_bytes

    @property
    def state_bytes(self) -> int:
        return self.core.state_bytes

    @property
    def plan_buffer_bytes(self) -> int:
        """RAM for the plan: none when it lies in flash."""
        return self.core.plan_bytes if self.form == "interpreted" else 0

    @property
    def firmware_data(self) -> bytes:
        """What the firmware carries as data: the plan, or the model itself."""
        return self.model.content if self.form == "interpreted" else self.core.data

    @property
    def macs(self) -> int:
        return sum(step.macs for step in self.core.steps)

    @property
    def variant(self) -> str:
        """The variants of the kernels that the plan uses: "reference", "dsp+reference"."""
        return "+".join(sorted({variant_of(kernel) for kernel in self.kernels})) or "reference"

    @property
    def kernels(self) -> list[str]:
        """Names of the kernels that the plan uses, in the order of their ids."""
        used = {step.kernel_id: step.kernel for step in self.core.steps if step.step >= 0}
        return [used[kernel_id] for kernel_id in sorted(used)]


def printable(text: str) -> str:
    """Names come from outside: nothing in them reaches the terminal as a command."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def shorten(name: str, width: int = 60) -> str:
    """Converters join the names of fused operators: beginning and end tell them apart."""
    if len(name) <= width:
        return name
    return f"{name[: width // 3]}...{name[3 - width + width // 3 :]}"


def describe_diagnostic(model: ModelFile, diagnostic: _core.Diagnostic) -> str:
    """One paragraph: where, what was found, what to do."""
    place = [model.name]
    if diagnostic.operator_index >= 0:
        place.append(f"operator {diagnostic.operator_index} {model.operator_name(diagnostic.operator_index)}")
    if diagnostic.tensor_index >= 0:
        place.append(f'tensor "{shorten(model.tensor_name(diagnostic.tensor_index))}"')
    fix = diagnostic.fix
    return f"{', '.join(place)}: {diagnostic.reason}{_found(model, diagnostic)}. {fix[:1].upper()}{fix[1:]}."


def _found(model: ModelFile, diagnostic: _core.Diagnostic) -> str:
    """The offending number, in words where it stands for an operator or a type."""
    if diagnostic.found is None or diagnostic.status == "kUnsupportedOperator":
        return ""
    info = model.info
    if diagnostic.status != "kUnsupportedType" or info is None or diagnostic.operator_index < 0:
        return f" (found {diagnostic.found})"
    operator = info.operators[diagnostic.operator_index]
    inputs, outputs = (
        ", ".join(info.tensors[index].type or "another type" for index in indices if index >= 0)
        for indices in (operator.inputs, operator.outputs)
    )
    return f" (found {inputs} to {outputs})"


def findings(model: ModelFile, plan: _core.Plan) -> list[str]:
    """Everything that stops the model; empty when nothing does."""
    if plan.status == "kOk":
        return []
    paragraphs = [describe_diagnostic(model, diagnostic) for diagnostic in plan.diagnostics]
    return paragraphs or [f"{model.name}: {dict(_core.statuses())[plan.status]}."]


def variant_of(kernel: str) -> str:
    """The variant that a kernel's name tells."""
    match = _KERNEL_NAME.fullmatch(kernel)
    return (match and match["variant"]) or "reference"


def select_variants(variant: str | None) -> list[str] | None:
    """The kernels to choose from: with a variant those and the reference ones, without it all (None)."""
    if variant is None:
        return None
    known = {variant_of(row.name) for row in _core.variants()}
    if variant not in known:
        raise UsageError(f"There is no kernel variant {variant!r}. Use one of: {', '.join(sorted(known))}.")
    return [row.name for row in _core.variants() if variant_of(row.name) in (variant, "reference")]


def plan(
    model: ModelFile | str | Path | bytes,
    form: Form = "compiled",
    *,
    features: int = 0,
    variants: Sequence[str] | None = None,
    pin_inputs: bool = False,
) -> Plan:
    """Plans `model`; raises ModelError with everything that stops it.

    `features` are the `_core.FEATURE_...` bits of the target, `variants` the names of the kernels to choose
    from (all without it).
    """
    if form not in FORMS:
        raise UsageError(f"There is no form {form!r}. Use one of: {', '.join(FORMS)}.")
    file = model if isinstance(model, ModelFile) else ModelFile.load(model)
    flags = (_core.OWNS_CONSTANTS if form == "compiled" else 0) | (_core.PINS_INPUTS if pin_inputs else 0)
    names = None if variants is None else list(variants)
    core = _core.plan(file.content, flags, features, names)
    if core.status != "kOk":
        raise ModelError(findings(file, core))
    made = Plan(file, form, features, names, core)
    if form == "compiled":
        return made
    # The firmware plans with the kernels that it carries, and these stand in the plan's header.
    return replace(made, core=_core.plan(file.content, flags, features, made.kernels))


def verify_plan(content: bytes, model_bytes: int = 0) -> str:
    """Name of the status with which the firmware would accept or refuse a plan that comes from outside.

    `model_bytes` is the size of the model file that the firmware has beside it.
    """
    return _core.verify(content, model_bytes)
