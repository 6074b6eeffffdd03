// SPDX-License-Identifier: Apache-2.0
// SOFTMAX of int8 on any core: rounding for rounding as the reference does it, but every product is one
// instruction with the DSP extension, and every exponential is computed once.
#include "microplan/kernels.h"
#include "microplan/kernels/dsp.h"
#include "microplan/kernels/softmax_int8.h"

namespace microplan {

namespace {

// multiply_high(a, factor) is smmulr(a, 2 * factor), and for factors from 2^30 on, whose double would leave the range, it is
// a + smmulr(a, 2 * (factor - 2^31)).
constexpr int32_t twice_below_one(int32_t factor) {
  return static_cast<int32_t>(2 * (int64_t{factor} - (int64_t{1} << 31)));
}

int32_t multiply_large(int32_t a, int32_t twice) { return dsp::smmlar(a, twice, a); }

// value / 2^right, rounded to nearest, halves up; not negative.
int32_t rounded_shift(int32_t value, int32_t right) {
  return static_cast<int32_t>((static_cast<uint32_t>(value) + (1u << (right - 1))) >> right);
}

// As fixed_exp<26>(a) for a < 0.
int32_t exponential(int32_t a) {
  // Of exp(-1/4) and exp(-1/2); twice exp(-2^i) for i from 0 on.
  constexpr int32_t kLarge[] = {twice_below_one(1672461947), twice_below_one(1302514674)};
  static constexpr int32_t kSmall[] = {2 * 790015084, 2 * 290630308, 2 * 39332535, 2 * 720401, 2 * 242};
  const int32_t fraction = (a & (SoftmaxExp::kQuarter - 1)) - SoftmaxExp::kQuarter;
  const int32_t x = shift_left(fraction, 31 - kSoftmaxExponentBits) + (1 << 28);
  const int32_t twice_x = 2 * x;
  const int32_t x2 = dsp::smmulr(x, twice_x);
  const int32_t x3 = dsp::smmulr(x2, twice_x);
  const int32_t x4 = dsp::smmulr(x2, 2 * x2);
  const int32_t cubic = dsp::smmlar(rounded_shift(x4, 2) + x3, 2 * SoftmaxExp::kThird, x2);
  const int32_t twice_sum = 2 * (x + rounded_shift(cubic, 1));
  int32_t result = dsp::smmlar(twice_sum, SoftmaxExp::kExpMinusEighth, SoftmaxExp::kExpMinusEighth);
  uint32_t quarters = static_cast<uint32_t>(wrap_sub(fraction, a)) >> SoftmaxExp::kQuarterBits;
  if (quarters & 1) result = multiply_large(result, kLarge[0]);
  if (quarters & 2) result = multiply_large(result, kLarge[1]);
  quarters = quarters >> 2 & 31;
  for (const int32_t* factor = kSmall; quarters != 0; quarters >>= 1, ++factor) {
    if (quarters & 1) result = dsp::smmulr(result, *factor);
  }
  return result;
}

// Functions of their own, so that the loops have the registers to themselves.
struct Row {
  [[gnu::noinline]] static int32_t largest(const int8_t* x, uint32_t depth) {
    int32_t result = INT8_MIN;
    for (const int8_t* const end = x + depth; x != end; ++x) result = *x > result ? *x : result;
    return result;
  }

  [[gnu::noinline]] static uint32_t exponentials(const SoftmaxParams& params, const int8_t* x, int32_t largest,
                                                 int32_t* to) {
    const int32_t diff_min = params.diff_min;
    const int32_t left = params.left_shift & 31;
    const int32_t twice_multiplier = shift_left(params.multiplier, 1);
    uint32_t sum = 0;
    for (const int8_t* const end = x + params.depth; x != end; ++x) {
      const int32_t diff = *x - largest;
      int32_t e = 0;
      if (diff >= diff_min) {
        const int32_t a = multiply_large(shift_left(diff, left), twice_multiplier);
        e = a == 0 ? INT32_MAX : exponential(a);
        sum += static_cast<uint32_t>(rounded_shift(e, kSoftmaxSumIntegerBits));
      }
      *to++ = e;
    }
    return sum;
  }

  [[gnu::noinline]] static void outputs(const int32_t* from, uint32_t depth, int32_t scale, int32_t right, int8_t* y) {
    const int32_t twice_scale = shift_left(scale, 1);
    // A scale that was rounded to less than 2^30 is not a large factor.
    const int32_t mask = twice_scale < 0 ? -1 : 0;
    for (int8_t* const end = y + depth; y != end; ++y) {
      const int32_t e = *from++;
      const int32_t product = dsp::smmlar(e, twice_scale, e & mask);
      *y = static_cast<int8_t>(dsp::ssat<8>(rounded_shift(product, right) + INT8_MIN));
    }
  }
};

Cost cost(const void* in, const Target& target) {
  const SoftmaxParams& params = *static_cast<const SoftmaxParams*>(in);
  constexpr uint32_t kRow = 150;
  constexpr uint32_t kElement = 110;
  constexpr uint32_t kElementDsp = 75;
  const uint64_t element = target.features & kFeatureDsp ? kElementDsp : kElement;
  return {0, params.rows * (params.depth * element + kRow), 0};
}

}  // namespace

namespace kernels {

Status softmax_int8_base_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run_softmax_int8<Row>(in, rows, io, scratch);
}

const Variant softmax_int8_base_variant = softmax_int8_variant_row(softmax_int8_base, "softmax_int8_base", cost, 0);

}  // namespace kernels

}  // namespace microplan
