// SPDX-License-Identifier: Apache-2.0
// Products of int16 inputs and int8 filters with the DSP extension. Filters are read as they lie in the model: SXTB16
// makes two halves of the bytes 0 and 2 of a word, and of 1 and 3. Inputs are brought into that order once for
// all channels.
#ifndef MICROPLAN_KERNELS_MAC_INT16_DSP_H_
#define MICROPLAN_KERNELS_MAC_INT16_DSP_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"
#include "microplan/kernels/dsp.h"

namespace microplan {
namespace dsp {

// So many products are at most (2^9 - 1) * 2^15 * 2^7 and fit 32 bits.
constexpr uint32_t kInt16MaxProducts = 511;

// From a sum of 32 bits to an output: where requantize_int64() shifts right by 16 to 32 and the sum with its bias
// has 32 bits, it is one rounding multiplication by the 16-bit multiplier shifted left.
struct Int16Rescale {
  int32_t bias, multiplier;

  int32_t apply(int32_t sum) const { return smmulr(wrap_add(sum, bias), multiplier); }
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
  int16_t finish(uint32_t channel, uint64_t sum) const { return general_.finish(channel, sum); }
  const int8_t* filter() const { return general_.filter(); }

 private:
  const Int16Quantization& params_;
  const Int16Accumulator general_;
  const int64_t* const bias_;  // where biases have 8 bytes
  const Requantize* const requantize_;
  const uint32_t depth_;
};

// The inputs of one or two pixels by groups of four: halves 0 and 2, then 1 and 3, of the first pixel, then of the
// second. The last group of a depth that is no multiple of 4 goes with the filter's last 4 bytes: the inputs that are
// in the group before, too, are 0 there.
class Int16Pixels {
 public:
  // `memory` is 4-aligned and has bytes(); depth >= 4.
  Int16Pixels(void* memory, uint32_t depth) : halves_(static_cast<int16_t*>(memory)), depth_(depth) {}
  static uint32_t bytes(uint32_t depth, uint32_t pixels) { return (depth + 3) / 4 * 8 * pixels; }

  // Begins to fill pixel `pixel` of `pixels`.
  void begin(uint32_t pixel, uint32_t pixels);
  // Appends inputs.
  void copy(const int16_t* x, uint32_t count);
  void zeros(uint32_t count);
  void end();

  // The outputs of `channels` channels from `channel` on for all pixels, the second one's `y_pixel` elements after the
  // first one's. rescales: of the channels, nullptr: they are made here.
  void multiply(const Int16Outputs& outputs, const Int16Rescale* rescales, uint32_t channel, uint32_t channels,
                int16_t* y, uint32_t y_pixel) const;

 private:
  void put(int32_t value);

  int16_t* const halves_;
  const uint32_t depth_;
  int16_t* group_;
  uint32_t pixels_;
  uint32_t slot_;  // of the next input in the group
};

}  // namespace dsp
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MAC_INT16_DSP_H_
