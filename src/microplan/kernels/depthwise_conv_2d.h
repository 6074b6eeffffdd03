// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D: output[n][oy][ox][c] = clamp(sum over ky, kx of input[n][y][x][c / depth_multiplier] *
// filter[ky][kx][c] + bias[c]), where (y, x) is tap (ky, kx) of the window.
#ifndef MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_H_
#define MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"
#include "microplan/kernels/window.h"

namespace microplan {

// Views: input, output. Constants: filter [kernel_h][kernel_w][out_c], and what `quantization` names.
template <typename Quantization>
struct DepthwiseConv2dParamsOf {
  Window window;
  uint16_t depth_multiplier;  // out_c / in_c
  Quantization quantization;
};
using DepthwiseConv2dParams = DepthwiseConv2dParamsOf<ChannelQuantization>;

extern const MacOperator kDepthwiseConv2d;

// What the variants of a type share, for Int8Accumulator, Int16Accumulator, FloatAccumulator and HybridAccumulator; pack()
// is that of kernels which read the filter as it lies in the model.
template <typename Accumulator>
struct DepthwiseConv2d {
  using Params = DepthwiseConv2dParamsOf<typename Accumulator::Params>;
  static Status prepare(const OperatorContext& context, void* params);
  static bool footprint(const void* params, Footprint* footprint);
  static void pack(const OperatorContext& context, const void* params, ConstantWriter& writer);
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_H_
