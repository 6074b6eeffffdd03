// SPDX-License-Identifier: Apache-2.0
// CONV_2D: output[n][oy][ox][c] = clamp(sum over ky, kx, k of input[n][y][x][g * filter_c + k] * filter[c][ky][kx][k] +
// bias[c]), where (y, x) is tap (ky, kx) of the window and g is the channel's group.
#ifndef MICROPLAN_KERNELS_CONV_2D_H_
#define MICROPLAN_KERNELS_CONV_2D_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"
#include "microplan/kernels/window.h"

namespace microplan {

// Views: input, output. Constants: filter [out_c][kernel_h][kernel_w][filter_c], and what `quantization` names.
template <typename Quantization>
struct Conv2dParamsOf {
  Window window;
  uint16_t filter_c;  // channels of the filter; in_c / filter_c groups share out_c evenly
  Quantization quantization;
};
using Conv2dParams = Conv2dParamsOf<ChannelQuantization>;

// Whether each output pixel is made of all channels of the input pixel at the same place. For the Params of any type.
bool conv_2d_is_pointwise(const void* params);

extern const MacOperator kConv2d;

// What the variants of a type share, for Int8Accumulator, Int16Accumulator, FloatAccumulator and HybridAccumulator; pack()
// is that of kernels which read the filter as it lies in the model.
template <typename Accumulator>
struct Conv2d {
  using Params = Conv2dParamsOf<typename Accumulator::Params>;
  static Status prepare(const OperatorContext& context, void* params);
  static bool footprint(const void* params, Footprint* footprint);
  static void pack(const OperatorContext& context, const void* params, ConstantWriter& writer);
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_CONV_2D_H_
