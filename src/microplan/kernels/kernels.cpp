// SPDX-License-Identifier: Apache-2.0
// The list of all kernels, from the operator table; what several variants' planner sides share.
#include "microplan/kernels.h"

namespace microplan {

const Variant* const kAllVariants[] = {
#define MICROPLAN_KERNEL(symbol, id, abi, features) &kernels::symbol##_variant,
#include "microplan/kernels/kernels.def"
#undef MICROPLAN_KERNEL
};
const uint32_t kAllVariantsCount = sizeof kAllVariants / sizeof kAllVariants[0];

uint32_t overlap_bytes(const Variant& variant, const void* params) {
  Footprint footprint;
  if (variant.overlap == Overlap::kNone || !variant.footprint(params, &footprint)) return kNoOverlap;
  const Footprint::TensorRows& input = footprint.view[0];
  const Footprint::TensorRows& output = footprint.view[footprint.view_count - 1];
  if (variant.overlap == Overlap::kElementwise) {
    // A broadcast input is read again after its place in the output was written.
    const bool covered = input.rows == output.rows && input.row_bytes >= output.row_bytes;
    return covered ? 0 : kNoOverlap;
  }
  // After row r the output covers (r + 1) rows; the inputs from row r's first one on may be read until then.
  uint64_t worst = 0;
  for (uint32_t r = 0; r < output.rows; ++r) {
    const uint64_t written = (static_cast<uint64_t>(r) + 1) * output.row_bytes;
    const uint64_t kept = static_cast<uint64_t>(variant.input_rows(params, 0, Rows{r, r + 1}).first) * input.row_bytes;
    if (written > kept && written - kept > worst) worst = written - kept;
  }
  return static_cast<uint32_t>(worst);
}

}  // namespace microplan
