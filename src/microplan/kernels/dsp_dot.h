// SPDX-License-Identifier: Apache-2.0
// Products of an int8 vector and a packed int8 matrix, four rows of the matrix (output channels) at a time, for the DSP
// extension. Fully connected, SVDF and LSTM are made of them.
//
// Two channels share a filter word, so that unpacking takes one instruction for four products, not two: a half of the
// word is 256 * high + low for the weights `high` and `low` of the two channels at one depth, low in excess of 128 and so
// without a sign. SMLAD of the whole word adds up S = 256 * A + T, and SMLAD of its low bytes T, where A is the first
// channel's sum and T = B + 128 * (sum of the inputs) has the second's. A = (S - T) / 256 is exact while A fits 24 bits,
// as for 127 words of four depths: 127 * 4 * 2^14 < 2^23. After so many A is taken out.
#ifndef MICROPLAN_KERNELS_DSP_DOT_H_
#define MICROPLAN_KERNELS_DSP_DOT_H_

#include <stdint.h>

#include "microplan/kernels/quantization.h"
#include "microplan/operator.h"

namespace microplan {
namespace dsp {

// Words of four depths.
inline uint32_t dot_words(uint32_t depth) { return (depth + 3) / 4; }

// From the sum of a channel to its output.
struct DotScale {
  int32_t multiplier;
  int32_t shift;  // the right shift less 1

  DotScale() = default;
  explicit DotScale(Requantize by) : multiplier(by.multiplier), shift(wrap_sub(-1, by.shift)) {}
  Requantize requantize() const { return {multiplier, wrap_sub(-1, shift)}; }
};

// One product of matrix and vector. Assembly knows where the fields lie.
struct DotQuads {
  // The input, in words of four. When the depth is no multiple of four, the first word has the last ones, then zeros.
  uint32_t first;      // word 0
  const int8_t* rest;  // word 1 and so on
  int32_t low_start;   // -128 * (sum of the inputs), which takes the excess off
  uint32_t words;      // at least 1

  // What the next four channels need and make; dot_quads() moves the pointers on.
  const DotScale* scale;
  void* output;
  int32_t scale_step;  // bytes from a channel's scale to the next one's; kDotSums: sums, int32_t, are stored instead
  int32_t odd_zero_point;  // 2 * the output's zero point + 1
  const void* end;         // of the outputs: a multiple of four channels, at least 4
  const int32_t* start;    // what the sums begin with
};
constexpr int32_t kDotSums = -1;

// Sets the input, of `depth` elements, at least 1.
void dot_input(DotQuads& quads, const int8_t* x, uint32_t depth);

// Makes the outputs up to `end`: start + the sum of products, requantized as by requantize_fast() and saturated to int8. Returns where the filter goes on.
const uint32_t* dot_quads(DotQuads& quads, const uint32_t* filter);
// The same for int16, and every quad takes the same four scales.
const uint32_t* dot_quads_int16(DotQuads& quads, const uint32_t* filter);

// The sums of 2 or 1 channels that are left. Moves `start` on and returns where the filter goes on.
const uint32_t* dot_rest(DotQuads& quads, const uint32_t* filter, uint32_t channels, int32_t* sums);

// Channels of the next group when `left` are left.
inline uint32_t dot_group(uint32_t left) { return left >= 4 ? 4 : left >= 2 ? 2 : 1; }

// Appends a group of 4, 2 or 1 channels: the filter of channel c begins at rows[c]. It has dot_words(depth) words for each
// channel.
void pack_dot_group(ConstantWriter& writer, const uint8_t* const* rows, uint32_t channels, uint32_t depth);

}  // namespace dsp
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DSP_DOT_H_
