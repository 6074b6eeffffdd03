// SPDX-License-Identifier: Apache-2.0
// What TRANSPOSE and STRIDED_SLICE share: the output's elements in order, each copied from the input, in which every
// dimension of the output is a step of its own.
#ifndef MICROPLAN_KERNELS_STRIDED_COPY_H_
#define MICROPLAN_KERNELS_STRIDED_COPY_H_

#include <stdint.h>

#include "microplan/kernel.h"
#include "microplan/operator.h"

namespace microplan {

// Views: input, output.
struct StridedCopyParams {
  static constexpr uint32_t kDims = kMaxRank;
  uint32_t element_bytes;                  // 1, 2 or 4
  uint32_t input_rows, input_elements;     // elements of a row
  uint32_t output_rows, output_elements;
  uint32_t dims[kDims];                    // of the output, filled up with 1 in front
  int32_t row_step[kDims];                 // in the input, for one step along a dimension of the output
  int32_t element_step[kDims];             // the same within a row
  uint32_t first_row, first_element;       // of the input, for the output's first element
};

// A dimension of the output: its size and its steps in the input.
struct StridedAxis {
  uint32_t size;
  int32_t row_step, element_step;
};

// Checks the element size; sets everything but the dimensions, for a copy that begins at the input's first element.
Status prepare_strided_copy(const OperatorContext& context, StridedCopyParams* params);
// Dimension `axis` of the input as it lies there.
StridedAxis input_axis(const TensorInfo& input, uint32_t axis);
// Adds the output's dimensions, the outermost first. Those that lie in the input as one become one.
void add_axis(StridedCopyParams* params, StridedAxis axis);

// Of the Variant.
bool strided_copy_footprint(const void* params, Footprint* footprint);
Rows strided_copy_input_rows(const void* params, uint32_t view, Rows rows);
Cost strided_copy_cost(const void* params, const Target& target);
Status strided_copy_run(const void* params, Rows rows, const Io& io);

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_STRIDED_COPY_H_
