// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int8, with the DSP extension: what planner and run() derive from the Params.
#ifndef MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_DSP_H_
#define MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_DSP_H_

#include <stdint.h>

#include "microplan/kernels/depthwise_conv_2d.h"
#include "microplan/kernels/depthwise_loops_dsp.h"

namespace microplan {

// One of three ways to run it, with the loops of depthwise_loops_dsp.h.
enum class DepthwiseWay : uint8_t {
  // 3x3, neither dilated nor with a depth multiplier.
  k3x3,
  // Any. The input of a few channels is widened, channel by channel, into words of two taps: two rows of the kernel at
  // one column, and for the last row of an odd number two columns of it. A plane is these words for two kernel rows, or
  // the last one; a phase is the columns of a plane that are a multiple of the stride apart. So the words that one tap
  // meets in successive outputs lie side by side, whatever stride and dilation are.
  kPlanes,
  // Output by output, for narrow images.
  kPixels,
};

struct DepthwiseDspShape {
  explicit DepthwiseDspShape(const DepthwiseConv2dParams& params);

  DepthwiseWay way;
  bool in_pairs;           // two rows are made at once, the first of them even; k3x3
  uint32_t tile;           // outputs of a row that are computed from one widening; not kPixels
  uint32_t taps;           // kPixels
  uint32_t record_bytes;   // of a channel, or of four for kPixels
  uint32_t scratch_bytes;  // UINT32_MAX: too much

  // kPlanes.
  uint32_t planes;
  uint32_t quads;          // pairs of filter words; four bytes
  uint32_t group;          // channels widened together, at most 4
  uint32_t phases;         // of a plane that taps lie in
  uint32_t phase_words;

  uint32_t plane_words() const { return phases * phase_words; }
  uint32_t channel_words() const { return planes * plane_words(); }

 private:
  void set_3x3(const Window& window);
  void set_planes(const Window& window);
  void set_pixels(const Window& window);
};

constexpr uint32_t kDepthwiseColumnBytes = 4 * dsp::kColumnWords;

// The columns of the input that outputs of a 3x3 kernel need.
inline uint32_t depthwise_columns(const Window& window, uint32_t outputs) {
  return (outputs - 1) * window.stride_w + 3;
}

// Calls word(plane, kx, second_y, second_x) for every word of taps of kPlanes, in order: taps (2 * plane, kx) and
// (second_y, second_x).
template <typename Word>
void for_each_tap_word(const Window& window, Word word) {
  for (uint32_t plane = 0; plane < window.kernel_h / 2u; ++plane) {
    for (uint32_t kx = 0; kx < window.kernel_w; ++kx) word(plane, kx, 2 * plane + 1, kx);
  }
  if (window.kernel_h % 2 == 0) return;
  const uint32_t plane = window.kernel_h / 2u;
  for (uint32_t kx = 0; kx < window.kernel_w; kx += 2) word(plane, kx, 2 * plane, kx + 1);
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_DSP_H_
