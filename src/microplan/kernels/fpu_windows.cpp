// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/fpu_windows.h"

#include "microplan/config.h"

#if MICROPLAN_HAS_FPU

namespace microplan {
namespace fpu {

void sum_block(const Taps& taps, uint32_t channels, const TapRows& at, const Runs& runs, Block* block) {
  for (uint32_t c = 0; c < 4; ++c) block->sum[c][0] = block->sum[c][1] = 0;
  const float* rows[2] = {taps.x, taps.x + taps.x_pixel};
  const float* filter_row = taps.filter;
  block->count = runs.length;
  for (uint32_t left = at.taps_h; left != 0;) {
    uint32_t x_offset = 0;
    const float* filter = filter_row;
    for (uint32_t run = 0; run < runs.count; ++run) {
      block->x[0] = rows[0] + x_offset;
      block->x[1] = rows[1] + x_offset;
      const float* channel = filter;
      for (uint32_t c = 0; c < 4; ++c) {
        block->filter[c] = channel;
        if (c + 1 < channels) channel += taps.filter_elements;
      }
      if (taps.x_pixel != 0) {
        dot_4x2(block);
      } else {
        dot_4x1(block);
      }
      x_offset += runs.x_step;
      filter += runs.filter_step;
    }
    if (--left == 0) break;
    rows[0] = at.below(rows[0]);
    rows[1] = taps.x_pixel != 0 ? at.below(rows[1]) : rows[0];
    filter_row += runs.filter_row;
  }
}

}  // namespace fpu
}  // namespace microplan

#endif
