// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/mve_float.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

namespace microplan {
namespace mve {

void clear(FloatBlock* block) {
  for (float(&sum)[4] : block->sum) vstrwq_f32(sum, vdupq_n_f32(0));
}

// A loop with tail predication, which compilers do not make. q0-q3 the sums, q4 inputs, q5-q6 filters.
[[gnu::naked, gnu::noinline]] void dot(FloatBlock*) {
  asm volatile(
      ".syntax unified\n"
      "  push {r4, r5, r6, lr}\n"
      "  vpush {d8-d13}\n"
      "  add r12, r0, #24\n"
      "  ldm r0, {r0, r1, r2, r3, r4, r5}\n"
      "  vldrw.32 q0, [r12]\n"
      "  vldrw.32 q1, [r12, #16]\n"
      "  vldrw.32 q2, [r12, #32]\n"
      "  vldrw.32 q3, [r12, #48]\n"
      "  wlstp.32 lr, r5, 2f\n"
      "1:\n"
      "  vldrw.32 q4, [r0], #16\n"
      "  vldrw.32 q5, [r1], #16\n"
      "  vfma.f32 q0, q4, q5\n"
      "  vldrw.32 q6, [r2], #16\n"
      "  vfma.f32 q1, q4, q6\n"
      "  vldrw.32 q5, [r3], #16\n"
      "  vfma.f32 q2, q4, q5\n"
      "  vldrw.32 q6, [r4], #16\n"
      "  vfma.f32 q3, q4, q6\n"
      "  letp lr, 1b\n"
      "2:\n"
      "  vstrw.32 q0, [r12]\n"
      "  vstrw.32 q1, [r12, #16]\n"
      "  vstrw.32 q2, [r12, #32]\n"
      "  vstrw.32 q3, [r12, #48]\n"
      "  vpop {d8-d13}\n"
      "  pop {r4, r5, r6, pc}\n");
}

void sum_block(const float* x_row, const float* filter_row, uint32_t filter_elements, uint32_t channels,
               const TapRows& at, const Runs& runs, FloatBlock* block) {
  clear(block);
  block->count = runs.length;
  const uint32_t step1 = channels > 1 ? filter_elements : 0;
  const uint32_t step2 = channels > 2 ? filter_elements : 0;
  const uint32_t step3 = channels > 3 ? filter_elements : 0;
  for (uint32_t left = at.taps_h; left != 0;) {
    const float* x = x_row;
    const float* filter = filter_row;
    for (uint32_t run = runs.count; run != 0;) {
      block->x = x;
      block->filter[0] = filter;
      block->filter[1] = block->filter[0] + step1;
      block->filter[2] = block->filter[1] + step2;
      block->filter[3] = block->filter[2] + step3;
      dot(block);
      if (--run == 0) break;
      x += runs.x_step;
      filter += runs.filter_step;
    }
    if (--left == 0) break;
    x_row = at.below(x_row);
    filter_row += runs.filter_row;
  }
}

void finish(const FloatBlock& block, const FloatRange& range, const float* bias, uint32_t channels, float* y) {
  const mve_pred16_t used = vctp32q(channels);
  // Element c of vector l is part l of channel c.
  const float32x4x4_t parts = vld4q_f32(block.sum[0]);
  float32x4_t sum = vaddq_f32(vaddq_f32(parts.val[0], parts.val[1]), vaddq_f32(parts.val[2], parts.val[3]));
  if (bias != nullptr) sum = vaddq_f32(sum, vldrwq_z_f32(bias, used));
  vstrwq_p_f32(y, clamp(sum, range), used);
}

}  // namespace mve
}  // namespace microplan

#endif
