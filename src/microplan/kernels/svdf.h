// SPDX-License-Identifier: Apache-2.0
// SVDF: a layer whose weights are a product of one vector over the input and one over time, for each filter:
//   state[f] loses its oldest value and gains feature[f] . input;
//   output[u] = clamp(sum over the `rank` filters f of unit u of (time[f] . state[f]) + bias[u]).
#ifndef MICROPLAN_KERNELS_SVDF_H_
#define MICROPLAN_KERNELS_SVDF_H_

#include <stdint.h>

#include "microplan/kernels/quantization.h"

namespace microplan {

struct SvdfShape {
  uint32_t rows;    // batches, each with a state of its own
  uint32_t depth;   // of the input
  uint32_t units;   // outputs
  uint32_t rank;    // filters of each unit
  uint32_t memory;  // values that a filter remembers
};

// Views: input, state [rows][units * rank][memory], output. Constants: feature [units * rank][depth],
// time [units * rank][memory], bias [units] (optional).
struct SvdfParams {
  SvdfShape shape;
  uint32_t state_bytes;  // of one element of the state and of the time weights: 1 or 2
  int32_t input_offset;  // minus the input's zero point
  int32_t state_zero_point;
  int32_t output_offset;  // the output's zero point
  Requantize feature, time;
};

struct SvdfFloatParams {
  SvdfShape shape;
  float act_min, act_max;
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_SVDF_H_
