# SPDX-License-Identifier: Apache-2.0
"""Plans replayed byte by byte: of real models and of random graphs; and that the replay finds every kind of damage."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import microplan
from microplan import _core
from microplan.boards import load_board
from microplan.planning import Plan, Prefer
from support.models import Network
from support.random_graphs import random_graph
from support.replay import BrokenPlanError, Replay, replay, replay_of

# Cortex-M3 and RV32 have no feature: one target for both.
BOARDS = ("qemu-cortex-m4", "qemu-cortex-m3", "qemu-cortex-m55")
PREFERENCES: tuple[Prefer, ...] = ("balanced", "ram", "speed")
DIGITS = Path(__file__).parents[2] / "examples/digits/digits.tflite"


@pytest.mark.parametrize("board", BOARDS)
def test_real_models(model_path: Path, board: str) -> None:
    features = load_board(board).feature_bits
    large = model_path.stat().st_size > 200_000
    for prefer in PREFERENCES:
        for pin_inputs in (False, True):
            # What takes seconds to plan is pinned on one board only.
            if large and pin_inputs and board != BOARDS[0]:
                continue
            plan = microplan.plan(model_path, features=features, prefer=prefer, pin_inputs=pin_inputs)
            replay(plan)
            assert microplan.verify_plan(plan.data) == "kOk"
    replay(microplan.plan(model_path, "interpreted", features=features))


# Each block of seeds is a test of its own, so that workers share them.
@pytest.mark.parametrize("first", range(0, 1000, 125))
def test_random_graphs(first: int) -> None:
    for seed in range(first, first + 125):
        model = random_graph(seed)
        features = load_board(BOARDS[seed % 3]).feature_bits
        prefer = PREFERENCES[seed // 3 % 3]
        pin_inputs = bool(seed % 2)
        exact, greedy = (
            microplan.plan(model, features=features, prefer=prefer, pin_inputs=pin_inputs, no_pass=no_pass)
            for no_pass in ([], ["layout"])
        )
        for plan in (exact, greedy):
            replay(plan)
            assert microplan.verify_plan(plan.data) == "kOk", seed
        layout = exact.core.layout
        assert layout is not None
        assert layout.live_bytes <= layout.bound_bytes <= exact.core.arena_bytes <= greedy.core.arena_bytes, seed
        # Proved, or given up with a gap that the report states.
        assert layout.bound_bytes == exact.core.arena_bytes or layout.nodes >= 200_000, seed


# ---- Damage


@pytest.fixture(scope="module")
def chain() -> Plan:
    """Convolutions whose tensors are rings, with a shortcut around two of them and an element-wise end."""
    n = Network()
    x = n.model_input(1, 24, 6, 4)
    a = n.conv_2d(x, 8)
    b = n.depthwise_conv_2d(a)
    c = n.conv_2d(b, 8, (1, 1))
    d = n.depthwise_conv_2d(c, stride=(2, 1))
    e = n.conv_2d(d, 4, (1, 1))
    f = n.quantize(e, scale=0.07)
    y = n.softmax(n.view(n.fully_connected(n.view(n.add(e, f), 1, 12 * 6 * 4), 5), 1, 5))
    made = microplan.plan(n.finish(y, f), features=0, prefer="ram")
    replay(made)
    return made


def is_broken(plan: Plan, data: bytes) -> bool:
    try:
        replay_of(plan, data).run()
    except BrokenPlanError:
        return True
    return False


def patched(data: bytes, at: int, *words: int) -> bytes:
    return data[:at] + struct.pack(f"<{len(words)}I", *words) + data[at + 4 * len(words) :]


def moved(plan: Plan, step: int, view: int, by: int, data: bytes | None = None) -> bytes:
    """The tensor of a step's view elsewhere, everywhere that it is named; the arena is large enough for it."""
    source = replay_of(plan)
    changed = bytearray(plan.data if data is None else data)
    for place in source.places_of(source.tensor_of(step, view)):
        changed[place.at : place.at + 4] = struct.pack("<I", place.ref + by)
    return with_arena(bytes(changed), source.frame.arena_bytes + abs(by))


def with_arena(data: bytes, arena_bytes: int) -> bytes:
    return patched(data, 12, arena_bytes)


def arena_operands(source: Replay) -> Iterator[tuple[int, int]]:
    for step in range(len(source.frame.steps)):
        for view in range(len(source.frame.steps[step].views)):
            if source.frame.steps[step].views[view].segment == 5:
                yield step, view


def test_an_output_moved_over_a_live_input_is_found(chain: Plan) -> None:
    source = replay_of(chain)
    found = 0
    for step, parts in enumerate(source.frame.steps):
        first_input, output = parts.views[0], parts.views[-1]
        if first_input.ring_rows == 1 or source.tensor_of(step, 0) is source.tensor_of(step, len(parts.views) - 1):
            continue
        # The first row written would lie over the second row that is read.
        by = first_input.offset + first_input.row_stride - output.offset
        assert is_broken(chain, moved(chain, step, len(parts.views) - 1, by)), step
        found += 1
    assert found > 4


def test_a_ring_that_is_too_small_is_found(chain: Plan) -> None:
    source = replay_of(chain)
    found = 0
    for step in range(len(source.frame.steps)):
        parts = source.frame.steps[step]
        rows = source.contracts[step].views[-1].rows
        if parts.views[-1].ring_rows == rows:
            continue
        changed = chain.data
        for place in source.places_of(source.tensor_of(step, len(parts.views) - 1)):
            changed = patched(changed, place.at + 8, place.ring_rows - 1)
        assert is_broken(chain, changed), step
        found += 1
    assert found > 0


def run_bytes(plan: Plan) -> tuple[int, list[bytes]]:
    frame = replay_of(plan).frame
    count = len(frame.runs)
    return frame.runs_at, [plan.data[frame.runs_at + 12 * i : frame.runs_at + 12 * (i + 1)] for i in range(count)]


def with_runs(plan: Plan, runs: list[bytes]) -> bytes:
    """Fewer or as many runs as the plan has."""
    at, _ = run_bytes(plan)
    content = b"".join(runs)
    data = plan.data[:at] + content + plan.data[at + len(content) :]
    return patched(data, replay_of(plan).frame.lists_at + 4, len(runs))


def test_exchanged_runs_are_found(chain: Plan) -> None:
    _, runs = run_bytes(chain)
    steps = [run.step for run in replay_of(chain).frame.runs]
    found = 0
    for i in range(len(runs) - 1):
        # A run that comes right before one of the next step makes rows for it; others may be free to change places.
        if steps[i] + 1 == steps[i + 1]:
            assert is_broken(chain, with_runs(chain, [*runs[:i], runs[i + 1], runs[i], *runs[i + 2 :]])), i
            found += 1
    assert found > 10


def test_a_missing_run_is_found(chain: Plan) -> None:
    _, runs = run_bytes(chain)
    for i in range(len(runs)):
        assert is_broken(chain, with_runs(chain, runs[:i] + runs[i + 1 :])), i


def test_a_run_made_twice_is_found(chain: Plan) -> None:
    _, runs = run_bytes(chain)
    for i in range(1, len(runs)):
        # In the place of another one, and right behind itself with the last one left out.
        assert is_broken(chain, with_runs(chain, [*runs[:i], runs[i - 1], *runs[i + 1 :]])), i
        assert is_broken(chain, with_runs(chain, [*runs[:i], runs[i - 1], *runs[i:-1]])), i


def test_scratch_moved_over_a_live_tensor_is_found() -> None:
    n = Network()
    x = n.model_input(1, 6, 5, 16)
    y = n.conv_2d(x, 16)
    plan = microplan.plan(n.finish(n.add(n.softmax(y), x)), features=_core.FEATURE_DSP, prefer="speed")
    source = replay_of(plan)
    source.run()
    found = 0
    for step, parts in enumerate(source.frame.steps):
        if parts.scratch == 0:
            continue
        for view in parts.views:
            if view.segment == 5:
                changed = patched(plan.data, parts.at + 12, view.ref & ~15)
                assert is_broken(plan, with_arena(changed, 2 * source.frame.arena_bytes)), step
                found += 1
    assert found > 0


def test_a_view_that_is_shifted_is_found(chain: Plan) -> None:
    source = replay_of(chain)
    for step, view in arena_operands(source):
        place = source.frame.steps[step].views[view]
        for by in (-1, 1, place.row_stride):
            changed = with_arena(patched(chain.data, place.at, place.ref + by), 2 * source.frame.arena_bytes)
            assert is_broken(chain, changed), (step, view, by)
    for place in source.frame.inputs + source.frame.outputs:
        assert is_broken(chain, with_arena(patched(chain.data, place.at, place.ref + 1), 2 * source.frame.arena_bytes))


def test_an_output_overwritten_before_the_end_is_found(chain: Plan) -> None:
    source = replay_of(chain)
    kept = source.frame.outputs[1]  # computed before the last steps
    for step in (len(source.frame.steps) - 1, len(source.frame.steps) - 2):
        last = source.frame.steps[step].views[-1]
        assert is_broken(chain, moved(chain, step, len(source.frame.steps[step].views) - 1, kept.offset - last.offset))


def test_pinned_inputs_are_whole_at_the_end() -> None:
    plan = microplan.plan(DIGITS)
    replay(plan)
    options_at = 32
    (flags,) = struct.unpack_from("<I", plan.data, options_at)
    assert flags == plan.flags
    assert is_broken(plan, patched(plan.data, options_at, flags | _core.PINS_INPUTS))
    replay(microplan.plan(DIGITS, pin_inputs=True))


def test_an_overlap_in_the_wrong_direction_is_found() -> None:
    n = Network()
    x = n.model_input(1, 16, 6, 4)
    plan = microplan.plan(n.finish(n.conv_2d(x, 4, (3, 3), padding="SAME")), features=0, prefer="speed")
    source = replay_of(plan)
    source.run()
    first_input, output = source.frame.steps[0].views
    distance = first_input.offset - output.offset
    assert 0 < distance < 16 * 24  # it overlaps
    # The output as far behind the input as it was before it.
    assert is_broken(plan, moved(plan, 0, 1, 2 * distance))


def test_in_place_in_the_wrong_direction_is_found() -> None:
    n = Network()
    x = n.model_input(1, 16, 6, 4)
    plan = microplan.plan(n.finish(n.quantize(x, scale=0.07)))
    source = replay_of(plan)
    source.run()
    assert plan.core.arena_bytes == 16 * 24
    assert is_broken(plan, moved(plan, 0, 1, 1))


def outputs_of(data: bytes, inputs: list[bytes]) -> list[bytes] | None:
    """None: the firmware would refuse the plan."""
    executor = _core.Executor(data, b"")
    if executor.status != "kOk":
        return None
    for i, content in enumerate(inputs):
        executor.set_input(i, content)
    assert executor.invoke() == "kOk"
    return [executor.output(i) for i in range(len(executor.outputs()))]


def change(choose: random.Random, plan: Plan) -> bytes:
    """The plan with a tensor, a scratch or a run elsewhere."""
    source = replay_of(plan)
    kind = choose.randrange(3)
    if kind == 0:
        step, view = choose.choice(list(arena_operands(source)))
        place = source.frame.steps[step].views[view]
        low = -min(view.offset for view in source.places_of(source.tensor_of(step, view)))
        return moved(plan, step, view, max(low, choose.choice((-1, 1)) * choose.randint(1, 4) * place.row_stride))
    if kind == 1:
        with_scratch = [step for step in source.frame.steps if step.scratch]
        if with_scratch:
            step = choose.choice(with_scratch)
            ref = max(5 << 28, step.scratch + 16 * choose.randint(-8, 8))
            return with_arena(patched(plan.data, step.at + 12, ref), source.frame.arena_bytes + 128)
    _, runs = run_bytes(plan)
    i, k = choose.randrange(len(runs)), choose.randrange(len(runs))
    runs[i], runs[k] = runs[k], runs[i]
    return with_runs(plan, runs)


def test_what_the_replay_accepts_computes_the_same() -> None:
    accepted = different = 0
    for seed in range(60):
        choose = random.Random(seed)
        plan = microplan.plan(random_graph(seed), prefer="ram")
        rng = np.random.default_rng(seed)
        inputs = [
            rng.integers(-128, 128, io.bytes, np.int8).tobytes() for io in _core.Executor(plan.data, b"").inputs()
        ]
        expected = outputs_of(plan.data, inputs)
        for _ in range(10):
            data = change(choose, plan)
            found = outputs_of(data, inputs)
            if is_broken(plan, data):
                different += found is not None and found != expected
            else:
                assert found in (None, expected), seed
                accepted += found is not None and data != plan.data
    # Both happen, so that this proves something.
    assert accepted > 50
    assert different > 50
