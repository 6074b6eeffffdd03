// SPDX-License-Identifier: Apache-2.0
// The inner loops of a 3x3 depthwise convolution with the DSP extension. Four channels of four input rows are widened into
// columns of eight words: (rows 0, 1) and (rows 2, 3) of each channel. Those are all that two output rows need of a column
// when the vertical stride is 1, so that both are made at once, with the filter and two of three columns in registers.
#ifndef MICROPLAN_KERNELS_DEPTHWISE_3X3_DSP_H_
#define MICROPLAN_KERNELS_DEPTHWISE_3X3_DSP_H_

#include <stdint.h>

namespace microplan {
namespace dsp {

constexpr uint32_t kColumnWords = 8;

// A channel's filter and scale as 3x3 loops take them.
struct Depthwise3x3Record {
  // Word kx: taps (0, kx), (1, kx), (1, kx), (2, kx).
  int8_t filter[3][4];
  int32_t twice_bias;
  int32_t multiplier;
  int32_t shift;  // to the right, less 1
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

}  // namespace dsp
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DEPTHWISE_3X3_DSP_H_
