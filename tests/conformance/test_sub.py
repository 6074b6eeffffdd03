# SPDX-License-Identifier: Apache-2.0
"""SUB, with broadcasting, constants and all ratios of scales."""

from __future__ import annotations

import numpy as np
import pytest

from support.models import Case, Check, Network, build

CASES: dict[str, Case] = {
    "images": lambda n: n.sub(n.input(1, 6, 5, 3), n.input(1, 6, 5, 3, scale=0.03, zero_point=-7)),
    "batch 3": lambda n: n.sub(n.input(3, 4, 2, 3), n.input(3, 4, 2, 3, scale=0.5)),
    "vectors": lambda n: n.sub(n.input(17), n.input(17)),
    "a constant for each channel": lambda n: n.sub(n.input(1, 4, 3, 5), n.constant(5, scale=0.01)),
    "from a constant scalar": lambda n: n.sub(n.constant(1, scale=0.01), n.input(1, 4, 3, 5)),
    "broadcast to the left": lambda n: n.sub(n.input(1, 4, 1, 5), n.input(1, 4, 3, 5)),
    "broadcast on both sides": lambda n: n.sub(n.input(2, 4, 1, 1), n.input(1, 1, 3, 5)),
    "relu": lambda n: n.sub(n.input(1, 4, 3, 5), n.input(1, 4, 3, 5), activation="RELU"),
    "relu6": lambda n: n.sub(n.input(1, 4, 3, 5), n.input(1, 4, 3, 5), activation="RELU6", zero_point=-100),
    "second input far smaller": lambda n: n.sub(n.input(1, 64, 32), n.input(1, 64, 32, scale=1e-6)),
    "output far finer": lambda n: n.sub(n.input(1, 64, 32), n.input(1, 64, 32), scale=1e-5),
    "zero points at both ends": lambda n: n.sub(
        n.input(1, 64, 32, zero_point=-128), n.input(1, 64, 32, zero_point=127), zero_point=127
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_sub(conforms: Check, case: Case) -> None:
    conforms(build(case))


@pytest.mark.parametrize("seed", range(20))
def test_scales(conforms: Check, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = Network(seed)
    a, b = (
        n.input(1, 64, 32, scale=float(10 ** rng.uniform(-3, 0)), zero_point=int(rng.integers(-128, 128)))
        for _ in range(2)
    )
    conforms(n.finish(n.sub(a, b, scale=float(10 ** rng.uniform(-2.5, 0.5)), zero_point=int(rng.integers(-128, 128)))))
