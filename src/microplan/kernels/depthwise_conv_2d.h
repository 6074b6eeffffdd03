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

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DEPTHWISE_CONV_2D_H_
