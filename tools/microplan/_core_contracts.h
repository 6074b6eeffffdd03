// SPDX-License-Identifier: Apache-2.0
// Contract: what the kernel of one step of a plan says that it touches, for those who prove plans outside of the planner.
#ifndef MICROPLAN_CORE_CONTRACTS_H_
#define MICROPLAN_CORE_CONTRACTS_H_

#include <string>
#include <tuple>
#include <vector>

#include "_core_host.h"

namespace microplan_python {

// A view of a step's operand.
struct PyOperandView {
  bool is_output;
  uint32_t index;  // of the operator's inputs or outputs
  uint32_t rows, row_bytes, alignment;
  bool written;
};

class Contract {
 public:
  using PyRows = std::tuple<uint32_t, uint32_t>;

  Contract(const Variant& variant, const uint8_t* params) : variant_(&variant) {
    memcpy(params_, params, variant.params_bytes);
    if (!variant.footprint(params_, &footprint_)) throw nb::value_error("a step's params cannot be");
  }

  std::string kernel() const { return variant_->name; }
  bool whole_only() const { return variant_->whole_only; }
  std::string overlap() const {
    switch (variant_->overlap) {
      case Overlap::kNone: break;
      case Overlap::kElementwise: return "elementwise";
      case Overlap::kRows: return "rows";
      // Where the step is none that runs in place, its rows are what counts.
      case Overlap::kPixels: return runs_in_place(*variant_, params_) ? "pixels" : "rows";
    }
    return "none";
  }
  std::vector<PyOperandView> views() const {
    std::vector<PyOperandView> all;
    for (uint32_t i = 0; i < footprint_.view_count; ++i) {
      const Footprint::TensorRows& view = footprint_.view[i];
      all.push_back({view.operand.is_output, view.operand.index, view.rows, view.row_bytes, view.alignment, view.written});
    }
    return all;
  }
  PyRows input_rows(uint32_t view, uint32_t first, uint32_t last) const {
    const uint32_t output = footprint_.view_count - 1;
    if (view >= output || first >= last || last > footprint_.view[output].rows) throw nb::index_error("no such rows");
    const Rows rows = variant_->input_rows(params_, view, Rows{first, last});
    return {rows.first, rows.last};
  }
  uint32_t scratch_bytes(uint32_t rows) const {
    return variant_->scratch_bytes == nullptr ? 0 : variant_->scratch_bytes(params_, rows);
  }

 private:
  const Variant* variant_;
  alignas(8) uint8_t params_[kMaxParamsBytes] = {};
  Footprint footprint_;
};

// Of each step. The plan's frame is sound: verify() has said so.
inline std::vector<Contract> contracts(const nb::bytes& plan) {
  const HostBuffer content(plan);
  const PlanHeader& header = *reinterpret_cast<const PlanHeader*>(content.data());
  const PlanStep* const steps = reinterpret_cast<const PlanStep*>(content.data() + header.steps);
  std::vector<Contract> all;
  for (uint32_t i = 0; i < header.step_count; ++i) {
    all.emplace_back(*find_variant(steps[i].kernel), content.data() + steps[i].params);
  }
  return all;
}

}  // namespace microplan_python

#endif  // MICROPLAN_CORE_CONTRACTS_H_
