// SPDX-License-Identifier: Apache-2.0
// The heart of the int8 convolutions for Helium: output channels by dot products over the elements under a window.
//
// Channels go in blocks of four, each followed by the next; the up to three that are left go one by one. A block of n has
// int32 multiplier[n], shift[n], bias[n] (with the input's zero point folded in) and its filter: chunks of 16 elements of
// each of the n channels, then what is left of each channel. So one pointer walks over all that a block needs, and the
// constants take 12 bytes a channel beside the filter.
#ifndef MICROPLAN_KERNELS_MVE_CONV_H_
#define MICROPLAN_KERNELS_MVE_CONV_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"
#include "microplan/operator.h"

namespace microplan {
namespace mve {

// The filters of an operator: element k of channel c is data[c * channel_step + k * element_step].
struct Filters {
  const uint8_t* data;
  uint32_t channel_step, element_step;
  uint32_t groups, channels_per_group, depth;
};

// Of the packed constant; depth * channels is at most kMaxBytes.
uint32_t packed_bytes(uint32_t groups, uint32_t channels_per_group, uint32_t depth);
void pack_blocks(const ChannelPacker& packer, const ChannelQuantization& quantization, const Filters& filters,
                 ConstantWriter& writer);

// At most so many pixels go through all channels together, so that they stay near while a block's filter is used again.
constexpr uint32_t kTilePixels = 32;
constexpr uint32_t sums_bytes(uint32_t pixels) { return (pixels + 1) / 2 * 2 * 4 * sizeof(int32_t); }

// Output pixels whose windows lie `x_step` bytes apart, each of them `depth` adjacent bytes.
struct Tile {
  const int8_t* x;
  uint32_t x_step;
  int8_t* y;
  uint32_t y_step;
  uint32_t pixels;
};

// Computes `channels` channels of a tile from the blocks at `block`, and returns where the next group's blocks begin.
const uint8_t* run_tile(const Tile& tile, const ChannelQuantization& quantization, const uint8_t* block,
                        uint32_t channels, uint32_t depth, int32_t* sums);

}  // namespace mve
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MVE_CONV_H_
