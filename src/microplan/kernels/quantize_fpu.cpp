// SPDX-License-Identifier: Apache-2.0
// QUANTIZE from float32 to int8 and DEQUANTIZE from int8 for cores with a scalar floating-point unit: 8
// elements at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/fpu_elements.h"
#include "microplan/kernels/quantize.h"

namespace microplan {

namespace kernels {

const Variant quantize_float_int8_fpu_variant = {
    quantize_float_int8_fpu, "quantize_float_int8_fpu", "QUANTIZE", 114,
    DataType::kFloat32, DataType::kNone, DataType::kInt8, "",
    false, Overlap::kElementwise, sizeof(QuantizeParams),
    prepare_quantize, nullptr, elements_footprint<float, int8_t>, equal_rows, nullptr, nullptr, elements_cost<8>,
    kFeatureFpu};

const Variant dequantize_int8_fpu_variant = {
    dequantize_int8_fpu, "dequantize_int8_fpu", "DEQUANTIZE", 6,
    DataType::kInt8, DataType::kNone, DataType::kFloat32, "",
    false, Overlap::kRows, sizeof(QuantizeParams),
    prepare_dequantize, nullptr, elements_footprint<int8_t, float>, equal_rows, nullptr, nullptr, elements_cost<5>,
    kFeatureFpu};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_HAS_FPU

namespace microplan {

namespace {

using QuantizeBlocks = fpu::ElementBlocks<float, int8_t>;    // offset: 1 + 2 * zero point; factor: the scale
using DequantizeBlocks = fpu::ElementBlocks<int8_t, float>;  // offset: -zero point; factor: the scale

#if defined(__arm__) && defined(__ARM_FP) && (__ARM_FP & 4)

// t: twice the quotient, truncated. (t + (t >> 31) + 1) >> 1 is the quotient rounded to nearest, halves away from zero.
#define MICROPLAN_QUANTIZE_FOUR(a, b, c, d)                       \
  "vmov r4, r5, s" #a ", s" #b "\n"                               \
  "vmov r6, r7, s" #c ", s" #d "\n"                               \
  "add r4, r4, r4, asr #31\n"                                     \
  "add r5, r5, r5, asr #31\n"                                     \
  "add r6, r6, r6, asr #31\n"                                     \
  "add r7, r7, r7, asr #31\n"                                     \
  "add r4, r4, r3\n"                                              \
  "add r5, r5, r3\n"                                              \
  "add r6, r6, r3\n"                                              \
  "add r7, r7, r3\n"                                              \
  "ssat r4, #8, r4, asr #1\n"                                     \
  "ssat r5, #8, r5, asr #1\n"                                     \
  "ssat r6, #8, r6, asr #1\n"                                     \
  "ssat r7, #8, r7, asr #1\n"                                     \
  "strb r4, [r1]\n"                                               \
  "strb r5, [r1, #1]\n"                                           \
  "strb r6, [r1, #2]\n"                                           \
  "strb r7, [r1, #3]\n"                                           \
  "adds r1, #4\n"
#define MICROPLAN_DIVIDE(r) "vdiv.f32 s" #r ", s" #r ", s8\nvcvt.s16.f32 s" #r ", s" #r ", #1\n"

// Leaves blocks that may hold NaN: then conversions raise the flag of invalid operations, as they do beyond the 16 bits
// to which they saturate. The flag is cleared before, and left as if it had not been.
// r0 x, r1 y, r2 blocks, r3 offset, r12 FPSCR.
__attribute__((naked, noinline)) uint32_t quantize_blocks(const QuantizeBlocks*) {
  asm volatile(
      ".syntax unified\n"
      "push {r4-r7}\n"
      "vldr s8, [r0, #16]\n"
      "ldm r0, {r0-r3}\n"
      "vmrs r12, fpscr\n"
      "bic r4, r12, #1\n"
      "vmsr fpscr, r4\n"
      "1:\n"
      "vldmia r0!, {s0-s7}\n"
      MICROPLAN_DIVIDE(0) MICROPLAN_DIVIDE(1) MICROPLAN_DIVIDE(2) MICROPLAN_DIVIDE(3)
      MICROPLAN_DIVIDE(4) MICROPLAN_DIVIDE(5) MICROPLAN_DIVIDE(6) MICROPLAN_DIVIDE(7)
      "vmrs r4, fpscr\n"
      "lsls r4, r4, #31\n"
      "bmi 2f\n"
      MICROPLAN_QUANTIZE_FOUR(0, 1, 2, 3)
      MICROPLAN_QUANTIZE_FOUR(4, 5, 6, 7)
      "subs r2, r2, #1\n"
      "bne 1b\n"
      "2:\n"
      "vmrs r4, fpscr\n"
      "and r12, r12, #1\n"
      "orr r4, r4, r12\n"
      "vmsr fpscr, r4\n"
      "mov r0, r2\n"
      "pop {r4-r7}\n"
      "bx lr\n");
}

#undef MICROPLAN_DIVIDE
#undef MICROPLAN_QUANTIZE_FOUR

#define MICROPLAN_DEQUANTIZE_FOUR(at0, at1, at2, at3, a, b, c, d) \
  "ldrsb r4, [r0, #" #at0 "]\n"                                   \
  "ldrsb r5, [r0, #" #at1 "]\n"                                   \
  "ldrsb r6, [r0, #" #at2 "]\n"                                   \
  "ldrsb r7, [r0, #" #at3 "]\n"                                   \
  "add r4, r4, r3\n"                                              \
  "add r5, r5, r3\n"                                              \
  "add r6, r6, r3\n"                                              \
  "add r7, r7, r3\n"                                              \
  "vmov s" #a ", s" #b ", r4, r5\n"                               \
  "vmov s" #c ", s" #d ", r6, r7\n"
#define MICROPLAN_SCALE(r) "vcvt.f32.s32 s" #r ", s" #r "\nvmul.f32 s" #r ", s" #r ", s8\n"

// Returns 0. r0 x, r1 y, r2 blocks, r3 offset.
__attribute__((naked, noinline)) uint32_t dequantize_blocks(const DequantizeBlocks*) {
  asm volatile(
      ".syntax unified\n"
      "push {r4-r7}\n"
      "vldr s8, [r0, #16]\n"
      "ldm r0, {r0-r3}\n"
      "1:\n"
      MICROPLAN_DEQUANTIZE_FOUR(0, 1, 2, 3, 0, 1, 2, 3)
      MICROPLAN_DEQUANTIZE_FOUR(4, 5, 6, 7, 4, 5, 6, 7)
      "adds r0, #8\n"
      MICROPLAN_SCALE(0) MICROPLAN_SCALE(1) MICROPLAN_SCALE(2) MICROPLAN_SCALE(3)
      MICROPLAN_SCALE(4) MICROPLAN_SCALE(5) MICROPLAN_SCALE(6) MICROPLAN_SCALE(7)
      "vstmia r1!, {s0-s7}\n"
      "subs r2, r2, #1\n"
      "bne 1b\n"
      "mov r0, r2\n"
      "pop {r4-r7}\n"
      "bx lr\n");
}

#undef MICROPLAN_SCALE
#undef MICROPLAN_DEQUANTIZE_FOUR

#else

constexpr auto quantize_blocks = fpu::leave_all<float, int8_t>;
constexpr auto dequantize_blocks = fpu::leave_all<int8_t, float>;

#endif

}  // namespace

namespace kernels {

Status quantize_float_int8_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  const QuantizeParams& params = *static_cast<const QuantizeParams*>(in);
  const auto op = [&params](float real) {
    return static_cast<int8_t>(quantize(real, params.scale, params.zero_point, INT8_MIN, INT8_MAX));
  };
  const int32_t offset = wrap_add(wrap_mul(2, params.zero_point), 1);
  return fpu::run_element_blocks<float, int8_t>(quantize_blocks, op, offset, params.scale, params.split.elements, rows,
                                                io);
}

Status dequantize_int8_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  const QuantizeParams& params = *static_cast<const QuantizeParams*>(in);
  const auto op = [&params](int8_t q) { return dequantize(q, params.scale, params.zero_point); };
  const int32_t offset = wrap_sub(0, params.zero_point);
  return fpu::run_element_blocks<int8_t, float>(dequantize_blocks, op, offset, params.scale, params.split.elements, rows,
                                                io);
}

}  // namespace kernels

}  // namespace microplan

#endif
