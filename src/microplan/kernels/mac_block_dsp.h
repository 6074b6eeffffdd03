// SPDX-License-Identifier: Apache-2.0
// The inner block of int8 matrix products with the DSP extension: two output channels by four pixels, whose eight
// accumulators stay in registers.
//
// Input: bytes are widened to half-words and laid out in pairs of depths, a word for each pixel: pair 0 of pixels 0 to 3,
// pair 1 of pixels 0 to 3, and so on. Four bytes of a run make the pairs (0, 2) and (1, 3), since SXTB16 unpacks them so.
//
// Filter: a record for each two channels, of words:
//   bias 0, 256 * bias 1 + bias 0
//   one word for each pair of depths     half-word i is 256 * (filter of channel 1) + (filter of channel 0) at depth i
//   rounding 0, multiplier 0
//   shift 0 | shift 1 << 8
//   rounding 1, multiplier 1
// as ChannelConstants explains them. Multiplying with whole half-words gives 256 times the second channel's sum plus the
// first channel's, so that the second filter needs no unpacking; half-words must keep within 16 bits, the second channel's
// sums within 2^23.
#ifndef MICROPLAN_KERNELS_MAC_BLOCK_DSP_H_
#define MICROPLAN_KERNELS_MAC_BLOCK_DSP_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"

namespace microplan {
namespace dsp {

constexpr uint32_t kBlockPixels = 4;

// Words of a record beside those of its pairs of depths.
constexpr uint32_t kRecordWords = 7;

// What is multiplied: all records of a filter by the widened input of four pixels, whose outputs lie `pixel_step` bytes
// apart.
struct Block {
  const uint32_t* input;
  const uint32_t* input_end;
  const uint32_t* filter;
  const uint32_t* filter_end;
  uint32_t pixel_step;
};

// The same where the filters of several blocks share the records' constants: the words of pairs are all that is in the
// filter, the other kRecordWords of each record come one behind the other.
struct BlockApart {
  Block block;
  const uint32_t* constants;
};

// The outputs, kept within int8; requantization is requantize_fast(). There is at least one record.
void multiply_block(const Block& block, int8_t* output);
void multiply_block(const BlockApart& block, int8_t* output);

// A channel by itself, without a record: int32 bias, rounding, multiplier, int16 shift; and its filter, at any address: two
// bytes for each pair of depths, those of two pairs interleaved.
constexpr uint32_t kSingleBytes = 14;
// Its outputs of the first `pixels` of a block, within the limits.
void multiply_single(const ChannelQuantization& quantization, const Block& block, const uint8_t* constants,
                     const uint8_t* filter, uint32_t pixels, int8_t* y);

// An output from its sum. `by`: rounding and multiplier.
int8_t finish(const ChannelQuantization& quantization, const void* by, int32_t shift, int32_t sum);

// Widens `count` bytes of each of four pixels. Returns the end of what was written: (count + 1) / 2 pairs, the
// last of which is not full when the count is odd.
uint32_t* widen_block(uint32_t* to, const int8_t* const from[kBlockPixels], uint32_t count);
// The same, with an offset added to every half; `offsets` is a word of two.
uint32_t* widen_block(uint32_t* to, const int8_t* const from[kBlockPixels], uint32_t count, uint32_t offsets);

// Between any addresses; nothing outside of both is touched.
void copy_bytes(int8_t* to, const int8_t* from, uint32_t count);
void fill_bytes(int8_t* to, int32_t value, uint32_t count);

// Keeps `count` bytes within [low, high].
void clamp_bytes(int8_t* bytes, uint32_t count, int32_t low, int32_t high);

}  // namespace dsp
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MAC_BLOCK_DSP_H_
