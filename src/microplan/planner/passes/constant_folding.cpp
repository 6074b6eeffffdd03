// SPDX-License-Identifier: Apache-2.0
// constant_folding: an operator whose inputs are all constants is run by its kernel, and its output becomes a constant.
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include <utility>

#include "microplan/planner/passes/evaluate.h"
#include "microplan/planner/passes/passes.h"

namespace microplan {

namespace {

bool is_foldable(const Network& network, const NetworkOperator& op) {
  for (const int32_t index : op.inputs) {
    if (index >= 0 && !network.tensor(index).is_constant) return false;
  }
  // An output of the model is computed into the arena.
  return op.outputs.size() == 1 && network.is_intermediate(op.outputs[0]);
}

}  // namespace

void fold_constants(Network& network, std::vector<std::string>& report) {
  for (uint32_t i = 0; i < network.operators.size();) {
    const NetworkOperator& op = network.operators[i];
    std::vector<uint8_t> value;
    if (is_foldable(network, op)) value = evaluate(network, op);
    if (value.empty()) {
      ++i;
      continue;
    }
    NetworkTensor& output = network.tensor(op.outputs[0]);
    output.is_constant = true;
    output.data = std::move(value);
    report.push_back(name_of(op) + " computes a constant, " + name_of(network, op.outputs[0]));
    network.remove_operator(i);
  }
}

}  // namespace microplan

#endif  // MICROPLAN_PASSES
