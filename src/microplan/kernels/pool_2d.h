// SPDX-License-Identifier: Apache-2.0
// AVERAGE_POOL_2D and MAX_POOL_2D: output[n][oy][ox][c] = clamp(average or maximum over ky, kx of input[n][y][x][c]),
// where (y, x) is tap (ky, kx) of the window. The average is over the taps inside the input; of integers it is rounded
// to nearest, halves away from zero.
#ifndef MICROPLAN_KERNELS_POOL_2D_H_
#define MICROPLAN_KERNELS_POOL_2D_H_

#include <stdint.h>

#include "microplan/kernels/quantization.h"
#include "microplan/kernels/window.h"

namespace microplan {

// Views: input, output. No constants. Value is int32_t, or float for float32.
template <typename Value>
struct Pool2dParamsOf {
  Window window;  // dilation 1, out_c = in_c
  Value act_min, act_max;
};
using Pool2dParams = Pool2dParamsOf<int32_t>;
using Pool2dFloatParams = Pool2dParamsOf<float>;

// What the variants for int8 and int16 share. Params are Pool2dParams; their rows are those of window.h.
Status prepare_pool_2d(const OperatorContext& context, void* params);
bool footprint_pool_2d_int8(const void* params, Footprint* footprint);
bool footprint_pool_2d_int16(const void* params, Footprint* footprint);
// What those for float32 share, whose Params are Pool2dFloatParams.
Status prepare_pool_2d_float(const OperatorContext& context, void* params);
bool footprint_pool_2d_float(const void* params, Footprint* footprint);

// sum / count, rounded to nearest, halves away from zero.
inline int32_t pool_quotient(int32_t sum, int32_t count) {
  return (sum > 0 ? wrap_add(sum, count / 2) : wrap_sub(sum, count / 2)) / count;
}

// pixel(x, y, at) for every output pixel of the rows: x is its first tap inside the input, y its first channel; the
// result is what comes behind its last one.
template <typename Element, typename Pixel>
Status run_pool_2d(const Window& window, Rows rows, const Io& io, Pixel pixel) {
  const View output = io.view(1);
  WindowPosition at(window, io.view(0), sizeof(Element));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    Element* y = output.row_as<Element>(row);
    for (uint32_t out_x = 0; out_x < window.out_w; ++out_x) {
      at.set_column(out_x);
      y = pixel(static_cast<const Element*>(at.x), y, at);
    }
  }
  return Status::kOk;
}

// take(x) for every tap of a window, from x_row on, whose taps are `channels` elements apart.
template <typename Element, typename Take>
void for_each_tap(const Element* x_row, const WindowPosition& at, uint32_t channels, Take take) {
  for (uint32_t left = at.taps_h;;) {
    const Element* x = x_row;
    for (uint32_t i = at.taps_w; i != 0; --i) {
      take(x);
      x += channels;
    }
    if (--left == 0) return;
    x_row = at.below(x_row);
  }
}

// Instructions for each tap of an output and for each output, both in eighths, and for each output pixel.
template <uint32_t kTap, uint32_t kOutput, uint32_t kPixel>
Cost pool_2d_cost(const void* in, const Target&) {
  const Window& window = *static_cast<const Window*>(in);
  const uint64_t outputs = window_outputs(window);
  const uint64_t taps = outputs * window.kernel_h * window.kernel_w;
  return {0, (taps * kTap + outputs * kOutput) / 8 + outputs / window.out_c * kPixel, 0};
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_POOL_2D_H_
