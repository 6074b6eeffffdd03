// SPDX-License-Identifier: Apache-2.0
// dead_operators: an operator whose outputs nobody reads goes. One that updates a variable stays.
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include "microplan/planner/passes/passes.h"

namespace microplan {

namespace {

bool is_dead(const Network& network, const NetworkOperator& op) {
  if (network.has_state(op)) return false;
  for (const int32_t index : op.outputs) {
    if (network.use_count(index) != 0) return false;
  }
  return true;
}

}  // namespace

void drop_dead_operators(Network& network, std::vector<std::string>& report) {
  // From the end, so that one removal makes the next one possible.
  for (uint32_t i = static_cast<uint32_t>(network.operators.size()); i-- > 0;) {
    const NetworkOperator& op = network.operators[i];
    if (network.operators.size() == 1 || !is_dead(network, op)) continue;
    report.push_back("nobody reads what " + name_of(op) + " computes");
    network.remove_operator(i);
  }
}

}  // namespace microplan

#endif  // MICROPLAN_PASSES
