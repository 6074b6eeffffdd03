# SPDX-License-Identifier: Apache-2.0
"""Planning a model: `plan()`. It returns the planner's own word, with the names of the model beside."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from numpy.typing import NDArray

from microplan import _core
from microplan.errors import ModelError, UsageError

Form = Literal["compiled", "interpreted"]
FORMS: tuple[Form, ...] = get_args(Form)

# What kernels are chosen by: `balanced` takes the fewest instructions among those whose constants do not grow, `speed`
# whatever the constants take, `ram` the least scratch, `flash` the smallest constants.
Prefer = Literal["balanced", "speed", "ram", "flash"]
PREFERENCES: tuple[Prefer, ...] = get_args(Prefer)
_PREFERENCE_FLAGS: dict[Prefer, int] = {
    "balanced": 0,
    "speed": _core.PREFERS_SPEED,
    "ram": _core.PREFERS_RAM,
    "flash": _core.PREFERS_FLASH,
}
# The planner's flags as C++ names them.
_FLAG_NAMES = {
    _core.OWNS_CONSTANTS: "kPlanOwnsConstants",
    _core.PINS_INPUTS: "kPlanPinsInputs",
    _core.ARRANGED: "kPlanArranged",
    _core.TAKES_FIRST: "kPlanTakesFirst",
    _core.PREFERS_SPEED: "kPlanPrefersSpeed",
    _core.PREFERS_RAM: "kPlanPrefersRam",
    _core.PREFERS_FLASH: "kPlanPrefersFlash",
    _core.TAKES_ROWS: "kPlanTakesRows",
    _core.SHARES_CONSTANTS: "kPlanSharesConstants",
}

# Kernels are named operator_type or operator_type_variant, and where a variant has several for one operator and type
# those for some shapes have a word more: conv_2d_int8, conv_2d_int8_dsp, depthwise_conv_2d_int8_dsp_3x3.
_KERNEL_NAME = re.compile(
    r".*_(?:u?int\d+(?:x\d+)?|float\d*|bool)(?:_(?P<variant>base|dsp|fpu|mve|cmsis_nn)(?:_(?P<shapes>\w+))?)?"
)


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
    variants: list[str] | None  # the kernels to choose from, in the order in which they were looked at; None: all
    flags: int  # what the planner was asked for
    core: _core.Plan  # it speaks of the model's own operators and tensors
    optimized: _core.Optimized | None = None  # what graph passes made of the model; None: it was planned as it is

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
    def passes(self) -> list[str]:
        """The graph passes that changed something, in their order."""
        changed = {name for name, _ in self.pass_reports}
        return [name for name in pass_names() if name in changed]

    @property
    def pass_reports(self) -> list[tuple[str, str]]:
        """Pass and what it did, for each change."""
        return [] if self.optimized is None else self.optimized.reports

    @cached_property
    def channels(self) -> dict[int, list[int]]:
        """By tensor, the channels (of the last dimension) that the plan computes, where it does not compute all."""
        tensors = [] if self.optimized is None else self.optimized.tensors
        return {tensor: channels for tensor, channels in tensors if tensor >= 0 and channels}

    def tensor_shape(self, index: int) -> list[int]:
        """Of what the plan computes of a tensor."""
        shape = self.info.tensors[index].shape
        return [*shape[:-1], len(self.channels[index])] if index in self.channels else shape

    def computed_part(self, index: int, values: NDArray[Any]) -> NDArray[Any]:
        """Of a whole tensor's values those that the plan computes."""
        if index not in self.channels or values.size != math.prod(self.info.tensors[index].shape):
            return values
        shape = self.info.tensors[index].shape
        part: NDArray[Any] = values.reshape(shape)[..., self.channels[index]]
        return part

    @property
    def variant(self) -> str:
        """The variants of the kernels that the plan uses: "reference", "dsp+reference"."""
        return "+".join(sorted({variant_of(kernel) for kernel in self.kernels})) or "reference"

    @property
    def kernels(self) -> list[str]:
        """Names of the kernels that the plan uses, in the order in which the planner looked at them.

        With that order a planner that has these kernels only makes the same choices.
        """
        used = {step.kernel for step in self.core.steps if step.step >= 0}
        names = [row.name for row in _core.variants()] if self.variants is None else self.variants
        return [name for name in names if name in used]

    @property
    def takes_rows(self) -> bool:
        """Whether the first input comes row by row."""
        return bool(self.flags & _core.TAKES_ROWS)

    @property
    def input_rows(self) -> tuple[int, int]:
        """Rows of an input that comes row by row, and the bytes of each."""
        rows = _core.Executor(self.data, self.model.content).input_rows
        return rows, self.info.tensors[self.info.inputs[0]].bytes // rows

    @property
    def prefer(self) -> Prefer | None:
        """What the kernels were chosen by; None where a variant was named."""
        if self.flags & _core.TAKES_FIRST:
            return None
        return next((name for name, flag in _PREFERENCE_FLAGS.items() if self.flags & flag), "balanced")

    @property
    def flag_names(self) -> list[str]:
        """The planner's flags as C++ names them."""
        return [name for flag, name in _FLAG_NAMES.items() if self.flags & flag]

    @property
    def scratch_by_step(self) -> dict[int, int]:
        """Bytes of scratch by step, for the steps that have some."""
        return {
            placed.first_step: placed.bytes for placed in self.core.placements if placed.tensor_index < 0
        }


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


def _is_for_some_shapes(kernel: str) -> bool:
    match = _KERNEL_NAME.fullmatch(kernel)
    return bool(match and match["shapes"])


# What stands in for a kernel that a variant does not have.
_FALLBACKS = ("base", "reference")


def variant_names() -> list[str]:
    """The variants that there are, the best last: reference, base, and those that need a feature."""
    names = sorted({variant_of(row.name) for row in _core.variants()})
    return [name for name in reversed(_FALLBACKS) if name in names] + [
        name for name in names if name not in _FALLBACKS
    ]


def variants_for(features: int) -> list[str]:
    """Those that have a kernel that needs no more than these features."""
    there = {variant_of(row.name) for row in _core.variants() if not row.features & ~features}
    return [name for name in variant_names() if name in there]


def select_variants(variant: str) -> list[str]:
    """The kernels of a variant, then those that stand in where it has none or supports less."""
    if variant not in variant_names():
        raise UsageError(f"There is no kernel variant {variant!r}. Use one of: {', '.join(variant_names())}.")
    order = [variant] if variant == "reference" else list(dict.fromkeys((variant, *_FALLBACKS)))
    # The planner takes the first that supports an operator: those for some shapes come before that for all.
    rows = sorted((row.name for row in _core.variants()), key=lambda kernel: not _is_for_some_shapes(kernel))
    return [kernel for name in order for kernel in rows if variant_of(kernel) == name]


# Stands behind the graph passes: the order of rows, and tensors that share memory.
LAYOUT = "layout"


def pass_names() -> list[str]:
    """The passes, in the order in which they run: those over the graph, then the layout."""
    return [*(name for name, _ in _core.passes()), LAYOUT]


def _passes_without(names: Sequence[str]) -> list[str]:
    """All passes but these; "all" stands for each."""
    for name in names:
        if name not in ("all", *pass_names()):
            raise UsageError(f"There is no pass {name!r}. Use one of: all, {', '.join(pass_names())}.")
    return [] if "all" in names else [name for name in pass_names() if name not in names]


@lru_cache(maxsize=4)
def _optimize(content: bytes, passes: tuple[str, ...]) -> _core.Optimized:
    """Commands plan a model several times, with other kernels."""
    return _core.optimize(content, list(passes))


@lru_cache(maxsize=16)
def _plan(
    content: bytes, flags: int, features: int, names: tuple[str, ...] | None, passes: tuple[str, ...]
) -> _core.Plan:
    """Looking for a layout takes seconds, and commands and tests plan the same again."""
    chosen = None if names is None else list(names)
    optimized = _optimize(content, passes)
    made = _core.plan(content, flags, features, chosen, optimized)
    arranged = flags & _core.ARRANGED and not flags & _core.TAKES_ROWS
    if arranged and made.status == "kOk" and _core.verify(made.data, len(content)) != "kOk":
        # What cannot be proved is not taken.
        return _core.plan(content, flags & ~_core.ARRANGED, features, chosen, optimized)
    return made


def plan(
    model: ModelFile | str | Path | bytes,
    form: Form = "compiled",
    *,
    features: int = 0,
    prefer: Prefer = "balanced",
    variant: str | None = None,
    variants: Sequence[str] | None = None,
    pin_inputs: bool = False,
    push_rows: bool = False,
    no_pass: Sequence[str] = (),
) -> Plan:
    """Plans `model`; raises ModelError with everything that stops it.

    `features` are the `_core.FEATURE_...` bits of the target. For each operator the planner takes the best kernel for
    `prefer` of all that there are, or of those that `variants` names. With `variant` it takes the first that can run:
    of this variant, else base, else reference. In the compiled form graph passes first remove what need not be
    computed, and the layout orders the rows and lets tensors share memory, except what `no_pass` names; "all" names
    each. With `push_rows` the first input comes row by row and never exists whole.
    """
    if form not in FORMS:
        raise UsageError(f"There is no form {form!r}. Use one of: {', '.join(FORMS)}.")
    if prefer not in PREFERENCES:
        raise UsageError(f"There is no preference {prefer!r}. Use one of: {', '.join(PREFERENCES)}.")
    file = model if isinstance(model, ModelFile) else ModelFile.load(model)
    if push_rows and (form != "compiled" or pin_inputs or LAYOUT not in _passes_without(no_pass)):
        raise UsageError(
            "An input that is pushed row by row exists only as a few of its rows, which this machine arranges. Use the "
            "compiled form, and do not keep the inputs."
        )
    flags = (_core.PINS_INPUTS if pin_inputs else 0) | (_core.TAKES_ROWS if push_rows else 0)
    if form == "compiled":
        flags |= _core.OWNS_CONSTANTS | _core.SHARES_CONSTANTS
    if variant is None:
        flags |= _PREFERENCE_FLAGS[prefer]
        names = None if variants is None else list(variants)
    else:
        flags |= _core.TAKES_FIRST
        names = select_variants(variant)
    passes = _passes_without(no_pass)
    if form == "compiled":
        if LAYOUT in passes:
            passes.remove(LAYOUT)
            flags |= _core.ARRANGED
        optimized = _optimize(file.content, tuple(passes))
        core = _plan(file.content, flags, features, None if names is None else tuple(names), tuple(passes))
    else:
        optimized = None
        core = _core.plan(file.content, flags, features, names)
    if core.status != "kOk":
        raise ModelError(findings(file, core))
    made = Plan(file, form, features, names, flags, core, optimized)
    if form == "compiled":
        return made
    # The firmware plans with the kernels that it carries, and these stand in the plan's header.
    kernels = made.kernels
    return replace(made, variants=kernels, core=_core.plan(file.content, flags, features, kernels))


def plan_for_this_machine(made: Plan) -> Plan:
    """The plan, or, when this machine lacks instructions that its kernels need, the same with kernels that it has."""
    if not any(row.features & ~_core.KERNEL_FEATURES for row in _core.variants() if row.name in made.kernels):
        return made
    features = made.features & _core.KERNEL_FEATURES
    core = _core.plan(made.model.content, made.flags & ~_core.TAKES_FIRST, features, None, made.optimized)
    return replace(made, features=features, variants=None, core=core)


def verify_plan(content: bytes, model_bytes: int = 0) -> str:
    """Name of the status with which the firmware would accept or refuse a plan that comes from outside.

    `model_bytes` is the size of the model file that the firmware has beside it.
    """
    return _core.verify(content, model_bytes)
