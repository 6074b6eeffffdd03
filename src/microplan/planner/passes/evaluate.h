// SPDX-License-Identifier: Apache-2.0
// What the library's own kernels and planner say about a network: outputs of operators on constants, costs.
#ifndef MICROPLAN_PLANNER_PASSES_EVALUATE_H_
#define MICROPLAN_PLANNER_PASSES_EVALUATE_H_

#include <stdint.h>

#include <vector>

#include "microplan/planner.h"
#include "microplan/planner/graph.h"
#include "microplan/planner/passes/network.h"

namespace microplan {

// Memory that lies on a 16-byte boundary.
class AlignedBytes {
 public:
  explicit AlignedBytes(uint32_t bytes) : blocks_(bytes / kBufferAlignment + 1), bytes_(bytes) {}
  uint8_t* data() { return blocks_.data()->bytes; }
  operator Buffer() { return {data(), bytes_}; }

 private:
  std::vector<Arena<kBufferAlignment>> blocks_;
  uint32_t bytes_;
};

// Whether the planner takes the model, with any kernels, and the multiply-accumulates of its operators.
struct ModelCost {
  bool plans = false;
  uint64_t macs = 0;
};
ModelCost model_cost(ConstBuffer model);
uint64_t count_macs(const Network& network);

// The Params that an operator's kernels share.
struct PreparedOperator {
  alignas(8) uint8_t params[kMaxParamsBytes] = {};
};
// False when no kernel takes the operator.
bool prepare_operator(const Network& network, const NetworkOperator& op, PreparedOperator* prepared);

// Runs an operator, all of whose inputs are constants, and returns its output; empty when it has several or cannot run.
std::vector<uint8_t> evaluate(const Network& network, const NetworkOperator& op);

// What an operator makes of these int8 values: one with one input and one output, element by element. `values` has at
// least one. Empty when it cannot run.
std::vector<int8_t> evaluate_elements(const Network& network, const NetworkOperator& op,
                                      const std::vector<int8_t>& values);
// The same for an operator on two inputs, pair by pair.
std::vector<int8_t> evaluate_pairs(const Network& network, const NetworkOperator& op, const std::vector<int8_t>& a,
                                   const std::vector<int8_t>& b);

}  // namespace microplan

#endif  // MICROPLAN_PLANNER_PASSES_EVALUATE_H_
