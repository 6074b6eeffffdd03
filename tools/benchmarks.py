#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures every model of a folder on every simulated board; `make bench` runs it.

Leaves benchmarks.json (what `microplan bench --json` says of each pair), benchmarks.md (its tables) and how good the
planner's own estimates were, which `microplan check` tells. Equal inputs and tools give equal files.
"""

import sys

# This folder has the package's sources, without the extension: what counts is the installed package.
sys.path.pop(0)

import argparse
import json
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from microplan import __version__
from microplan.boards import Board, list_boards, load_board
from microplan.commands.common import Choice, fitting_plan
from microplan.cycles import estimates_cycles
from microplan.errors import DoesNotFitError, ModelError
from microplan.estimate import QUALITY_FILE, spread
from microplan.measure import measure
from microplan.planning import ModelFile

Report = dict[str, Any]

# The boards whose operators are listed one by one.
DETAILED = ("qemu-cortex-m4", "qemu-cortex-m55", "qemu-cortex-m3")

HEAD = """\
# Benchmarks

Made by `make bench` (`tools/benchmarks.py`) from the real models; benchmarks.json has the same and more. Each row is
what this says, with the kernels that the planner takes for the board:

    microplan bench MODEL.tflite --board BOARD --json [--cycles]

Instructions are retired ones of the second inference after a reset, counted exactly; `per MAC` divides them by the
multiply-accumulates that the model states. Cycles are an estimate, without wait states, from the Cortex-M4's
instruction timing. Arena, state, static and stack are RAM, in bytes; runtime is the code in flash with its constants,
model the plan with its filters. The checksum is the CRC-32 of the outputs when input byte i is i * 37 + 11. Made with
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, help="folder of .tflite files")
    parser.add_argument("--boards", help="names, separated by commas; without it all simulated ones")
    parser.add_argument("--only", help="names of models, separated by commas; without it all of the folder")
    parser.add_argument("--jobs", type=int, default=2, help="pairs measured at a time (2)")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder for benchmarks.md and .json (docs)")
    parser.add_argument("--quality", type=Path, default=QUALITY_FILE, help="file for the quality of the estimates")
    arguments = parser.parse_args()

    names = arguments.boards.split(",") if arguments.boards else [board.name for board in list_boards()]
    boards = [board for board in map(load_board, names) if board.simulator is not None]
    only = arguments.only.split(",") if arguments.only else None
    paths = sorted(path for path in arguments.models.glob("*.tflite") if only is None or path.stem in only)
    if not paths or not boards:
        sys.exit(f"There is nothing to measure: {len(paths)} models in {arguments.models}, {len(boards)} boards.")

    pairs = [(path, board) for path in paths for board in boards]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(measure_pair, pairs))
    content = {
        "microplan": __version__,
        "tools": dict(sorted(version for board in boards for version in tool_versions(board))),
        "results": results,
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_json(arguments.out / "benchmarks.json", content)
    (arguments.out / "benchmarks.md").write_text(markdown(content, boards))
    write_json(arguments.quality, qualities(results))


def measure_pair(pair: tuple[Path, Board]) -> Report:
    """The report of `microplan bench`, or why there is none."""
    path, board = pair
    model = ModelFile.load(path)
    head: Report = {"model": model.name, "sha256": model.sha256, "board": board.name}
    try:
        made = fitting_plan(model, board, "compiled", Choice())
        report = measure(made, board, lambda _message: nullcontext(), cycles=estimates_cycles(board))
    except DoesNotFitError as error:
        report = {"refused": f"does not fit: {error}"}
    except ModelError as error:
        report = {"refused": str(error)}
    print(f"{model.name} on {board.name}: {report.get('refused') or format(report['instructions'], ',')}", flush=True)
    return head | report


def tool_versions(board: Board) -> Iterable[tuple[str, str]]:
    """The compiler and the simulator, by program name."""
    assert board.compiler and board.simulator
    for program in (f"{board.compiler.prefix}g++", board.simulator.command[0]):
        if path := shutil.which(program):
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
            yield program, said.splitlines()[0]


def qualities(results: list[Report]) -> dict[str, Report]:
    """Measured / estimated instructions, by board and over all."""
    ratios: dict[str, list[float]] = {}
    for report in results:
        if report.get("instructions_estimate"):
            ratio = report["instructions"] / report["instructions_estimate"]
            for key in ("any", report["board"]):
                ratios.setdefault(key, []).append(ratio)
    return {key: {"measurements": len(ratios[key]), **spread(ratios[key])} for key in sorted(ratios)}


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")


def markdown(content: dict[str, Any], boards: list[Board]) -> str:
    versions = [f"- Microplan {content['microplan']}", *(f"- {version}" for version in content["tools"].values())]
    lines = [*HEAD.splitlines(), "", *versions]
    for board in boards:
        lines += ["", f"## {board.name}", "", f"{board.description}."]
        lines += ["", *board_table([row for row in content["results"] if row["board"] == board.name])]
    detailed = [board.name for board in boards if board.name in DETAILED]
    for model in dict.fromkeys(row["model"] for row in content["results"]):
        reports = [
            row
            for name in detailed
            for row in content["results"]
            if row["model"] == model and row["board"] == name and "refused" not in row
        ]
        if reports:
            lines += ["", f"## Operators of {model}", "", *operator_table(reports)]
    return "\n".join(lines) + "\n"


def board_table(reports: list[Report]) -> list[str]:
    has_cycles = any(report.get("cycles_estimate") for report in reports)
    cycles = ["cycles (estimate)", "per MAC"] if has_cycles else []
    columns = ["instructions", "per MAC", *cycles]
    columns += ["arena", "state", "static", "stack", "runtime", "model", "checksum"]
    lines = [row_of(["model", *columns]), "|---|" + "---:|" * len(columns)]
    for report in reports:
        if "refused" in report:
            # The first words say it; the JSON has the whole.
            lines.append(row_of([report["model"], report["refused"].partition(":")[0], *[""] * (len(columns) - 1)]))
            continue
        macs = sum(operator["macs"] for operator in report["operators"])
        counts = [report["instructions"], *([report["cycles_estimate"]] if has_cycles else [])]
        cells = [cell for count in counts for cell in (f"{count:,}", f"{count / macs:.2f}" if macs else "")]
        keys = ("arena", "state", "static", "stack", "runtime_flash", "model_flash")
        cells += [f"{report[f'{key}_bytes']:,}" for key in keys]
        lines.append(row_of([report["model"], *cells, report["output_crc32"]]))
    return lines


def operator_table(reports: list[Report]) -> list[str]:
    """Instructions per MAC, where there are MACs, else instructions."""
    columns = [column for report in reports for column in ("kernel", report["board"].removeprefix("qemu-"))]
    lines = [row_of(["", "operator", "MACs", *columns]), "|---:|---|---:|" + "---|---:|" * len(reports)]
    for rows in zip(*(report["operators"] for report in reports), strict=True):
        cells = [str(rows[0]["index"]), rows[0]["op"], f"{rows[0]['macs']:,}"]
        for row in rows:
            count = row["instructions"]
            cells += [row["kernel"], f"{count / row['macs']:.2f}" if row["macs"] else f"{count:,} in all"]
        lines.append(row_of(cells))
    return lines


def row_of(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
