// SPDX-License-Identifier: Apache-2.0
// What the prepare functions of operators on elements and rows share.
#ifndef MICROPLAN_KERNELS_ELEMENTWISE_H_
#define MICROPLAN_KERNELS_ELEMENTWISE_H_

#include <stdint.h>

#include "microplan/operator.h"

namespace microplan {

// A tensor cut along the row axis of elementwise operators: from four dimensions on a row is [width, channels], so that
// rows are those of the convolutions around; below, a row is the last dimension.
struct RowSplit {
  uint32_t rows;
  uint32_t elements;  // of one row
};
inline RowSplit split_rows(const TensorInfo& tensor) {
  const uint32_t within = tensor.rank >= 4 ? 2 : tensor.rank >= 1 ? 1 : 0;
  const uint32_t outer = tensor.rank - within;
  return {tensor.product(0, outer), tensor.product(outer, tensor.rank)};
}

// The operand has one scale, positive and finite. Also asked of constants, which nobody has checked before.
inline Status check_per_tensor(const OperatorContext& context, Operand operand) {
  const TensorInfo tensor = operand.is_output ? context.output(operand.index) : context.input(operand.index);
  constexpr float kLargest = 3.402823466e+38f;
  if (tensor.scale_count == 1 && tensor.scale() > 0 && tensor.scale() <= kLargest) return Status::kOk;
  return context.fail(Status::kUnsupportedQuantization, operand,
                      MICROPLAN_DIAGNOSTIC_TEXT("the tensor does not have one positive scale"),
                      MICROPLAN_DIAGNOSTIC_TEXT("convert the model with int8 post-training quantization"),
                      tensor.scale_count);
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_ELEMENTWISE_H_
