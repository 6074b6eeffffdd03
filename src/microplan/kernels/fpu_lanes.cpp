// SPDX-License-Identifier: Apache-2.0
// In assembly because compilers load no more than two numbers with an instruction. Per multiply-accumulate 1.5
// instructions for two pixels and 1.75 for one. The portable twin adds in the same order.
#include "microplan/kernels/fpu_lanes.h"

#include "microplan/config.h"

#if defined(__arm__) && defined(__ARM_FP) && (__ARM_FP & 4)

namespace microplan {
namespace fpu {

// Filter in s8-s15; input in s0-s7; sums from `s16` on.
#define MICROPLAN_MULTIPLY(a, b, c, d, e, f, g, h) \
  "vfma.f32 s" #a ", s0, s8\n"                     \
  "vfma.f32 s" #b ", s1, s9\n"                     \
  "vfma.f32 s" #c ", s2, s10\n"                    \
  "vfma.f32 s" #d ", s3, s11\n"                    \
  "vfma.f32 s" #e ", s4, s12\n"                    \
  "vfma.f32 s" #f ", s5, s13\n"                    \
  "vfma.f32 s" #g ", s6, s14\n"                    \
  "vfma.f32 s" #h ", s7, s15\n"

// r0-r1 x, r2 filter, r3 taps_w, r4 rows left, r5 x_step, r6 filter_step, r7 x_row, r8 filter_row, r9 ring_end, r10
// ring_bytes, r11 taps left, r12 the block; then r8-r9 y, r10 clamp, lr high, r12 the result.
__attribute__((naked, noinline)) bool sum_lanes(const Lanes*) {
  asm volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "vpush {s16-s31}\n"
      "mov r12, r0\n"
      "ldm r12, {r0-r11}\n"
      "vldmia r11, {s16-s23}\n"
      "vldmia r11, {s24-s31}\n"
      "cmp r4, #0\n"
      "beq 5f\n"
      "ldr lr, [r12, #64]\n"
      "cmp lr, #0\n"
      "bne 12f\n"
      "cmp r1, #0\n"
      "beq 3f\n"
      // Two pixels.
      "1:\n"
      "mov r11, r3\n"
      "2:\n"
      "vldmia r2, {s8-s15}\n"
      "add r2, r2, r6\n"
      "vldmia r0, {s0-s7}\n"
      "add r0, r0, r5\n"
      MICROPLAN_MULTIPLY(16, 17, 18, 19, 20, 21, 22, 23)
      "vldmia r1, {s0-s7}\n"
      "add r1, r1, r5\n"
      MICROPLAN_MULTIPLY(24, 25, 26, 27, 28, 29, 30, 31)
      "subs r11, r11, #1\n"
      "bne 2b\n"
      "subs r4, r4, #1\n"
      "beq 5f\n"
      "add r2, r2, r8\n"
      "add r0, r0, r7\n"
      "add r1, r1, r7\n"
      "cmp r0, r9\n"
      "blo 1b\n"
      "sub r0, r0, r10\n"
      "sub r1, r1, r10\n"
      "b 1b\n"
      // One pixel.
      "3:\n"
      "mov r11, r3\n"
      "4:\n"
      "vldmia r0, {s0-s7}\n"
      "add r0, r0, r5\n"
      "vldmia r2, {s8-s15}\n"
      "add r2, r2, r6\n"
      MICROPLAN_MULTIPLY(16, 17, 18, 19, 20, 21, 22, 23)
      "subs r11, r11, #1\n"
      "bne 4b\n"
      "subs r4, r4, #1\n"
      "beq 5f\n"
      "add r2, r2, r8\n"
      "add r0, r0, r7\n"
      "cmp r0, r9\n"
      "blo 3b\n"
      "sub r0, r0, r10\n"
      "b 3b\n"
      // One pixel, one x.
      "12:\n"
      "mov r11, r3\n"
      "13:\n"
      "vldr s0, [r0]\n"
      "add r0, r0, r5\n"
      "vldmia r2, {s8-s15}\n"
      "add r2, r2, r6\n"
      "vfma.f32 s16, s0, s8\n"
      "vfma.f32 s17, s0, s9\n"
      "vfma.f32 s18, s0, s10\n"
      "vfma.f32 s19, s0, s11\n"
      "vfma.f32 s20, s0, s12\n"
      "vfma.f32 s21, s0, s13\n"
      "vfma.f32 s22, s0, s14\n"
      "vfma.f32 s23, s0, s15\n"
      "subs r11, r11, #1\n"
      "bne 13b\n"
      "subs r4, r4, #1\n"
      "beq 5f\n"
      "add r2, r2, r8\n"
      "add r0, r0, r7\n"
      "cmp r0, r9\n"
      "blo 12b\n"
      "sub r0, r0, r10\n"
      "b 12b\n"
      // The second pixel's sums wait in their place.
      "5:\n"
      "add lr, r12, #48\n"
      "mov r12, #1\n"
      "ldm lr, {r8-r10, lr}\n"
      "cmp r9, #0\n"
      "beq 6f\n"
      "vstmia r9, {s24-s31}\n"
      "6:\n"
      MICROPLAN_FPU_STORE_CLAMPED
      "b 10f\n"
      "29:\n"
      "vstmia r8, {s16-s23}\n"
      "mov r12, #0\n"
      "10:\n"
      "cmp r9, #0\n"
      "beq 11f\n"
      "mov r8, r9\n"
      "mov r9, #0\n"
      "vldmia r8, {s16-s23}\n"
      "b 6b\n"
      "11:\n"
      "mov r0, r12\n"
      "vpop {s16-s31}\n"
      "pop {r4-r11, pc}\n");
}

#undef MICROPLAN_MULTIPLY

}  // namespace fpu
}  // namespace microplan

#elif MICROPLAN_EMULATE_DSP

namespace microplan {
namespace fpu {

namespace {

const float* behind(const float* from, uint32_t bytes) {
  return reinterpret_cast<const float*>(reinterpret_cast<const uint8_t*>(from) + static_cast<int32_t>(bytes));
}

void sum_pixel(const Lanes& lanes, const float* x, float* y) {
  float sums[kLanes];
  for (uint32_t c = 0; c < kLanes; ++c) sums[c] = lanes.start[c];
  const float* filter = lanes.filter;
  for (uint32_t row = lanes.taps_h; row != 0;) {
    for (uint32_t tap = lanes.taps_w; tap != 0; --tap) {
      for (uint32_t c = 0; c < kLanes; ++c) {
        sums[c] = __builtin_fmaf(x[lanes.shares_x != 0 ? 0 : c], filter[c], sums[c]);
      }
      x = behind(x, lanes.x_step);
      filter = behind(filter, lanes.filter_step);
    }
    if (--row == 0) break;
    x = behind(x, lanes.x_row);
    if (reinterpret_cast<const uint8_t*>(x) >= lanes.ring_end) x = behind(x, 0 - lanes.ring_bytes);
    filter = behind(filter, lanes.filter_row);
  }
  for (uint32_t c = 0; c < kLanes; ++c) y[c] = sums[c];
}

}  // namespace

bool sum_lanes(const Lanes* lanes) {
  sum_pixel(*lanes, lanes->x[0], lanes->y[0]);
  if (lanes->x[1] != nullptr) sum_pixel(*lanes, lanes->x[1], lanes->y[1]);
  return false;
}

}  // namespace fpu
}  // namespace microplan

#endif

#if MICROPLAN_HAS_FPU

namespace microplan {
namespace fpu {

void clamp_lanes(const FloatRange& range, float* y) {
  for (uint32_t lane = 0; lane < kLanes; ++lane) y[lane] = clamp(y[lane], range.act_min, range.act_max);
}

}  // namespace fpu
}  // namespace microplan

#endif
