# SPDX-License-Identifier: Apache-2.0
"""Inferences on a board: a Session talks to firmware/run.cpp; firmware/serve.h describes the frames."""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from cobs import cobs  # type: ignore[import-untyped]

from microplan.boards import Board
from microplan.errors import MicroplanError, UsageError
from microplan.simulator import run_in_simulator
from microplan.status import describe_status

PROTOCOL = 1
MAX_PAYLOAD = 250


class Command(IntEnum):
    INFO = 1
    RESET = 2
    WRITE = 3
    INVOKE = 4
    READ = 5
    PLAN = 6


class _Reply(IntEnum):
    DATA = 0x81
    STATUS = 0x82


class _Source(IntEnum):
    INFO = 1
    STEP = 2
    OUTPUT = 3
    PLAN = 4


class FrameError(IntEnum):
    NONE = 0
    BAD_FRAME = 1
    UNKNOWN_REQUEST = 2
    BAD_LENGTH = 3
    BAD_INDEX = 4
    OUT_OF_RANGE = 5
    MODEL = 6


@dataclass(frozen=True)
class DeviceInfo:
    plan_bytes: int
    arena_bytes: int
    state_bytes: int
    model_bytes: int
    model_hash: int
    step_count: int
    input_bytes: list[int]
    output_bytes: list[int]


@dataclass(frozen=True)
class StepDump:
    """The output of a step right after it ran."""

    step: int
    view: int
    content: bytes


@dataclass(frozen=True)
class Inference:
    outputs: list[bytes]
    steps: list[StepDump] = field(default_factory=list)  # in the order of execution, when asked for


@dataclass(frozen=True)
class Reply:
    """What came back for one request."""

    command: int
    error: FrameError
    status: int
    data: list[tuple[int, int, int, bytes]]  # source, step, view or output, content; as their first bytes arrived


class Session:
    """One firmware on one board. Each call below starts the firmware anew, with its state reset."""

    def __init__(self, elf: Path, board: Board, timeout: float = 600) -> None:
        self._elf = elf
        self._board = board
        self._timeout = timeout
        self._info: DeviceInfo | None = None

    def info(self) -> DeviceInfo:
        if self._info is None:
            (reply,) = self._exchange([bytes([Command.INFO])])
            self._info = _parse_info(b"".join(content for *_, content in reply.data))
        return self._info

    def read_plan(self) -> bytes:
        """The plan that the firmware runs; in the interpreted form it made it itself."""
        (reply,) = self._exchange([bytes([Command.PLAN])])
        return b"".join(content for *_, content in reply.data)

    def infer(
        self, samples: Sequence[Sequence[bytes]], *, reset_each: bool = True, dump: bool = False
    ) -> list[Inference]:
        """Runs each sample, the bytes of all inputs; `dump` brings each step's output along."""
        info = self.info()
        requests: list[bytes] = []
        for number, sample in enumerate(samples):
            sizes = [len(content) for content in sample]
            if sizes != info.input_bytes:
                raise UsageError(
                    f"Sample {number} has inputs of {sizes} bytes; the model takes {info.input_bytes}."
                )
            if reset_each:
                requests.append(bytes([Command.RESET]))
            for index, content in enumerate(sample):
                requests += write_requests(index, content)
            requests.append(bytes([Command.INVOKE, dump]))
            requests += [bytes([Command.READ, index]) for index in range(len(info.output_bytes))]

        results: list[Inference] = []
        for reply in self._exchange(requests):
            if reply.command == Command.INVOKE:
                results.append(Inference([], _join_steps(reply)))
            elif reply.command == Command.READ:
                results[-1].outputs.append(b"".join(content for *_, content in reply.data))
        return results

    def _exchange(self, requests: Sequence[bytes]) -> list[Reply]:
        stream = b"".join(encode_frame(request) for request in requests)
        replies = exchange_bytes(self._elf, self._board, stream, self._timeout)
        if len(replies) != len(requests):
            raise MicroplanError(
                f"{self._elf.name} answered {len(replies)} of {len(requests)} requests on "
                f"{self._board.name}. Build the firmware again with this version of Microplan."
            )
        for request, reply in zip(requests, replies, strict=True):
            if reply.error == FrameError.MODEL:
                raise MicroplanError(
                    f"The inference on {self._board.name} failed: {describe_status(reply.status)}."
                )
            if reply.error != FrameError.NONE or reply.command != request[0]:
                raise MicroplanError(
                    f"{self._elf.name} refused request {Command(request[0]).name} with {reply.error.name} on "
                    f"{self._board.name}. Build the firmware again with this version of Microplan."
                )
        return replies


def write_requests(index: int, content: bytes) -> list[bytes]:
    """Requests that write a whole input."""
    head = struct.Struct("<BBI")
    part = MAX_PAYLOAD - head.size
    return [
        head.pack(Command.WRITE, index, offset) + content[offset : offset + part]
        for offset in range(0, len(content), part)
    ]


def encode_frame(payload: bytes) -> bytes:
    return bytes(cobs.encode(payload + struct.pack("<I", zlib.crc32(payload)))) + b"\0"


def decode_frames(stream: bytes) -> list[bytes]:
    """Payloads of the frames in what a device sent."""
    payloads = []
    for frame in stream.split(b"\0"):
        if not frame:
            continue
        try:
            content = cobs.decode(frame)
        except cobs.DecodeError:
            content = b""
        if len(content) < 4 or struct.unpack("<I", content[-4:])[0] != zlib.crc32(content[:-4]):
            raise MicroplanError("The board sent a damaged frame: check the connection and try again.")
        payloads.append(content[:-4])
    return payloads


def parse_replies(stream: bytes) -> list[Reply]:
    replies = []
    parts: _Parts = {}
    for payload in decode_frames(stream):
        kind = payload[0] if payload else 0
        if kind == _Reply.STATUS and len(payload) == 4 and payload[2] <= max(FrameError):
            data = [(*key, _join(pieces)) for key, pieces in parts.items()]
            replies.append(Reply(payload[1], FrameError(payload[2]), payload[3], data))
            parts = {}
        elif kind == _Reply.DATA and len(payload) >= 12:
            source, index, step, offset = struct.unpack_from("<BHII", payload, 1)
            parts.setdefault((source, step, index), []).append((offset, payload[12:]))
        else:
            raise MicroplanError("The board sent a frame that means nothing here: build the firmware again.")
    return replies


def exchange_bytes(elf: Path, board: Board, stream: bytes, timeout: float = 600) -> list[Reply]:
    """Sends bytes, frames or not, to a firmware built with app="run" and collects its replies."""
    with tempfile.TemporaryDirectory(prefix="microplan-") as folder:
        (Path(folder) / "requests").write_bytes(stream)
        run_in_simulator(elf, board, ["requests", "replies"], Path(folder), timeout)
        return parse_replies((Path(folder) / "replies").read_bytes())


# Offset and content of what came for one (source, step, index), in the order of arrival: the rows of a step's
# output come as they are computed, which may be last row first.
_Parts = dict[tuple[int, int, int], list[tuple[int, bytes]]]


def _join(pieces: list[tuple[int, bytes]]) -> bytes:
    content = bytearray()
    for offset, piece in sorted(pieces):
        if offset != len(content):
            raise MicroplanError("The board sent data with a gap: check the connection and try again.")
        content += piece
    return bytes(content)


def _join_steps(reply: Reply) -> list[StepDump]:
    return [StepDump(step, view, data) for source, step, view, data in reply.data if source == _Source.STEP]


def _parse_info(content: bytes) -> DeviceInfo:
    head = struct.Struct("<9I")
    if len(content) < head.size or struct.unpack_from("<I", content)[0] != PROTOCOL:
        raise MicroplanError("The firmware speaks another version of the protocol: build it again.")
    _, plan, arena, state, model, model_hash, steps, inputs, outputs = head.unpack_from(content)
    ios = list(struct.unpack_from(f"<{inputs + outputs}I", content, head.size))
    return DeviceInfo(plan, arena, state, model, model_hash, steps, ios[:inputs], ios[inputs:])
