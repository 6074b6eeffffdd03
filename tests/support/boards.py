# SPDX-License-Identifier: Apache-2.0
"""Simulated boards for tests."""

from __future__ import annotations

import shutil

import pytest

from microplan.boards import Board, load_board


def installed(name: str) -> Board:
    """The board, or a skipped test where its tools are missing."""
    board = load_board(name)
    assert board.compiler and board.simulator
    for program, package in (
        (f"{board.compiler.prefix}g++", board.compiler.package),
        (board.simulator.command[0], board.simulator.package),
    ):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: sudo apt install {package}")
    return board
