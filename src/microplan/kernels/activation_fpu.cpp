// SPDX-License-Identifier: Apache-2.0
// RELU, RELU6 and LEAKY_RELU of float32 for cores with a scalar floating-point unit, mostly as operations on the
// numbers' bits: comparisons of floats cost four instructions.
#include "microplan/kernels.h"
#include "microplan/kernels/activation.h"
#include "microplan/kernels/fpu_clamp.h"
#include "microplan/kernels/fpu_elements.h"

namespace microplan {

namespace kernels {

const Variant relu_float_fpu_variant =
    activation_float_variant<ActivationParams, 3>(relu_float_fpu, "relu_float_fpu", "RELU", 19, kFeatureFpu);
const Variant relu6_float_fpu_variant =
    activation_float_variant<ActivationParams, 6>(relu6_float_fpu, "relu6_float_fpu", "RELU6", 21, kFeatureFpu);
const Variant leaky_relu_float_fpu_variant = activation_float_variant<LeakyReluFloatParams, 5>(
    leaky_relu_float_fpu, "leaky_relu_float_fpu", "LEAKY_RELU", 98, kFeatureFpu);

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_HAS_FPU

namespace microplan {

namespace {

using Blocks = fpu::ElementBlocks<float, float>;

#if defined(__arm__) && defined(__ARM_FP) && (__ARM_FP & 4)

// Eight numbers in s0-s7 and r4-r11. When there may be an infinity or NaN, whose sign says nothing, the sum of the
// products of pairs is one: goes to label 29. r0 x, r1 y, r2 blocks, r12 is free, lr the upper bound.
#define MICROPLAN_RECTIFY_BLOCKS(bound)                           \
  ".syntax unified\n"                                             \
  "push {r4-r11, lr}\n"                                           \
  "ldr lr, [r0, #16]\n"                                           \
  "ldm r0, {r0-r2}\n"                                             \
  "1:\n"                                                          \
  "vldmia r0, {s0-s7}\n"                                          \
  "vmul.f32 s8, s0, s1\n"                                         \
  "ldm r0, {r4-r11}\n"                                            \
  "vfma.f32 s8, s2, s3\n"                                         \
  "vfma.f32 s8, s4, s5\n"                                         \
  "vfma.f32 s8, s6, s7\n"                                         \
  "vmov r12, s8\n"                                                \
  "ubfx r12, r12, #23, #8\n"                                      \
  "cmp r12, #255\n"                                               \
  "beq 29f\n"                                                     \
  "adds r0, #32\n"                                                \
  MICROPLAN_FPU_RECTIFY(r4) MICROPLAN_FPU_RECTIFY(r5)             \
  MICROPLAN_FPU_RECTIFY(r6) MICROPLAN_FPU_RECTIFY(r7)             \
  MICROPLAN_FPU_RECTIFY(r8) MICROPLAN_FPU_RECTIFY(r9)             \
  MICROPLAN_FPU_RECTIFY(r10) MICROPLAN_FPU_RECTIFY(r11)           \
  bound                                                           \
  "stm r1!, {r4-r11}\n"                                           \
  "subs r2, r2, #1\n"                                             \
  "bne 1b\n"                                                      \
  "29:\n"                                                         \
  "mov r0, r2\n"                                                  \
  "pop {r4-r11, pc}\n"

__attribute__((naked, noinline)) uint32_t relu_blocks(const Blocks*) { asm volatile(MICROPLAN_RECTIFY_BLOCKS("")); }
__attribute__((naked, noinline)) uint32_t relu6_blocks(const Blocks*) {
  asm volatile(MICROPLAN_RECTIFY_BLOCKS(
      MICROPLAN_FPU_BOUND(r4) MICROPLAN_FPU_BOUND(r5) MICROPLAN_FPU_BOUND(r6) MICROPLAN_FPU_BOUND(r7)
      MICROPLAN_FPU_BOUND(r8) MICROPLAN_FPU_BOUND(r9) MICROPLAN_FPU_BOUND(r10) MICROPLAN_FPU_BOUND(r11)));
}

#undef MICROPLAN_RECTIFY_BLOCKS

// NaN with a sign is multiplied and stays NaN.
#define MICROPLAN_LEAK(r, s) "cmp " #r ", #0\nit le\nvmovle " #r ", s" #s "\n"
#define MICROPLAN_SLOPE(s) "vmul.f32 s" #s ", s" #s ", s8\n"

// Returns 0. r0 x, r1 y, r2 blocks, s8 alpha.
__attribute__((naked, noinline)) uint32_t leaky_relu_blocks(const Blocks*) {
  asm volatile(
      ".syntax unified\n"
      "push {r4-r11}\n"
      "vldr s8, [r0, #16]\n"
      "ldm r0, {r0-r2}\n"
      "1:\n"
      "vldmia r0, {s0-s7}\n"
      "ldm r0!, {r4-r11}\n"
      MICROPLAN_SLOPE(0) MICROPLAN_SLOPE(1) MICROPLAN_SLOPE(2) MICROPLAN_SLOPE(3)
      MICROPLAN_SLOPE(4) MICROPLAN_SLOPE(5) MICROPLAN_SLOPE(6) MICROPLAN_SLOPE(7)
      MICROPLAN_LEAK(r4, 0) MICROPLAN_LEAK(r5, 1) MICROPLAN_LEAK(r6, 2) MICROPLAN_LEAK(r7, 3)
      MICROPLAN_LEAK(r8, 4) MICROPLAN_LEAK(r9, 5) MICROPLAN_LEAK(r10, 6) MICROPLAN_LEAK(r11, 7)
      "stm r1!, {r4-r11}\n"
      "subs r2, r2, #1\n"
      "bne 1b\n"
      "mov r0, r2\n"
      "pop {r4-r11}\n"
      "bx lr\n");
}

#undef MICROPLAN_SLOPE
#undef MICROPLAN_LEAK

#else

constexpr auto relu_blocks = fpu::leave_all<float, float>;
constexpr auto relu6_blocks = fpu::leave_all<float, float>;
constexpr auto leaky_relu_blocks = fpu::leave_all<float, float>;

#endif

}  // namespace

namespace kernels {

Status relu_float_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  const uint32_t elements = static_cast<const RowSplit*>(in)->elements;
  const auto op = [](float x) { return relu(x); };
  return fpu::run_element_blocks<float, float>(relu_blocks, op, 0, 0.0f, elements, rows, io);
}

Status relu6_float_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  const uint32_t elements = static_cast<const RowSplit*>(in)->elements;
  const auto op = [](float x) { return relu6(x); };
  return fpu::run_element_blocks<float, float>(relu6_blocks, op, 0, 6.0f, elements, rows, io);
}

Status leaky_relu_float_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  const LeakyReluFloatParams& params = *static_cast<const LeakyReluFloatParams*>(in);
  const float alpha = params.alpha;
  const auto op = [alpha](float x) { return leaky_relu(x, alpha); };
  return fpu::run_element_blocks<float, float>(leaky_relu_blocks, op, 0, alpha, params.split.elements, rows, io);
}

}  // namespace kernels

}  // namespace microplan

#endif
