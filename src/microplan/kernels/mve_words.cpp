// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/mve_words.h"

#if defined(__ARM_FEATURE_MVE)

#include <arm_mve.h>

#include "microplan/kernels/mve_conv.h"

namespace microplan {
namespace mve {


[[gnu::naked]] void interleave(const Interleave*) {
  asm volatile(
      ".syntax unified\n"
      "  push {r4-r11, lr}\n"
      "  ldrd r9, r10, [r0, #32]\n"
      "  ldrd lr, r12, [r0, #40]\n"
      "  vctp.8 r12\n"
      "  ldm r0, {r0-r7}\n"
      "  dls lr, lr\n"
      "1:\n"
      "  vpstttt\n"
      "  vldrbt.u8 q0, [r0]\n"
      "  vldrbt.u8 q1, [r1]\n"
      "  vldrbt.u8 q2, [r2]\n"
      "  vldrbt.u8 q3, [r3]\n"
      "  add r0, r4\n"
      "  vst40.8 {q0, q1, q2, q3}, [r9]\n"
      "  add r1, r5\n"
      "  vst41.8 {q0, q1, q2, q3}, [r9]\n"
      "  add r2, r6\n"
      "  vst42.8 {q0, q1, q2, q3}, [r9]\n"
      "  add r3, r7\n"
      "  vst43.8 {q0, q1, q2, q3}, [r9]\n"
      "  add r9, r10\n"
      "  le lr, 1b\n"
      "  pop {r4-r11, pc}\n");
}


// The filter stays in registers.
[[gnu::naked]] void sum_few_words(const WordSums*) {
  asm volatile(
      ".syntax unified\n"
      "  push {r4-r11, lr}\n"
      "  vpush {d8-d15}\n"
      "  mov r9, r0\n"
      "  vldrw.32 q4, [r9]\n"
      "  ldrd r7, r1, [r9, #16]\n"
      "  ldr r11, [r9, #24]\n"
      "  ldrd r10, r8, [r9, #32]\n"
      "  ldr r3, [r9, #40]\n"
      "  vctp.8 r3\n"
      "  add r5, r1, #16\n"
      "  vpst\n"
      "  vldrbt.u8 q0, [r5]\n"
      "  add r5, r3\n"
      "  vpst\n"
      "  vldrbt.u8 q1, [r5]\n"
      "  add r5, r3\n"
      "  vpst\n"
      "  vldrbt.u8 q2, [r5]\n"
      "  add r5, r3\n"
      "  vpst\n"
      "  vldrbt.u8 q3, [r5]\n"
      "0:\n"
      "  ldr lr, [r9, #28]\n"
      "  dls lr, lr\n"
      "1:\n"
      "  vldrw.u32 q5, [q4]\n"
      "  ldm r1, {r0, r2, r4, r6}\n"
      "  vldrw.u32 q6, [q4, #4]\n"
      "  vmladava.s8 r0, q5, q0\n"
      "  vldrw.u32 q7, [q4, #8]\n"
      "  vmladava.s8 r2, q6, q1\n"
      "  vldrw.u32 q5, [q4, #12]\n"
      "  vmladava.s8 r4, q7, q2\n"
      "  vadd.i32 q4, q4, r7\n"
      "  vmladava.s8 r6, q5, q3\n"
      "  stm r11!, {r0, r2, r4, r6}\n"
      "  le lr, 1b\n"
      "  vadd.i32 q4, q4, r10\n"
      "  subs r8, #1\n"
      "  bne 0b\n"
      "  vpop {d8-d15}\n"
      "  pop {r4-r11, pc}\n");
}

[[gnu::naked]] void sum_many_words(const WordSums*) {
  asm volatile(
      ".syntax unified\n"
      "  push {r4-r11, lr}\n"
      "  vpush {d8-d15}\n"
      "  mov r9, r0\n"
      "  vldrw.32 q4, [r9]\n"
      "  ldr r11, [r9, #24]\n"
      "  ldr r8, [r9, #36]\n"
      "  ldr r10, [r9, #48]\n"
      "  ldr r3, [r9, #40]\n"
      "  vctp.8 r3\n"
      "0:\n"
      "  ldr r7, [r9, #28]\n"
      "1:\n"
      "  ldr r1, [r9, #20]\n"
      "  ldr lr, [r9, #44]\n"
      "  vmov q5, q4\n"
      "  ldm r1!, {r0, r2, r4, r6}\n"
      "  dls lr, lr\n"
      "2:\n"
      "  vldrw.u32 q0, [q5]\n"
      "  vldrb.8 q1, [r1], #16\n"
      "  vldrw.u32 q2, [q5, #4]\n"
      "  vmladava.s8 r0, q0, q1\n"
      "  vldrb.8 q3, [r1], #16\n"
      "  vldrw.u32 q0, [q5, #8]\n"
      "  vmladava.s8 r2, q2, q3\n"
      "  vldrb.8 q1, [r1], #16\n"
      "  vldrw.u32 q2, [q5, #12]\n"
      "  vmladava.s8 r4, q0, q1\n"
      "  vldrb.8 q3, [r1], #16\n"
      "  vadd.i32 q5, q5, r10\n"
      "  vmladava.s8 r6, q2, q3\n"
      "  le lr, 2b\n"
      "  cbz r3, 3f\n"
      // Bytes beyond the filter of a channel are of other channels: the words' lanes there are 0.
      "  vpstttt\n"
      "  vldrwt.u32 q0, [q5]\n"
      "  vldrwt.u32 q1, [q5, #4]\n"
      "  vldrwt.u32 q2, [q5, #8]\n"
      "  vldrwt.u32 q3, [q5, #12]\n"
      "  vldrb.8 q6, [r1]\n"
      "  add r1, r3\n"
      "  vldrb.8 q7, [r1]\n"
      "  add r1, r3\n"
      "  vmladava.s8 r0, q0, q6\n"
      "  vldrb.8 q6, [r1]\n"
      "  add r1, r3\n"
      "  vmladava.s8 r2, q1, q7\n"
      "  vldrb.8 q7, [r1]\n"
      "  vmladava.s8 r4, q2, q6\n"
      "  vmladava.s8 r6, q3, q7\n"
      "3:\n"
      "  ldr r5, [r9, #16]\n"
      "  vadd.i32 q4, q4, r5\n"
      "  stm r11!, {r0, r2, r4, r6}\n"
      "  subs r7, #1\n"
      "  bne 1b\n"
      "  ldr r5, [r9, #32]\n"
      "  vadd.i32 q4, q4, r5\n"
      "  subs r8, #1\n"
      "  bne 0b\n"
      "  vpop {d8-d15}\n"
      "  pop {r4-r11, pc}\n");
}

void sum_channel(const WordSums& at) {
  uint32x4_t pixel = vldrwq_u32(at.address);
  int32_t* sums = at.sums;
  const mve_pred16_t rest = vctp8q(at.filter_bytes);
  for (uint32_t row = 0; row < at.rows; ++row) {
    for (uint32_t i = 0; i < at.pixels; ++i) {
      const int8_t* filter = reinterpret_cast<const int8_t*>(at.bias + 1);
      uint32x4_t words = pixel;
      int32_t sum = *at.bias;
      for (uint32_t chunk = 0; chunk < at.chunks; ++chunk) {
        sum = vmladavaq_s8(sum, vreinterpretq_s8_u32(vldrwq_gather_base_u32(words, 0)), vldrbq_s8(filter));
        words = vaddq_n_u32(words, at.chunk_step);
        filter += kChunk;
      }
      *sums++ = vmladavaq_s8(sum, vreinterpretq_s8_u32(vldrwq_gather_base_u32(words, 0)), vldrbq_z_s8(filter, rest));
      pixel = vaddq_n_u32(pixel, at.x_step);
    }
    pixel = vaddq_n_u32(pixel, at.row_step);
  }
}

}  // namespace mve
}  // namespace microplan

#endif
