// SPDX-License-Identifier: Apache-2.0
// The graph passes: optimize(), and the way from an optimized model back to its source.
#ifndef MICROPLAN_CORE_PASSES_H_
#define MICROPLAN_CORE_PASSES_H_

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "_core_host.h"
#include "microplan/planner/passes/passes.h"

namespace microplan_python {

// A model that passes made, and what of the source is behind its operators and tensors.
struct PyOptimized {
  nb::bytes model;
  uint32_t passes;  // bits of those that ran
  std::vector<std::vector<uint32_t>> operators;                        // source operators, the main one first
  std::vector<std::tuple<int32_t, std::vector<uint32_t>>> tensors;     // source tensor, channels that are left
  std::vector<std::tuple<std::string, std::string>> reports;           // pass, what it did

  // Indices in the source; -1 stays, and stands for what a pass made.
  int32_t source_operator(int32_t index) const {
    return reports.empty() || index < 0 ? index : static_cast<int32_t>(operators.at(static_cast<size_t>(index)).at(0));
  }
  int32_t source_tensor(int32_t index) const {
    return reports.empty() || index < 0 ? index : std::get<0>(tensors.at(static_cast<size_t>(index)));
  }
};

// Name of every pass, in their order, and what it does.
inline std::vector<std::tuple<std::string, std::string>> passes() {
  std::vector<std::tuple<std::string, std::string>> all;
  for (uint32_t i = 0; i < kPassCount; ++i) all.emplace_back(kPasses[i].name, kPasses[i].summary);
  return all;
}

inline PyOptimized optimize(const nb::bytes& model, const std::vector<std::string>& names) {
  uint32_t bits = 0;
  for (const std::string& name : names) {
    uint32_t i = 0;
    while (i < kPassCount && name != kPasses[i].name) ++i;
    if (i == kPassCount) throw nb::value_error("unknown pass name");
    bits |= 1u << i;
  }
  const HostBuffer source(model);
  Optimized made = optimize_model(source, bits);
  PyOptimized result{nb::bytes(made.model.data(), made.model.size()), bits, {}, {}, {}};
  for (OperatorOrigin& origin : made.operators) result.operators.push_back(std::move(origin.operators));
  for (TensorOrigin& origin : made.tensors) result.tensors.emplace_back(origin.tensor, std::move(origin.channels));
  for (PassReport& report : made.reports) {
    result.reports.emplace_back(kPasses[report.pass].name, std::move(report.text));
  }
  return result;
}

}  // namespace microplan_python

#endif  // MICROPLAN_CORE_PASSES_H_
