// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED: output[r][c] = clamp(sum over k of input[r][k] * filter[c][k] + bias[c]).
#ifndef MICROPLAN_KERNELS_FULLY_CONNECTED_H_
#define MICROPLAN_KERNELS_FULLY_CONNECTED_H_

#include <stdint.h>

namespace microplan {

// Views: input, output. Constants: filter [channels][depth], bias [channels] (optional), Requantize [1 or channels]
// (int8 only).
struct FullyConnectedParams {
  uint32_t rows;
  uint32_t depth;
  uint32_t channels;
  uint32_t per_channel;   // 1: a Requantize for each channel; 0: one for all
  int32_t input_offset;   // minus the input's zero point
  int32_t output_offset;  // the output's zero point
  int32_t act_min, act_max;
};

struct FullyConnectedFloatParams {
  uint32_t rows;
  uint32_t depth;
  uint32_t channels;
  float act_min, act_max;
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_FULLY_CONNECTED_H_
