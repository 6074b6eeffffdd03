// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV: output[n][y][x][c] = clamp(sum over iy, ix, k of input[n][iy][ix][k] * filter[c][ky][kx][k] +
// bias[c]), over every input pixel whose tap (ky, kx) = (y + pad_top - iy * stride_h, x + pad_left - ix * stride_w) lies
// in the kernel.
#ifndef MICROPLAN_KERNELS_TRANSPOSE_CONV_H_
#define MICROPLAN_KERNELS_TRANSPOSE_CONV_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"
#include "microplan/kernels/window.h"

namespace microplan {

// Views: input, output. Constants: filter [window.in_c][kernel_h][kernel_w][window.out_c], and what `quantization`
// names.
template <typename Quantization>
struct TransposeConvParamsOf {
  Window window;  // of the convolution that is transposed: it slides over this operator's output
  Quantization quantization;
};

extern const MacOperator kTransposeConv;

// What the variants of a type share, for Int8Accumulator, Int16Accumulator and FloatAccumulator.
template <typename Accumulator>
struct TransposeConv {
  using Params = TransposeConvParamsOf<typename Accumulator::Params>;
  static Status prepare(const OperatorContext& context, void* params);
  static bool footprint(const void* params, Footprint* footprint);
};
Rows transpose_conv_input_rows(const void* params, uint32_t view, Rows rows);

// Where the input pixels of one output pixel lie, as run() walks them: set_row(), then set_column() for each pixel.
class SourcePosition : public TapRows {
 public:
  SourcePosition(const Window& window, const View& input, uint32_t element_bytes)
      : window_(window), input_(input), pixel_bytes_(window.out_c * element_bytes) {}
  void set_row(uint32_t row);
  void set_column(uint32_t out_x);

  const void* x;       // the first input pixel
  uint32_t first_tap;  // its tap: ky * kernel_w + kx
  uint32_t taps_w;

 private:
  const Window& window_;
  const View input_;
  const uint32_t pixel_bytes_;
  const uint8_t* row_;
  uint32_t row_tap_;
};

// From pixel to pixel and back from tap to tap; all but the count and the offset.
inline Runs transpose_conv_runs(const Window& window) {
  const uint32_t depth = window.out_c;
  Runs runs = {};
  runs.length = depth;
  runs.x_step = depth;
  // Strides beyond the kernel never step.
  runs.filter_step = static_cast<int32_t>(0 - window.stride_w * depth);
  runs.filter_row = static_cast<int32_t>(0 - window.stride_h * (window.kernel_w * depth));
  return runs;
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_TRANSPOSE_CONV_H_
