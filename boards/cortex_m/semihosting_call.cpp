// SPDX-License-Identifier: Apache-2.0
#include "boards/semihosting.h"

namespace board {

extern "C" __attribute__((naked)) uint32_t semihosting_call(uint32_t, const void*) {
  asm volatile(
      "bkpt 0xab\n"
      "bx lr\n");
}

}  // namespace board
