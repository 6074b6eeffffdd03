// SPDX-License-Identifier: Apache-2.0
#include "boards/semihosting.h"

namespace board {

// The two shifts, which do nothing, tell a call from a breakpoint. The specification wants all three uncompressed and in
// one page.
extern "C" __attribute__((naked, aligned(16))) uint32_t semihosting_call(uint32_t, const void*) {
  asm volatile(
      ".option push\n"
      ".option norvc\n"
      "slli zero, zero, 0x1f\n"
      "ebreak\n"
      "srai zero, zero, 7\n"
      ".option pop\n"
      "ret\n");
}

}  // namespace board
