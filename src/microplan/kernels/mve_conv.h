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

}  // namespace mve
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MVE_CONV_H_
