// SPDX-License-Identifier: Apache-2.0
// What planner and kernel agree on for conv_2d_int8_dsp: the order of depths, and where the packed filters lie.
#ifndef MICROPLAN_KERNELS_CONV_2D_DSP_H_
#define MICROPLAN_KERNELS_CONV_2D_DSP_H_

#include <stdint.h>

#include "microplan/kernels/conv_2d.h"
#include "microplan/kernels/mac_block_dsp.h"

namespace microplan {

// The input under a window comes in runs of bytes that lie side by side; runs are put together to chunks, and a chunk's
// bytes make pairs of depths as widen() does. Constant 0: a word, then either (0) for each group the records of its pairs
// of channels, followed by each group's last channel by itself where their number is odd; or (1) every channel by
// itself, for filters and sums that records cannot hold. Both are equally long.
struct Conv2dDspShape {
  explicit Conv2dDspShape(const Conv2dParams& params);

  uint32_t groups;
  uint32_t group_channels;  // outputs of a group
  uint32_t run;             // bytes
  uint32_t row_runs;        // runs of a row of the kernel
  uint32_t chunk_runs;      // 1, or all runs of the window
  uint32_t chunks;
  uint32_t pairs;           // of depths, of one output
  bool pointwise;           // each output pixel is made of the input pixel at the same place

  uint32_t chunk() const { return run * chunk_runs; }
  uint32_t single_bytes() const;
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_CONV_2D_DSP_H_
