// SPDX-License-Identifier: Apache-2.0
// Sums of products in float32 over a window, channel by channel: 8 channels of one pixel or of two at a time, in the
// registers of a scalar floating-point unit.
#ifndef MICROPLAN_KERNELS_FPU_LANES_H_
#define MICROPLAN_KERNELS_FPU_LANES_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"
#include "microplan/kernels/fpu_clamp.h"
#include "microplan/kernels/window.h"

namespace microplan {
namespace fpu {

constexpr uint32_t kLanes = 8;

// y[p][c] = start[c] + sum over taps of x[p][c] * filter[c], each product fused with its addition. All fields are
// read by assembly: their order matters. Steps are in bytes.
struct Lanes {
  const float* x[2];  // the first tap's; x[1] is nullptr for one pixel
  const float* filter;
  uint32_t taps_w, taps_h;  // taps_h may be 0
  uint32_t x_step, filter_step;  // from tap to tap
  uint32_t x_row, filter_row;    // from behind the last tap of a kernel row to the first one of the next, modulo 2^32
  const uint8_t* ring_end;       // input rows from here on lie `ring_bytes` before
  uint32_t ring_bytes;
  const float* start;
  float* y[2];
  Clamp clamp;
  float high;
  uint32_t shares_x;  // 1: x[0] is one number for all channels; there is one pixel

  Lanes(const FloatRange& range, bool one_x)
      : clamp(clamp_of(range.act_min, range.act_max)), high(range.act_max), shares_x(one_x) {}
  // The taps of a window; x_step and filter_step are given. `filter_width`: of a whole kernel row, in bytes.
  void set_taps(const WindowPosition& at, uint32_t filter_width) {
    taps_w = at.taps_w;
    taps_h = at.taps_w == 0 ? 0 : at.taps_h;
    x_row = at.step() - at.taps_w * x_step;
    filter_row = filter_width - at.taps_w * filter_step;
    ring_end = at.ring_end();
    ring_bytes = at.ring_bytes();
  }
};

// False when the caller has to clamp y.
bool sum_lanes(const Lanes* lanes);

// Clamps one pixel's y.
void clamp_lanes(const FloatRange& range, float* y);

}  // namespace fpu
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_FPU_LANES_H_
