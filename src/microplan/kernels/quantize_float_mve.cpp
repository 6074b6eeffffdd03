// SPDX-License-Identifier: Apache-2.0
// QUANTIZE from float32 to int8 and DEQUANTIZE from int8 with Helium: 4 elements at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/quantize.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)
#include <arm_mve.h>
#endif

namespace microplan {

namespace {

// Helium has no division. The product with the reciprocal, corrected by what it leaves of the number, is the quotient
// rounded to nearest in all but rare cases (P. Markstein, Computation of elementary functions on the IBM RISC System/6000
// processor, 1990). It is on the same side of every half step of int8 for all significands of the scale, which was tried.
// Helium flushes subnormal numbers to 0: with scales in this range they are far below half a step.
bool supports_quantize(const void* in, const Target&) {
  const float scale = static_cast<const QuantizeParams*>(in)->scale;
  return scale >= 1e-20f && scale <= 1e20f;
}

// Products with smaller scales may be subnormal.
bool supports_dequantize(const void* in, const Target&) {
  return static_cast<const QuantizeParams*>(in)->scale >= 1e-30f;
}

}  // namespace

namespace kernels {

const Variant quantize_float_int8_mve_variant = {
    quantize_float_int8_mve, "quantize_float_int8_mve", "QUANTIZE", 114,
    DataType::kFloat32, DataType::kNone, DataType::kInt8, "",
    false, Overlap::kElementwise, sizeof(QuantizeParams),
    prepare_quantize, supports_quantize, elements_footprint<float, int8_t>, equal_rows, nullptr, nullptr,
    elements_cost<3>, kFeatureMveF};

const Variant dequantize_int8_mve_variant = {
    dequantize_int8_mve, "dequantize_int8_mve", "DEQUANTIZE", 6,
    DataType::kInt8, DataType::kNone, DataType::kFloat32, "",
    false, Overlap::kRows, sizeof(QuantizeParams),
    prepare_dequantize, supports_dequantize, elements_footprint<int8_t, float>, equal_rows, nullptr, nullptr,
    elements_cost<2>, kFeatureMveF};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

namespace microplan {

namespace {

// The loops are in assembly, since compilers write no tail-predicated loops with loads that advance their address.

// The clamp comes first, to the numbers that int8's ends stand for, so that nothing overflows. NaN is not above `low` and
// becomes it.
[[gnu::noinline]] void quantize_row(const QuantizeParams& params, const float* x, int8_t* y, uint32_t elements) {
  const float scale = params.scale;
  const float reciprocal = 1 / scale;
  const float32x4_t low = vdupq_n_f32(scale * static_cast<float>(wrap_sub(INT8_MIN, params.zero_point)));
  const float32x4_t high = vdupq_n_f32(scale * static_cast<float>(wrap_sub(INT8_MAX, params.zero_point)));
  const float32x4_t step = vdupq_n_f32(scale);
  float32x4_t value, quotient;
  asm volatile(
      "dlstp.32 lr, %[elements]\n"
      "1:\n"
      "vldrw.32 %q[value], [%[x]], #16\n"
      "vcmp.f32 ge, %q[value], %q[low]\n"
      "vpsel %q[value], %q[value], %q[low]\n"
      "vminnm.f32 %q[value], %q[value], %q[high]\n"
      "vmul.f32 %q[quotient], %q[value], %[reciprocal]\n"
      "vfms.f32 %q[value], %q[quotient], %q[step]\n"
      "vfma.f32 %q[quotient], %q[value], %[reciprocal]\n"
      "vcvta.s32.f32 %q[quotient], %q[quotient]\n"
      "vadd.i32 %q[quotient], %q[quotient], %[zero_point]\n"
      "vstrb.32 %q[quotient], [%[y]], #4\n"
      "letp lr, 1b\n"
      : [x] "+l"(x), [y] "+l"(y), [value] "=&w"(value), [quotient] "=&w"(quotient)
      : [elements] "r"(elements), [low] "w"(low), [high] "w"(high), [step] "w"(step), [reciprocal] "r"(reciprocal),
        [zero_point] "r"(params.zero_point)
      : "lr", "cc", "memory");
}

[[gnu::noinline]] void dequantize_row(const QuantizeParams& params, const int8_t* x, float* y, uint32_t elements) {
  const int32_t offset = wrap_sub(0, params.zero_point);
  float32x4_t value;
  asm volatile(
      "dlstp.32 lr, %[elements]\n"
      "1:\n"
      "vldrb.s32 %q[value], [%[x]], #4\n"
      "vadd.i32 %q[value], %q[value], %[offset]\n"
      "vcvt.f32.s32 %q[value], %q[value]\n"
      "vmul.f32 %q[value], %q[value], %[scale]\n"
      "vstrw.32 %q[value], [%[y]], #16\n"
      "letp lr, 1b\n"
      : [x] "+l"(x), [y] "+l"(y), [value] "=&w"(value)
      : [elements] "r"(elements), [offset] "r"(offset), [scale] "r"(params.scale)
      : "lr", "memory");
}

template <typename In, typename Out>
Status run(void (*run_row)(const QuantizeParams&, const In*, Out*, uint32_t), const void* in, Rows rows, const Io& io) {
  const QuantizeParams& params = *static_cast<const QuantizeParams*>(in);
  const View input = io.view(0);
  const View output = io.view(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    run_row(params, input.row_as<In>(row), output.row_as<Out>(row), params.split.elements);
  }
  return Status::kOk;
}

}  // namespace

namespace kernels {

Status quantize_float_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run(quantize_row, in, rows, io);
}

Status dequantize_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run(dequantize_row, in, rows, io);
}

}  // namespace kernels

}  // namespace microplan

#endif
