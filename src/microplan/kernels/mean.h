// SPDX-License-Identifier: Apache-2.0
// MEAN over any of the input's dimensions.
#ifndef MICROPLAN_KERNELS_MEAN_H_
#define MICROPLAN_KERNELS_MEAN_H_

#include <stdint.h>

#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/quantization.h"

namespace microplan {

// Views: input, output.
struct MeanShape {
  uint32_t dims[RowDims::kCount];  // of the input
  uint32_t reduced;                // bit d: the mean is taken over dimension d
  uint32_t output_rows;
  uint32_t output_elements;  // of a row
};

struct MeanParams {
  MeanShape shape;
  int32_t start;  // of every sum: minus the input's zero point for each element
  Requantize by;  // with the division by the number of elements: the multiplier may be below 2^30
  int32_t output_offset;
};

struct MeanFloatParams {
  MeanShape shape;
  float count;  // elements of a mean
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MEAN_H_
