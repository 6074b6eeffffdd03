# SPDX-License-Identifier: Apache-2.0
"""Microplan's kernels against CMSIS-NN's public functions, on shapes drawn from published mobile networks.

    CMSIS_NN_PATH=... python tests/benchmarks/shapes.py [--count 60] [--board qemu-cortex-m4] [--json FILE]

Every shape is a model of one operator, for which the planner chooses the kernel; its inference is counted as `microplan
bench` does. A program of ours (cmsis_nn_shapes/) calls the user's checkout of CMSIS-NN, compiled with -O2, on the same
shapes and constants, with the same inputs and the same counter. Outputs must be equal. Ratios are CMSIS-NN's
instructions per ours.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microplan.boards import Board, boards_dir, load_board
from microplan.build import board_definitions, memory_script
from microplan.measure import measure
from microplan.paths import share_dir
from microplan.planning import ModelFile, plan
from microplan.simulator import run_in_simulator
from microplan.testing.tflite_writer import ModelWriter

SEED = 20
MAX_MACS = 400_000
MAX_BYTES = 40_000
FIRMWARE_DIR = Path(share_dir()) / "tools/microplan/firmware"
PROGRAM = Path(__file__).parent / "cmsis_nn_shapes"


@dataclass(frozen=True)
class Source:
    """A layer of a network: `size` is height and width of the input, or both."""

    network: str
    kind: str
    in_c: int
    out_c: int
    size: int | tuple[int, int] = 1
    kernel: int | tuple[int, int] = 1
    stride: int = 1


def conv(network: str, in_c: int, out_c: int, size: Any, kernel: Any = 1, stride: int = 1) -> Source:
    return Source(network, "conv", in_c, out_c, size, kernel, stride)


def depthwise(network: str, channels: int, size: Any, kernel: Any = 3, stride: int = 1, multiplier: int = 1) -> Source:
    return Source(network, "depthwise", channels, channels * multiplier, size, kernel, stride)


def dense(network: str, depth: int, units: int) -> Source:
    return Source(network, "dense", depth, units)


# By class: its share of the shapes, and layers to draw them from. Heights and widths are cut so that a simulator is
# done with a layer quickly. "pruned": channel counts as pruning leaves them in a MobileNet v1 0.25.
LAYERS: dict[str, tuple[int, list[Source]]] = {
    "pointwise": (
        18,
        [
            *(conv("MobileNet v1 0.25", *c, 12) for c in ((8, 16), (16, 32), (32, 32), (32, 64), (64, 64), (64, 128))),
            *(conv("MobileNet v1 0.5", *c, 6) for c in ((64, 128), (128, 128), (128, 256))),
            *(conv("MobileNet v2", *c, 10) for c in ((32, 16), (16, 96), (96, 24), (24, 144), (144, 32), (192, 64))),
            *(conv("MobileNet v3", *c, 9) for c in ((16, 16), (72, 24), (24, 88), (88, 24), (96, 40), (240, 40))),
            *(conv("EfficientNet-Lite", *c, 10) for c in ((32, 16), (24, 144), (144, 40), (40, 240))),
            *(conv("MCUNet", *c, 10) for c in ((8, 48), (48, 16), (80, 24), (24, 120))),
            *(conv("DS-CNN", *c, (25, 5)) for c in ((64, 64), (172, 172))),
            *(conv("SqueezeNet", *c, 13) for c in ((64, 16), (16, 64), (128, 32))),
            *(conv("pruned", *c, 9) for c in ((57, 19), (19, 25), (25, 57), (13, 35), (3, 29), (31, 7))),
        ],
    ),
    "3x3": (
        12,
        [
            *(conv("ResNet-8", *c, 16, 3) for c in ((3, 16), (16, 16))),
            *(conv("ResNet-8", *c, 16, 3, 2) for c in ((16, 32), (32, 64))),
            *(conv("ResNet-20", *c, 8, 3) for c in ((32, 32), (64, 64))),
            *(conv("MobileNet", *c, 32, 3, 2) for c in ((3, 8), (3, 16), (3, 32), (1, 8))),
            *(conv("SqueezeNet", *c, 13, 3) for c in ((16, 64), (32, 128))),
            *(conv("pruned", *c, 12, 3) for c in ((19, 25), (7, 11), (13, 13))),
        ],
    ),
    "other convolutions": (
        6,
        [
            conv("LeNet", 1, 6, 28, 5),
            conv("LeNet", 6, 16, 14, 5),
            conv("CIFAR-10 CNN", 3, 32, 16, 5),
            conv("TC-ResNet", 40, 16, (49, 1), (3, 1)),
            conv("TC-ResNet", 16, 24, (49, 1), (9, 1), 2),
            conv("TC-ResNet", 24, 32, (25, 1), (9, 1), 2),
            conv("DS-CNN", 1, 64, (49, 10), (10, 4), 2),
            conv("ResNet-8", 16, 32, 16, 1, 2),
        ],
    ),
    "depthwise 3x3": (
        10,
        [
            *(depthwise("MobileNet v1 0.25", c, 14) for c in (8, 16, 32, 64)),
            *(depthwise("MobileNet v1 0.25", c, 14, 3, 2) for c in (16, 32, 128)),
            *(depthwise("MobileNet v2", c, 14) for c in (96, 144)),
            *(depthwise("EfficientNet-Lite", c, 14, 3, 2) for c in (96, 240)),
            *(depthwise("DS-CNN", c, (25, 5)) for c in (64, 172)),
            *(depthwise("pruned", c, 12) for c in (19, 25, 57)),
            *(depthwise("pruned", c, 13, 3, 2) for c in (13, 35)),
        ],
    ),
    "other depthwise": (
        5,
        [
            *(depthwise("MobileNet v3", c, 14, 5) for c in (40, 120)),
            depthwise("MobileNet v3", 72, 14, 5, 2),
            depthwise("EfficientNet-Lite", 144, 12, 5),
            *(depthwise("MCUNet", c, 11, (7, 7)) for c in (24, 48)),
            depthwise("pruned", 19, 12, 5),
            depthwise("micro_speech", 1, (49, 40), (10, 8), 2, 8),
        ],
    ),
    "fully connected": (
        5,
        [
            *(dense("AutoEncoder", *c) for c in ((640, 128), (128, 128), (128, 8), (8, 128))),
            dense("ResNet-8", 64, 10),
            dense("MobileNet", 256, 2),
            dense("LeNet", 392, 32),
            dense("pruned", 57, 13),
        ],
    ),
    "pooling and addition": (
        4,
        [
            Source("ResNet-8", "average", 64, 64, 8, 8, 8),
            Source("DS-CNN", "average", 64, 64, (25, 5), (25, 5), 25),
            Source("LeNet", "max", 6, 6, 28, 2, 2),
            Source("SqueezeNet", "max", 64, 64, 13, 3, 2),
            Source("ResNet-8", "add", 16, 16, 16),
            Source("MobileNet v2", "add", 24, 24, 14),
            Source("pruned", "add", 19, 19, 11),
        ],
    ),
}


@dataclass
class Shape:
    """A layer with its size in elements and everything that a kernel is given."""

    network: str
    kind: str
    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    kernel_h: int
    kernel_w: int
    stride: int
    same: bool

    @property
    def name(self) -> str:
        sizes = f"{self.in_h}x{self.in_w}x{self.in_c} -> {self.out_h}x{self.out_w}x{self.out_c}"
        window = f" {self.kernel_h}x{self.kernel_w}/{self.stride}" if self.kind not in ("dense", "add") else ""
        return f"{self.kind}{window} {sizes}"

    @property
    def macs(self) -> int:
        outputs = self.out_h * self.out_w * self.out_c
        taps = self.kernel_h * self.kernel_w
        each = {"conv": taps * self.in_c, "dense": self.in_c, "add": 1}.get(self.kind, taps)
        return outputs * each


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def _shape(source: Source, height: int, width: int) -> Shape:
    kernel_h, kernel_w = _pair(source.kernel)
    same = source.kind in ("conv", "depthwise")
    out = [
        math.ceil((size if same else size - kernel + 1) / source.stride)
        for size, kernel in ((height, kernel_h), (width, kernel_w))
    ]
    image = (height, width, source.in_c)
    return Shape(source.network, source.kind, *image, *out, source.out_c, kernel_h, kernel_w, source.stride, same)


def draw(count: int) -> list[Shape]:
    """The same shapes for the same count. Each class has its share."""
    random = np.random.default_rng(SEED)
    shapes = []
    total = sum(share for share, _ in LAYERS.values())
    for share, sources in LAYERS.values():
        wanted = max(1, round(count * share / total))
        order = random.permutation(len(sources))
        for i in range(wanted):
            source = sources[order[i % len(sources)]]
            height, width = _pair(source.size)
            # Sizes vary, also between the layers that are drawn twice.
            if source.kind in ("conv", "depthwise") and min(height, width) > 4:
                height, width = (size - int(random.integers(0, 3)) for size in (height, width))
            shape = _shape(source, height, width)
            while shape.macs > MAX_MACS or height * width * max(source.in_c, source.out_c) > MAX_BYTES:
                height, width = max(height * 3 // 4, 1), max(width * 3 // 4, 1)
                shape = _shape(source, height, width)
            shapes.append(shape)
    return shapes


@dataclass
class Constants:
    """Scales, zero points, filter and bias of a shape."""

    input_scale: float
    input_zero_point: int
    output_scale: float
    output_zero_point: int
    filter: NDArray[np.int8]
    filter_scales: NDArray[np.float32]
    bias: NDArray[np.int32]
    second_scale: float  # of an addition's second input
    second_zero_point: int

    def factors(self) -> list[float]:
        return [
            float(np.float32(self.input_scale)) * float(scale) / float(np.float32(self.output_scale))
            for scale in self.filter_scales
        ]


def constants_of(shape: Shape, random: np.random.Generator) -> Constants:
    filter_shape = {
        "conv": (shape.out_c, shape.kernel_h, shape.kernel_w, shape.in_c),
        "depthwise": (1, shape.kernel_h, shape.kernel_w, shape.out_c),
        "dense": (shape.out_c, shape.in_c),
    }.get(shape.kind, (0,))
    depth = max(1, int(np.prod(filter_shape)) // shape.out_c)
    scales = random.uniform(0.005, 0.02, 1 if shape.kind == "dense" else shape.out_c).astype(np.float32)
    input_scale = 1 / 32
    output_scale = input_scale * 0.01 * 70 * 73 * math.sqrt(depth) / 50
    if shape.kind in ("max", "average"):
        output_scale = input_scale
    if shape.kind == "add":
        output_scale = 0.05
    return Constants(
        input_scale,
        int(random.choice([-128, -128, 3])),
        output_scale,
        -128 if shape.kind in ("conv", "depthwise") else 5,
        random.integers(-127, 128, filter_shape, np.int8),
        scales,
        random.integers(-3000, 3000, shape.out_c, np.int32),
        0.04,
        -7,
    )


def model_of(shape: Shape, c: Constants) -> bytes:
    model = ModelWriter()
    image = (1, shape.in_h, shape.in_w, shape.in_c)
    out_image = (1, shape.out_h, shape.out_w, shape.out_c)
    pooled = shape.kind in ("max", "average")
    if shape.kind == "dense":
        image, out_image = (1, shape.in_c), (1, shape.out_c)  # type: ignore[assignment]
    x = model.tensor("x", image, "int8", scale=c.input_scale, zero_point=c.input_zero_point)
    zero_point = c.input_zero_point if pooled else c.output_zero_point
    y = model.tensor("y", out_image, "int8", scale=c.output_scale, zero_point=zero_point)
    inputs: list[int] = [x]
    window: dict[str, Any] = {"padding": "SAME" if shape.same else "VALID"}
    window |= {"stride_w": shape.stride, "stride_h": shape.stride}
    if pooled:
        name = "MAX_POOL_2D" if shape.kind == "max" else "AVERAGE_POOL_2D"
        model.operator(name, [x], [y], filter_width=shape.kernel_w, filter_height=shape.kernel_h, **window)
    elif shape.kind == "add":
        second = model.tensor("x2", image, "int8", scale=c.second_scale, zero_point=c.second_zero_point)
        inputs.append(second)
        model.operator("ADD", [x, second], [y])
    else:
        axis = 3 if shape.kind == "depthwise" else 0
        w = model.tensor("w", c.filter.shape, "int8", c.filter, scale=c.filter_scales, quantized_dimension=axis)
        b = model.tensor("b", c.bias.shape, "int32", c.bias, scale=c.filter_scales * np.float32(c.input_scale))
        if shape.kind == "dense":
            model.operator("FULLY_CONNECTED", [x, w, b], [y])
        elif shape.kind == "conv":
            model.operator("CONV_2D", [x, w, b], [y], **window)
        else:
            model.operator("DEPTHWISE_CONV_2D", [x, w, b], [y], depth_multiplier=shape.out_c // shape.in_c, **window)
    return model.finish(inputs, [y])


def quantize_multiplier(real: float) -> tuple[int, int]:
    significand, shift = math.frexp(real)
    multiplier = math.floor(significand * (1 << 31) + 0.5)
    return (multiplier // 2, shift + 1) if multiplier == 1 << 31 else (multiplier, shift)


def _pad_before(size: int, out: int, kernel: int, stride: int, same: bool) -> int:
    return max((out - 1) * stride + kernel - size, 0) // 2 if same else 0


def _add_arguments(c: Constants) -> list[int]:
    """Offsets, multipliers and shifts of both inputs and the output, as TensorFlow Lite prepares them."""
    twice = 2 * max(np.float32(c.input_scale), np.float32(c.second_scale)).astype(float)
    scaled = [
        quantize_multiplier(float(np.float32(c.input_scale)) / twice),
        quantize_multiplier(float(np.float32(c.second_scale)) / twice),
        quantize_multiplier(twice / ((1 << 20) * float(np.float32(c.output_scale)))),
    ]
    offsets = [-c.input_zero_point, -c.second_zero_point, c.output_zero_point]
    return [*offsets, *(multiplier for multiplier, _ in scaled), *(shift for _, shift in scaled)]


def shapes_file(shapes: list[Shape], constants: list[Constants]) -> bytes:
    """What cmsis_nn_shapes/main.cpp reads."""
    kinds = ["conv", "depthwise", "dense", "max", "average", "add"]
    record = struct.Struct("<29i")
    data = bytearray(4 + record.size * len(shapes))
    struct.pack_into("<i", data, 0, len(shapes))
    for index, (s, c) in enumerate(zip(shapes, constants, strict=True)):
        offsets = []
        requantize = [quantize_multiplier(factor) for factor in c.factors()]
        for part in (
            c.filter.tobytes(),
            c.bias.astype("<i4").tobytes(),
            np.array([multiplier for multiplier, _ in requantize], "<i4").tobytes(),
            np.array([shift for _, shift in requantize], "<i4").tobytes(),
        ):
            data += bytes(-len(data) % 16)
            offsets.append(len(data))
            data += part
        pads = (
            _pad_before(s.in_h, s.out_h, s.kernel_h, s.stride, s.same),
            _pad_before(s.in_w, s.out_w, s.kernel_w, s.stride, s.same),
        )
        record.pack_into(
            data,
            4 + index * record.size,
            *(kinds.index(s.kind), s.in_h, s.in_w, s.in_c, s.out_h, s.out_w, s.out_c, s.kernel_h, s.kernel_w, s.stride),
            *(*pads, -c.input_zero_point, c.output_zero_point, -128, 127),
            *offsets,
            *_add_arguments(c),
        )
    return bytes(data)


def run_cmsis_nn(content: bytes, board: Board, cmsis_nn: Path, folder: Path) -> list[tuple[int, str]]:
    """Instructions and CRC of the output of each shape."""
    assert board.compiler and board.support
    (folder / "shapes.bin").write_bytes(content)
    (folder / "memory.ld").write_text(memory_script(board, 8192))
    prefix = board.compiler.prefix
    sources = ";".join(str(boards_dir() / source) for source in board.support.sources)
    configure = [
        *("cmake", "-G", "Ninja", "-S", str(PROGRAM), "-B", str(folder / "build"), "-DCMAKE_SYSTEM_NAME=Generic"),
        "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY",
        f"-DCMAKE_C_COMPILER={prefix}gcc",
        f"-DCMAKE_CXX_COMPILER={prefix}g++",
        f"-DCMSIS_NN_PATH={cmsis_nn.resolve()}",
        f"-DSHAPES={folder / 'shapes.bin'}",
        f"-DMICROPLAN_SHARE={share_dir()}",
        f"-DFIRMWARE_DIR={FIRMWARE_DIR}",
        f"-DBOARD_SOURCES={sources}",
        f"-DBOARD_LINKER_SCRIPT={boards_dir() / board.support.linker_script}",
        f"-DBOARD_FLAGS={';'.join(board.compiler.flags)}",
        f"-DBOARD_LINK_FLAGS=-L;{folder};{';'.join(board.compiler.link_flags)}",
        f"-DBOARD_LIBRARIES={';'.join(board.compiler.libraries)}",
        f"-DBOARD_DEFINITIONS={';'.join(board_definitions(board))}",
    ]
    for command in (configure, ["cmake", "--build", str(folder / "build")]):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise SystemExit(f"CMSIS-NN's program does not build:\n{result.stdout[-3000:]}{result.stderr[-3000:]}")
    lines = [line.split() for line in run_in_simulator(folder / "build/shapes", board).splitlines()]
    if not lines or lines[-1][:2] != ["shapes", "done"] or int(lines[-1][2], 16) != len(lines) - 1:
        raise SystemExit(f"CMSIS-NN's program did not run to its end: {lines[-1:]}")
    return [(int(instructions, 16), crc) for _, _, instructions, crc in lines[:-1]]


def compare(shapes: list[Shape], board: Board, cmsis_nn: Path) -> dict[str, Any]:
    random = np.random.default_rng(SEED)
    constants = [constants_of(shape, random) for shape in shapes]
    with tempfile.TemporaryDirectory(prefix="microplan-") as folder:
        theirs = run_cmsis_nn(shapes_file(shapes, constants), board, cmsis_nn, Path(folder))
    rows = []
    for shape, c, (instructions, crc) in zip(shapes, constants, theirs, strict=True):
        made = plan(ModelFile.load(model_of(shape, c), shape.name), features=board.feature_bits)
        report = measure(made, board, lambda _message: nullcontext())
        rows.append(
            {
                **asdict(shape),
                "name": shape.name,
                "macs": shape.macs,
                "kernel": report["operators"][0]["kernel"],
                "microplan": report["instructions"],
                "cmsis_nn": instructions,
                "ratio": instructions / report["instructions"],
                "equal": report["output_crc32"] == crc,
            }
        )
        print(_line(rows[-1]), file=sys.stderr, flush=True)
    ratios = [row["ratio"] for row in rows]
    return {
        "board": board.name,
        "shapes": rows,
        "geometric_mean": math.exp(sum(map(math.log, ratios)) / len(ratios)),
        "worst": min(ratios),
    }


def _line(row: dict[str, Any]) -> str:
    each = f"{row['microplan'] / row['macs']:6.2f} {row['cmsis_nn'] / row['macs']:6.2f}"
    return (
        f"{row['name']:46} {row['network']:18} {row['kernel']:28} {row['microplan']:9,} {row['cmsis_nn']:9,} {each} "
        f"{row['ratio']:5.2f}{'' if row['equal'] else '  OUTPUTS DIFFER'}"
    )


def cmsis_nn_path() -> Path | None:
    """The user's checkout of CMSIS-NN."""
    path = os.environ.get("CMSIS_NN_PATH")
    return Path(path) if path else None


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=60, help="shapes, about")
    parser.add_argument("--limit", type=int, help="run only so many of them, from all classes")
    parser.add_argument("--board", default="qemu-cortex-m4")
    parser.add_argument("--json", type=Path, help="a file to write the figures to")
    arguments = parser.parse_args()
    cmsis_nn = cmsis_nn_path()
    if cmsis_nn is None or not (cmsis_nn / "Include/arm_nnfunctions.h").is_file():
        print("CMSIS_NN_PATH must name a checkout of https://github.com/ARM-software/CMSIS-NN", file=sys.stderr)
        return 2
    board = load_board(arguments.board)
    if board.compiler is None or shutil.which(f"{board.compiler.prefix}g++") is None:
        print(f"{board.name} needs a cross compiler; `microplan boards` names it", file=sys.stderr)
        return 2
    shapes = draw(arguments.count)
    if arguments.limit:
        shapes = [shapes[i * len(shapes) // arguments.limit] for i in range(arguments.limit)]
    report = compare(shapes, board, cmsis_nn)
    print("shape, network, kernel; instructions and instructions per MAC of Microplan and CMSIS-NN; ratio")
    for row in report["shapes"]:
        print(_line(row))
    print(f"{len(report['shapes'])} shapes: geometric mean {report['geometric_mean']:.2f}, worst {report['worst']:.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if all(row["equal"] for row in report["shapes"]) else 1


if __name__ == "__main__":
    sys.exit(main())
