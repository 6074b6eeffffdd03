// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/mac_pack_dsp.h"

#include "microplan/kernels/dsp.h"

namespace microplan {
namespace dsp {

namespace {

void append_word(int32_t word, ConstantWriter& writer) { writer.append(&word, 4); }

}  // namespace

uint32_t pair_depth(uint32_t count, uint32_t pair, uint32_t half) {
  const uint32_t group = pair / 2 * 4;
  // The last two bytes make one pair.
  return count - group == 2 ? group + half : group + pair % 2 + 2 * half;
}

bool fits_record(const FilterPairs& filter, uint32_t channel, uint32_t pairs, int32_t bias, InputRange input) {
  int64_t low_sum = bias;
  int64_t high_sum = low_sum;
  for (uint32_t pair = 0; pair < pairs; ++pair) {
    for (uint32_t half = 0; half < 2; ++half) {
      const int32_t second = filter.at(channel + 1, pair, half);
      if (256 * second + filter.at(channel, pair, half) < INT16_MIN) return false;
      low_sum += second * (second < 0 ? input.high : input.low);
      high_sum += second * (second < 0 ? input.low : input.high);
    }
  }
  return low_sum >= -(1 << 23) && high_sum < 1 << 23;
}

void append_record_biases(const ChannelConstants& first, const ChannelConstants& second, ConstantWriter& writer) {
  append_word(first.bias, writer);
  append_word(wrap_add(wrap_mul(second.bias, 256), first.bias), writer);
}

void append_record_pairs(const FilterPairs& filter, uint32_t channel, uint32_t pairs, ConstantWriter& writer) {
  for (uint32_t pair = 0; pair < pairs; ++pair) {
    int32_t halves[2];
    for (uint32_t half = 0; half < 2; ++half) {
      halves[half] = 256 * filter.at(channel + 1, pair, half) + filter.at(channel, pair, half);
    }
    append_word(static_cast<int32_t>(join_halves(halves[0], halves[1])), writer);
  }
}

void append_record_scales(const ChannelConstants& first, const ChannelConstants& second, ConstantWriter& writer) {
  append_word(first.rounding, writer);
  append_word(first.multiplier, writer);
  append_word((first.shift & 0xff) | (second.shift & 0xff) << 8, writer);
  append_word(second.rounding, writer);
  append_word(second.multiplier, writer);
}

void append_single_constants(const ChannelConstants& channel, ConstantWriter& writer) {
  append_word(channel.bias, writer);
  append_word(channel.rounding, writer);
  append_word(channel.multiplier, writer);
  const int16_t shift = static_cast<int16_t>(channel.shift);
  writer.append(&shift, 2);
}

void append_single_pairs(const FilterPairs& filter, uint32_t channel, uint32_t pairs, ConstantWriter& writer) {
  for (uint32_t pair = 0; pair < pairs; pair += 2) {
    const bool two = pair + 1 < pairs;
    for (uint32_t half = 0; half < 2; ++half) {
      const int8_t bytes[2] = {filter.at(channel, pair, half), two ? filter.at(channel, pair + 1, half) : int8_t{0}};
      writer.append(bytes, two ? 2 : 1);
    }
  }
}

}  // namespace dsp
}  // namespace microplan
