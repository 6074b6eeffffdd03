# SPDX-License-Identifier: Apache-2.0
"""SVDF and UNIDIRECTIONAL_SEQUENCE_LSTM: sequences of invocations, whose outputs depend on those before."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import microplan
from support.models import Check
from support.recurrent import GATES, Recurrent, lstm, svdf
from support.reference import Reference, assert_equal, random_inputs


def assert_remembers(model: bytes, invocations: int, reset_every: int | None = None, seed: int = 0) -> None:
    """Outputs and state equal the reference's after every invocation, in both forms, with and without resets.

    Half of the invocations continue from a copy of the state in another interpreter.
    """
    reference = Reference(model)
    forms: tuple[microplan.Form, ...] = ("compiled", "interpreted")
    active = {form: microplan.Interpreter(model, form) for form in forms}
    spare = {form: microplan.Interpreter(model, form) for form in forms}
    rng = np.random.default_rng(seed)
    for invocation in range(invocations):
        if reset_every and invocation % reset_every == reset_every - 1:
            reference.reset()
            for interpreter in active.values():
                interpreter.reset()
        inputs = random_inputs(active["compiled"].inputs, rng)
        reference.invoke(inputs)
        for form in forms:
            outputs = active[form].invoke(inputs)
            assert_state_equal(active[form], reference, f"{form}, invocation {invocation}")
            for index, output in zip(active[form].plan.info.outputs, outputs, strict=True):
                assert_equal(output, reference.tensor(index), f"{form}, invocation {invocation}, output")
            if invocation % 4 == 1:
                spare[form].state = active[form].state
                active[form], spare[form] = spare[form], active[form]
        assert active["compiled"].state == active["interpreted"].state


def assert_state_equal(interpreter: microplan.Interpreter, reference: Reference, what: str) -> None:
    for placement in interpreter.plan.core.placements:
        if placement.segment != "state":
            continue
        tensor = interpreter.plan.info.tensors[placement.tensor_index]
        content = interpreter.state[placement.offset : placement.offset + placement.bytes]
        found = np.frombuffer(content, tensor.type)
        assert_equal(found, reference.tensor(placement.tensor_index), f"{what}, state {tensor.name}")


# Their product is just below 0.75 in double precision and 0.75 in single: half a step in every second value.
NEAR_ONE = np.float32(1 + 2.0**-13)
BELOW_THREE_QUARTERS = np.float32(0.75 * (1 - 2.0**-13))


def svdf_of_scales(x: float, feature: float, state: float, time: float) -> Recurrent:
    case = svdf(depth=1, units=1, memory=1, zero_points=(0, 0, 0))
    one = np.array([[1]])
    return case.changed(
        {
            "x": {"scale": x},
            "feature": {"scale": feature, "data": one},
            "state": {"scale": state},
            "time": {"scale": time, "data": one},
            "bias": {"scale": state * time, "data": np.array([0])},
            "y": {"scale": 1},
        }
    )


def lstm_of_scales(x: float, filters: float, hidden: float, recurrent: float) -> Recurrent:
    tensors: dict[str, dict[str, Any]] = {name: {"scale": hidden} for name in ("hidden", "y")}
    tensors["x"] = {"scale": x}
    for gate in GATES:
        tensors[f"input_to_{gate}"] = {"scale": filters}
        tensors[f"recurrent_to_{gate}"] = {"scale": recurrent}
    return lstm(zero_points=(0, 0), steps=40, units=20).changed(tensors)


SVDF = {
    "rank 1": svdf(),
    "rank 2": svdf(rank=2),
    "rank 5": svdf(rank=5, units=3, memory=7),
    "one by one": svdf(depth=1, units=1, memory=1),
    "memory 1": svdf(memory=1),
    "memory 1, rank 3": svdf(memory=1, rank=3),
    "long memory": svdf(memory=60),
    "deep": svdf(depth=400, units=3),
    "batch 3": svdf(batch=3, rank=2),
    "zero points at the lower end": svdf(zero_points=(-128, -128, -128)),
    "zero points at the upper end": svdf(zero_points=(127, 127, 127)),
    # A state far from its zero point wraps.
    "saturated, wrapping state": svdf(spread=2, zero_points=(0, -50, 0)),
    "saturated, state around 0": svdf(spread=2, zero_points=(0, 0, 0)),
    "the fused activation does not count": svdf(activation="RELU6", zero_points=(3, -5, -90)),
    "no activation": svdf(activation="NONE"),
    "int16 state": svdf(state="int16", zero_points=(3, 0, 7)),
    "int16 state, rank 2, batch 3": svdf(state="int16", rank=2, batch=3, zero_points=(-128, 0, -128)),
    "int16 state, one by one": svdf(state="int16", depth=1, units=1, memory=1, zero_points=(0, 0, 0)),
    "int16 state, zero point": svdf(state="int16", zero_points=(3, 1000, 7)),
    "int16 state, saturated": svdf(state="int16", spread=2, zero_points=(3, 1000, 7)),
    "scales of input and feature in double": svdf_of_scales(NEAR_ONE, BELOW_THREE_QUARTERS, 1, 1),
    "scales of state and time in double": svdf_of_scales(1, 1, NEAR_ONE, BELOW_THREE_QUARTERS),
    "float": svdf(state="float32", activation="NONE"),
    "float, rank 2, batch 3": svdf(state="float32", rank=2, batch=3, activation="NONE"),
    "float, memory 1": svdf(state="float32", memory=1, activation="NONE"),
    "float, relu": svdf(state="float32"),
    "float, relu6": svdf(state="float32", activation="RELU6"),
    "float, relu_n1_to_1": svdf(state="float32", activation="RELU_N1_TO_1"),
}

LSTM = {
    "int8": lstm(),
    "int8, one by one": lstm(steps=1, depth=1, units=1),
    "int8, many units": lstm(depth=28, units=40, steps=3),
    "int8, batch 3": lstm(batch=3),
    "int8, time major": lstm(time_major=True),
    "int8, time major, batch 3": lstm(time_major=True, batch=3),
    "int8, zero points at the lower end": lstm(zero_points=(-128, -128)),
    "int8, zero points at the upper end": lstm(zero_points=(127, 127)),
    "int8, clipped": lstm(clip=1.5, steps=20),
    "int8, clipped to almost nothing": lstm(clip=2.0**-14),
    "int8, clip beyond the range": lstm(clip=100.0),
    "int8, wide cell state": lstm(cell_scale=2.0**-9, steps=30),
    "int8, very wide cell state": lstm(cell_scale=2.0**2),
    "int8, narrow cell state": lstm(cell_scale=2.0**-15, steps=30),
    "int8, very narrow cell state": lstm(cell_scale=2.0**-20),
    "int8, saturated gates": lstm(spread=12.0),
    "int8, flat gates": lstm(spread=0.01),
    "int8, scales of input and filter in double": lstm_of_scales(
        NEAR_ONE / 16, BELOW_THREE_QUARTERS / 256, 1 / 128, 1 / 128
    ),
    "int8, scales of hidden state and filter in double": lstm_of_scales(
        1 / 16, 1 / 256, NEAR_ONE / 128, BELOW_THREE_QUARTERS / 32
    ),
    "int16": lstm(dtype="int16", zero_points=(0, 0)),
    "int16, batch 3": lstm(dtype="int16", zero_points=(0, 0), batch=3),
    "int16, time major, batch 2": lstm(dtype="int16", zero_points=(0, 0), time_major=True, batch=2),
    "int16, zero points": lstm(dtype="int16", zero_points=(-700, 300)),
    "int16, clipped": lstm(dtype="int16", zero_points=(0, 0), clip=0.7, cell_scale=2.0**-11, steps=20),
    "int16, saturated gates": lstm(dtype="int16", zero_points=(0, 0), spread=12.0),
    "int16, many units": lstm(dtype="int16", zero_points=(0, 0), depth=28, units=40, steps=3),
    "float": lstm(dtype="float32"),
    "float, batch 3": lstm(dtype="float32", batch=3),
    "float, time major, batch 3": lstm(dtype="float32", time_major=True, batch=3),
    "float, clipped": lstm(dtype="float32", clip=0.4, steps=20),
    "float, saturated gates": lstm(dtype="float32", spread=12.0),
    "float, many units": lstm(dtype="float32", depth=28, units=40),
}


@pytest.mark.parametrize("case", SVDF.values(), ids=SVDF)
def test_svdf(conforms: Check, case: Recurrent) -> None:
    assert_remembers(case.write(), 20, reset_every=7)
    conforms(case.write())


@pytest.mark.parametrize("case", LSTM.values(), ids=LSTM)
def test_lstm(conforms: Check, case: Recurrent) -> None:
    assert_remembers(case.write(), 20, reset_every=7)
    conforms(case.write())


@pytest.mark.parametrize("seed", range(20))
def test_random_svdf(conforms: Check, seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = svdf(
        batch=int(rng.integers(1, 4)),
        depth=int(rng.integers(1, 50)),
        units=int(rng.integers(1, 20)),
        rank=int(rng.integers(1, 4)),
        memory=int(rng.integers(1, 20)),
        state=str(rng.choice(["int8", "int8", "int16", "float32"])),
        zero_points=tuple(int(z) for z in rng.integers(-128, 128, 3)),
        spread=float(rng.uniform(0.1, 0.6)),
        activation=str(rng.choice(["NONE", "RELU"])),
        seed=seed,
    )
    assert_remembers(case.write(), 10)
    conforms(case.write())


@pytest.mark.parametrize("seed", range(20))
def test_random_lstm(conforms: Check, seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = lstm(
        dtype=str(rng.choice(["int8", "int8", "int16", "float32"])),
        batch=int(rng.integers(1, 4)),
        steps=int(rng.integers(1, 12)),
        depth=int(rng.integers(1, 30)),
        units=int(rng.integers(1, 30)),
        time_major=bool(rng.random() < 0.5),
        zero_points=tuple(int(z) for z in rng.integers(-128, 128, 2)),
        cell_scale=2.0 ** int(rng.integers(-15, -8)),
        clip=float(rng.choice([0, 0.5, 3])),
        spread=float(rng.uniform(0.3, 4)),
        seed=seed,
    )
    assert_remembers(case.write(), 10)
    conforms(case.write())


def test_every_argument_of_tanh_and_logistic() -> None:
    """All 65,536 arguments of both functions: the cell states tell one from the other."""
    batch = 8192
    sound = lstm(dtype="int16", batch=batch, steps=1, depth=1, units=2, zero_points=(0, 0), cell_scale=2.0**-15)
    # With these scales a gate's argument is input times filter plus bias, in steps of 2^-12. Unit 0 makes
    # tanh(x) times almost 1, unit 1 logistic(x) times almost 1; the output gate sees x as well.
    filters = {"input": (0, 1), "forget": (0, 0), "cell": (1, 0), "output": (1, 1)}
    biases = {"input": (32767, 0), "forget": (0, 0), "cell": (0, 32767), "output": (0, 0)}
    tensors: dict[str, dict[str, Any]] = {"x": {"scale": 2.0**-12}}
    for gate in GATES:
        tensors[f"input_to_{gate}"] = {"data": np.array(filters[gate])[:, None], "scale": 1.0}
        tensors[f"recurrent_to_{gate}"] = {"data": np.zeros((2, 2), np.int8)}
        tensors[f"{gate}_bias"] = {"data": np.array(biases[gate])}
    model = sound.changed(tensors).write()
    reference = Reference(model)
    interpreter = microplan.Interpreter(model)
    cells: list[NDArray[Any]] = []
    for x in np.arange(-32768, 32768, dtype=np.int16).reshape(-1, batch, 1, 1):
        reference.reset()
        interpreter.reset()
        reference.invoke([x])
        (output,) = interpreter.invoke(x)
        assert_equal(output, reference.tensor(interpreter.plan.info.outputs[0]), "output")
        assert_state_equal(interpreter, reference, f"from {x.min()}")
        cells.append(np.frombuffer(interpreter.state, np.int16)[-2 * batch :].reshape(-1, 2))
    # The model does what it was made for: nothing is lost but what "almost 1" takes away.
    distinct = [len(np.unique(values)) for values in np.concatenate(cells).T]
    assert distinct[0] > 18000
    assert distinct[1] > 24000


@pytest.mark.parametrize("state", ["int8", "int16", "float32"])
def test_svdf_without_bias(state: str) -> None:
    """The reference stops without one; it counts as zeros."""
    case = svdf(state=state, zero_points=(3, 0, 7))
    dtype = "float32" if state == "float32" else "int32"
    zeros = microplan.Interpreter(case.changed({"bias": {"data": np.zeros(5, dtype)}}).write())
    absent = microplan.Interpreter(case.changed({"bias": None}).write())
    rng = np.random.default_rng(0)
    for _ in range(8):
        inputs = random_inputs(zeros.inputs, rng)
        assert absent.invoke(inputs)[0].tobytes() == zeros.invoke(inputs)[0].tobytes()


# CRC-32 of the first output when input byte i is i * 37 + 11, as published measurements give it.
REAL_MODELS = {"keyword_scrambled_8bit": 0xE48AF6F5, "mnist_lstm_int8": 0x92D78133}


@pytest.mark.parametrize("reset_every", [None, 7])
@pytest.mark.parametrize("name", REAL_MODELS)
def test_real_models(models_dir: Path, name: str, reset_every: int | None) -> None:
    assert_remembers((models_dir / f"{name}.tflite").read_bytes(), 50, reset_every)


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
@pytest.mark.parametrize("name", REAL_MODELS)
def test_checksums(models_dir: Path, name: str, form: microplan.Form) -> None:
    interpreter = microplan.Interpreter(models_dir / f"{name}.tflite", form)
    x = interpreter.inputs[0]
    content = (np.arange(x.nbytes) * 37 + 11).astype(np.uint8).tobytes()
    assert zlib.crc32(interpreter.invoke(x.from_bytes(content))[0].tobytes()) == REAL_MODELS[name]
