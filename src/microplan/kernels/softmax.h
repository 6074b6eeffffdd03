// SPDX-License-Identifier: Apache-2.0
// SOFTMAX over the last dimension: output[r][c] = exp(beta * input[r][c]) / sum over k of exp(beta * input[r][k]).
#ifndef MICROPLAN_KERNELS_SOFTMAX_H_
#define MICROPLAN_KERNELS_SOFTMAX_H_

#include <stdint.h>

#include "microplan/kernels/quantization.h"
#include "microplan/operator.h"

namespace microplan {

// All views: input, output.

// int8.
struct SoftmaxParams {
  uint32_t rows;
  uint32_t depth;
  int32_t multiplier, left_shift;  // from a difference of inputs to an exponent in Q5.26
  int32_t diff_min;                // not positive; elements further below the row's largest count as 0
};

struct SoftmaxInt16Params {
  static constexpr uint32_t kMaxDepth = 65536;  // so that the sum of a row fits 31 bits
  uint32_t rows;
  uint32_t depth;
  Requantize by;     // from a difference of inputs to an exponent in steps of 10 / 65535
  int32_t diff_min;  // not positive; elements further below the row's largest have the smallest exponent, -10
};

struct SoftmaxFloatParams {
  uint32_t rows;
  uint32_t depth;
  float beta;
};

// What the prepare functions of all types begin with.
Status prepare_softmax_shape(const OperatorContext& context, uint32_t* rows, uint32_t* depth);

// What the variants for int8 share.

// Formats: exponents are Q5.26, exponentials Q0.31, their sum Q12.19.
constexpr int32_t kSoftmaxExponentBits = 26;
constexpr int32_t kSoftmaxSumIntegerBits = 12;

// The reciprocal of a sum of exponentials: scale / 2^31 / 2^over_unit.
struct SoftmaxScale {
  int32_t scale, over_unit;

  explicit SoftmaxScale(uint64_t sum);
};

Status softmax_int8_prepare(const OperatorContext& context, void* params);
bool softmax_int8_footprint(const void* params, Footprint* footprint);

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_SOFTMAX_H_
