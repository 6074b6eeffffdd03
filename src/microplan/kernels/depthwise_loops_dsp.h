// SPDX-License-Identifier: Apache-2.0
// The inner loops of depthwise convolutions with the DSP extension, for ChannelQuantization::fast. All saturate to
// int8.
#ifndef MICROPLAN_KERNELS_DEPTHWISE_LOOPS_DSP_H_
#define MICROPLAN_KERNELS_DEPTHWISE_LOOPS_DSP_H_

#include <stdint.h>

namespace microplan {
namespace dsp {

// How sums become outputs, beside the output's zero point.
struct DepthwiseScale {
  int32_t twice_bias;
  int32_t multiplier;
  int32_t shift;  // to the right, less 1
};

// A 3x3 kernel. Four channels of four input rows are widened into columns of eight words: (rows 0, 1) and (rows 2, 3)
// of each channel. Those are all that two output rows need of a column when the vertical stride is 1, so that both are
// made at once, with the filter and two of three columns in registers.
constexpr uint32_t kColumnWords = 8;

// A channel's constants.
struct Depthwise3x3Record {
  // Word kx: taps (0, kx), (1, kx), (1, kx), (2, kx).
  int8_t filter[3][4];
  DepthwiseScale scale;
};

// Successive channels of an output row, or of two.
struct Depthwise3x3 {
  uint32_t* columns;  // of the first channel; words are overwritten from the second column on
  int8_t* out;        // of the first row
  uint32_t out_step;  // from one output to the next
  int32_t second;     // from the first row to the second; 0 when there is one
  int32_t odd_zero_point;  // 2 * zero point + 1
  uint32_t count;          // outputs of a row
  const Depthwise3x3Record* record;
  uint32_t span;      // bytes of the columns to read
  uint32_t rest;      // outputs of the loop's first turn, which is as long as the others when there are none
  uint32_t channels;
};

// Widens `count` columns: word `step` * i + `offset` of four rows.
void widen_columns(const uint8_t* const* rows, uint32_t offset, uint32_t step, uint32_t count, uint32_t* to);

// Computes two rows with horizontal stride 1; changes `work`.
void depthwise_3x3(Depthwise3x3& work);
// One row with horizontal stride 2.
void depthwise_3x3_stride_2(Depthwise3x3& work);

// Any kernel, one channel of one row. A word of the filter's taps meets successive words of the input in successive
// outputs.
struct DepthwiseBlocks {
  const uint32_t* filter;   // bytes 0 and 2 are one word of taps, 1 and 3 the next; DepthwiseScale follows
  const uint32_t* offsets;  // where these meet the first output's input, see depthwise_offsets()
  const uint8_t* base;
  int8_t* out;
  uint32_t out_step;
  int32_t odd_zero_point;
  uint32_t count;  // outputs; what is read does not end before a multiple of four
};

// Offsets below 2^15 of two words of taps; `last` ends the filter.
constexpr uint32_t depthwise_offsets(uint32_t first, uint32_t second, bool last) {
  return first | second << 17 | (last ? 1u << 16 : 0);
}

// The sums of four outputs from `base` on, without the bias.
void depthwise_sums(const DepthwiseBlocks& work, const uint8_t* base, int32_t* sums);

// Changes `work`.
void depthwise_blocks(DepthwiseBlocks& work);

// Any kernel, one output of a multiple of four channels, straight from the input: where rows are too short for the
// others.
struct DepthwiseTap {
  uint32_t input;   // bytes from DepthwisePixel::input on
  uint32_t filter;  // bytes within a group of channels
};
struct DepthwisePixel {
  const DepthwiseTap* taps;  // those inside the input, and then those in the padding
  const uint8_t* input;
  // For each group of four channels: a word of each tap, four DepthwiseScale.
  const uint8_t* filter;
  uint32_t inside;
  uint32_t outside;
  uint32_t padding;    // the input's zero point as two halves
  uint32_t scales;     // bytes from a group's filter to its scales
  int8_t* out;
  int32_t odd_zero_point;
  uint32_t groups;
};

// Changes `work`.
void depthwise_pixel(DepthwisePixel& work);

// Clamps outputs, of which there is at least one, to [low, high].
void clamp_outputs(int8_t* out, uint32_t count, int32_t low, int32_t high);

}  // namespace dsp
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DEPTHWISE_LOOPS_DSP_H_
