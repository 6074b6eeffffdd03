# SPDX-License-Identifier: Apache-2.0
"""The estimate of Cortex-M4 cycles, against sums by hand from the timing table."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from microplan.boards import Board
from microplan.build import Firmware
from microplan.cycles import CycleEstimate, require_cycles
from microplan.device import bench
from microplan.errors import MicroplanError, UsageError
from microplan.simulator import run_in_simulator

BuildProgram = Callable[..., Path]

PROGRAM = """
extern "C" __attribute__((naked, noinline)) void microplan_bench_begin() { asm volatile("bx lr"); }
extern "C" __attribute__((naked, noinline)) void microplan_bench_end() { asm volatile("bx lr"); }
// The calls of the two marks are not counted; all that is between them is `CODE`.
__attribute__((naked, noinline)) void measured() {
  asm volatile(
      ".syntax unified\\n push {r4, r5, r6, lr}\\n sub sp, #64\\n mov r4, sp\\n movs r5, #3\\n movs r6, #1\\n"
      ".balign 4\\n bl microplan_bench_begin\\n"
      CODE
      "\\n bl microplan_bench_end\\n add sp, #64\\n pop {r4, r5, r6, pc}\\n .ltorg\\n");
}
int main() { measured(); return 0; }
"""


@pytest.mark.parametrize(
    ("code", "instructions", "cycles"),
    [
        ("", 0, 0),
        ("nop; adds r0, r0, r1; smlad r0, r1, r2, r3; mla r0, r1, r2, r3", 4, 4),
        ("ldr r0, [r4]; adds r0, #1", 2, 3),
        ("ldr r0, [r4]; ldrb r1, [r4, #4]; ldrsh.w r2, [r4, #6]; nop", 4, 5),
        ("ldr r0, [r4]; nop; ldr.w r1, [r4, r6]", 3, 5),
        ("str r0, [r4]; strb.w r1, [r4, #8]; str r0, [r4, r6]", 3, 3),
        ("ldrd r0, r1, [r4]; strd r0, r1, [r4, #8]", 2, 6),
        ("ldmia r4, {r0, r1, r2}; stmia.w r4, {r0-r3}; push {r0, r1}; pop.w {r0, r1}", 4, 4 + 5 + 3 + 3),
        ("udiv r0, r5, r6; sdiv r0, r5, r6", 2, 14),
        # Not taken: 1. Taken to an aligned target: 2.
        ("cmp r5, #3; bne 1f; nop; 1: nop", 4, 4),
        ("cmp r5, #3; beq 1f; nop; .balign 4; 1: nop", 3, 4),
        # A target of 32 bits that is not word-aligned takes one more.
        ("b 1f; .balign 4; nop; 1: mov.w r0, #1", 2, 4),
        ("b 1f; .balign 4; 1: mov.w r0, #1", 2, 3),
        # A loop of three rounds: two branches are taken.
        (".balign 4; 1: subs r5, #1; bne 1b", 6, 8),
        # The address comes from a register: 3.
        ("adr r0, 1f; adds r0, #1; bx r0; .balign 4; 1: nop", 4, 6),
        # A call and its return.
        ("b 2f; .balign 4; 1: bx lr; .balign 4; 2: bl 1b; nop", 4, 2 + 2 + 3 + 1),
        # Folded onto 16 bits, not onto 32.
        ("cmp r5, #3; it eq; moveq r0, r1", 3, 2),
        ("cmp.w r5, #3; it eq; moveq r0, r1", 3, 3),
        ("vadd.f32 s0, s1, s2; vmul.f32 s0, s1, s2; vcmp.f32 s0, s1; vmrs apsr_nzcv, fpscr; vmov r0, s0", 5, 5),
        ("vmla.f32 s0, s1, s2; vfma.f32 s0, s1, s2; vfnms.f32 s0, s1, s2; vnmla.f32 s0, s1, s2", 4, 12),
        ("vdiv.f32 s0, s1, s2; vsqrt.f32 s0, s1; vmov s0, s1, r0, r1", 3, 14 + 14 + 2),
        ("vldr s0, [r4]; vstr s0, [r4]; vldmia r4, {s0-s3}; vpush {d8}; vpop {d8}", 5, 2 + 2 + 5 + 3 + 3),
        ("mrs r0, primask; msr primask, r0; dsb", 3, 5),
    ],
)
def test_cycles_are_those_of_the_table(
    code: str, instructions: int, cycles: int, board: Board, build_program: BuildProgram, tmp_path: Path
) -> None:
    source = tmp_path / "program.cpp"
    source.write_text(f'#define CODE "{code}"\n{PROGRAM}')
    elf = build_program(board, source)
    estimate = CycleEstimate.prepare(elf, board, tmp_path)
    run_in_simulator(elf, board, options=estimate.options)
    assert estimate.read(instructions, 0) == cycles


def test_the_plugin_sees_the_instructions_that_the_firmware_counts(board: Board, stub_bench: Firmware) -> None:
    """CycleEstimate.read() refuses another count."""
    plain, with_cycles = (bench(stub_bench.elf, board, cycles=cycles) for cycles in (False, True))
    assert plain.invoke == with_cycles.invoke
    assert plain.steps == with_cycles.steps
    assert plain.cycles is None
    assert with_cycles.cycles is not None
    assert 1 < with_cycles.cycles / with_cycles.invoke.instructions < 2.5


def test_another_count_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cycles").write_text("100 150\n")
    estimate = CycleEstimate([], tmp_path / "cycles")
    assert estimate.read(90, 10) == 150
    for count in (89, 101):
        with pytest.raises(MicroplanError, match="saw 100 instructions"):
            estimate.read(count, 10)


def test_other_cores_have_other_timings(board_named: Callable[[str], Board]) -> None:
    with pytest.raises(UsageError, match="leave out --cycles"):
        require_cycles(board_named("qemu-cortex-m7"))


def test_the_plugin_is_compiled_without_a_warning(tmp_path: Path) -> None:
    source = Path(__file__).parents[2] / "tools/microplan/plugin/cortex_m4_cycles.cpp"
    for compiler in filter(shutil.which, ("g++", "clang++")):
        command = [compiler, "-std=c++17", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
        command += ["-shared", "-fPIC", str(source), "-o", str(tmp_path / "plugin.so")]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
