// SPDX-License-Identifier: Apache-2.0
// Activations as operators of their own: LOGISTIC, TANH, RELU, RELU6, LEAKY_RELU. 8-bit ones are a table, whatever the
// function.
#ifndef MICROPLAN_KERNELS_ACTIVATION_H_
#define MICROPLAN_KERNELS_ACTIVATION_H_

#include <stdint.h>

#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/quantization.h"

namespace microplan {

// All views: input, output. int8: also a constant, int8 [256], the output for each input, whose bits are the index.

// All of int8; LOGISTIC, TANH, RELU and RELU6, float32.
struct ActivationParams {
  RowSplit split;
};

// LOGISTIC and TANH, int16: input * multiplier / 2^right is the argument in the steps of int16_math.h.
struct SigmoidInt16Params {
  RowSplit split;
  int32_t multiplier;
  int32_t right;  // [0, 31]
};

// RELU and LEAKY_RELU, int16: two straight lines that meet in 0.
struct RectifyParams {
  RowSplit split;
  Requantize positive;
  Requantize negative;  // of negative inputs; RELU: 0
  uint32_t negate;      // 1: their results change the sign
  int32_t input_zero_point;
  int32_t output_zero_point;
};

// RELU6, int16.
struct ClampParams {
  RowSplit split;
  int32_t low, high;
};

// LEAKY_RELU, float32.
struct LeakyReluFloatParams {
  RowSplit split;
  float alpha;
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_ACTIVATION_H_
