# SPDX-License-Identifier: Apache-2.0
"""Which kernels a plan takes: preferences, named variants, what is told of reference kernels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

import microplan
from microplan import _core
from microplan.cli import main
from microplan.commands import common
from microplan.embed import embed
from microplan.kernel_choice import reference_warnings
from microplan.planning import (
    PREFERENCES,
    Plan,
    plan,
    plan_for_this_machine,
    select_variants,
    variant_of,
    variants_for,
)

DIGITS = Path(__file__).parents[2] / "examples/digits/digits.tflite"
NO_FEATURE, DSP, MVE = 0, _core.FEATURE_DSP, _core.FEATURE_MVE


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def row(name: str, features: int, packs: bool = False) -> Any:
    """A row of the operator table, of an int8 convolution."""
    types = {"input_type": "int8", "filter_type": "int8", "output_type": "int8"}
    return SimpleNamespace(name=name, operator_name="CONV_2D", features=features, packs=packs, **types)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The rows that the tools see instead of the library's."""
    rows = [
        row("conv_2d_int8", NO_FEATURE),
        row("conv_2d_int8_mve", MVE, packs=True),
        row("conv_2d_int8_dsp", DSP, packs=True),
        row("fully_connected_int8", NO_FEATURE),
        row("conv_2d_int8_base", NO_FEATURE),
    ]
    monkeypatch.setattr(_core, "variants", lambda: rows)
    return rows


@pytest.mark.usefixtures("table")
def test_a_variant_comes_first_then_base_then_reference() -> None:
    base_and_reference = ["conv_2d_int8_base", "conv_2d_int8", "fully_connected_int8"]
    assert select_variants("dsp") == ["conv_2d_int8_dsp", *base_and_reference]
    assert select_variants("base") == base_and_reference
    assert select_variants("reference") == ["conv_2d_int8", "fully_connected_int8"]
    with pytest.raises(microplan.UsageError, match="reference, base, dsp, mve"):
        select_variants("nonsense")


def test_a_kernel_for_some_shapes_belongs_to_the_variant_and_comes_before_that_for_all() -> None:
    names = [name for name in select_variants("dsp") if name.startswith("depthwise_conv_2d_int8_dsp")]
    assert names == [f"depthwise_conv_2d_int8_dsp{shapes}" for shapes in ("_3x3", "_pixels", "")]
    assert {variant_of(name) for name in names} == {"dsp"}
    assert variant_of("svdf_int8_int16_cmsis_nn") == "cmsis_nn"
    assert variant_of("add_int8") == variant_of("concatenation") == "reference"


@pytest.mark.usefixtures("table")
def test_variants_of_a_target_are_those_that_its_features_allow() -> None:
    assert variants_for(NO_FEATURE) == ["reference", "base"]
    assert variants_for(DSP) == ["reference", "base", "dsp"]


def test_reference_alone_is_reference_only() -> None:
    assert plan(DIGITS, features=DSP, variant="reference").variant == "reference"


def test_the_plan_tells_what_it_was_asked_for() -> None:
    assert plan(DIGITS).prefer == "balanced"
    whole = plan(DIGITS, prefer="ram", no_pass=["layout"])
    assert whole.flag_names == ["kPlanOwnsConstants", "kPlanPrefersRam", "kPlanSharesConstants"]
    assert set(plan(DIGITS, prefer="ram").flag_names) == {*whole.flag_names, "kPlanArranged"}
    assert plan(DIGITS, variant="reference").prefer is None


def test_a_plan_of_chosen_kernels_alone_is_the_same() -> None:
    """What the interpreted form rests on."""
    for features in (NO_FEATURE, DSP | _core.FEATURE_FPU):
        for prefer in PREFERENCES:
            first = plan(DIGITS, "interpreted", features=features, prefer=prefer)
            again = plan(DIGITS, "interpreted", features=features, prefer=prefer, variants=first.kernels)
            assert first.data == again.data


def test_the_device_is_told_the_same(tmp_path: Path) -> None:
    made = plan(DIGITS, "interpreted", prefer="ram", pin_inputs=True)
    source = embed(made, tmp_path, target="any").source.read_text()
    assert "options.flags = microplan::kPlanPinsInputs | microplan::kPlanPrefersRam;" in source
    assert (
        "options.flags" not in embed(plan(DIGITS, "interpreted"), tmp_path, target="any").source.read_text()
    )


def test_a_plan_for_another_machine_has_a_twin_that_runs_here() -> None:
    made = plan(DIGITS, features=MVE | DSP)
    here = plan_for_this_machine(made)
    assert all(
        not each.features & ~_core.KERNEL_FEATURES for each in _core.variants() if each.name in here.kernels
    )
    assert microplan.Interpreter(made).plan.kernels == here.kernels


def test_prefer_and_variant_exclude_each_other() -> None:
    result = run("check", DIGITS, "--prefer", "ram", "--variant", "reference")
    assert result.exit_code == 2
    assert "Give one of them" in result.stderr


def fits_only(preferences: tuple[str, ...]) -> Callable[[Plan, object], list[str]]:
    return lambda made, _board: [] if made.prefer in preferences else ["It is too big."]


@pytest.mark.parametrize(
    ("fits", "said"), [(("balanced", "ram"), ""), (("ram",), "least RAM"), (("flash",), "least flash")]
)
def test_kernels_that_need_less_where_the_best_do_not_fit(
    fits: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "memory_problems", fits_only(fits))
    result = run("check", DIGITS, "--board", "qemu-cortex-m4")
    assert result.exit_code == 0
    assert said in result.stderr
    assert bool(said) == ("It is too big." in result.stderr)


@pytest.mark.parametrize("arguments", [(), ("--variant", "reference"), ("--prefer", "speed")])
def test_an_error_where_nothing_fits(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "memory_problems", fits_only(()))
    result = run("check", DIGITS, "--board", "qemu-cortex-m4", *arguments)
    assert result.exit_code == 1
    assert "It is too big." in result.stderr


def planned(kernel: str, features: int, form: microplan.Form) -> Plan:
    """A plan of the digits network whose first operator, a convolution, runs by `kernel`."""
    step: Any = SimpleNamespace(operator_index=0, step=0, kernel=kernel, instructions=1000)
    core: Any = SimpleNamespace(steps=[step])
    return Plan(microplan.ModelFile.load(DIGITS), form, features, None, 0, core)


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("form", "features", "kernel", "told_of"),
    [
        ("compiled", DSP, "conv_2d_int8", ["conv_2d_int8_dsp", "conv_2d_int8_base"]),
        ("compiled", NO_FEATURE, "conv_2d_int8", ["conv_2d_int8_base"]),
        ("interpreted", DSP, "conv_2d_int8", ["conv_2d_int8_base"]),
        ("compiled", DSP, "conv_2d_int8_base", []),
    ],
)
def test_reference_kernels_are_told(
    form: microplan.Form, features: int, kernel: str, told_of: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = planned(kernel, features, form)

    tells(monkeypatch, "conv_2d_int8", 1)
    warnings = reference_warnings(made)
    assert len(warnings) == bool(told_of)
    for name in told_of:
        assert f"{name} does not support its shape or quantization" in warnings[0]
        assert "operator 0 CONV_2D: the reference kernel conv_2d_int8 runs it" in warnings[0]


def tells(monkeypatch: pytest.MonkeyPatch, kernel: str, instructions: int) -> None:
    """What the planner says when it has to look at one kernel first."""
    step = SimpleNamespace(operator_index=0, kernel=kernel, instructions=instructions, constant_bytes=9000)
    monkeypatch.setattr(_core, "plan", lambda *_: SimpleNamespace(steps=[step]))


@pytest.mark.parametrize(("instructions", "warned"), [(999, True), (1000, False)])
def test_a_kernel_that_is_slower_is_no_better_one(
    instructions: int, warned: bool, table: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    del table[-1]
    tells(monkeypatch, "conv_2d_int8_dsp", instructions)
    warnings = reference_warnings(planned("conv_2d_int8", DSP, "compiled"))
    assert [("9,000 bytes" in warning) for warning in warnings] == [True] * warned


@pytest.mark.parametrize(
    ("arguments", "exit_code", "warned"),
    [
        ((), 0, True),
        (("--strict",), 1, True),
        (("--strict", "--prefer", "balanced"), 1, True),
        (("--strict", "--prefer", "ram"), 0, False),
        (("--variant", "reference"), 0, False),
    ],
)
def test_strict_makes_an_error_of_it(
    arguments: tuple[str, ...], exit_code: int, warned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "reference_warnings", lambda _made: ["the reference kernel runs it"])
    for command in (["check"], ["size"], ["bench", "--board", "host"], ["embed", "--out", str(tmp_path)]):
        result = run(*command, DIGITS, *arguments)
        assert result.exit_code == exit_code
        assert ("warning: the reference kernel runs it" in result.stderr) == warned
