// SPDX-License-Identifier: Apache-2.0
// Ends in the way that CASE says.
#include "boards/board.h"

namespace {

volatile uint32_t initialized = 0x12345678;
volatile uint32_t zeroed;
volatile float half = 0.5f;

__attribute__((noipa)) uint32_t recurse(volatile uint32_t* above) {
  volatile uint32_t frame[256] = {*above};
  return recurse(frame) + frame[0];
}

}  // namespace

extern "C" __attribute__((noipa)) void store_nowhere() { *reinterpret_cast<volatile uint32_t*>(0xF0000000u) = 1; }

int main() {
  switch (CASE) {
    case 0:  // memory is initialized, the floating-point unit is on
      if (initialized != 0x12345678 || zeroed != 0 || half + half != 1.0f) return 1;
      board::print("well");
      board::print_hex(0xC0FFEE);
      board::print("\n");
      return 0;
    case 1: return 7;
    case 2: store_nowhere(); return 0;
    case 3: asm volatile("udf #0"); return 0;
    case 4: return static_cast<int>(recurse(&zeroed));
    default: for (;;) asm volatile("");
  }
}
