// SPDX-License-Identifier: Apache-2.0
// SOFTMAX of int8 with Helium: four exponentials at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/softmax_int8.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#endif

namespace microplan {

namespace {

#if defined(__ARM_FEATURE_MVE)

constexpr uint32_t kFactors = 7;

// exp(-2^i) for i from -2 on.
constexpr int32_t kFactor[kFactors] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};

// The result times the factors of the bits that are set in `quarters`. Compilers would keep every comparison in a register;
// they cannot be told that the predicate changes, and so it is put back.
int32x4_t multiply_factors(int32x4_t quarters, int32x4_t result) {
  const int32_t* next = kFactor;
  int32x4_t bit;
  int32_t factor, predicate;
  asm("vmrs %[predicate], p0\n"
      ".irp left, 31, 30, 29, 28, 27, 26, 25\n"
      "vshl.i32 %q[bit], %q[quarters], #\\left\n"
      "ldr %[factor], [%[next]], #4\n"
      "vpt.s32 lt, %q[bit], zr\n"
      "vqrdmulht.s32 %q[result], %q[result], %[factor]\n"
      ".endr\n"
      "vmsr p0, %[predicate]\n"
      : [result] "+w"(result), [bit] "=&w"(bit), [factor] "=&r"(factor), [next] "+r"(next), [predicate] "=&r"(predicate)
      : [quarters] "w"(quarters), "m"(kFactor));
  return result;
}

// As fixed_exp<26>(a) for a <= 0.
int32x4_t exponential(int32x4_t a) {
  constexpr int32_t kQuarter = SoftmaxExp::kQuarter;
  const int32x4_t fraction = vsubq_n_s32(vandq_s32(a, vdupq_n_s32(kQuarter - 1)), kQuarter);
  const int32x4_t x = vaddq_n_s32(vshlq_n_s32(fraction, 31 - kSoftmaxExponentBits), 1 << 28);
  const int32x4_t x2 = vqrdmulhq_s32(x, x);
  const int32x4_t x3 = vqrdmulhq_s32(x2, x);
  const int32x4_t x4 = vqrdmulhq_s32(x2, x2);
  // Neither x4 nor `cubic` is negative, so that halves are rounded up.
  const int32x4_t sum = vaddq_s32(vrshrq_n_s32(x4, 2), x3);
  const int32x4_t cubic = vaddq_s32(vqrdmulhq_n_s32(sum, SoftmaxExp::kThird), x2);
  const int32x4_t polynomial = vaddq_s32(x, vrshrq_n_s32(cubic, 1));
  int32x4_t result = vqrdmulhq_n_s32(polynomial, SoftmaxExp::kExpMinusEighth);
  result = vaddq_n_s32(result, SoftmaxExp::kExpMinusEighth);
  const int32x4_t quarters = vshrq_n_s32(vsubq_s32(fraction, a), SoftmaxExp::kQuarterBits);
  result = multiply_factors(quarters, result);
  return vdupq_m_n_s32(result, INT32_MAX, vcmpeqq_n_s32(a, 0));
}

struct Row {
  static int32_t largest(const int8_t* x, uint32_t depth) {
    int32_t result = INT8_MIN;
    for (int32_t left = static_cast<int32_t>(depth); left > 0; left -= 16, x += 16) {
      const mve_pred16_t lanes = vctp8q(static_cast<uint32_t>(left));
      result = vmaxvq_p_s8(static_cast<int8_t>(result), vldrbq_z_s8(x, lanes), lanes);
    }
    return result;
  }

  [[gnu::noinline]] static uint32_t exponentials(const SoftmaxParams& params, const int8_t* x, int32_t largest,
                                                 int32_t* to) {
    const int32x4_t left_shift = vdupq_n_s32(params.left_shift & 31);
    uint32_t sum = 0;
    for (int32_t left = static_cast<int32_t>(params.depth); left > 0; left -= 4, x += 4, to += 4) {
      const mve_pred16_t lanes = vctp32q(static_cast<uint32_t>(left));
      const int32x4_t diff = vsubq_n_s32(vldrbq_z_s32(x, lanes), largest);
      const int32x4_t a = vqrdmulhq_n_s32(vshlq_s32(diff, left_shift), params.multiplier);
      const mve_pred16_t counts = vcmpgeq_m_n_s32(diff, params.diff_min, lanes);
      const int32x4_t e = vpselq_s32(exponential(a), vdupq_n_s32(0), counts);
      sum = vaddvaq_u32(sum, vrshrq_n_u32(vreinterpretq_u32_s32(e), kSoftmaxSumIntegerBits));
      vstrwq_p_s32(to, e, lanes);
    }
    return sum;
  }

  [[gnu::noinline]] static void outputs(const int32_t* from, uint32_t depth, int32_t scale, int32_t right, int8_t* y) {
    const int32x4_t shift = vdupq_n_s32(-right);
    const int32x4_t highest = vdupq_n_s32(INT8_MAX);
    for (int32_t left = static_cast<int32_t>(depth); left > 0; left -= 4, from += 4, y += 4) {
      const mve_pred16_t lanes = vctp32q(static_cast<uint32_t>(left));
      const int32x4_t product = vqrdmulhq_n_s32(vldrwq_z_s32(from, lanes), scale);
      const int32x4_t steps = vaddq_n_s32(vrshlq_s32(product, shift), INT8_MIN);
      vstrbq_p_s32(y, vminq_s32(steps, highest), lanes);
    }
  }
};

#endif

Cost cost(const void* in, const Target&) {
  const SoftmaxParams& params = *static_cast<const SoftmaxParams*>(in);
  constexpr uint32_t kRow = 220;
  constexpr uint32_t kFour = 100;
  return {0, params.rows * ((params.depth + 3) / 4 * uint64_t{kFour} + kRow), 0};
}

}  // namespace

namespace kernels {

#if defined(__ARM_FEATURE_MVE)

Status softmax_int8_mve_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run_softmax_int8<Row>(in, rows, io, scratch);
}

#endif

const Variant softmax_int8_mve_variant =
    softmax_int8_variant_row(softmax_int8_mve, "softmax_int8_mve", cost, kFeatureMve);

}  // namespace kernels

}  // namespace microplan
