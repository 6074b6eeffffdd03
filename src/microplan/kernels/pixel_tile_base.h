// SPDX-License-Identifier: Apache-2.0
// The `base` kernels' matrix product of pixels and filters, for convolutions and fully connected operators.
#ifndef MICROPLAN_KERNELS_PIXEL_TILE_BASE_H_
#define MICROPLAN_KERNELS_PIXEL_TILE_BASE_H_

#include <stdint.h>

#include "microplan/kernels/mac_base.h"

namespace microplan {

// Pixels whose inputs lie in scratch: blocks of kBlockPixels, with twice input k of pixel p of a block at [k][p], in 16
// bits; or one pixel alone, in 32. Around them lie where the outputs of each pixel begin, room for the sums of a pixel, and
// the FastChannels of all channels, unless they are many.
class PixelTile {
 public:
  struct Shape {
    uint32_t depth;
    uint32_t channels;  // that a pixel is multiplied with
    uint32_t all_channels;
    bool fast;

    // How many pixels one tile takes: a multiple of kBlockPixels; or 1 for a single channel, when a block is too large, and
    // without the fast requantization.
    uint32_t capacity() const;
    uint32_t offset_bytes() const { return capacity() * static_cast<uint32_t>(sizeof(uint32_t)); }
    uint32_t input_bytes() const;
    // The sums of a pixel; or two FastChannels, where blocks have no table of all.
    uint32_t sum_bytes() const {
      constexpr uint32_t kPairBytes = 2 * sizeof(FastChannel);
      const uint32_t bytes = channels * static_cast<uint32_t>(sizeof(uint32_t));
      return bytes < kPairBytes ? kPairBytes : bytes;
    }
    uint32_t table_bytes() const;
    uint32_t scratch_bytes() const { return offset_bytes() + input_bytes() + sum_bytes() + table_bytes(); }
  };

  PixelTile(const Shape& shape, const BaseOutput& outputs, void* scratch);

  // For sums of fewer products than the shape's, until it is called again.
  void set_depth(uint32_t depth) { depth_ = depth; }

  // Begins a tile with as many pixels as it takes of those that are left; the result is their number.
  uint32_t begin(uint32_t pixels_left);
  bool single() const { return pixels_ == 1; }
  // Where the outputs of pixel `index` begin, and where its inputs have to be written.
  void set_offset(uint32_t index, uint32_t output_offset) { offsets_[index] = output_offset; }
  int16_t* block_input(uint32_t index) const {
    return static_cast<int16_t*>(inputs_) + index / kBlockPixels * kBlockPixels * depth_ + index % kBlockPixels;
  }
  int32_t* single_input() const { return static_cast<int32_t*>(inputs_); }

  // The outputs of channels [first, first + channels) of the tile's pixels; `filter` is that of the first.
  void multiply(const int8_t* filter, uint32_t first, int8_t* to) const;

 private:
  void multiply_blocks(const int8_t* filter, uint32_t first, int8_t* to) const;

  const Shape shape_;
  uint32_t depth_;
  const uint32_t capacity_;
  const BaseOutput& outputs_;
  uint32_t* const offsets_;
  void* const inputs_;
  uint32_t* const sums_;
  FastChannel* const table_;
  uint32_t pixels_ = 0;
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_PIXEL_TILE_BASE_H_
