# SPDX-License-Identifier: Apache-2.0
"""Board files, and firmware that cannot be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from microplan.boards import Board, boards_dir, list_boards, load_board
from microplan.build import build_firmware
from microplan.errors import MicroplanError, UsageError

STUB_MODEL = Path(__file__).parent / "stub_model"


def test_every_board_is_named_like_its_file() -> None:
    assert [board.name for board in list_boards()] == sorted(
        path.stem for path in boards_dir().glob("*.toml")
    )
    cores = {f"qemu-cortex-m{core}" for core in (0, 3, 4, 7, 33, 55)}
    assert {"host", "qemu-riscv32", *cores} == {board.name for board in list_boards()}


def test_board_by_path() -> None:
    assert load_board(boards_dir() / "host.toml") == load_board("host")
    assert load_board("qemu-cortex-m4").feature_bits == 1 + 8


@pytest.mark.parametrize("name", ["qemu-cortex-m99", "../boards/host", ""])
def test_unknown_board_lists_the_known(name: str) -> None:
    with pytest.raises(UsageError, match=r"host, qemu-cortex-m0, .*qemu-riscv32"):
        load_board(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not a TOML file"),
        ('name = "b"', "description: Field required"),
        ('name="b"\ndescription=""\ncpu="c"\nfeatures=["simd"]', "features.0"),
        ('name="b"\ndescription=""\ncpu="c"\nfeatures=[]\ncolour="red"', "colour"),
        (
            'name="b"\ndescription=""\ncpu="c"\nfeatures=[]\n[counter]\ninstructions_per_tick=1',
            "needs all of",
        ),
    ],
    ids=["no TOML", "field missing", "unknown feature", "unknown field", "half a board"],
)
def test_bad_board_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "b.toml"
    path.write_text(text)
    with pytest.raises(MicroplanError, match=message):
        load_board(path)


def test_host_has_no_firmware(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="inside the Python package"):
        build_firmware(STUB_MODEL, load_board("host"), tmp_path)


def test_missing_compiler_names_the_package(board: Board, tmp_path: Path) -> None:
    assert board.compiler
    compiler = board.compiler.model_copy(update={"prefix": "no-such-"})
    with pytest.raises(MicroplanError, match="sudo apt install gcc-arm-none-eabi"):
        build_firmware(STUB_MODEL, board.model_copy(update={"compiler": compiler}), tmp_path)


@pytest.mark.parametrize(
    ("kind", "length", "message"),
    [
        ("flash", 2048, r"flash has 2,048 bytes, and \d,\d{3} more are needed"),
        ("ram", 2560, r"RAM has 2,560 bytes, of which 2,048 are kept for the stack, and \d{3} more"),
        ("ram", 2048, "2,048 bytes of RAM, and the stack alone needs 2,048"),
    ],
    ids=["flash", "RAM", "no room but for the stack"],
)
def test_board_that_is_too_small(board: Board, tmp_path: Path, kind: str, length: int, message: str) -> None:
    memory = [
        region.model_copy(update={"length": length}) if region.kind == kind else region
        for region in board.memory
    ]
    with pytest.raises(MicroplanError, match=message):
        build_firmware(STUB_MODEL, board.model_copy(update={"memory": memory}), tmp_path)


def test_compiler_errors_are_shown(board: Board, tmp_path: Path) -> None:
    generated = tmp_path / "generated"
    generated.mkdir()
    (generated / "firmware_model.h").write_text("#error this model is broken\n")
    with pytest.raises(MicroplanError, match="this model is broken"):
        build_firmware(generated, board, tmp_path)
