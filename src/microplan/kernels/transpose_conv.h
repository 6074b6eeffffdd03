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

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_TRANSPOSE_CONV_H_
