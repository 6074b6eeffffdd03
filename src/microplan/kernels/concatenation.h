// SPDX-License-Identifier: Apache-2.0
// CONCATENATION: the inputs one after the other along one dimension.
#ifndef MICROPLAN_KERNELS_CONCATENATION_H_
#define MICROPLAN_KERNELS_CONCATENATION_H_

#include <stdint.h>

#include "microplan/operator.h"

namespace microplan {

// Views: inputs, output. Bytes are copied, whatever the elements are.
struct ConcatenationParams {
  static constexpr uint32_t kMaxInputs = Footprint::kMaxViews - 1;
  uint32_t count;    // of inputs
  uint32_t stacked;  // 1: inputs contribute whole rows; 0: a part of every row
  uint32_t outer;    // stacked: blocks of rows from each input in turn; else rows
  uint32_t inner;    // stacked: bytes of a row; else runs in a row of bytes from each input in turn
  uint32_t span[kMaxInputs];  // of each input: rows of a block, or bytes of a run
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_CONCATENATION_H_
