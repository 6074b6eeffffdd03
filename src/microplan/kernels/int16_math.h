// SPDX-License-Identifier: Apache-2.0
// Logistic function and hyperbolic tangent of 16-bit kernels, bit for bit those of TensorFlow Lite's reference kernels: one
// table with linear interpolation. Arguments are real values in steps of 1 / (3 * 2^12), results in steps of 2^-15.
#ifndef MICROPLAN_KERNELS_INT16_MATH_H_
#define MICROPLAN_KERNELS_INT16_MATH_H_

#include <stdint.h>

namespace microplan {

// Entry i is 2^16 / (1 + e^(-i / 24)).
struct SigmoidTable {
  static constexpr uint32_t kEntries = 256;

  uint16_t entry[kEntries];
};
extern const SigmoidTable kSigmoidTable;

inline uint32_t int32_magnitude(int32_t value) {
  return value < 0 ? 0 - static_cast<uint32_t>(value) : static_cast<uint32_t>(value);
}

// Between two entries, in steps of 2^-kFractionBits of the table's.
template <uint32_t kFractionBits>
inline int32_t interpolate_sigmoid(uint32_t position) {
  const uint16_t* const entry = &kSigmoidTable.entry[position >> kFractionBits];
  const int32_t fraction = static_cast<int32_t>(position & ((1u << kFractionBits) - 1));
  return (entry[0] << kFractionBits) + fraction * (entry[1] - entry[0]);
}

inline int16_t int16_logistic(int32_t x) {
  constexpr uint32_t kFractionBits = 9;
  constexpr int32_t kOne = 1 << (16 + kFractionBits);
  constexpr int32_t kHalfStep = 1 << kFractionBits;  // of the result
  const uint32_t position = int32_magnitude(x);
  const bool saturated = position >> kFractionBits >= SigmoidTable::kEntries - 1;
  const int32_t value = saturated ? INT16_MAX << (kFractionBits + 1) : interpolate_sigmoid<kFractionBits>(position);
  return static_cast<int16_t>((x >= 0 ? value + kHalfStep : kOne - value + kHalfStep - 1) >> (kFractionBits + 1));
}

// tanh x = 2 * logistic(2 x) - 1.
inline int16_t int16_tanh(int32_t x) {
  constexpr uint32_t kFractionBits = 8;
  constexpr int32_t kZero = 1 << (15 + kFractionBits);
  constexpr int32_t kHalfStep = 1 << (kFractionBits - 1);
  const uint32_t position = int32_magnitude(x);
  const bool saturated = position >> kFractionBits >= SigmoidTable::kEntries - 1;
  const int32_t value = saturated ? UINT16_MAX << kFractionBits : interpolate_sigmoid<kFractionBits>(position);
  return static_cast<int16_t>((x >= 0 ? value - kZero + kHalfStep : kZero - value + kHalfStep - 1) >> kFractionBits);
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_INT16_MATH_H_
