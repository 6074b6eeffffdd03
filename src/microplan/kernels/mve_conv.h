// SPDX-License-Identifier: Apache-2.0
// The heart of the int8 convolutions for Helium: output channels by dot products over the elements under a window.
//
// Channels go in blocks of four, each followed by the next; the up to three that are left go one by one. A block of n
// has int32 multiplier[n], shift[n], bias[n] (with the input's zero point folded in) and its filter: chunks of 16
// elements of each of the n channels, then what is left of each channel. So one pointer walks over all that a block
// needs, and the constants take 12 bytes a channel beside the filter.
#ifndef MICROPLAN_KERNELS_MVE_CONV_H_
#define MICROPLAN_KERNELS_MVE_CONV_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"
#include "microplan/operator.h"

namespace microplan {
namespace mve {

// The filters of an operator as they are packed: `depth` elements of each channel, which element() reads.
struct Filters {
  const uint8_t* data;
  uint32_t groups, channels_per_group, depth;
  uint8_t (*element)(const Filters& filters, uint32_t channel, uint32_t k);
  const void* params;  // for element()
};

constexpr uint32_t kChunk = 16;
constexpr uint32_t kBlock = 4;

// Blocks stay 4-aligned.
constexpr uint32_t block_bytes(uint32_t channels, uint32_t depth) {
  return channels * 12 + ((channels * depth + 3) & ~3u);
}

// Of the packed constant; depth * channels is at most kMaxBytes.
uint32_t packed_bytes(uint32_t groups, uint32_t channels_per_group, uint32_t depth);
void pack_blocks(const ChannelPacker& packer, const ChannelQuantization& quantization, const Filters& filters,
                 ConstantWriter& writer);

// Packing in parts, for filters that share the scales of their channels: then these lie elsewhere, and a block begins with
// its biases.
uint32_t filter_bytes(uint32_t channels, uint32_t depth);
// A block of four reads whole vectors of its last chunk, whose ends may lie beyond the constant.
constexpr uint32_t padding_bytes(uint32_t channels, uint32_t depth) {
  return channels >= kBlock && depth % kChunk != 0 ? kChunk : 0;
}

// The constants of channels [first, first + channels), of a block.
struct BlockConstants {
  BlockConstants(const ChannelPacker& packer, const ChannelQuantization& quantization, uint32_t first,
                 uint32_t channels);
  // Folds the input's zero point into the biases of channels that were packed without it.
  void add_offset(const Filters& filters, int32_t input_offset);
  uint8_t element(const Filters& filters, uint32_t channel, uint32_t k) const {
    return constant[channel] ? uint8_t{0} : filters.element(filters, first + channel, k);
  }

  const uint32_t first, channels;
  int32_t multiplier[kBlock], shift[kBlock], bias[kBlock];
  bool constant[kBlock];  // outputs that are the same whatever the input is: the filter has to be 0
};
void append_scales(const BlockConstants& block, ConstantWriter& writer);
// The biases and the filter.
void append_filter(const BlockConstants& block, const Filters& filters, ConstantWriter& writer);
void append_zeros(uint32_t bytes, ConstantWriter& writer);

// The blocks that channels go in: function(first, channels) for each.
template <typename Function>
void for_each_block(uint32_t channels, const Function& function) {
  for (uint32_t first = 0, step; first < channels; first += step) {
    step = channels - first >= kBlock ? kBlock : 1;
    function(first, step);
  }
}

// At most so many pixels go through all channels together, so that they stay near while a block's filter is used
// again.
constexpr uint32_t kTilePixels = 48;
constexpr uint32_t sums_bytes(uint32_t pixels) { return (pixels + 3) / 4 * 4 * 4 * sizeof(int32_t); }

// Output pixels whose windows lie `x_step` bytes apart, each of them `depth` adjacent bytes.
struct Tile {
  const int8_t* x;
  uint32_t x_step;
  int8_t* y;
  uint32_t y_step;
  uint32_t pixels;
};

// Where a block has its constants, as int32: multipliers, shifts, biases, and behind them the filter.
constexpr uint32_t bias_at(uint32_t channels) { return 2 * channels; }

// Outputs of a block's channels from sums[pixels][4], or of one channel from sums[pixels], which is read up to the
// next multiple of 4. They use of the tile what says where the outputs lie.
struct Finish {
  void (*block)(const Tile& tile, const ChannelQuantization& quantization, const int32_t* block, const int32_t* sums);
  void (*channel)(const Tile& tile, const ChannelQuantization& quantization, const int32_t* block, const int32_t* sums);
};
Finish finish_of(const ChannelQuantization& quantization);

// Computes `channels` channels of a tile from the blocks at `block`, and returns where the next group's blocks begin.
const uint8_t* run_tile(const Tile& tile, const ChannelQuantization& quantization, const uint8_t* block,
                        uint32_t channels, uint32_t depth, int32_t* sums);
// The same with the scales of all channels elsewhere.
const uint8_t* run_tile(const Tile& tile, const ChannelQuantization& quantization, const int32_t* scales,
                        const uint8_t* block, uint32_t channels, uint32_t depth, int32_t* sums);

}  // namespace mve
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MVE_CONV_H_
