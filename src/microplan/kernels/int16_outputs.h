// SPDX-License-Identifier: Apache-2.0
// From sums of products of int16 inputs and int8 filters to outputs, in 32 bits wherever that gives the same.
#ifndef MICROPLAN_KERNELS_INT16_OUTPUTS_H_
#define MICROPLAN_KERNELS_INT16_OUTPUTS_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"
#include "microplan/kernels/dsp.h"

namespace microplan {

// So many products are at most (2^9 - 1) * 2^15 * 2^7 and fit 32 bits.
constexpr uint32_t kInt16MaxProducts = 511;

// From a sum of 32 bits to an output: where requantize_int64() shifts right by 16 to 32 and the sum with its bias
// has 32 bits, it is one rounding multiplication by the 16-bit multiplier shifted left.
struct Int16Rescale {
  int32_t bias, multiplier;

  int32_t apply(int32_t sum) const { return dsp::smmulr(wrap_add(sum, bias), multiplier); }

  static bool is_possible(int32_t shift) { return shift <= -1 && shift >= -17; }
  static int32_t multiplier_of(Requantize by) {
    const int32_t reduced = by.multiplier < 0x7fff0000 ? (by.multiplier + (1 << 15)) >> 16 : 0x7fff;
    return shift_left(reduced, 17 + by.shift);
  }
};

// The sums and outputs of channels.
class Int16Outputs {
 public:
  // `depth` products make a sum.
  Int16Outputs(const Int16Quantization& params, const Io& io, uint32_t depth);
  // Of `count` channels from `channel` on. False when they have none: finish() is for any sum.
  bool rescale(uint32_t channel, uint32_t count, Int16Rescale* result) const;
  int16_t finish(int32_t sum, Int16Rescale by) const {
    return static_cast<int16_t>(clamp(by.apply(sum), params_.act_min, params_.act_max));
  }
  int16_t finish(uint32_t channel, uint64_t sum) const;
  const int8_t* filter() const { return general_.filter(); }
  const Int16Quantization& quantization() const { return params_; }
  // Whether sums have 64 bits; and the biases then, nullptr for none.
  bool wide() const { return params_.bias_bytes == sizeof(int64_t); }
  const int64_t* bias() const { return bias_; }
  const Requantize* requantize() const { return requantize_; }

 private:
  const Int16Quantization& params_;
  const Int16Accumulator general_;
  const int64_t* const bias_;  // where biases have 8 bytes
  const Requantize* const requantize_;
  const uint32_t depth_;
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_INT16_OUTPUTS_H_
