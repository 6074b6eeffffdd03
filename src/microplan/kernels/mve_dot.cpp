// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/mve_dot.h"

#if defined(__ARM_FEATURE_MVE)

#include <stddef.h>

namespace microplan {
namespace mve {

// Loops with tail predication, which compilers do not make. VMLADAVA adds to even registers.
#define MICROPLAN_MVE_DOT_LOOP      \
  "  wlstp.8 lr, r12, 2f\n"         \
  "1:\n"                            \
  "  vldrb.8 q0, [r1], #16\n"       \
  "  vldrb.8 q1, [r9], #16\n"       \
  "  vmladava.s8 r0, q0, q1\n"      \
  "  vldrb.8 q2, [r3], #16\n"       \
  "  vmladava.s8 r2, q0, q2\n"      \
  "  vldrb.8 q1, [r5], #16\n"       \
  "  vmladava.s8 r4, q0, q1\n"      \
  "  vldrb.8 q2, [r7], #16\n"       \
  "  vmladava.s8 r6, q0, q2\n"      \
  "  letp lr, 1b\n"                 \
  "2:\n"

[[gnu::naked, gnu::noinline]] void dot_rows(int32_t*, const int8_t*, const int8_t*, uint32_t, uint32_t) {
  asm volatile(
      ".syntax unified\n"
      "  push {r0, r4, r5, r6, r7, r8, r9, lr}\n"
      "  ldr r4, [sp, #32]\n"
      "  mov r9, r2\n"
      "  mov r12, r3\n"
      "  add r3, r9, r4\n"
      "  add r5, r3, r4\n"
      "  add r7, r5, r4\n"
      "  ldm r0, {r0, r2, r4, r6}\n"
      MICROPLAN_MVE_DOT_LOOP
      "  pop {r1}\n"
      "  stm r1, {r0, r2, r4, r6}\n"
      "  pop {r4, r5, r6, r7, r8, r9, pc}\n");
}

[[gnu::naked, gnu::noinline]] int32x4_t dot_quad(int32x4_t, const int8_t*, const int8_t*, uint32_t, uint32_t) {
  asm volatile(
      ".syntax unified\n"
      "  push {r4, r5, r6, r7, r9, lr}\n"
      "  mov r9, r1\n"
      "  mov r1, r0\n"
      "  mov r12, r2\n"
      "  adds r5, r3, r3\n"
      "  add r7, r5, r3\n"
      "  add r3, r3, r9\n"
      "  add r5, r5, r9\n"
      "  add r7, r7, r9\n"
      "  vmov r0, r4, q0[2], q0[0]\n"
      "  vmov r2, r6, q0[3], q0[1]\n"
      MICROPLAN_MVE_DOT_LOOP
      "  vmov q0[2], q0[0], r0, r4\n"
      "  vmov q0[3], q0[1], r2, r6\n"
      "  pop {r4, r5, r6, r7, r9, pc}\n");
}

int32x4_t dot_lanes(int32x4_t sums, const int8_t* x, const int8_t* filter, uint32_t depth, uint32_t lanes) {
  if (lanes == 4) return dot_quad(sums, x, filter, depth, depth);
  for (uint32_t lane = 0; lane < lanes; ++lane) {
    const mve_pred16_t only = static_cast<mve_pred16_t>(vctp32q(lane + 1) & ~vctp32q(lane));
    const int32x4_t product = dot_quad(vdupq_n_s32(0), x, filter + lane * depth, depth, 0);
    sums = vaddq_m_s32(sums, sums, product, only);
  }
  return sums;
}

static_assert(offsetof(DotBlocks, bias) == 12 && offsetof(DotBlocks, multipliers) == 16 &&
              offsetof(DotBlocks, y) == 24 && offsetof(DotBlocks, multiplier) == 32 &&
              offsetof(DotBlocks, high) == 48, "assembly knows the offsets");

// r8: from where a row's loop ends to where the next row begins; r9: filter; r10: bias; r11: multipliers. On the stack: x, y,
// y_end, shifts_at, offset.
[[gnu::naked, gnu::noinline]] void dot_blocks(const DotBlocks*) {
  asm volatile(
      ".syntax unified\n"
      "  push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
      "  vpush {d8, d9, d10, d11, d12, d13, d14, d15}\n"
      "  sub sp, sp, #24\n"
      "  ldm r0, {r1, r12}\n"
      "  ldrd r9, r10, [r0, #8]\n"
      "  ldrd r11, r2, [r0, #16]\n"
      "  ldrd r3, r4, [r0, #24]\n"
      "  strd r1, r3, [sp]\n"
      "  strd r4, r2, [sp, #8]\n"
      "  ldrd r1, r2, [r0, #32]\n"
      "  vdup.32 q4, r1\n"
      "  vdup.32 q5, r2\n"
      "  ldr r1, [r0, #40]\n"
      "  str r1, [sp, #16]\n"
      "  ldrd r1, r2, [r0, #44]\n"
      "  vdup.32 q6, r1\n"
      "  vdup.32 q7, r2\n"
      "  add r8, r12, #15\n"
      "  bic r8, r8, #15\n"
      "  sub r8, r12, r8\n"
      "3:\n"
      "  ldr r1, [sp]\n"
      "  ldm r10!, {r0, r2, r4, r6}\n"
      "  add r3, r9, r12\n"
      "  add r5, r3, r12\n"
      "  add r7, r5, r12\n"
      MICROPLAN_MVE_DOT_LOOP
      "  vmov q3[2], q3[0], r0, r4\n"
      "  vmov q3[3], q3[1], r2, r6\n"
      "  add r9, r7, r8\n"
      "  cmp r11, #0\n"
      "  beq 4f\n"
      "  ldr r0, [sp, #12]\n"
      "  add r0, r0, r11\n"
      "  vldrw.u32 q4, [r11], #16\n"
      "  vldrw.u32 q5, [r0]\n"
      "4:\n"
      "  vqrdmulh.s32 q3, q3, q4\n"
      "  ldr r2, [sp, #16]\n"
      "  vshr.s32 q0, q3, #31\n"
      "  vadd.i32 q3, q3, q0\n"
      "  ldrd r0, r1, [sp, #4]\n"
      "  vrshl.s32 q3, q3, q5\n"
      "  vadd.i32 q3, q3, r2\n"
      "  vmax.s32 q3, q3, q6\n"
      "  vmin.s32 q3, q3, q7\n"
      "  vstrb.32 q3, [r0], #4\n"
      "  str r0, [sp, #4]\n"
      "  cmp r0, r1\n"
      "  bne 3b\n"
      "  add sp, sp, #24\n"
      "  vpop {d8, d9, d10, d11, d12, d13, d14, d15}\n"
      "  pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}\n");
}

#undef MICROPLAN_MVE_DOT_LOOP

}  // namespace mve
}  // namespace microplan

#endif
