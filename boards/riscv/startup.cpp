// SPDX-License-Identifier: Apache-2.0
// RISC-V start-up in machine mode: reset_handler(), and trap_entry() which ends the program with a message. The control
// registers are an extension of their own, which every core with traps has and -march=rv32imc does not name.
#include "boards/startup.h"

// Code and constants become read-only with the memory protection's locked entries 0 and 1 (a range, readable and
// executable), because simulated flash is RAM: a stack that runs over must not write on the code.
extern "C" __attribute__((naked, used, section(".start"))) void reset_handler() {
  asm volatile(
      ".option push\n"
      ".option arch, +zicsr\n"
      ".option push\n"
      ".option norelax\n"
      "la   gp, __global_pointer$\n"
      ".option pop\n"
      "la   sp, board_stack_top\n"
      "la   t0, trap_entry\n"
      "csrw mtvec, t0\n"
      "la   t0, board_code_begin\n"
      "srli t0, t0, 2\n"
      "csrw pmpaddr0, t0\n"
      "la   t0, board_code_end\n"
      "srli t0, t0, 2\n"
      "csrw pmpaddr1, t0\n"
      "li   t0, 0x8d00\n"
      "csrw pmpcfg0, t0\n"
      "j    board_start\n"
      ".option pop\n");
}

// Both reports run on a fresh stack.
extern "C" __attribute__((naked, used, aligned(4))) void trap_entry() {
  asm volatile(
      ".option push\n"
      ".option arch, +zicsr\n"
      "csrr a0, mcause\n"
      "csrr a1, mepc\n"
      "mv   a2, ra\n"
      "csrr a3, mtval\n"
      "mv   t0, sp\n"
      "la   t1, board_stack_limit\n"
      "la   sp, board_stack_top\n"
      "bltu t0, t1, 0f\n"
      "j    board_fault\n"
      "0: j board_stack_overflow\n"
      ".option pop\n");
}
