// SPDX-License-Identifier: Apache-2.0
// Ends in the way that the command line, a digit, says.
#include "boards/board.h"

namespace {

volatile uint32_t initialized = 0x12345678;
volatile uint32_t zeroed;
volatile float half = 0.5f;
volatile double third = 1.0 / 3;

__attribute__((noipa)) uint32_t recurse(volatile uint32_t* above) {
  volatile uint32_t frame[256] = {*above};
  return recurse(frame) + frame[0];
}

// As if calls had used all of the stack.
__attribute__((noipa)) void use_whole_stack() { *static_cast<volatile uint32_t*>(board::board_stack_limit) = 0; }

}  // namespace

// No board has anything at this address.
extern "C" __attribute__((noipa)) void store_nowhere() { *reinterpret_cast<volatile uint32_t*>(0xE8000000u) = 1; }

#if defined(__riscv)
#define UNDEFINED_INSTRUCTION "unimp"
#else
#define UNDEFINED_INSTRUCTION "udf #0"
#endif

int main() {
  char line[8];
  if (!board::command_line(line, sizeof line)) return 1;
  switch (line[0]) {
    case '0':  // memory is initialized, the floating-point unit is on
      if (initialized != 0x12345678 || zeroed != 0 || half + half != 1.0f || third + third + third != 1.0) return 1;
      board::print("well");
      board::print_hex(0xC0FFEE);
      board::print("\n");
      return 0;
    case '1': return 7;
    case '2': store_nowhere(); return 0;
    case '3': asm volatile(UNDEFINED_INSTRUCTION); return 0;
    case '4': return static_cast<int>(recurse(&zeroed));
    case '5': use_whole_stack(); return 0;
    default: for (;;) asm volatile("");
  }
}
