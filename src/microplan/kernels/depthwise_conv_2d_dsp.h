// SPDX-License-Identifier: Apache-2.0
// How DEPTHWISE_CONV_2D, int8, goes with the DSP extension. The input of a few channels is widened, channel by channel,
// into words of two taps: two rows of the kernel at one column, and for the last row of an odd number two columns of it. The
// columns that one tap meets in successive outputs lie side by side, whatever stride and dilation are, so that a filter word
// is multiplied with four outputs' words at a time.
#ifndef MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_DSP_H_
#define MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_DSP_H_

#include <stdint.h>

#include "microplan/kernels/depthwise_conv_2d.h"

namespace microplan {

// What a channel's record holds behind its filter.
struct DepthwiseDspScale {
  int32_t bias;
  int32_t multiplier;
  int32_t shift;  // to the right when ChannelQuantization::fast is set, else Requantize::shift
};

// What planner and run() derive from the Params. A plane is the widened words of a channel for two kernel rows, or the last
// one; a phase is the columns of a plane that are a multiple of the stride apart.
struct DepthwiseDspShape {
  explicit DepthwiseDspShape(const DepthwiseConv2dParams& params);

  bool is_3x3;            // depthwise_3x3_dsp.h runs it; then planes, phases and phase_words do not count
  bool in_pairs;          // two of its rows are made at once, the first of them even
  uint32_t planes;
  uint32_t quads;         // pairs of filter words; four bytes
  uint32_t group;         // channels widened together, at most 4
  uint32_t phases;        // of a plane that taps lie in
  uint32_t tile;          // outputs of a row computed from one widening, a multiple of 4
  uint32_t phase_words;
  uint64_t scratch_bytes;

  uint32_t plane_words() const { return phases * phase_words; }
  uint32_t channel_words() const { return planes * plane_words(); }
  uint32_t record_bytes() const { return 4 * quads + static_cast<uint32_t>(sizeof(DepthwiseDspScale)); }

 private:
  void set_3x3(const Window& window);
  void set_general(const Window& window);
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_DSP_H_
