# SPDX-License-Identifier: Apache-2.0
"""The run application: its answers on the simulated board, and that no byte of a frame can crash it."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from microplan.boards import Board
from microplan.build import Firmware
from microplan.errors import MicroplanError, UsageError
from microplan.paths import share_dir
from microplan.session import (
    MAX_PAYLOAD,
    Command,
    FrameError,
    Inference,
    Reply,
    Session,
    StepDump,
    decode_frames,
    encode_frame,
    exchange_bytes,
    parse_replies,
    write_requests,
)

HERE = Path(__file__).parent
FIRMWARE = HERE.parents[1] / "tools/microplan/firmware"
INPUT_BYTES = 300
SAMPLE = bytes(i & 0xFF for i in range(INPUT_BYTES))

Serve = Callable[[bytes], list[Reply]]


def scrambled(count: int) -> bytes:
    """What the stub model makes of SAMPLE in its `count`-th invocation after a reset."""
    return bytes(((byte ^ 0x55) + count) & 0xFF for byte in SAMPLE)


def test_inference_with_dump(board: Board, stub_run: Firmware) -> None:
    session = Session(stub_run.elf, board)
    info = session.info()
    assert (info.input_bytes, info.output_bytes, info.step_count) == ([INPUT_BYTES], [INPUT_BYTES], 2)
    assert (info.arena_bytes, info.state_bytes, info.model_hash) == (640, 4, 0xC0FFEE)
    content = scrambled(1)
    steps = [StepDump(step, 1, content) for step in range(2)]
    assert session.infer([[SAMPLE]] * 2, dump=True) == [Inference([content], steps)] * 2


def test_state_survives_without_reset(board: Board, stub_run: Firmware) -> None:
    results = Session(stub_run.elf, board).infer([[SAMPLE]] * 3, reset_each=False)
    assert results == [Inference([scrambled(count)]) for count in (1, 2, 3)]


def test_plan_is_read_back(board: Board, stub_run: Firmware) -> None:
    plan = Session(stub_run.elf, board).read_plan()
    assert plan[:4] == b"MPLN"
    assert len(plan) == struct.unpack_from("<I", plan, 8)[0]
    assert plan in stub_run.elf.read_bytes()


def test_wrong_sample_is_refused(board: Board, stub_run: Firmware) -> None:
    with pytest.raises(UsageError, match=r"inputs of \[3\] bytes; the model takes \[300\]"):
        Session(stub_run.elf, board).infer([[b"abc"]])


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """The application's own code with the stub model, on the host under sanitizers."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is missing: sudo apt install g++")
    program = tmp_path_factory.mktemp("serve") / "serve"
    sources = [HERE / "programs/serve_host.cpp", HERE / "stub_model/firmware_model.cpp"]
    sources += [FIRMWARE / f"{name}.cpp" for name in ("serve", "frame", "crc32", "buffers")]
    sources += [share_dir() / "src/microplan/plan/executor.cpp"]
    command = [compiler, "-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-fsanitize=address,undefined"]
    command += ["-fno-sanitize-recover=all", f"-I{share_dir()}/include", f"-I{share_dir()}/src"]
    command += [f"-I{FIRMWARE}", f"-I{HERE}/stub_model", *map(str, sources), "-o", str(program)]
    subprocess.run(command, check=True)

    def run(stream: bytes) -> list[Reply]:
        result = subprocess.run([program], input=stream, capture_output=True, check=False, timeout=60)
        assert result.returncode == 0, result.stderr.decode()
        return parse_replies(result.stdout)

    return run


def request(command: Command, *arguments: int) -> bytes:
    return bytes([command, *arguments])


def outcomes(replies: list[Reply]) -> list[tuple[int, FrameError]]:
    return [(reply.command, reply.error) for reply in replies]


BAD_REQUESTS = [
    (b"", 0, FrameError.BAD_LENGTH),
    (b"\x00", 0, FrameError.UNKNOWN_REQUEST),
    (b"\xff", 0xFF, FrameError.UNKNOWN_REQUEST),
    (request(Command.INFO, 0), Command.INFO, FrameError.BAD_LENGTH),
    (request(Command.RESET, 0), Command.RESET, FrameError.BAD_LENGTH),
    (request(Command.PLAN, 0), Command.PLAN, FrameError.BAD_LENGTH),
    (request(Command.INVOKE), Command.INVOKE, FrameError.BAD_LENGTH),
    (request(Command.INVOKE, 2), Command.INVOKE, FrameError.BAD_LENGTH),
    (request(Command.READ), Command.READ, FrameError.BAD_LENGTH),
    (request(Command.READ, 1), Command.READ, FrameError.BAD_INDEX),
    (request(Command.WRITE, 0, 0, 0, 0), Command.WRITE, FrameError.BAD_LENGTH),
    (request(Command.WRITE, 1, 0, 0, 0, 0), Command.WRITE, FrameError.BAD_INDEX),
    (request(Command.WRITE, 0, 0x2C, 1, 0, 0, 7), Command.WRITE, FrameError.OUT_OF_RANGE),
    (request(Command.WRITE, 0, 0xFF, 0xFF, 0xFF, 0xFF, 7), Command.WRITE, FrameError.OUT_OF_RANGE),
    (request(Command.WRITE, 0, 0x2C, 1, 0, 0), Command.WRITE, FrameError.NONE),
]


def test_bad_requests_get_an_error_each(serve: Serve) -> None:
    stream = b"".join(encode_frame(payload) for payload, *_ in BAD_REQUESTS)
    assert outcomes(serve(stream)) == [(command, error) for _, command, error in BAD_REQUESTS]


def test_bad_requests_on_the_board(board: Board, stub_run: Firmware) -> None:
    stream = b"".join(encode_frame(payload) for payload, *_ in BAD_REQUESTS)
    replies = exchange_bytes(stub_run.elf, board, stream)
    assert outcomes(replies) == [(command, error) for _, command, error in BAD_REQUESTS]


@pytest.mark.parametrize(
    "damaged",
    [
        encode_frame(b"\x01")[1:],
        encode_frame(b"\x01").replace(b"\x01", b"\x02", 1),
        b"\x01\x00",
        b"\xff\x01\x00",
        b"\x02\x01\x01\x01\x01\x00",
        encode_frame(bytes(MAX_PAYLOAD + 1)),
        b"\x01" * 100000 + b"\x00",
    ],
    ids=[
        "first byte lost",
        "byte changed",
        "no checksum",
        "block cut",
        "wrong checksum",
        "too long",
        "far too long",
    ],
)
def test_damaged_frame_is_skipped(serve: Serve, damaged: bytes) -> None:
    replies = serve(damaged + b"\0\0" + encode_frame(request(Command.RESET)))
    assert outcomes(replies) == [(0, FrameError.BAD_FRAME), (Command.RESET, FrameError.NONE)]


def test_frame_cut_at_the_end_of_the_link_is_no_frame(serve: Serve) -> None:
    assert serve(encode_frame(request(Command.RESET))[:-1]) == []


def test_payloads_of_every_length(serve: Serve) -> None:
    """Long ones without a zero byte, and with nothing else."""
    head = struct.pack("<BBI", Command.WRITE, 0, 0x01010101)
    payloads = [
        head + filling * n for filling in (b"\x07", b"\0") for n in range(MAX_PAYLOAD - len(head) + 1)
    ]
    replies = serve(b"".join(map(encode_frame, payloads)))
    assert outcomes(replies) == [(Command.WRITE, FrameError.OUT_OF_RANGE)] * len(payloads)


def test_random_streams_never_crash(serve: Serve) -> None:
    rng = random.Random(1)
    for _ in range(20):
        stream = bytearray()
        for _ in range(200):
            payload = bytes([rng.randrange(8)]) + rng.randbytes(rng.choice([0, 1, 5, 6, 40, MAX_PAYLOAD - 1]))
            frame = bytearray(encode_frame(payload))
            if rng.random() < 0.3:
                frame[rng.randrange(len(frame))] = rng.randrange(256)
            stream += frame if rng.random() < 0.9 else rng.randbytes(30)
        # Whatever came before, two delimiters later the application answers.
        replies = serve(bytes(stream) + b"\0\0" + encode_frame(request(Command.RESET)))
        assert outcomes(replies)[-1] == (Command.RESET, FrameError.NONE)
        assert len(replies) > 100


def test_frames_survive_the_way_back() -> None:
    rng = random.Random(2)
    payloads = [rng.randbytes(length) for length in range(MAX_PAYLOAD + 1)]
    assert decode_frames(b"".join(map(encode_frame, payloads))) == payloads


@pytest.mark.parametrize("stream", [b"\1\0", b"\5abc\0", encode_frame(b"hello"), encode_frame(b"")])
def test_nonsense_from_the_board_is_an_error(stream: bytes) -> None:
    with pytest.raises(MicroplanError, match=r"damaged frame|means nothing"):
        parse_replies(stream)


def test_write_requests_cover_the_input() -> None:
    requests = write_requests(3, SAMPLE)
    assert all(len(payload) <= MAX_PAYLOAD for payload in requests)
    assert b"".join(payload[6:] for payload in requests) == SAMPLE
