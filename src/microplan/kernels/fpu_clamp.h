// SPDX-License-Identifier: Apache-2.0
// Clamps of an activation on a scalar floating-point unit, whose comparisons cost four instructions each: of what
// most activations need, the sign's part is done with the numbers' bits.
#ifndef MICROPLAN_KERNELS_FPU_CLAMP_H_
#define MICROPLAN_KERNELS_FPU_CLAMP_H_

#include <stdint.h>

namespace microplan {
namespace fpu {

// What clamps come to. Assembly knows the values.
enum class Clamp : uint32_t {
  kGeneral,    // none of these
  kFinite,     // infinity becomes the largest number, which is all that no activation does
  kRectified,  // from 0 on
  kBounded,    // from 0 to an upper bound
};
inline Clamp clamp_of(float act_min, float act_max) {
  constexpr float kLargest = 3.402823466e+38f;
  if (act_max >= kLargest && act_min <= -kLargest) return Clamp::kFinite;
  if (!(act_min >= 0 && act_min <= 0 && act_max > 0)) return Clamp::kGeneral;
  return act_max >= kLargest ? Clamp::kRectified : Clamp::kBounded;
}

#define MICROPLAN_FPU_RECTIFY(r) "bic " #r ", " #r ", " #r ", asr #31\n"
// Positive numbers are ordered as their bits are.
#define MICROPLAN_FPU_BOUND(r) \
  "cmp " #r ", lr\n"           \
  "it gt\n"                    \
  "movgt " #r ", lr\n"
#define MICROPLAN_FPU_CLAMP_HALF(a, b, c, d)                      \
  "vmov r4, r5, s" #a ", s" #b "\n"                               \
  "vmov r6, r7, s" #c ", s" #d "\n"                               \
  MICROPLAN_FPU_RECTIFY(r4) MICROPLAN_FPU_RECTIFY(r5)             \
  MICROPLAN_FPU_RECTIFY(r6) MICROPLAN_FPU_RECTIFY(r7)             \
  "cmp r10, #2\n"                                                 \
  "beq 21f\n"                                                     \
  MICROPLAN_FPU_BOUND(r4) MICROPLAN_FPU_BOUND(r5)                 \
  MICROPLAN_FPU_BOUND(r6) MICROPLAN_FPU_BOUND(r7)                 \
  "21:\n"                                                         \
  "stm r8!, {r4-r7}\n"

// Text of assembly: stores s16-s23, clamped, at r8, which moves on. r10: the Clamp, lr: the upper bound. Goes to
// label 29 with nothing stored when the clamp is general or there may be an infinity or NaN: then the sum of all is
// one. Takes r4-r7, r11, s0-s3, labels 21 to 23.
#define MICROPLAN_FPU_STORE_CLAMPED                               \
  "cmp r10, #0\n"                                                 \
  "beq 29f\n"                                                     \
  "vadd.f32 s0, s16, s17\n"                                       \
  "vadd.f32 s1, s18, s19\n"                                       \
  "vadd.f32 s2, s20, s21\n"                                       \
  "vadd.f32 s3, s22, s23\n"                                       \
  "vadd.f32 s0, s0, s1\n"                                         \
  "vadd.f32 s2, s2, s3\n"                                         \
  "vadd.f32 s0, s0, s2\n"                                         \
  "vmov r11, s0\n"                                                \
  "ubfx r11, r11, #23, #8\n"                                      \
  "cmp r11, #255\n"                                               \
  "beq 29f\n"                                                     \
  "cmp r10, #2\n"                                                 \
  "blo 22f\n"                                                     \
  MICROPLAN_FPU_CLAMP_HALF(16, 17, 18, 19)                        \
  MICROPLAN_FPU_CLAMP_HALF(20, 21, 22, 23)                        \
  "b 23f\n"                                                       \
  "22:\n"                                                         \
  "vstmia r8!, {s16-s23}\n"                                       \
  "23:\n"

}  // namespace fpu
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_FPU_CLAMP_H_
