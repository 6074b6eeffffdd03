// SPDX-License-Identifier: Apache-2.0
// The planner's side: the search for the form.
#include "microplan/kernels/quantize_linear.h"

namespace microplan {

namespace {

constexpr uint32_t kInputs = 256;
constexpr int64_t kUnit = int64_t{1} << LinearForm::kShift;
constexpr int64_t kBound = int64_t{1} << 31;

// Slopes from the real factor on either side in which one is looked for. Halves that the reference rounds away from zero
// need a little, and so do outputs of few steps.
constexpr int64_t kLeast = kUnit / 256;
constexpr int64_t kPart = 64;

// With a given slope the start of a form must lie within [lowest, highest), each bound because of one input.
struct Bounds {
  int64_t lowest = -kBound, highest = kBound;
  int32_t lowest_at = 0, highest_at = 0;

  void consider(int32_t input, int32_t output, int64_t product) {
    // Sums beyond the clamp may be anything that fits 32 bits.
    const int64_t low = (output > INT8_MIN ? output * kUnit : -kBound) - product;
    const int64_t high = (output < INT8_MAX ? (output + 1) * kUnit : kBound) - product;
    if (low > lowest) {
      lowest = low;
      lowest_at = input;
    }
    if (high < highest) {
      highest = high;
      highest_at = input;
    }
  }
};

}  // namespace

bool find_linear_form(const RequantizeParams& params, int32_t low, LinearForm* found) {
  int8_t outputs[kInputs];
  for (uint32_t i = 0; i < kInputs; ++i) outputs[i] = requantize_to_int8(params, low + static_cast<int32_t>(i));
  // The real factor in units of the slope: multiplier / 2^31 * 2^shift * kUnit.
  const int32_t right = wrap_sub(31 - LinearForm::kShift, params.by.shift);
  if (right < 0) return false;
  const int64_t factor = right > 31 ? 0 : params.by.multiplier >> right;
  int64_t first = factor - factor / kPart - kLeast;
  int64_t last = factor + factor / kPart + kLeast;
  while (first <= last) {
    const int64_t slope = first + (last - first) / 2;
    Bounds bounds;
    for (uint32_t i = 0; i < kInputs; ++i) {
      const int32_t input = low + static_cast<int32_t>(i);
      bounds.consider(input, outputs[i], slope * input);
    }
    if (bounds.lowest < bounds.highest) {
      // Between the bounds, so that all sums fit 32 bits.
      const int64_t start = bounds.lowest + (bounds.highest - bounds.lowest) / 2;
      *found = {static_cast<int32_t>(slope), static_cast<int32_t>(start)};
      return true;
    }
    // A steeper form brings the bounds into order when the lower one is that of the larger input.
    if (bounds.lowest_at == bounds.highest_at) return false;
    if (bounds.lowest_at > bounds.highest_at) {
      first = slope + 1;
    } else {
      last = slope - 1;
    }
  }
  return false;
}

}  // namespace microplan
