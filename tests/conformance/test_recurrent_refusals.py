# SPDX-License-Identifier: Apache-2.0
"""What SVDF and UNIDIRECTIONAL_SEQUENCE_LSTM refuse, each with a reason that names operator and tensor."""

from __future__ import annotations

import numpy as np
import pytest

import microplan
from microplan import _core
from support.recurrent import GATES, Recurrent, lstm, plain, svdf


def assert_refused(case: Recurrent, status: str, tensor: str, reason: str) -> None:
    model = case.write()
    assert _core.plan(model, 0, 0).status == status
    with pytest.raises(microplan.ModelError) as caught:
        microplan.plan(model)
    message = caught.value.findings[0]
    assert f"operator 0 {case.operator}" in message
    assert not tensor or f'tensor "{tensor}": ' in message
    assert reason in message


SVDF_REFUSALS = {
    "rank 0": (svdf(rank=1).changed({}, rank=0), "kUnsupportedOption", "feature", "rank"),
    "rank does not divide": (svdf().changed({}, rank=2), "kUnsupportedOption", "feature", "rank"),
    "negative rank": (svdf().changed({}, rank=-1), "kUnsupportedOption", "feature", "rank"),
    "depth differs": (
        svdf().changed({"x": {"shape": (1, 7)}}),
        "kUnsupportedShape",
        "feature",
        "do not go together",
    ),
    "filters differ": (
        svdf().changed({"time": plain((4, 4), "int8")}),
        "kUnsupportedShape",
        "feature",
        "do not go together",
    ),
    "units differ": (svdf().changed({"y": {"shape": (1, 4)}}), "kUnsupportedShape", "y", "the output is not"),
    "state too small": (
        svdf().changed({"state": {"shape": (1, 19)}}),
        "kUnsupportedShape",
        "state",
        "not a variable",
    ),
    "state is an input": (
        svdf().changed({"state": {"is_variable": False}}),
        "kUnsupportedShape",
        "state",
        "not a variable",
    ),
    "state and time weights differ": (
        svdf().changed({"state": {"dtype": "int16", "zero_point": 0}}),
        "kUnsupportedType",
        "state",
        "both int8",
    ),
    "float time weights": (
        svdf().changed({"time": {"dtype": "float32", "data": np.zeros((5, 4))}}),
        "kUnsupportedType",
        "state",
        "both int8",
    ),
    "bias too long": (
        svdf().changed({"bias": plain((6,), "int32")}),
        "kUnsupportedShape",
        "bias",
        "one int32",
    ),
    "int64 bias": (svdf().changed({"bias": plain((5,), "int64")}), "kUnsupportedShape", "bias", "one int32"),
    "computed weights": (
        svdf().changed({"feature": {"data": None}}),
        "kNotConstant",
        "feature",
        "must be a constant",
    ),
    "computed time weights": (
        svdf().changed({"time": {"data": None}}),
        "kNotConstant",
        "time",
        "must be a constant",
    ),
    "computed bias": (svdf().changed({"bias": {"data": None}}), "kNotConstant", "bias", "must be a constant"),
    "weights per channel": (
        svdf().changed({"feature": {"scale": [0.1] * 5}}),
        "kUnsupportedQuantization",
        "feature",
        "one positive scale",
    ),
    "weights with a zero point": (
        svdf().changed({"time": {"zero_point": 1}}),
        "kUnsupportedQuantization",
        "time",
        "is not 0",
    ),
    "scales far apart": (
        svdf().changed({"y": {"scale": 1e-30}}),
        "kUnsupportedQuantization",
        "state",
        "2^30",
    ),
    "hybrid": (
        svdf(state="float32").changed({"feature": plain((5, 8), "int8")}),
        "kUnsupportedType",
        "",
        "no kernel",
    ),
    "tanh": (svdf(state="float32", activation="TANH"), "kUnsupportedOption", "y", "activation"),
}

FILTER = (4, 6)
BIAS = (4,)
LSTM_REFUSALS = {
    **{
        name: (lstm().changed({name: plain(BIAS, "int16")}), "kUnsupportedOption", name, "peephole")
        for name in ("cell_to_input", "cell_to_forget", "cell_to_output")
    },
    "projection": (
        lstm().changed({"projection": plain((4, 4), "int8")}),
        "kUnsupportedOption",
        "projection",
        "projection",
    ),
    "projection bias": (
        lstm().changed({"projection_bias": plain(BIAS, "int32")}),
        "kUnsupportedOption",
        "projection_bias",
        "projection",
    ),
    **{
        f"{gate} normalization": (
            lstm().changed({f"{gate}_normalization": plain(BIAS, "int16")}),
            "kUnsupportedOption",
            f"{gate}_normalization",
            "layer normalization",
        )
        for gate in GATES
    },
    "coupled gates": (
        lstm().changed({"recurrent_to_input": None, "input_bias": None}),
        "kUnsupportedOption",
        "",
        "coupled",
    ),
    "no activation": (
        lstm().changed({}, fused_activation_function="NONE"),
        "kUnsupportedOption",
        "y",
        "not TANH",
    ),
    "two dimensions": (
        lstm().changed({"x": {"shape": (5, 6)}}),
        "kUnsupportedShape",
        "y",
        "not sequences",
    ),
    "other length": (
        lstm().changed({"y": {"shape": (1, 4, 4)}}),
        "kUnsupportedShape",
        "y",
        "not sequences",
    ),
    "hidden state too large": (
        lstm().changed({"hidden": {"shape": (2, 4)}}),
        "kUnsupportedShape",
        "hidden",
        "not a variable",
    ),
    "hidden state is an input": (
        lstm().changed({"hidden": {"is_variable": False}}),
        "kUnsupportedShape",
        "hidden",
        "not a variable",
    ),
    "int16 hidden state": (
        lstm().changed({"hidden": {"dtype": "int16"}}),
        "kUnsupportedShape",
        "hidden",
        "not a variable",
    ),
    "int8 cell state": (
        lstm().changed({"cell": {"dtype": "int8"}}),
        "kUnsupportedShape",
        "cell",
        "not a variable",
    ),
    "cell scale is no power of two": (
        lstm(cell_scale=0.0003),
        "kUnsupportedQuantization",
        "cell",
        "power of two",
    ),
    "cell scale of 8": (lstm(cell_scale=8.0), "kUnsupportedQuantization", "cell", "power of two"),
    "cell scale of 2^-43": (lstm(cell_scale=2.0**-43), "kUnsupportedQuantization", "cell", "power of two"),
    "filter too small": (
        lstm().changed({"input_to_cell": plain((4, 5), "int8")}),
        "kUnsupportedShape",
        "input_to_cell",
        "do not go with",
    ),
    "recurrent filter too small": (
        lstm().changed({"recurrent_to_cell": plain((3, 4), "int8")}),
        "kUnsupportedShape",
        "recurrent_to_cell",
        "do not go with",
    ),
    "int16 filter": (
        lstm().changed({"input_to_cell": plain(FILTER, "int16")}),
        "kUnsupportedType",
        "input_to_cell",
        "not int8",
    ),
    "int64 bias of int8": (
        lstm().changed({"output_bias": plain(BIAS, "int64")}),
        "kUnsupportedType",
        "output_bias",
        "not int32",
    ),
    "int32 bias of int16": (
        lstm(dtype="int16", zero_points=(0, 0)).changed({"output_bias": plain(BIAS, "int32")}),
        "kUnsupportedType",
        "output_bias",
        "not int32",
    ),
    "computed filter": (
        lstm().changed({"input_to_cell": {"data": None}}),
        "kNotConstant",
        "input_to_cell",
        "must be a constant",
    ),
    "filter per channel": (
        lstm().changed({"input_to_cell": {"scale": [0.1] * 4}}),
        "kUnsupportedQuantization",
        "input_to_cell",
        "one positive scale",
    ),
    "filter with a zero point": (
        lstm().changed({"recurrent_to_cell": {"zero_point": 1}}),
        "kUnsupportedQuantization",
        "recurrent_to_cell",
        "is not 0",
    ),
    "scales too large": (
        lstm().changed({"input_to_cell": {"scale": 1e10}}),
        "kUnsupportedQuantization",
        "hidden",
        "beyond",
    ),
    "scales too large for 64-bit sums": (
        lstm(dtype="int16", zero_points=(0, 0)).changed({"recurrent_to_cell": {"scale": 1200.0}}),
        "kUnsupportedQuantization",
        "hidden",
        "beyond",
    ),
    "hybrid": (
        lstm(dtype="float32").changed({"input_to_input": plain(FILTER, "int8")}),
        "kUnsupportedType",
        "",
        "no kernel",
    ),
}


@pytest.mark.parametrize("refusal", SVDF_REFUSALS.values(), ids=SVDF_REFUSALS)
def test_svdf_refusals(refusal: tuple[Recurrent, str, str, str]) -> None:
    assert_refused(*refusal)


@pytest.mark.parametrize("refusal", LSTM_REFUSALS.values(), ids=LSTM_REFUSALS)
def test_lstm_refusals(refusal: tuple[Recurrent, str, str, str]) -> None:
    assert_refused(*refusal)
