// SPDX-License-Identifier: Apache-2.0
// transposes: a TRANSPOSE of what another one made becomes one of its input, and one that moves no element a RESHAPE.
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include <string.h>

#include "microplan/planner/passes/passes.h"
#include "microplan/planner/tflite_schema.h"

namespace microplan {

namespace {

// Dimension i of the output is dimension result[i] of the input; empty when the operator is no TRANSPOSE.
std::vector<int32_t> permutation_of(const Network& network, const NetworkOperator& op) {
  if (op.code != kOpTranspose || op.inputs.size() != 2 || network.has_state(op)) return {};
  const NetworkTensor& constant = network.tensor(op.inputs[1]);
  std::vector<int32_t> result(constant.elements());
  if (!constant.is_constant || constant.data.size() != 4 * result.size()) return {};
  memcpy(result.data(), constant.data.data(), constant.data.size());
  return result;
}

// Whether the dimensions that have more than one element keep their order.
bool moves_nothing(const NetworkTensor& input, const std::vector<int32_t>& permutation) {
  int32_t last = -1;
  for (const int32_t axis : permutation) {
    if (input.dims[static_cast<size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

bool join(Network& network, NetworkOperator& op, const std::vector<int32_t>& permutation) {
  if (!network.is_intermediate(op.inputs[0])) return false;
  const int32_t producer = network.producer(op.inputs[0]);
  if (producer < 0) return false;
  const NetworkOperator& first = network.operators[static_cast<size_t>(producer)];
  const std::vector<int32_t> before = permutation_of(network, first);
  if (before.size() != permutation.size() || before.empty()) return false;
  std::vector<int32_t> both;
  for (const int32_t axis : permutation) both.push_back(before[static_cast<size_t>(axis)]);
  const int32_t input = first.inputs[0];
  op.inputs = {input, network.add_int32(network.tensor(op.inputs[1]).name, {static_cast<uint32_t>(both.size())}, both)};
  return true;
}

}  // namespace

void join_transposes(Network& network, std::vector<std::string>& report) {
  for (NetworkOperator& op : network.operators) {
    std::vector<int32_t> permutation = permutation_of(network, op);
    if (permutation.empty()) continue;
    if (join(network, op, permutation)) {
      permutation = permutation_of(network, op);
      report.push_back(name_of(op) + " does what the one before it did, too");
    }
    if (!moves_nothing(network.tensor(op.inputs[0]), permutation)) continue;
    report.push_back(name_of(op) + " moves no element and became a view");
    op.code = kOpReshape;
    op.version = 1;
    op.options.clear();
    op.options_type = 0;
    const std::vector<uint32_t>& dims = network.tensor(op.outputs[0]).dims;
    op.inputs[1] = network.add_int32(network.tensor(op.inputs[1]).name, {static_cast<uint32_t>(dims.size())},
                                     std::vector<int32_t>(dims.begin(), dims.end()));
  }
}

}  // namespace microplan

#endif  // MICROPLAN_PASSES
