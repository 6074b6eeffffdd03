// SPDX-License-Identifier: Apache-2.0
// The counter of board.h on the core's own count of retired instructions, or of cycles where the board asks for them: a
// tick is one of these.
#include "boards/board.h"

static_assert(BOARD_INSTRUCTIONS_PER_TICK == 1, "minstret and mcycle count ones");

#if BOARD_COUNTS_CYCLES
#define COUNTER "mcycle"
#else
#define COUNTER "minstret"
#endif

namespace {

// The count at counter_start(); two words, because eight bytes would be aligned to eight.
uint32_t start_low, start_high;

// The low half is read a fixed number of instructions after the call.
inline uint64_t retired() {
  uint32_t before, low, after;
  asm volatile(
      ".option push\n"
      ".option arch, +zicsr\n"
      "csrr %0, " COUNTER "h\n"
      "csrr %1, " COUNTER "\n"
      "csrr %2, " COUNTER "h\n"
      ".option pop\n"
      : "=&r"(before), "=&r"(low), "=&r"(after));
  // They differ when the low half wraps between the reads.
  const uint32_t high = (low >> 31) != 0 ? before : after;
  return (static_cast<uint64_t>(high) << 32) | low;
}

}  // namespace

namespace board {

void counter_init() {}

// Nothing to delay: the counter has no phase.
extern "C" void counter_start(uint32_t) {
  const uint64_t now = retired();
  start_low = static_cast<uint32_t>(now);
  start_high = static_cast<uint32_t>(now >> 32);
}

extern "C" __attribute__((naked)) uint32_t counter_loop(uint32_t) {
  asm volatile(
      "0: addi a0, a0, -1\n"
      "bnez a0, 0b\n"
      "li   a0, 0\n"
      "ret\n");
}

uint32_t counter_ticks() {
  const uint64_t ticks = retired() - ((static_cast<uint64_t>(start_high) << 32) | start_low);
  return (ticks >> 32) != 0 ? UINT32_MAX : static_cast<uint32_t>(ticks);
}

}  // namespace board
