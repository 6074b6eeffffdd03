// SPDX-License-Identifier: Apache-2.0
// Exponential, logistic function and hyperbolic tangent in fixed point: bit for bit those of gemmlowp's fixedpoint.h,
// which TensorFlow Lite's 8-bit kernels use. Qm.n has m integer bits and n fraction bits beside the sign.
#ifndef MICROPLAN_KERNELS_FIXED_POINT_H_
#define MICROPLAN_KERNELS_FIXED_POINT_H_

#include <stdint.h>

#include "microplan/kernels/quantization.h"

namespace microplan {

// exp(a) for a in [-1/4, 0), Q0.31: a Taylor polynomial around -1/8.
inline int32_t fixed_exp_near_zero(int32_t a) {
  constexpr int32_t kExpMinusEighth = 1895147668;
  constexpr int32_t kThird = 715827883;
  const int32_t x = a + (1 << 28);
  const int32_t x2 = multiply_high(x, x);
  const int32_t x3 = multiply_high(x2, x);
  const int32_t x4 = multiply_high(x2, x2);
  const int32_t cubic = multiply_high(rounding_shift_right(x4, 2) + x3, kThird) + x2;
  return kExpMinusEighth + multiply_high(kExpMinusEighth, x + rounding_shift_right(cubic, 1));
}

// exp(a) in Q0.31 for a <= 0 with kFractionBits, of which there are at least 26: the fraction of a quarter by
// polynomial, the rest by one factor for each bit.
template <int32_t kFractionBits>
int32_t fixed_exp(int32_t a) {
  static_assert(kFractionBits >= 26, "there is a factor for every bit of the quarters below 32");
  if (a == 0) return INT32_MAX;
  constexpr int32_t kQuarterBits = kFractionBits - 2;
  constexpr int32_t kQuarter = 1 << kQuarterBits;
  // exp(-2^i) for i from -2 on.
  static constexpr int32_t kFactor[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  const int32_t fraction = (a & (kQuarter - 1)) - kQuarter;
  int32_t result = fixed_exp_near_zero(shift_left(fraction, 31 - kFractionBits));
  uint32_t quarters = static_cast<uint32_t>(wrap_sub(fraction, a)) >> kQuarterBits;
  for (uint32_t i = 0; i < sizeof kFactor / sizeof kFactor[0]; ++i, quarters >>= 1) {
    if (quarters & 1) result = multiply_high(result, kFactor[i]);
  }
  return result;
}

// 2 / (1 + f) in Q2.29 for x = 2^31 (1 + f), f in [0, 1): Newton and Raphson's division, from a linear estimate. The
// denominator's half is x / 2 in Q0.31.
inline int32_t fixed_quotient(uint32_t x) {
  constexpr int32_t k48Over17 = 1515870810;
  constexpr int32_t kMinus32Over17 = -1010580540;
  constexpr int32_t kOne = 1 << 29;
  const int32_t half = static_cast<int32_t>(x >> 1);
  int32_t y = k48Over17 + multiply_high(half, kMinus32Over17);
  for (uint32_t i = 0; i < 3; ++i) {
    const int32_t error = kOne - multiply_high(half, y);
    y += shift_left(multiply_high(y, error), 2);
  }
  return y;
}

// a * 2^times, saturated.
inline int32_t fixed_double(int32_t a, int32_t times) {
  return a > INT32_MAX >> times ? INT32_MAX : a < INT32_MIN >> times ? INT32_MIN : shift_left(a, times);
}

// 1 / (1 + exp(-x)) in Q0.31 for x in Q4.27 above -16.
inline int32_t fixed_logistic(int32_t x) {
  if (x == 0) return 1 << 30;
  const uint32_t e = static_cast<uint32_t>(fixed_exp<27>(x < 0 ? x : -x));
  // The bits of 2 / (1 + e) in Q2.29 are those of 1 / (1 + e) in Q1.30.
  const int32_t of_magnitude = fixed_double(fixed_quotient(0x80000000u + e), 1);
  return x < 0 ? INT32_MAX - of_magnitude : of_magnitude;
}

// tanh(x) in Q0.31 for x in Q4.27 above -16.
inline int32_t fixed_tanh(int32_t x) {
  if (x == 0) return 0;
  constexpr int32_t kOne = 1 << 29;
  // With e = exp(-2 |x|) it is (1 - e) / (1 + e) = 2 / (1 + e) - 1. The same bits are |x| in Q4.27 and 2 |x| in Q5.26.
  const uint32_t e = static_cast<uint32_t>(fixed_exp<26>(x < 0 ? x : -x));
  const int32_t of_magnitude = fixed_double(fixed_quotient(0x80000000u + e) - kOne, 2);
  return x < 0 ? -of_magnitude : of_magnitude;
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_FIXED_POINT_H_
