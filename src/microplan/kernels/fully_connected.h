// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED: output[r][c] = clamp(sum over k of input[r][k] * filter[c][k] + bias[c]).
#ifndef MICROPLAN_KERNELS_FULLY_CONNECTED_H_
#define MICROPLAN_KERNELS_FULLY_CONNECTED_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"

namespace microplan {

struct FullyConnectedShape {
  uint32_t rows;
  uint32_t depth;
  uint32_t channels;
};

// Views: input, output. Constants: filter [channels][depth], and what `quantization` names.
template <typename Quantization>
struct FullyConnectedParamsOf {
  FullyConnectedShape shape;
  Quantization quantization;
};
using FullyConnectedParams = FullyConnectedParamsOf<ChannelQuantization>;

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_FULLY_CONNECTED_H_
