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

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_QUANTIZE_H_
