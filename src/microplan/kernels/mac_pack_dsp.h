// SPDX-License-Identifier: Apache-2.0
// The planner's side of mac_block_dsp.h: how filters are packed for its blocks.
#ifndef MICROPLAN_KERNELS_MAC_PACK_DSP_H_
#define MICROPLAN_KERNELS_MAC_PACK_DSP_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"
#include "microplan/operator.h"

namespace microplan {
namespace dsp {

// The depth of half `half` of pair `pair` of a run of `count` bytes that widen_block() widens; none where it is not below
// `count`.
uint32_t pair_depth(uint32_t count, uint32_t pair, uint32_t half);

// Filters in pairs of depths: 0 where a pair is not full.
class FilterPairs {
 public:
  virtual int8_t at(uint32_t channel, uint32_t pair, uint32_t half) const = 0;

 protected:
  ~FilterPairs() = default;
};

// Whether a record can hold channels `channel` and `channel` + 1, the latter with this bias, for inputs of [low, high], 0
// being among them.
struct InputRange {
  int32_t low, high;
};
bool fits_record(const FilterPairs& filter, uint32_t channel, uint32_t pairs, int32_t bias, InputRange input);

// A record of two channels is its biases, the words of its pairs, and its scales.
void append_record_biases(const ChannelConstants& first, const ChannelConstants& second, ConstantWriter& writer);
void append_record_pairs(const FilterPairs& filter, uint32_t channel, uint32_t pairs, ConstantWriter& writer);
void append_record_scales(const ChannelConstants& first, const ChannelConstants& second, ConstantWriter& writer);

// What multiply_single() reads.
void append_single_constants(const ChannelConstants& channel, ConstantWriter& writer);
void append_single_pairs(const FilterPairs& filter, uint32_t channel, uint32_t pairs, ConstantWriter& writer);

}  // namespace dsp
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MAC_PACK_DSP_H_
