// SPDX-License-Identifier: Apache-2.0
// The inner loops of depthwise_conv_2d_base.cpp: over taps that lie side by side, four channels at a time.
#ifndef MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_BASE_H_
#define MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_BASE_H_

#include <stdint.h>

#include "microplan/kernels/mac_base.h"

namespace microplan {
namespace depthwise_base {

// Channels that go together.
constexpr uint32_t kLanes = 4;
// Outputs made of one strip of input at most.
constexpr uint32_t kMaxPixels = 32;
// Words of a column of a sweep.
constexpr uint32_t kSweepWords = 4;

// sums[c][0] and sums[c][1]: the taps of channel c by those at x and at y.
void multiply_4x2(const int8_t* filter, const int8_t* x, const int8_t* y, uint32_t taps, uint32_t (*sums)[kMaxPixels]);

// 3 x 3 taps: the strip's columns are walked through once, with the taps in registers. A column is kSweepWords words: a row
// of taps each, and one that is not 0 in the strip's last column. Behind that one lies where the Sweep is.
struct Sweep {
  const int8_t* filter;  // columns of taps
  const int8_t* x;
  const FastChannel* channel;
  int8_t* y;  // the last pixel's
  uint32_t y_step;
  uint32_t pixels;
  uint32_t lanes;
  uint32_t entry;  // where the loop begins
};

// Where the loop over so many columns begins.
uint32_t sweep_entry(uint32_t stride, uint32_t columns);
// Writes where the Sweep is behind a strip's last column.
void set_sweep(uint32_t* behind, const Sweep* sweep);
// The outputs of a sweep, which is used up.
void sweep_3x3(Sweep* sweep);

}  // namespace depthwise_base
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_BASE_H_
