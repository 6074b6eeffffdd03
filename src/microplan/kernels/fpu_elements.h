// SPDX-License-Identifier: Apache-2.0
// Operators on each element, for cores with a scalar floating-point unit: 8 elements at a time.
#ifndef MICROPLAN_KERNELS_FPU_ELEMENTS_H_
#define MICROPLAN_KERNELS_FPU_ELEMENTS_H_

#include <stdint.h>

#include "microplan/kernel.h"

namespace microplan {
namespace fpu {

constexpr uint32_t kElementBlock = 8;

// Read by assembly: the order matters.
template <typename In, typename Out>
struct ElementBlocks {
  const In* x;
  Out* y;
  uint32_t count;  // of blocks, at least one
  int32_t offset;  // what these two are is the function's
  float factor;
};

// Does blocks from the first one on. The number of those left when there is one that it cannot do, of which nothing is
// stored then.
template <typename In, typename Out>
using ElementFunction = uint32_t (*)(const ElementBlocks<In, Out>*);

// Where there is no assembly every block is left.
template <typename In, typename Out>
uint32_t leave_all(const ElementBlocks<In, Out>* blocks) {
  return blocks->count;
}

// op(x) for each of `elements` elements of all rows; run_blocks gives the same results.
template <typename In, typename Out, typename Op>
Status run_element_blocks(ElementFunction<In, Out> run_blocks, Op op, int32_t offset, float factor, uint32_t elements,
                          Rows rows, const Io& io) {
  const View input = io.view(0);
  const View output = io.view(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    ElementBlocks<In, Out> blocks = {input.row_as<In>(row), output.row_as<Out>(row), 0, offset, factor};
    for (uint32_t left = elements; left != 0;) {
      uint32_t one_by_one = left;
      if (left >= kElementBlock) {
        blocks.count = left / kElementBlock;
        const uint32_t blocks_left = run_blocks(&blocks);
        const uint32_t done = (blocks.count - blocks_left) * kElementBlock;
        blocks.x += done;
        blocks.y += done;
        left -= done;
        // One block is done here, and then the others are tried again.
        one_by_one = blocks_left == 0 ? left : kElementBlock;
      }
      left -= one_by_one;
      for (; one_by_one != 0; --one_by_one) *blocks.y++ = op(*blocks.x++);
    }
  }
  return Status::kOk;
}

}  // namespace fpu
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_FPU_ELEMENTS_H_
