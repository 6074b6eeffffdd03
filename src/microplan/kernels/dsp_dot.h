// SPDX-License-Identifier: Apache-2.0
// Dot products of one row of int8 inputs with many packed rows of int8 filters, for the DSP extension. Matrix-vector
// products (fully connected, SVDF, LSTM) are made of them.
//
// Two channels share a filter word, so that unpacking takes one instruction for four products, not two: a half of the
// word is 256 * high + low for the weights `high` and `low` of the two channels at one depth, low in excess of 128 and so
// without a sign. SMLAD of the whole word adds up S = 256 * A + T, and SMLAD of its low bytes T, where A is the first
// channel's sum and T = B + 128 * (sum of the inputs) has the second's. A = (S - T) / 256 is exact while A fits 24 bits,
// which it does for kMaxDotWords.
#ifndef MICROPLAN_KERNELS_DSP_DOT_H_
#define MICROPLAN_KERNELS_DSP_DOT_H_

#include <stdint.h>

#include "microplan/operator.h"

namespace microplan {
namespace dsp {

// Words of four depths that dot_quad() and dot_pair() take at most: 127 * 4 * 2^14 < 2^23.
constexpr uint32_t kMaxDotWords = 127;

// Inputs as words of four. When their number is no multiple of four, the first word has the last ones, then zeros.
struct DotRow {
  uint32_t first;      // word 0
  const int8_t* rest;  // word 1 and so on
  uint32_t words;      // at least 1
  int32_t low_start;   // -128 * (sum of the inputs): takes the excess off
};

inline uint32_t dot_words(uint32_t depth) { return (depth + 3) / 4; }

// `depth` is at least 1.
DotRow dot_row(const int8_t* x, uint32_t depth);

// sums[c] = start[c] + sum over d of x[d] * filter[c][d], modulo 2^32, for the 4, 2 or 1 channels of a packed group.
void dot_quad(int32_t* sums, const int32_t* start, const uint32_t* filter, const DotRow& row);
void dot_pair(int32_t* sums, const int32_t* start, const uint32_t* filter, const DotRow& row);
void dot_single(int32_t* sums, const int32_t* start, const uint32_t* filter, const DotRow& row);

// The same for any number of words.
void dot_group(uint32_t channels, int32_t* sums, const int32_t* start, const uint32_t* filter, const DotRow& row);

// Channels of the next group when `left` are left.
inline uint32_t dot_group_channels(uint32_t left) { return left >= 4 ? 4 : left >= 2 ? 2 : 1; }

// Appends a group: channel c's filter begins at rows[c]. It has dot_words(depth) words for each channel.
void pack_dot_group(ConstantWriter& writer, const uint8_t* const* rows, uint32_t channels, uint32_t depth);

}  // namespace dsp
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DSP_DOT_H_
