// SPDX-License-Identifier: Apache-2.0
// QUANTIZE from 8 bits to int8 as a linear form: output = clamp((slope * input + start) >> 16). The reference rounds
// twice; mostly some linear form gives the same byte for each of the 256 inputs. Planning looks for one; where none is
// found the kernels are not supported. The form stands in the plan's constants.
#ifndef MICROPLAN_KERNELS_QUANTIZE_LINEAR_H_
#define MICROPLAN_KERNELS_QUANTIZE_LINEAR_H_

#include <stdint.h>

#include "microplan/kernels/quantize.h"
#include "microplan/operator.h"

namespace microplan {

struct LinearForm {
  // So that a vector's halves of 16 bits are the shifted results. Outputs may change by up to 128 steps for one of the input.
  static constexpr int32_t kShift = 16;

  int32_t slope, start;
};

// For inputs [low, low + 255]. False when there is none.
bool find_linear_form(const RequantizeParams& params, int32_t low, LinearForm* found);

// `loop` computes a row: (x, y, elements, form).
template <typename In, typename Loop>
Status run_linear_form(const void* in, Rows rows, const Io& io, Loop loop) {
  const uint32_t elements = static_cast<const RequantizeParams*>(in)->split.elements;
  const LinearForm& form = *io.constant<LinearForm>(0);
  const View input = io.view(0);
  const View output = io.view(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    loop(input.row_as<In>(row), output.row_as<int8_t>(row), elements, form);
  }
  return Status::kOk;
}

// The row of a kernel; kInstructions for four elements.
template <typename In, uint32_t kInstructions>
struct LinearFormRow {
  static constexpr bool kSigned = static_cast<In>(-1) < static_cast<In>(0);
  static constexpr int32_t kLow = kSigned ? INT8_MIN : 0;

  static bool supports(const void* in, const Target&) {
    LinearForm found;
    return find_linear_form(*static_cast<const RequantizeParams*>(in), kLow, &found);
  }
  static bool footprint(const void* in, Footprint* footprint) {
    footprint->add_constant(sizeof(LinearForm), 4);
    return elements_footprint<In, int8_t>(in, footprint);
  }
  static void pack(const OperatorContext&, const void* in, ConstantWriter& writer) {
    if (!writer.begin(sizeof(LinearForm))) return;
    LinearForm form = {0, 0};
    (void)find_linear_form(*static_cast<const RequantizeParams*>(in), kLow, &form);
    writer.append(&form, sizeof form);
  }
  static Cost cost(const void* in, const Target&) {
    const RowSplit split = *static_cast<const RowSplit*>(in);
    constexpr uint32_t kRow = 20;
    const uint64_t row = uint64_t{split.elements} * kInstructions / 4 + kRow;
    return {0, split.rows * row, sizeof(LinearForm)};
  }
  static constexpr Variant variant(const Kernel& kernel, const char* name, uint32_t features) {
    return {kernel, name, "QUANTIZE", 114,
            kSigned ? DataType::kInt8 : DataType::kUInt8, DataType::kNone, DataType::kInt8, "",
            false, Overlap::kElementwise, sizeof(RequantizeParams),
            prepare_requantize, supports, footprint, equal_rows, nullptr, pack, cost, features, true};
  }
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_QUANTIZE_LINEAR_H_
