// SPDX-License-Identifier: Apache-2.0
// MEAN of int8 with Helium: eight channels in a vector of 16 bits.
#include "microplan/kernels.h"
#include "microplan/kernels/mean_int8.h"
#include "microplan/kernels/mve.h"

namespace microplan {

#if defined(__ARM_FEATURE_MVE)

namespace {

// So many int8 add up within 16 bits.
constexpr uint32_t kMost = 256;

class Sums {
 public:
  static constexpr uint32_t kWide = 8;

  explicit Sums(const MeanParams& params) : even_(vdupq_n_s32(params.start)), odd_(even_) {}

  void add(const int8_t* x, uint32_t count, uint32_t step, uint32_t wide) {
    if (step == 1) {
      even_ = vsetq_lane_s32(add_run(x, count, vgetq_lane_s32(even_, 0)), even_, 0);
      return;
    }
    while (count != 0) {
      const uint32_t block = count < kMost ? count : kMost;
      const int16x8_t sums = wide == kWide ? add_block(x, block, step) : add_block(x, block, step, vctp16q(wide));
      even_ = vaddq_s32(even_, vmovlbq_s16(sums));
      odd_ = vaddq_s32(odd_, vmovltq_s16(sums));
      x += block * step;
      count -= block;
    }
  }

  void finish(const MeanParams& params, int8_t* y, uint32_t wide) const {
    const int32x4_t multiplier = vdupq_n_s32(params.by.multiplier);
    const int32x4_t shift = vdupq_n_s32(params.by.shift);
    int16x8_t means = vdupq_n_s16(0);
    means = vqmovnbq_s32(means, mean(even_, multiplier, shift, params));
    means = vqmovntq_s32(means, mean(odd_, multiplier, shift, params));
    means = vminq_s16(vmaxq_s16(means, vdupq_n_s16(INT8_MIN)), vdupq_n_s16(INT8_MAX));
    vstrbq_p_s16(y, means, vctp16q(wide));
  }

 private:
  static int32x4_t mean(int32x4_t sum, int32x4_t multiplier, int32x4_t shift, const MeanParams& params) {
    return vaddq_n_s32(mve::requantize_fast(sum, multiplier, shift), params.output_offset);
  }

  [[gnu::noinline]] static int16x8_t add_block(const int8_t* x, uint32_t count, uint32_t step) {
    int16x8_t sums = vdupq_n_s16(0);
    for (; count != 0; --count) {
      sums = vaddq_s16(sums, vldrbq_s16(x));
      x += step;
    }
    return sums;
  }

  [[gnu::noinline]] static int16x8_t add_block(const int8_t* x, uint32_t count, uint32_t step, mve_pred16_t lanes) {
    int16x8_t sums = vdupq_n_s16(0);
    for (; count != 0; --count) {
      sums = vaddq_s16(sums, vldrbq_z_s16(x, lanes));
      x += step;
    }
    return sums;
  }

  [[gnu::noinline]] static int32_t add_run(const int8_t* x, uint32_t count, int32_t sum) {
    int8x16_t value;
    asm volatile(
        "dlstp.8 lr, %[count]\n"
        "1:\n"
        "vldrb.8 %q[value], [%[x]], #16\n"
        "vaddva.s8 %[sum], %q[value]\n"
        "letp lr, 1b\n"
        : [x] "+l"(x), [sum] "+Te"(sum), [value] "=&w"(value)
        : [count] "r"(count)
        : "lr", "memory");
    return sum;
  }

  int32x4_t even_, odd_;
};

}  // namespace

namespace kernels {

Status mean_int8_mve_run(const void* in, Rows rows, const Io& io, void*) { return run_mean_int8<Sums>(in, rows, io); }

}  // namespace kernels

#endif

namespace kernels {

const Variant mean_int8_mve_variant = {
    mean_int8_mve, "mean_int8_mve", "MEAN", 40,
    DataType::kInt8, DataType::kNone, DataType::kInt8, "constant axes",
    false, Overlap::kRows, sizeof(MeanParams),
    mean_integer_prepare, mean_int8_supports, mean_int8_footprint, mean_input_rows, nullptr, nullptr,
    mean_int8_cost<8, 5, 15>, kFeatureMve};

}  // namespace kernels

}  // namespace microplan
