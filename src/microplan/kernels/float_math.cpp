// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/float_math.h"

#include <stdint.h>
#include <string.h>

namespace microplan {

namespace {

// 2^n for n in [-126, 127].
float power_of_two(int32_t n) {
  const uint32_t bits = static_cast<uint32_t>(n + 127) << 23;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// e^x = 2^n * (1 + fraction).
struct Exponential {
  int32_t n;
  float fraction;  // in [1/sqrt(2) - 1, sqrt(2) - 1], small next to 1 so that its own precision is kept
};

// |x| below 128. Cody and Waite's reduction (Software Manual for the Elementary Functions, 1980, chapter 6): ln 2 is split
// so that n times its high part is exact, which leaves r within half of ln 2. Taylor's polynomial of degree 7 is then
// within 2^-27 of e^r.
Exponential exponential(float x) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f;
  constexpr float kLn2Low = -2.12194440e-4f;
  const float steps = x * kLog2E;
  const int32_t n = static_cast<int32_t>(steps < 0 ? steps - 0.5f : steps + 0.5f);
  const float whole = static_cast<float>(n);
  const float r = (x - whole * kLn2High) - whole * kLn2Low;
  float sum = 1.0f / 5040;
  sum = sum * r + 1.0f / 720;
  sum = sum * r + 1.0f / 120;
  sum = sum * r + 1.0f / 24;
  sum = sum * r + 1.0f / 6;
  sum = sum * r + 0.5f;
  return {n, r + r * r * sum};
}

}  // namespace

float float_exp(float x) {
  if (x != x) return x;
  if (x < -104) return 0;  // less than half of the smallest float
  if (x > 89) x = 89;      // too large for a float, but not for the reduction
  const Exponential e = exponential(x);
  // In two factors, because one may itself be beyond the range of a float.
  const int32_t half = e.n / 2;
  return (1 + e.fraction) * power_of_two(half) * power_of_two(e.n - half);
}

float float_tanh(float x) {
  constexpr float kOneFrom = 9.5f;  // from here on the nearest float is 1
  if (x != x) return x;
  if (x > kOneFrom) return 1;
  if (x < -kOneFrom) return -1;
  // tanh x = (e^2x - 1) / (e^2x + 1). e^2x - 1 is formed from the fraction, which keeps small results precise; of the
  // two signs the one with the larger e^2x loses nothing.
  const Exponential e = exponential(x < 0 ? -2 * x : 2 * x);
  const float scale = power_of_two(e.n);
  const float minus_one = scale * e.fraction + (scale - 1);
  const float result = minus_one / (minus_one + 2);
  return x < 0 ? -result : result;
}

float float_logistic(float x) {
  constexpr float kExpBelow = -9;
  const float e = float_exp(x < 0 ? x : -x);
  return x < kExpBelow ? e : x < 0 ? e / (1 + e) : 1 / (1 + e);
}

}  // namespace microplan
