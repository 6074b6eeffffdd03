// SPDX-License-Identifier: Apache-2.0
// The planner's side: the search for the form.
#include "microplan/kernels/binary_linear.h"

namespace microplan {

namespace {

constexpr int32_t kMaxShift = 30;

// Forms are tried side by side, so that the reference is computed once for all of them. They differ in how much steeper
// they are, in units of 2^-19: a little, since the reference rounds halves away from zero, a shift rounds them up.
constexpr uint32_t kForms = 4;
constexpr double kSteeper[kForms] = {0, 1, 4, 16};
constexpr double kUnit = 1.0 / (1 << 19);

// So often slopes are corrected: once solves nearly all that can be solved.
constexpr uint32_t kPasses = 3;

int64_t round_to_int64(double value) { return static_cast<int64_t>(value < 0 ? value - 0.5 : value + 0.5); }

// The start of a form must lie within [lowest, highest), each bound because of one pair of inputs.
struct Candidate {
  int64_t slope[2];
  int64_t lowest, highest;
  int32_t lowest_at[2], highest_at[2];

  void consider(int32_t a, int32_t b, int64_t low, int64_t high) {
    const int64_t sum = slope[0] * a + slope[1] * b;
    if (low - sum > lowest) {
      lowest = low - sum;
      lowest_at[0] = a;
      lowest_at[1] = b;
    }
    if (high - sum < highest) {
      highest = high - sum;
      highest_at[0] = a;
      highest_at[1] = b;
    }
  }

  // Moves the slopes by the least that brings the two bounds into order. False when their pairs are one.
  bool correct() {
    const int64_t difference[2] = {lowest_at[0] - highest_at[0], lowest_at[1] - highest_at[1]};
    const int64_t squares = difference[0] * difference[0] + difference[1] * difference[1];
    if (squares == 0) return false;
    const double step = static_cast<double>(lowest - highest + 1) / static_cast<double>(squares);
    for (uint32_t i = 0; i < 2; ++i) slope[i] += round_to_int64(step * static_cast<double>(difference[i]));
    return true;
  }
};

// The largest shift for which every sum fits 32 bits, and whether there is one.
bool choose_shift(const SumOfPairs& pairs, int32_t* shift) {
  double largest = 0;
  for (uint32_t corner = 0; corner < 4; ++corner) {
    const double a = corner & 1 ? INT8_MAX : INT8_MIN;
    const double b = corner & 2 ? INT8_MAX : INT8_MIN;
    const double value = pairs.at_zero + pairs.slope[0] * a + pairs.slope[1] * b;
    largest = value > largest ? value : -value > largest ? -value : largest;
  }
  // Two more than that: for the rounding, and for what the slopes are changed by.
  int32_t result = kMaxShift;
  while (result >= 0 && (largest + 2) * static_cast<double>(1 << result) >= 2147483648.0) --result;
  *shift = result;
  return result >= 0;
}

}  // namespace

bool find_linear_sum(const SumOfPairs& pairs, LinearSum* found) {
  int32_t shift;
  if (!choose_shift(pairs, &shift)) return false;
  const int64_t unit = int64_t{1} << shift;
  Candidate forms[kForms];
  for (uint32_t i = 0; i < kForms; ++i) {
    const double scale = static_cast<double>(unit) * (1 + kSteeper[i] * kUnit);
    for (uint32_t k = 0; k < 2; ++k) forms[i].slope[k] = round_to_int64(pairs.slope[k] * scale);
  }
  uint32_t count = kForms;
  for (uint32_t pass = 0; pass < kPasses && count != 0; ++pass) {
    for (uint32_t i = 0; i < count; ++i) {
      forms[i].lowest = -(int64_t{1} << 31);
      forms[i].highest = int64_t{1} << 31;
      for (uint32_t k = 0; k < 2; ++k) forms[i].lowest_at[k] = forms[i].highest_at[k] = 0;
    }
    for (int32_t a = INT8_MIN; a <= INT8_MAX; ++a) {
      for (int32_t b = INT8_MIN; b <= INT8_MAX; ++b) {
        const int32_t value = pairs.value(pairs.params, static_cast<int8_t>(a), static_cast<int8_t>(b));
        // Sums beyond the clamp may be anything that fits 32 bits.
        const int64_t low = value > pairs.act_min ? value * unit : -(int64_t{1} << 31);
        const int64_t high = value < pairs.act_max ? (value + 1) * unit : int64_t{1} << 31;
        for (uint32_t i = 0; i < count; ++i) forms[i].consider(a, b, low, high);
      }
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; ++i) {
      Candidate& form = forms[i];
      if (form.lowest < form.highest) {
        // Between the bounds, so that all 65,536 sums fit 32 bits.
        const int64_t start = form.lowest + (form.highest - form.lowest) / 2;
        *found = {{static_cast<int32_t>(form.slope[0]), static_cast<int32_t>(form.slope[1])},
                  static_cast<int32_t>(start), shift};
        return true;
      }
      if (form.correct()) forms[kept++] = form;
    }
    count = kept;
  }
  return false;
}

double as_real(Requantize by) {
  double result = static_cast<double>(by.multiplier) / 2147483648.0;
  for (int32_t i = 0; i < by.shift; ++i) result *= 2;
  for (int32_t i = by.shift; i < 0; ++i) result /= 2;
  return result;
}

void pack_linear_sum(const SumOfPairs& pairs, ConstantWriter& writer) {
  if (!writer.begin(sizeof(LinearSum))) return;
  LinearSum sum = {};
  (void)find_linear_sum(pairs, &sum);
  writer.append(&sum, sizeof sum);
}

}  // namespace microplan
