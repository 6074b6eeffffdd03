// SPDX-License-Identifier: Apache-2.0
// What the `base` kernels of convolutions and fully connected operators share: products of filters, as they lie in the
// model, with inputs that were widened and freed of their zero point beforehand, so that the inner loops are loads,
// multiplications and additions alone. For cores without SIMD.
#ifndef MICROPLAN_KERNELS_MAC_BASE_H_
#define MICROPLAN_KERNELS_MAC_BASE_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"
#include "microplan/kernels/dsp.h"

namespace microplan {

// Keeps the compiler from regrouping sums and addresses, which would take registers that inner loops do not have.
template <typename T>
inline void keep(T& value) {
  asm volatile("" : "+r"(value));
}

inline void add_product(uint32_t& sum, int32_t x, int32_t filter) {
  sum += static_cast<uint32_t>(x * filter);
  keep(sum);
}

// From sums without the bias to outputs, with the constants as the reference kernels have them.
class BaseOutput {
 public:
  // `depth`: products in a sum.
  BaseOutput(const ChannelQuantization& params, const Io& io, uint32_t depth)
      : params_(params),
        bias_(io.constant<int32_t>(1)),
        requantize_(io.constant<Requantize>(2)),
        largest_products_(uint64_t{depth} * ((INT8_MAX + 1) * UINT8_MAX)) {}

  // The bias without the input's zero point. With `fast` the shift is in [1, 22], and the multiplier 0 when the output is the
  // same for every input.
  ChannelConstants constants(uint32_t channel) const;

  // Outputs of channels side by side: sums[c * sum_step + i] to to[i * step + c], for i in [0, count).
  struct Channels {
    const ChannelConstants* constants;
    uint32_t count;
    uint32_t sum_step;
  };
  void finish_channels(const Channels& channels, const uint32_t* sums, uint32_t count, int8_t* to, uint32_t step) const;
  // Outputs of one pixel: sums[c] to to[c], for c in [0, channels).
  void finish_pixel(uint32_t first, uint32_t channels, const uint32_t* sums, int8_t* to) const;

  int32_t input_offset() const { return params_.input_offset; }
  bool fast() const { return params_.fast != 0; }
  // Whether outputs have to be limited to less than their type.
  bool limited() const { return params_.act_min != INT8_MIN || params_.act_max != INT8_MAX; }
  // to[i * step] within the limits, for i in [0, count).
  void limit(uint32_t count, int8_t* to, uint32_t step) const;
  // Without `fast`, which is rare.
  int8_t finish(const ChannelConstants& channel, uint32_t sum) const;

 private:
  const ChannelQuantization& params_;
  const int32_t* const bias_;  // nullptr: none
  const Requantize* const requantize_;
  const uint64_t largest_products_;
};

// x[i * kStep] = from[i] + offset; the result is what comes behind them. T and kStep are int32_t and 1, or int16_t and
// kBlockPixels: then x is twice that, so that sums need not be doubled for requantization.
template <typename T, uint32_t kStep>
T* widen(const int8_t* from, uint32_t count, int32_t offset, T* x);

// sums[c] += sum over k of filter[c * filter_stride + k] * x[k], for c in [0, channels) and k in [0, count).
void add_products(const int8_t* filter, uint32_t filter_stride, uint32_t channels, const int32_t* x, uint32_t count,
                  uint32_t* sums);

// Pixels that are multiplied together with a pair of channels.
constexpr uint32_t kBlockPixels = 4;

// What requantize_fast() needs of a channel, the bias doubled.
struct FastChannel {
  explicit FastChannel(const ChannelConstants& channel)
      : twice_bias(static_cast<uint32_t>(channel.bias) << 1),
        multiplier(channel.multiplier),
        rounding(channel.rounding),
        shift(channel.shift) {}

  uint32_t twice_bias;
  int32_t multiplier, rounding, shift;
};

// requantize_fast() of half of `twice_sum`, as an output.
inline int8_t requantize_twice(uint32_t twice_sum, int32_t multiplier, int32_t rounding, int32_t shift) {
  const int32_t twice = static_cast<int32_t>(twice_sum);
  const int64_t addend = wrap_add(rounding, twice >> 31) * (int64_t{1} << 32) + 0x80000000;
  const uint64_t product = static_cast<uint64_t>(static_cast<int64_t>(twice) * multiplier);
  const uint64_t total = product + static_cast<uint64_t>(addend);
  return static_cast<int8_t>(dsp::ssat<8>(static_cast<int32_t>(total >> 32) >> (shift & 31)));
}

// requantize_fast() of the sum and the bias, as an output.
inline int8_t requantize(const FastChannel& channel, uint32_t sum) {
  return requantize_twice((sum << 1) + channel.twice_bias, channel.multiplier, channel.rounding, channel.shift);
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MAC_BASE_H_
