// SPDX-License-Identifier: Apache-2.0
// PAD and PADV2: the input surrounded by a constant value.
#ifndef MICROPLAN_KERNELS_PAD_H_
#define MICROPLAN_KERNELS_PAD_H_

#include <stdint.h>

#include "microplan/operator.h"

namespace microplan {

// Views: input, output. Three outer dimensions, whose product is the number of rows, and two within a row.
struct PadParams {
  static constexpr uint32_t kOuter = 3;
  static constexpr uint32_t kDims = 5;
  uint32_t input[kDims];
  uint32_t before[kDims];  // padding in front of the input
  uint32_t output[kDims];
  uint32_t value;          // the bits of the surrounding elements
};

Status pad_prepare(const OperatorContext& context, void* params);
bool pad_int8_footprint(const void* params, Footprint* footprint);
Rows pad_input_rows(const void* params, uint32_t view, Rows rows);

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_PAD_H_
