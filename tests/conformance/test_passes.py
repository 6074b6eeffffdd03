# SPDX-License-Identifier: Apache-2.0
"""Graph passes change no bit of what is left: each alone and all together, on generated graphs and on real models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import microplan
from microplan import _core
from microplan.planning import LAYOUT, pass_names
from support.models import Network, Value
from support.operators import Operators
from support.passes import CASES, INPUTS, assert_passes_change_nothing, only
from support.pruned import Pruned, random_network

DEAD_CHANNELS = only("dead_channels")

GRAPH_PASSES = [name for name in pass_names() if name != LAYOUT]


@pytest.mark.parametrize("seed", range(CASES))
def test_random_networks(seed: int) -> None:
    assert_passes_change_nothing(random_network(seed), seed=seed)


def test_random_networks_have_dead_channels() -> None:
    plans = [microplan.plan(random_network(seed), no_pass=DEAD_CHANNELS) for seed in range(20)]
    assert sum(bool(plan.channels) for plan in plans) >= 5


def test_vww_96_int8(models_dir: Path) -> None:
    model = (models_dir / "vww_96_int8.tflite").read_bytes()
    plan = assert_passes_change_nothing(model, INPUTS * 5, features=_core.KERNEL_FEATURES)
    assert plan.macs <= 3_800_000
    assert len(plan.data) <= 50 * 1024
    assert "MACs 7,489,664 -> 3,737,870" in plan.pass_reports[-1][1]


def dead_padded_channels(zero_point: int) -> bytes:
    """A constant channel, zero or not, that a padded convolution reads."""
    n = Pruned(3)
    x = n.conv_2d(n.model_input(1, 6, 6, 3), 16, (1, 1), zero_point=zero_point, activation="RELU")
    return n.finish(n.conv_2d(x, 4, (3, 3), padding="SAME"))


def test_borders() -> None:
    # RELU's zero is what padding stands for; with the other zero point some channels saturate at another value, too.
    for zero_point in (-128, -5):
        plan = assert_passes_change_nothing(dead_padded_channels(zero_point), 50)
        assert plan.channels


def test_a_constant_beside_the_zero_point_stays_at_a_border() -> None:
    n = Network(1)
    x = n.conv_2d(n.model_input(1, 6, 6, 3), 4, (1, 1), bias="large", scale=0.05, zero_point=0)
    model = n.finish(n.conv_2d(x, 4, (3, 3), padding="SAME"))
    plan = assert_passes_change_nothing(model, 20)
    assert not plan.channels  # every channel saturates, none at the zero point
    n = Network(1)
    x = n.conv_2d(n.model_input(1, 6, 6, 3), 4, (1, 1), bias="large", scale=0.05, zero_point=0)
    model = n.finish(n.conv_2d(x, 4, (3, 3), padding="VALID"))
    assert assert_passes_change_nothing(model, 20).pass_reports


def test_each_pass_can_be_turned_off() -> None:
    model = dead_padded_channels(-128)
    everything = microplan.plan(model)
    assert "dead_channels" in everything.passes
    for name in everything.passes:
        assert name not in microplan.plan(model, no_pass=[name]).passes
    assert microplan.plan(model, no_pass=["all"]).passes == []
    with pytest.raises(microplan.MicroplanError, match="no pass 'fast'"):
        microplan.plan(model, no_pass=["fast"])


def test_the_header_names_the_source_and_the_passes() -> None:
    model = dead_padded_channels(-128)

    def header(plan: microplan.Plan) -> np.ndarray:
        return np.frombuffer(plan.data[:84], "<u4")

    plain = header(microplan.plan(model, no_pass=["all"]))
    every = header(microplan.plan(model))
    # Bytes and hash of the model.
    assert every[5] == len(model)
    assert every[5:7].tolist() == plain[5:7].tolist()
    assert plain[20] == 0
    assert every[20] == (1 << len(GRAPH_PASSES)) - 1
    assert microplan.plan(model).data == microplan.plan(model).data


def test_the_interpreted_form_is_planned_as_it_is() -> None:
    assert microplan.plan(dead_padded_channels(-128), "interpreted").pass_reports == []


def test_optimized_models_are_tflite_files() -> None:
    """LiteRT reads them and computes the same. Paddings that the schema cannot say are left out."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    standard = [name for name in GRAPH_PASSES if name != "pad_folding"]
    compared = 0
    for seed in range(16):
        model = random_network(seed)
        outputs = []
        for content in (model, _core.optimize(model, standard).model):
            runner = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
            try:
                runner.allocate_tensors()
            except RuntimeError:
                assert content is model  # LiteRT has no convolution without bias
                break
            (detail,) = runner.get_input_details()
            values = np.random.default_rng(seed).integers(-128, 127, detail["shape"], np.int8, endpoint=True)
            runner.set_tensor(detail["index"], values)
            runner.invoke()
            outputs.append([runner.get_tensor(output["index"]) for output in runner.get_output_details()])
        else:
            compared += 1
            for one, other in zip(*outputs, strict=True):
                np.testing.assert_array_equal(one, other)
    assert compared >= 5


def built(build: Callable[[Operators], Value]) -> bytes:
    n = Operators(5)
    return n.finish(build(n))


def conv_behind_pad(n: Operators) -> Value:
    x = n.pad(n.model_input(1, 7, 6, 3), [(0, 0), (1, 0), (2, 1), (0, 0)])
    return n.conv_2d(x, 4, padding="VALID")


def strided_conv_behind_pad(n: Operators) -> Value:
    x = n.pad(n.model_input(1, 8, 8, 3), [(0, 0), (0, 1), (0, 1), (0, 0)])
    return n.conv_2d(x, 4, padding="VALID", stride=(2, 2))


def depthwise_behind_pad(n: Operators) -> Value:
    x = n.pad(n.model_input(1, 7, 6, 4), [(0, 0), (2, 2), (1, 2), (0, 0)])
    return n.depthwise_conv_2d(x, padding="VALID", stride=(2, 1))


def padded_conv_behind_pad(n: Operators) -> Value:
    x = n.pad(n.model_input(1, 7, 6, 3), [(0, 0), (1, 1), (0, 1), (0, 0)])
    return n.conv_2d(x, 4, (5, 5), padding="SAME")


def dilated_conv_behind_pad(n: Operators) -> Value:
    x = n.pad(n.model_input(2, 9, 8, 3), [(0, 0), (2, 2), (2, 1), (0, 0)])
    return n.conv_2d(x, 4, padding="VALID", dilation=(2, 2))


def max_pool_behind_pad(n: Operators) -> Value:
    x = n.pad(n.model_input(1, 6, 6, 3, zero_point=-128), [(0, 0), (1, 1), (1, 0), (0, 0)])
    return n.pool_2d(x, "MAX_POOL_2D", (3, 3), (2, 2))


PADS = [
    conv_behind_pad,
    strided_conv_behind_pad,
    depthwise_behind_pad,
    padded_conv_behind_pad,
    dilated_conv_behind_pad,
    max_pool_behind_pad,
]


@pytest.mark.parametrize("build", PADS)
@pytest.mark.parametrize("features", [0, _core.KERNEL_FEATURES])
def test_pads_fold(build: Callable[[Operators], Value], features: int) -> None:
    plan = assert_passes_change_nothing(built(build), features=features)
    assert plan.passes == ["dead_operators", "pad_folding"]
    assert plan.core.steps[0].kernel == "folded"


def pad_of_another_value(n: Operators) -> Value:
    x = n.pad(n.model_input(1, 7, 6, 3), [(0, 0), (1, 1), (1, 1), (0, 0)], value=9)
    return n.conv_2d(x, 4, padding="VALID")


def pad_of_channels(n: Operators) -> Value:
    x = n.pad(n.model_input(1, 7, 6, 3), [(0, 0), (1, 1), (1, 1), (0, 1)])
    return n.conv_2d(x, 4, padding="VALID")


def pad_wider_than_the_window(n: Operators) -> Value:
    x = n.pad(n.model_input(1, 7, 6, 3), [(0, 0), (3, 1), (1, 1), (0, 0)])
    return n.conv_2d(x, 4, padding="VALID")


def average_pool_behind_pad(n: Operators) -> Value:
    x = n.pad(n.model_input(1, 6, 6, 3), [(0, 0), (1, 1), (1, 1), (0, 0)])
    return n.pool_2d(x, "AVERAGE_POOL_2D", (3, 3), (1, 1))


def max_pool_behind_large_pad(n: Operators) -> Value:
    x = n.pad(n.model_input(1, 6, 6, 3), [(0, 0), (1, 1), (1, 1), (0, 0)])
    return n.pool_2d(x, "MAX_POOL_2D", (3, 3), (1, 1))


@pytest.mark.parametrize(
    "build",
    [
        pad_of_another_value,
        pad_of_channels,
        pad_wider_than_the_window,
        average_pool_behind_pad,
        max_pool_behind_large_pad,
    ],
)
def test_other_pads_stay(build: Callable[[Operators], Value]) -> None:
    assert "pad_folding" not in assert_passes_change_nothing(built(build)).passes


def test_damaged_explicit_padding_is_refused_or_runs() -> None:
    """Every byte of the optimized model in turn, which holds the paddings as options of their own."""
    made = _core.optimize(built(conv_behind_pad), GRAPH_PASSES).model
    arrays = [np.zeros((1, 7, 6, 3), np.int8)]
    statuses = set()
    for position in range(len(made)):
        damaged = bytearray(made)
        damaged[position] ^= 0x83
        try:
            microplan.Interpreter(bytes(damaged)).invoke(*arrays)
            statuses.add("runs")
        except microplan.MicroplanError:
            statuses.add("refused")
    assert statuses == {"runs", "refused"}


def relu_behind_conv(n: Operators) -> Value:
    return n.activation("RELU", n.conv_2d(n.model_input(1, 6, 6, 3), 4))


def relu6_behind_sum(n: Operators) -> Value:
    x = n.model_input(1, 6, 6, 3)
    return n.activation("RELU6", n.add(x, n.conv_2d(x, 3)))


def relu6_behind_relu(n: Operators) -> Value:
    return n.activation("RELU6", n.depthwise_conv_2d(n.model_input(1, 6, 6, 3), activation="RELU"))


@pytest.mark.parametrize("build", [relu_behind_conv, relu6_behind_sum, relu6_behind_relu])
def test_activations_fuse(build: Callable[[Operators], Value]) -> None:
    plan = assert_passes_change_nothing(built(build), 20)
    assert plan.passes == ["activation_fusion"]
    assert plan.core.steps[-1].kernel == "folded"


def relu_of_another_scale(n: Operators) -> Value:
    return n.activation("RELU", n.conv_2d(n.model_input(1, 6, 6, 3), 4), scale=0.04)


def relu_of_what_others_read(n: Operators) -> Value:
    x = n.conv_2d(n.model_input(1, 6, 6, 3), 4)
    return n.add(n.activation("RELU", x), x)


def logistic_behind_clamp(n: Operators) -> Value:
    return n.activation("LOGISTIC", n.conv_2d(n.model_input(1, 6, 6, 3), 4, activation="RELU_N1_TO_1"))


@pytest.mark.parametrize("build", [relu_of_another_scale, relu_of_what_others_read, logistic_behind_clamp])
def test_other_activations_stay(build: Callable[[Operators], Value]) -> None:
    assert "activation_fusion" not in assert_passes_change_nothing(built(build), 20).passes


def views_in_a_row(n: Operators) -> Value:
    x = n.conv_2d(n.model_input(1, 4, 4, 3), 4)
    x = n.view(n.view(n.view(x, 1, 64), 1, 64, 1, operator="EXPAND_DIMS"), 64)
    return n.activation("TANH", n.view(n.view(x, 64), 4, 16))


def quantize_there_and_back(n: Operators) -> Value:
    # A power of two, so that nothing is lost on the way.
    x = n.conv_2d(n.model_input(1, 4, 4, 3), 4, scale=0.0625, zero_point=0, activation="RELU6")
    y = n.quantize(n.quantize(x, scale=0.03125, zero_point=-128), scale=0.0625, zero_point=0)
    return n.conv_2d(y, 3)


def relu_behind_relu(n: Operators) -> Value:
    x = n.conv_2d(n.model_input(1, 4, 4, 3), 4, activation="RELU")
    return n.conv_2d(n.activation("RELU", n.pool_2d(x, "AVERAGE_POOL_2D")), 3)


@pytest.mark.parametrize("build", [views_in_a_row, quantize_there_and_back, relu_behind_relu])
def test_identities_go(build: Callable[[Operators], Value]) -> None:
    plan = assert_passes_change_nothing(built(build), 20, no_pass=["activation_fusion"])
    assert "identities" in plan.passes


def quantize_that_loses(n: Operators) -> Value:
    y = n.quantize(n.quantize(n.model_input(1, 4, 4, 3), scale=0.4), scale=0.05)
    return n.conv_2d(y, 3)


def test_lossy_quantize_operators_stay() -> None:
    assert assert_passes_change_nothing(built(quantize_that_loses), 20).passes == []


def transposes_in_a_row(n: Operators) -> Value:
    x = n.conv_2d(n.model_input(1, 5, 4, 3), 4)
    there = n.transpose(n.transpose(x, 0, 3, 1, 2), 0, 2, 3, 1)
    return n.conv_2d(n.transpose(n.transpose(there, 0, 2, 1, 3), 0, 3, 1, 2), 2)


def transpose_of_ones(n: Operators) -> Value:
    return n.softmax(n.transpose(n.conv_2d(n.model_input(1, 5, 1, 3), 4, (1, 1)), 2, 0, 1, 3))


@pytest.mark.parametrize(("build", "left"), [(transposes_in_a_row, 1), (transpose_of_ones, 0)])
def test_transposes_join(build: Callable[[Operators], Value], left: int) -> None:
    plan = assert_passes_change_nothing(built(build))
    assert "transposes" in plan.passes
    assert sum(step.kernel.startswith("transpose") for step in plan.core.steps) == left


def test_constants_fold() -> None:
    n = Operators(1)
    x = n.model_input(1, 4, 4, 3)
    shift = n.pad(n.add(n.constant(1, 2, 4, 3), n.constant(1, 1, 1, 3)), [(0, 0), (1, 1), (0, 0), (0, 0)])
    plan = assert_passes_change_nothing(n.finish(n.add(x, shift)))
    assert plan.passes == ["constant_folding"]
    assert sum(step.step >= 0 for step in plan.core.steps) == 1


def test_operators_that_nobody_reads_go() -> None:
    n = Network(1)
    x = n.model_input(1, 4, 4, 3)
    n.conv_2d(n.conv_2d(x, 4), 5)
    plan = assert_passes_change_nothing(n.finish(n.conv_2d(x, 2)))
    assert plan.passes == ["dead_operators"]
    assert [step.kernel for step in plan.core.steps][:2] == ["folded", "folded"]


def test_order_lowers_the_peak() -> None:
    """Both wide tensors of two branches need not be alive at once, as they are in the model's order."""
    n = Network(1)
    x = n.model_input(1, 8, 8, 4)
    wide = [n.conv_2d(x, 32, (1, 1)) for _ in range(3)]
    narrow = [n.conv_2d(tensor, 4, stride=(2, 2)) for tensor in wide]
    model = n.finish(n.add(n.add(narrow[0], narrow[1]), narrow[2]))
    plan = assert_passes_change_nothing(model)
    assert plan.passes == ["operator_order"]
    arenas = [microplan.plan(model, no_pass=[*off, LAYOUT]).arena_bytes for off in ([], ["operator_order"])]
    assert arenas[0] < 0.65 * arenas[1]
    order = [step.operator_index for step in plan.core.steps]
    assert order != sorted(order)
