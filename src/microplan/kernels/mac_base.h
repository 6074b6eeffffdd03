// SPDX-License-Identifier: Apache-2.0
// What the `base` kernels of convolutions and fully connected operators share: products of filters, as they lie in the
// model, with inputs that were widened to 16 bits and freed of their zero point beforehand, so that the inner loops are
// loads, multiplications and additions alone. For cores without SIMD.
#ifndef MICROPLAN_KERNELS_MAC_BASE_H_
#define MICROPLAN_KERNELS_MAC_BASE_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"

namespace microplan {

// From sums to outputs, with the constants as the reference kernels have them.
class BaseOutput {
 public:
  BaseOutput(const ChannelQuantization& params, const Io& io)
      : params_(params), bias_(io.constant<int32_t>(1)), requantize_(io.constant<Requantize>(2)) {}

  // The bias without the input's zero point. With `fast` the shift is in [1, 22].
  ChannelConstants constants(uint32_t channel) const;
  // Outputs of sums[0 .. 4), which lack the bias, at to[offsets[0]], to[offsets[1]] and so on.
  void finish_block(const ChannelConstants& channel, const uint32_t* sums, const uint32_t* offsets, int8_t* to) const;
  int8_t finish(const ChannelConstants& channel, uint32_t sum) const;

  int32_t input_offset() const { return params_.input_offset; }

 private:
  const ChannelQuantization& params_;
  const int32_t* const bias_;  // nullptr: none
  const Requantize* const requantize_;
};

// What a row of a filter is multiplied with: x[i] = from[i] + offset.
void widen(const int8_t* from, uint32_t count, int32_t offset, int16_t* x);

// sums[c] += sum over k of filter[c * depth + k] * x[k], for the channels [0, channels).
void add_products(const int8_t* filter, uint32_t filter_stride, uint32_t channels, const int16_t* x, uint32_t count,
                  uint32_t* sums);

// Pixels that are multiplied together with a pair of channels.
constexpr uint32_t kBlockPixels = 4;

// Pixels whose inputs lie in scratch: blocks of kBlockPixels, with input k of pixel p of a block at [k][p], or one pixel
// alone. In front of them lies where the outputs of each pixel begin, behind them room for sums.
class PixelTile {
 public:
  // How many pixels one tile takes: a multiple of kBlockPixels, or 1 when the inputs of a block are too many.
  static uint32_t capacity(uint32_t depth);
  static uint32_t scratch_bytes(uint32_t depth, uint32_t channels);

  PixelTile(void* scratch, uint32_t depth);

  // Begins a tile with as many pixels as it takes of those that are left; the result is their number.
  uint32_t begin(uint32_t pixels_left);
  // Pixel `index` begins; widen() and zero() write its `depth` inputs.
  void begin_pixel(uint32_t index, uint32_t output_offset);
  void widen(const int8_t* from, uint32_t count, int32_t offset);
  void zero(uint32_t count);

  // Output channels [first, first + channels) of the tile's pixels; `filter` is that of the first.
  void multiply(const int8_t* filter, uint32_t first, uint32_t channels, const BaseOutput& outputs, int8_t* to) const;

 private:
  void multiply_blocks(const int8_t* filter, uint32_t first, uint32_t channels, const BaseOutput& outputs,
                       int8_t* to) const;

  const uint32_t depth_;
  const uint32_t capacity_;
  uint32_t* const offsets_;
  int16_t* const inputs_;
  uint32_t* const sums_;
  uint32_t pixels_ = 0;
  int16_t* next_ = nullptr;
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MAC_BASE_H_
