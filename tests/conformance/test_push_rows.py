# SPDX-License-Identifier: Apache-2.0
"""An input that comes row by row gives the bytes of one that is there whole."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import microplan
from microplan import _core
from microplan.errors import MicroplanError, ModelError, UsageError
from microplan.planning import Prefer
from support.models import Network

MODELS = ["vww_96_int8", "person_detect", "pretrainedResnet_quant", "kws_ref_model", "micro_speech_quantized"]


def pieces(rows: int, random: np.random.Generator) -> Iterator[list[int]]:
    """Ways to cut the rows: one by one, at random, all at once."""
    yield [1] * rows
    cuts = sorted(random.integers(0, rows + 1, 5))
    yield np.diff([0, *cuts, rows]).tolist()
    yield [rows]


def assert_pushes_like_invoke(model: Path | bytes, prefer: Prefer = "balanced") -> None:
    random = np.random.default_rng(1)
    whole = microplan.Interpreter(microplan.plan(model, prefer=prefer))
    plan = microplan.plan(model, prefer=prefer, push_rows=True)
    assert microplan.verify_plan(plan.data) == "kOk"
    pushed = microplan.Interpreter(plan)
    rows, row_bytes = plan.input_rows
    shape = whole.inputs[0].shape
    assert rows * row_bytes == np.prod(shape)
    for counts in pieces(rows, random):
        image = random.integers(-128, 128, shape, np.int8)
        lines = image.reshape(rows, row_bytes)
        first = 0
        outputs = None
        for count in counts:
            assert outputs is None
            if count == 0:
                continue
            outputs = pushed.push_rows(lines[first : first + count])
            first += count
        assert outputs is not None
        for found, expected in zip(outputs, whole.invoke(image), strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("prefer", ["balanced", "ram"])
@pytest.mark.parametrize("name", MODELS)
def test_real_models(models_dir: Path, name: str, prefer: Prefer) -> None:
    assert_pushes_like_invoke(models_dir / f"{name}.tflite", prefer)


@pytest.mark.parametrize("name", ["vww_96_int8", "person_detect"])
def test_an_image_of_96_rows_takes_less_than_20_kb(models_dir: Path, name: str) -> None:
    plan = microplan.plan(models_dir / f"{name}.tflite", prefer="ram", push_rows=True)
    assert plan.arena_bytes + plan.state_bytes <= 20_000
    placed = {p.tensor_index: p.bytes for p in plan.core.placements}
    image = plan.info.inputs[0]
    if name == "vww_96_int8":
        assert placed[image] < plan.info.tensors[image].bytes / 4


def wide_image() -> bytes:
    """The last rows are read by nobody, and two operators read the input."""
    n = Network()
    x = n.model_input(1, 40, 12, 4)
    a = n.conv_2d(x, 4, kernel=(3, 3), stride=(3, 2), padding="VALID")
    b = n.pool_2d(x, "MAX_POOL_2D", (3, 3), (3, 2), padding="VALID")
    return n.finish(n.add(a, b))


def test_rows_that_nobody_reads() -> None:
    assert_pushes_like_invoke(wide_image())


def test_every_tensor_survives_as_whole(models_dir: Path) -> None:
    model = models_dir / "vww_96_int8.tflite"
    whole = microplan.Interpreter(model, keep_tensors=True)
    pushed = microplan.Interpreter(microplan.plan(model, push_rows=True), keep_tensors=True)
    image = np.random.default_rng(2).integers(-128, 128, whole.inputs[0].shape, np.int8)
    whole.invoke(image)
    pushed.invoke(image)
    assert pushed.tensors.keys() == whole.tensors.keys()
    for index, expected in whole.tensors.items():
        np.testing.assert_array_equal(pushed.tensors[index], expected)


@pytest.mark.parametrize("name", ["hello_world_int8", "ad01_int8"])
def test_an_operator_that_needs_the_whole_input_is_named(models_dir: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"operator 0 FULLY_CONNECTED.* needs the whole input at once"):
        microplan.plan(models_dir / f"{name}.tflite", push_rows=True)


def test_options_that_exclude_each_other() -> None:
    for options in ({"form": "interpreted"}, {"pin_inputs": True}, {"no_pass": ["layout"]}):
        with pytest.raises(UsageError, match="row by row"):
            microplan.plan(wide_image(), push_rows=True, **options)


def test_statuses() -> None:
    usual = _core.Executor(microplan.plan(wide_image()).data, b"")
    assert usual.push_rows(b"") == "kTakesNoRows"
    plan = microplan.plan(wide_image(), push_rows=True)
    executor = _core.Executor(plan.data, b"")
    rows, row_bytes = plan.input_rows
    assert executor.invoke() == executor.step() == "kTakesRows"
    assert executor.push_rows(bytes(row_bytes)) == "kNotReady"
    assert executor.push_rows(bytes(row_bytes * rows)) == "kTooManyRows"
    assert executor.push_rows(bytes(row_bytes * (rows - 1))) == "kOk"
    with pytest.raises(MicroplanError, match="Pass one or more whole rows"):
        microplan.Interpreter(plan).push_rows(np.zeros(7, np.int8))


# Where the header has the offsets of its tables.
IOS, LISTS, STEPS, RUNS, PUSHED = 60, 64, 68, 84, 92
LIST_COUNT, STEP_COUNT = 50, 52


class Changed:
    """A plan of which words are changed."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def word(self, at: int) -> int:
        return int(struct.unpack_from("<I", self.data, at)[0])

    def verify(self, at: int, value: int) -> str:
        changed = bytearray(self.data)
        struct.pack_into("<I", changed, at, value)
        return microplan.verify_plan(bytes(changed))


def test_corrupted_plans_are_refused(models_dir: Path) -> None:
    plan = Changed(microplan.plan(models_dir / "vww_96_int8.tflite", prefer="ram", push_rows=True).data)
    ring, runs, lists = plan.word(PUSHED), plan.word(RUNS), plan.word(LISTS)
    second = lists + 8
    await_first = runs + 12 * (plan.word(second) - 1)
    await_second = runs + 12 * (plan.word(second + 8) - 1)
    assert plan.word(await_first) == plan.word(await_second) == 0xFFFFFFFF
    ring_rows = plan.word(ring + 8)
    changes = {
        "the ring lies behind the arena": (ring, plan.word(12) | 5 << 28),
        "the ring lies in the plan": (ring, 1 << 28),
        "the rows are longer": (ring + 4, plan.word(ring + 4) + 16),
        "there is no ring": (ring + 8, 0),
        "the ring is longer than the arena": (ring + 8, 96),
        "the ring is shorter than what is awaited": (ring + 8, 1),
        "the ring lies outside of the plan": (PUSHED, len(plan.data)),
        "there are no rows": (PUSHED, 0),
        "no step": (await_first, 0),
        "rows that were given before": (await_second + 4, 0),
        "rows that are not in order": (await_second + 8, 0),
        "more rows than there are": (await_second + 8, 97),
        "a run that awaits within a list": (await_first + 12, 0xFFFFFFFF),
        "a list that begins with awaiting": (second, plan.word(second) - 1),
        "a list that leaves out a run": (second + 4, plan.word(second + 4) - 1),
        "a list with the next one's await": (second + 4, plan.word(second + 4) + 1),
        "an empty list 0": (lists + 4, 0),
        "list 0 runs a step": (runs, 0),
        "the step that refuses is another": (plan.word(STEPS) + 16 * plan.word(STEP_COUNT), 0x10),
        "an input with bytes": (plan.word(IOS) + 4, 96 * 96 * 3),
    }
    assert 1 < ring_rows < 96
    for what, (at, value) in changes.items():
        # Without rows the kernel that refuses invoke() is one that nobody knows.
        assert plan.verify(at, value) in ("kBadPlan", "kKernelMissing"), what
