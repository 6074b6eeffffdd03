// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/mve_dot.h"

#if defined(__ARM_FEATURE_MVE)

namespace microplan {
namespace mve {

// A loop with tail predication, which compilers do not make. VMLADAVA adds to even registers.
[[gnu::naked, gnu::noinline]] void dot_rows(int32_t*, const int8_t*, const int8_t*, uint32_t, uint32_t) {
  asm volatile(
      ".syntax unified\n"
      "  push {r0, r4, r5, r6, r7, r8, r9, lr}\n"
      "  ldr r4, [sp, #32]\n"
      "  mov r8, r2\n"
      "  mov r12, r3\n"
      "  add r3, r8, r4\n"
      "  add r5, r3, r4\n"
      "  add r7, r5, r4\n"
      "  ldm r0, {r0, r2, r4, r6}\n"
      "  wlstp.8 lr, r12, 2f\n"
      "1:\n"
      "  vldrb.8 q0, [r1], #16\n"
      "  vldrb.8 q1, [r8], #16\n"
      "  vmladava.s8 r0, q0, q1\n"
      "  vldrb.8 q2, [r3], #16\n"
      "  vmladava.s8 r2, q0, q2\n"
      "  vldrb.8 q1, [r5], #16\n"
      "  vmladava.s8 r4, q0, q1\n"
      "  vldrb.8 q2, [r7], #16\n"
      "  vmladava.s8 r6, q0, q2\n"
      "  letp lr, 1b\n"
      "2:\n"
      "  pop {r1}\n"
      "  stm r1, {r0, r2, r4, r6}\n"
      "  pop {r4, r5, r6, r7, r8, r9, pc}\n");
}

}  // namespace mve
}  // namespace microplan

#endif
