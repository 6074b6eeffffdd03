// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int8, with the DSP extension, in the way that can do anything. The input of a few channels is
// widened, channel by channel, into words of two taps: two rows of the kernel at one column, and for the last row of
// an odd number two columns of it. A plane is these words for two kernel rows, or the last one; a phase is the columns
// of a plane that are a multiple of the stride apart. So the words that one tap meets in successive outputs lie side by
// side, whatever stride and dilation are.
#ifndef MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_DSP_H_
#define MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_DSP_H_

#include <stdint.h>

#include "microplan/kernels/depthwise_dsp.h"

namespace microplan {

struct DepthwisePlanes {
  explicit DepthwisePlanes(const Window& window);

  uint32_t scratch_bytes;  // UINT32_MAX: too much
  uint32_t tile;           // outputs of a row that are computed from one widening
  uint32_t planes;
  uint32_t words;  // of two taps each
  uint32_t quads;  // pairs of words
  uint32_t items;  // runs of four words, and pairs of the others: what offsets are kept of
  uint32_t group;   // channels widened together, at most 4
  uint32_t phases;  // of a plane that taps lie in
  uint32_t phase_words;

  uint32_t plane_words() const { return phases * phase_words; }
  uint32_t channel_words() const { return planes * plane_words(); }
  uint32_t record_bytes() const { return 4 * quads + static_cast<uint32_t>(sizeof(dsp::DepthwiseScale)); }
  uint64_t row_instructions(const Window& window) const;
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_DSP_H_
