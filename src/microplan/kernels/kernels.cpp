// SPDX-License-Identifier: Apache-2.0
// The list of all kernels, from the operator table; what several variants' planner sides share.
#include "microplan/kernels.h"

#include <string.h>

#include "microplan/kernels/conv_2d.h"

namespace microplan {

const Variant* const kAllVariants[] = {
#define MICROPLAN_KERNEL(symbol, id, abi, features) &kernels::symbol##_variant,
#include "microplan/kernels/kernels.def"
#undef MICROPLAN_KERNEL
};
const uint32_t kAllVariantsCount = sizeof kAllVariants / sizeof kAllVariants[0];

bool runs_in_place(const Variant& variant, const void* params) {
  if (variant.overlap != Overlap::kElementwise && variant.overlap != Overlap::kPixels) return false;
  Footprint footprint;
  if (!variant.footprint(params, &footprint)) return false;
  const Footprint::TensorRows& input = footprint.view[0];
  const Footprint::TensorRows& output = footprint.view[footprint.view_count - 1];
  // A broadcast input is read again after its place in the output was written.
  if (input.rows != output.rows || input.row_bytes < output.row_bytes) return false;
  return variant.overlap == Overlap::kElementwise || conv_2d_is_pointwise(params);
}

uint32_t overlap_bytes(const Variant& variant, const void* params) {
  Footprint footprint;
  if (variant.overlap == Overlap::kNone || !variant.footprint(params, &footprint)) return kNoOverlap;
  const Footprint::TensorRows& input = footprint.view[0];
  const Footprint::TensorRows& output = footprint.view[footprint.view_count - 1];
  if (runs_in_place(variant, params)) return 0;
  if (variant.overlap == Overlap::kElementwise) return kNoOverlap;
  // After row r the output covers (r + 1) rows; the inputs from row r's first one on may be read until then.
  uint64_t worst = 0;
  for (uint32_t r = 0; r < output.rows; ++r) {
    const uint64_t written = (static_cast<uint64_t>(r) + 1) * output.row_bytes;
    const Rows needed = variant.input_rows(params, 0, Rows{r, r + 1});
    // A row of padding.
    if (needed.first == needed.last) continue;
    const uint64_t kept = static_cast<uint64_t>(needed.first) * input.row_bytes;
    if (written > kept && written - kept > worst) worst = written - kept;
  }
  return static_cast<uint32_t>(worst);
}

namespace {

// Operators whose Params begin with their Window: AVERAGE_POOL_2D, CONV_2D, DEPTHWISE_CONV_2D, MAX_POOL_2D.
bool slides_a_window(uint8_t operator_code) {
  return operator_code == 1 || operator_code == 3 || operator_code == 4 || operator_code == 17;
}

}  // namespace

uint64_t run_instructions(const Variant& variant, const void* params, const Target& target, uint32_t rows) {
  // The executor's turn and the kernel's entry; measured on Cortex-M4.
  constexpr uint32_t kCall = 120;
  Footprint footprint;
  if (!variant.footprint(params, &footprint)) return UINT64_MAX;
  const uint32_t all_rows = footprint.view[footprint.view_count - 1].rows;
  if (rows == all_rows || !slides_a_window(variant.operator_code) || rows > UINT16_MAX) {
    return kCall + variant.cost(params, target).instructions * rows / all_rows;
  }
  // Kernels take rows or pixels several at a time: what a lower image would cost.
  alignas(8) uint8_t fewer[kMaxParamsBytes];
  memcpy(fewer, params, variant.params_bytes);
  Window window;
  memcpy(&window, fewer, sizeof window);
  window.batches = 1;
  window.out_h = static_cast<uint16_t>(rows);
  memcpy(fewer, &window, sizeof window);
  return kCall + variant.cost(fewer, target).instructions;
}

}  // namespace microplan
