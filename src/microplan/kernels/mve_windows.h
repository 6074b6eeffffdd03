// SPDX-License-Identifier: Apache-2.0
// Convolution for Helium over all windows of an image: brings the elements under each window side by side for
// mve_conv.h.
#ifndef MICROPLAN_KERNELS_MVE_WINDOWS_H_
#define MICROPLAN_KERNELS_MVE_WINDOWS_H_

#include <stdint.h>

#include "microplan/kernel.h"
#include "microplan/kernels/accumulator.h"
#include "microplan/kernels/window.h"
#include "microplan/operator.h"

namespace microplan {
namespace mve {

// Windows whose taps have `filter_c` of the input's channels each.
class Windows {
 public:
  Windows(const Window& window, uint32_t filter_c) : window_(window), filter_c_(filter_c) {}

  const Window& window() const { return window_; }
  uint32_t filter_c() const { return filter_c_; }
  uint32_t groups() const { return window_.in_c / filter_c_; }
  uint32_t channels_per_group() const { return window_.out_c / groups(); }
  uint32_t depth() const { return uint32_t{window_.kernel_h} * window_.kernel_w * filter_c_; }
  // Each pixel of the output is made of one of the input.
  bool pointwise() const { return window_.kernel_h == 1 && window_.kernel_w == 1; }
  // A window is one run of the input and lies inside of it, so that it need not be copied.
  bool in_place() const;
  // From one copied window to the next: whole vectors.
  uint32_t copy_step() const { return (depth() + 15) & ~15u; }
  // Pixels that go through all channels together.
  uint32_t tile_pixels() const;
  uint32_t scratch_bytes() const;
  uint32_t packed_bytes() const;
  Cost cost() const;

 private:
  const Window& window_;
  const uint32_t filter_c_;
};

// Writes `value` to `count` bytes.
void fill(int8_t* to, int32_t value, uint32_t count);

// What copy_runs() reads; the assembly knows the offsets. From each of `rows` rows of the input, one run for each
// pixel.
struct CopyRuns {
  const int8_t* x;
  int8_t* to;
  uint32_t length;    // 8: of a run
  uint32_t x_pixel;   // 12: from one pixel's run to the next pixel's
  uint32_t to_pixel;  // 16
  uint32_t rows;      // 20: at least 1
  uint32_t pixels;    // 24: at least 1
  uint32_t x_row;     // 28: from one row to the next
  uint32_t to_row;    // 32
  const uint8_t* ring_end;  // 36
  uint32_t ring_bytes;      // 40
};
void copy_runs(const CopyRuns*);

// Rows from `row` on that lie one after the other in memory.
uint32_t rows_together(const View& view, uint32_t row, uint32_t row_bytes);

bool disjoint(const View& a, const View& b);

// Rows of the output; constant 0 is what pack_blocks() makes.
void convolve(const Windows& windows, const ChannelQuantization& quantization, Rows rows, const Io& io, void* scratch);

}  // namespace mve
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MVE_WINDOWS_H_
