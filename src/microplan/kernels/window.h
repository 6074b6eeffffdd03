// SPDX-License-Identifier: Apache-2.0
// What convolutions and pooling share: a window that slides over an NHWC tensor.
#ifndef MICROPLAN_KERNELS_WINDOW_H_
#define MICROPLAN_KERNELS_WINDOW_H_

#include <stdint.h>

#include "microplan/kernel.h"
#include "microplan/kernels/dot.h"
#include "microplan/operator.h"

namespace microplan {

// Tap (ky, kx) of output (oy, ox) lies at input row oy * stride_h - pad_top + ky * dilation_h and column
// ox * stride_w - pad_left + kx * dilation_w; taps outside the input count for nothing. Rows of the tensors are counted
// over all batches: output row n * out_h + oy reads input rows of batch n only.
struct Window {
  uint16_t batches;
  uint16_t in_h, in_w, in_c;
  uint16_t out_h, out_w, out_c;
  uint16_t kernel_h, kernel_w;
  uint16_t stride_h, stride_w;
  uint16_t dilation_h, dilation_w;
  uint16_t pad_top, pad_left;
};

// Beside the schema's SAME and VALID, graph passes write this padding: rows and columns of it stand in options of their
// own, whose numbers no version of the schema has.
constexpr uint8_t kSamePadding = 0;
constexpr uint8_t kValidPadding = 1;
constexpr uint8_t kExplicitPadding = 32;
enum ExplicitPaddingField : uint32_t { kPadTop = 32, kPadLeft = 33, kPadBottom = 34, kPadRight = 35 };

// What an operator's options and filter say about its window, unchecked.
struct WindowOptions {
  uint8_t padding;  // the schema's Padding, or kExplicitPadding
  int64_t kernel_h, kernel_w;
  int32_t stride_h, stride_w;
  int32_t dilation_h, dilation_w;
};

// Checks both tensors and the options against one another and fills the window, which slides over `in`.
Status prepare_window(const OperatorContext& context, Operand in, Operand out, const WindowOptions& options,
                      Window* window);

// False unless every window touches the input, which bounds all arithmetic with it.
bool check_window(const Window& window);

// An NHWC tensor whose elements have `element_bytes`.
struct Image {
  uint32_t batches, height, width, channels;
  uint32_t element_bytes;
};
// Adds its view. False when it is empty or too large.
bool add_image(Operand operand, const Image& image, Footprint* footprint);

// Checks the window and adds the views of input 0 and output 0, whose elements are equally large.
bool window_footprint(const Window& window, uint32_t element_bytes, Footprint* footprint);

// The input rows from the first to the last that output rows `rows`, at least one, read. Rows that dilation skips are
// included: without them the first row read could go back from one output row to the next. The Params begin with the
// window.
Rows window_input_rows(const void* params, uint32_t view, Rows rows);

// Elements of the output.
uint64_t window_outputs(const Window& window);

// The rows of an input that the taps of one output lie in.
class TapRows {
 public:
  uint32_t taps_h;  // their number; 0 is possible

  // From `at` in one row of taps to the same column of the next, around the end of a ring. Not to be called in the last
  // row: nothing lies below it.
  template <typename T>
  const T* below(const T* at) const {
    const uint8_t* const byte = reinterpret_cast<const uint8_t*>(at);
    const bool inside = static_cast<uint32_t>(ring_end_ - byte) > step_;
    return reinterpret_cast<const T*>(inside ? byte + step_ : byte - (ring_bytes_ - step_));
  }

  // What below() goes by, for inner loops that do it themselves: bytes from one row of taps to the next, and the ring.
  uint32_t step() const { return step_; }
  uint32_t ring_bytes() const { return ring_bytes_; }
  const uint8_t* ring_end() const { return ring_end_; }

 protected:
  // Begins at input row `row`; the next row of taps lies `row_step` rows below.
  const uint8_t* begin(const View& input, uint32_t row, uint32_t row_step);

 private:
  uint32_t step_;  // bytes from one row of taps to the next
  uint32_t ring_bytes_;
  const uint8_t* ring_end_;
};

// Where the window of one output pixel lies, as run() walks it: set_row(), then set_column() for each pixel. They are
// out of line, since they run once for many multiplications and each kernel would hold a copy.
class WindowPosition : public TapRows {
 public:
  WindowPosition(const Window& window, const View& input, uint32_t element_bytes)
      : window_(window), input_(input), pixel_bytes_(window.in_c * element_bytes) {}
  void set_row(uint32_t row);
  void set_column(uint32_t out_x);

  const void* x;       // first channel of the first tap inside the input
  uint32_t first_tap;  // that tap's index in the kernel: ky * kernel_w + kx
  uint32_t taps_w;     // taps inside the input; 0 is possible when the dilation exceeds the input

 private:
  const Window& window_;
  const View input_;
  const uint32_t pixel_bytes_;
  const uint8_t* row_;  // first input row with a tap
  uint32_t row_tap_;    // index of the first tap of the kernel row that meets it
};

// Whether the windows of output columns out_x and out_x + 1 both lie between the left and right ends of the input.
inline bool two_columns_inside(const Window& window, uint32_t out_x) {
  const uint32_t start = out_x * window.stride_w;
  const uint32_t extent = (window.kernel_w - 1u) * window.dilation_w;
  return start >= window.pad_left && out_x + 1 < window.out_w &&
         start + window.stride_w + extent < uint32_t{window.in_w} + window.pad_left;
}

// The products of one kernel row: `count` runs of `length`. All in elements.
struct Runs {
  uint32_t count, length;
  uint32_t x_step;      // from one run of the input to the next
  int32_t filter_step;  // from one run of the filter to the next
  int32_t filter_row;   // from one kernel row to the next
  int32_t input_offset;
};

// The sum of one output. A function of its own, so that the inner loop has the registers to itself when the compiler
// optimises for size, too.
template <typename Products>
[[gnu::noinline]] typename Products::Sum sum_window(const typename Products::Input* x_row,
                                                    const typename Products::Filter* filter_row, const TapRows& at,
                                                    const Runs& runs) {
  typename Products::Sum sum = 0;
  for (uint32_t left = at.taps_h; left != 0;) {
    const typename Products::Input* x = x_row;
    const typename Products::Filter* filter = filter_row;
    for (uint32_t i = runs.count; i != 0;) {
      sum = dot<Products>(x, filter, runs.length, runs.input_offset, sum);
      if (--i == 0) break;
      x += runs.x_step;
      filter += runs.filter_step;
    }
    if (--left == 0) break;
    x_row = at.below(x_row);
    filter_row += runs.filter_row;
  }
  return sum;
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_WINDOW_H_
