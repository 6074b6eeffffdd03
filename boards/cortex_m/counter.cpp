// SPDX-License-Identifier: Apache-2.0
// The counter of board.h: on SysTick, 24 bits, extended by counting its wraps in systick_handler(); or, where the board
// counts cycles, on the data watchpoint and trace unit, which real cores from the Cortex-M3 on have and QEMU has not.
#include "boards/board.h"

namespace board {

extern "C" __attribute__((naked)) uint32_t counter_loop(uint32_t) {
  asm volatile(
      ".syntax unified\n"
      "0: subs r0, #1\n"
      "  bne  0b\n"
      "  movs r0, #0\n"
      "  bx   lr\n");
}

}  // namespace board

#if BOARD_COUNTS_CYCLES

static_assert(BOARD_INSTRUCTIONS_PER_TICK == 1, "CYCCNT counts cycles");

namespace {

volatile uint32_t& debug_control() { return *reinterpret_cast<volatile uint32_t*>(0xE000EDFCu); }  // DEMCR
struct Trace {
  volatile uint32_t control;
  volatile uint32_t cycles;
};
Trace& trace() { return *reinterpret_cast<Trace*>(0xE0001000u); }

uint32_t start;

}  // namespace

extern "C" void systick_handler() {}  // it is off

namespace board {

void counter_init() {
  debug_control() = debug_control() | 1u << 24;  // TRCENA
  trace().cycles = 0;
  trace().control = trace().control | 1;  // CYCCNTENA
}

// Nothing to delay: the counter has no phase. 2^32 cycles are the longest that it can hold.
extern "C" void counter_start(uint32_t) { start = trace().cycles; }

uint32_t counter_ticks() { return trace().cycles - start; }

}  // namespace board

#else

// Ticks between two wraps; a test makes it small.
#ifndef BOARD_COUNTER_PERIOD
#define BOARD_COUNTER_PERIOD 0x1000000
#endif

namespace {

struct SysTick {
  volatile uint32_t control;
  volatile uint32_t reload;
  volatile uint32_t value;  // counts down to 0, then from reload; writing sets it to 0
};
SysTick& systick() { return *reinterpret_cast<SysTick*>(0xE000E010u); }

constexpr uint32_t kPeriod = BOARD_COUNTER_PERIOD;
// Of SysTick's own ticks, where one is not a whole number of instructions.
constexpr uint32_t kTick = BOARD_TIMER_TICKS_PER_TICK;
static_assert(kPeriod <= 0x1000000, "SysTick has 24 bits");
static_assert(kPeriod % kTick == 0, "a wrap must not cut a tick");

}  // namespace

extern "C" volatile uint32_t counter_wraps;
volatile uint32_t counter_wraps;

extern "C" void systick_handler() { counter_wraps = counter_wraps + 1; }

namespace board {

void counter_init() {
  systick().reload = kPeriod - 1;
  systick().value = 0;
  systick().control = 7;  // processor clock, interrupt, on
}

#define BOARD_TEXT_OF(value) #value
#define BOARD_TEXT(value) BOARD_TEXT_OF(value)

// Writing SysTick's value begins a tick, and the reload takes the whole of it, so the loop waits for more than one
// tick. Then it jumps into a row of one-instruction delays, `delay` before its end. Armv6-M instructions only.
extern "C" __attribute__((naked)) void counter_start(uint32_t) {
  asm volatile(
      ".syntax unified\n"
      "  ldr  r1, =0xE000E018\n"
      "  movs r2, #0\n"
      "  str  r2, [r1]\n"
      "  ldr  r1, =counter_wraps\n"
      "  str  r2, [r1]\n"
      "  movs r2, #" BOARD_TEXT(BOARD_INSTRUCTIONS_PER_TICK) "\n"
      "0: subs r2, #1\n"
      "  bne  0b\n"
      "  lsls r0, r0, #1\n"
      "  adr  r1, 1f\n"
      "  subs r1, r1, r0\n"
      "  adds r1, #1\n"  // Thumb
      "  bx   r1\n"
      "  .balign 4\n"
      "  .rept (" BOARD_TEXT(BOARD_INSTRUCTIONS_PER_TICK) " + 1) / 2 * 2\n"
      "  nop\n"
      "  .endr\n"
      "1: bx lr\n"
      "  .ltorg\n");
}

// The first read of `value` comes a fixed number of instructions after the call. At 0 the wrap has been counted.
uint32_t counter_ticks() {
  uint32_t wraps, value;
  do {
    wraps = counter_wraps;
    value = systick().value;
  } while (wraps != counter_wraps);
  return wraps * (kPeriod / kTick) + (value == 0 ? 0 : kPeriod - value) / kTick;
}

}  // namespace board

#endif  // BOARD_COUNTS_CYCLES
