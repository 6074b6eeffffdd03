// SPDX-License-Identifier: Apache-2.0
// QUANTIZE and DEQUANTIZE: the same values in another type or at another scale.
#ifndef MICROPLAN_KERNELS_QUANTIZE_H_
#define MICROPLAN_KERNELS_QUANTIZE_H_

#include <stdint.h>

#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/quantization.h"

namespace microplan {

// Between float32 and integers. Views: input, output.
struct QuantizeParams {
  RowSplit split;
  float scale;        // of the integers
  int32_t zero_point;
};

// Between integers. Views: input, output.
struct RequantizeParams {
  RowSplit split;
  Requantize by;
  int32_t input_zero_point;
  int32_t output_zero_point;
};

// What the variants share.
Status prepare_quantize(const OperatorContext& context, void* params);
Status prepare_dequantize(const OperatorContext& context, void* params);
Status prepare_requantize(const OperatorContext& context, void* params);

// The output for 8-bit input `q` of QUANTIZE to int8.
inline int8_t requantize_to_int8(const RequantizeParams& params, int32_t q) {
  const int32_t value = requantize(wrap_sub(q, params.input_zero_point), params.by);
  return static_cast<int8_t>(clamp(wrap_add(value, params.output_zero_point), INT8_MIN, INT8_MAX));
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_QUANTIZE_H_
