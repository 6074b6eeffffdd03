// SPDX-License-Identifier: Apache-2.0
// QUANTIZE and DEQUANTIZE: the same values in another type or at another scale.
#ifndef MICROPLAN_KERNELS_QUANTIZE_H_
#define MICROPLAN_KERNELS_QUANTIZE_H_

#include <stdint.h>

#include "microplan/kernels/quantization.h"

namespace microplan {

// Between float32 and integers. Views: input, output.
struct QuantizeParams {
  uint32_t rows;
  uint32_t elements;  // of a row
  float scale;        // of the integers
  int32_t zero_point;
};

// Between integers. Views: input, output.
struct RequantizeParams {
  uint32_t rows;
  uint32_t elements;
  Requantize by;
  int32_t input_zero_point;
  int32_t output_zero_point;
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_QUANTIZE_H_
