// SPDX-License-Identifier: Apache-2.0
// Fixed-point arithmetic of the integer kernels, bit for bit that of TensorFlow Lite's reference kernels. Sums wrap modulo
// 2^32; every function is total, so that no constant of an untrusted plan is undefined behaviour.
#ifndef MICROPLAN_KERNELS_QUANTIZATION_H_
#define MICROPLAN_KERNELS_QUANTIZATION_H_

#include <stdint.h>

namespace microplan {

// real = multiplier / 2^31 * 2^shift, multiplier 0 or in [2^30, 2^31).
struct Requantize {
  int32_t multiplier;
  int32_t shift;  // [-31, 30]; positive shifts left
};

inline int32_t wrap_add(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}
inline int32_t wrap_sub(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b));
}
inline int32_t wrap_mul(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) * static_cast<uint32_t>(b));
}
inline int32_t shift_left(int32_t value, int32_t bits) {
  return static_cast<int32_t>(static_cast<uint32_t>(value) << (bits & 31));
}

// a * b / 2^31, rounded to nearest, halves up. gemmlowp's SaturatingRoundingDoublingHighMul rounds halves of positive
// products up and adds 1 - 2^30 to negative ones before a truncating division; both are this floor. It saturates for
// a = b = -2^31 only, which no multiplier of a model is.
inline int32_t multiply_high(int32_t a, int32_t b) {
  return static_cast<int32_t>((static_cast<int64_t>(a) * b + (int64_t{1} << 30)) >> 31);
}

// value / 2^exponent, rounded to nearest, halves away from zero; exponent in [0, 31].
inline int32_t rounding_shift_right(int32_t value, int32_t exponent) {
  exponent &= 31;
  const int32_t mask = static_cast<int32_t>((1u << exponent) - 1u);
  const int32_t remainder = value & mask;
  const int32_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
  return (value >> exponent) + (remainder > threshold ? 1 : 0);
}

// value * real, rounded twice, as TensorFlow Lite's MultiplyByQuantizedMultiplier for int32.
inline int32_t requantize(int32_t value, Requantize by) {
  const int32_t left = by.shift > 0 ? by.shift : 0;
  const int32_t right = by.shift > 0 ? 0 : wrap_sub(0, by.shift);
  return rounding_shift_right(multiply_high(shift_left(value, left), by.multiplier), right);
}

// The rounding of requantize_fast(): half of the shift's unit, and the output's zero point.
inline int32_t fast_rounding(int32_t zero_point, int32_t right_shift) {
  return wrap_add(shift_left(zero_point, right_shift), shift_left(1, right_shift - 1));
}

// requantize(value, by) + zero point in one multiplication, for a right shift of at least 1, |value| < 2^30 and a multiplier
// of 0 or at least 2^30. The high half of 2 * value * multiplier, rounded, is multiply_high(); its sign is that of value
// unless it is 0, when taking 1 off the half does not matter.
inline int32_t requantize_fast(int32_t value, int32_t multiplier, int32_t rounding, int32_t right_shift) {
  const int32_t twice = shift_left(value, 1);
  const int32_t addend = wrap_add(rounding, twice >> 31);
  const uint64_t product = static_cast<uint64_t>(static_cast<int64_t>(twice) * multiplier) + 0x80000000u;
  return wrap_add(addend, static_cast<int32_t>(product >> 32)) >> (right_shift & 31);
}

// value * real, rounded once, as TensorFlow Lite's MultiplyByQuantizedMultiplier for int64: the multiplier is reduced to
// 16 bits, m = (multiplier + 2^15) / 2^16 rounded down, at most 2^15 - 1; the result is the low 32 bits of
// (value * m + 2^(14 - shift)) / 2^(15 - shift), rounded down. The reference is defined for shifts up to 7 and |value| up
// to 2^47.
inline int32_t requantize_int64(int64_t value, Requantize by) {
  const int32_t reduced = by.multiplier < 0x7fff0000 ? (by.multiplier + (1 << 15)) >> 16 : 0x7fff;
  const uint32_t right = (15u - static_cast<uint32_t>(by.shift)) & 63;
  const uint64_t half = uint64_t{1} << ((right - 1) & 63);
  const uint64_t product = static_cast<uint64_t>(value) * static_cast<uint64_t>(int64_t{reduced}) + half;
  return static_cast<int32_t>(static_cast<int64_t>(product) >> right);
}

inline int32_t clamp(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : value > high ? high : value;
}
// NaN stays.
inline float clamp(float value, float low, float high) { return value < low ? low : value > high ? high : value; }

// Nearest integer to real / scale, halves away from zero, plus zero_point, kept within [low, high]. NaN gives low. The
// quotient is rounded to single precision, as in TensorFlow Lite's AffineQuantize. With zero points of 16 bits every
// quotient beyond int32 is out of the range. (Adding 1/2 and truncating would round 1/2 - 2^-25 up.)
inline int32_t quantize(float real, float scale, int32_t zero_point, int32_t low, int32_t high) {
  const float steps = real / scale;
  if (!(steps > -2147483648.0f)) return low;
  if (steps >= 2147483648.0f) return high;
  const int32_t whole = static_cast<int32_t>(steps);
  const float rest = steps - static_cast<float>(whole);  // exact
  const int64_t q = static_cast<int64_t>(whole) + (rest >= 0.5f) - (rest <= -0.5f) + zero_point;
  return q < low ? low : q > high ? high : static_cast<int32_t>(q);
}

// scale * (q - zero_point), for integers of at most 16 bits. TensorFlow Lite multiplies in double precision and rounds
// the product to single. That is the same: the difference has 17 bits and is exact in a float, the product of 24 and 17
// bits is exact in a double, and so both round the same real number once.
inline float dequantize(int32_t q, float scale, int32_t zero_point) {
  return scale * static_cast<float>(wrap_sub(q, zero_point));
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_QUANTIZATION_H_
