// SPDX-License-Identifier: Apache-2.0
// SOFTMAX over the last dimension: output[r][c] = exp(beta * input[r][c]) / sum over k of exp(beta * input[r][k]).
#ifndef MICROPLAN_KERNELS_SOFTMAX_H_
#define MICROPLAN_KERNELS_SOFTMAX_H_

#include <stdint.h>

namespace microplan {

// Views: input, output.
struct SoftmaxParams {
  uint32_t rows;
  uint32_t depth;
  int32_t multiplier, left_shift;  // from a difference of inputs to an exponent in Q5.26
  int32_t diff_min;                // not positive; elements further below the row's largest count as 0
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_SOFTMAX_H_
