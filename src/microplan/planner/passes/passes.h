// SPDX-License-Identifier: Apache-2.0
// Graph passes: optimize_model() makes of a model another one that computes the same bytes with less. They run on the
// laptop only, in builds with MICROPLAN_PASSES; the planner plans what they return as it plans any model.
#ifndef MICROPLAN_PLANNER_PASSES_PASSES_H_
#define MICROPLAN_PLANNER_PASSES_PASSES_H_

#include <stdint.h>

#include <string>
#include <vector>

#include "microplan/planner/passes/network.h"
#include "microplan/types.h"

namespace microplan {

struct Pass {
  const char* name;
  const char* summary;  // what it does, for the documentation
  // Changes the network, when that changes no bit of its outputs. Each line that it adds to `report` tells one change;
  // no line, no change.
  void (*run)(Network& network, std::vector<std::string>& report);
};

// In the order in which they run, over and over until none changes anything. Pass i is bit i of the plan header's
// `passes`.
extern const Pass kPasses[];
extern const uint32_t kPassCount;

// Which of the source's operators and tensors are behind an operator or tensor of the optimized model.
struct OperatorOrigin {
  std::vector<uint32_t> operators;  // the first gives it its name
};
struct TensorOrigin {
  int32_t tensor;                  // -1: a pass made it
  std::vector<uint32_t> channels;  // what is left of the source tensor's last dimension; empty: all
};

struct PassReport {
  uint32_t pass;
  std::string text;
};

struct Optimized {
  std::vector<uint8_t> model;
  std::vector<OperatorOrigin> operators;
  std::vector<TensorOrigin> tensors;
  std::vector<PassReport> reports;  // empty: the model is the source's
};

// `passes`: the bits of those that run. A model that the planner refuses comes back unchanged.
Optimized optimize_model(ConstBuffer source, uint32_t passes);

// The passes, a file each.
void fuse_activations(Network& network, std::vector<std::string>& report);
void fold_constants(Network& network, std::vector<std::string>& report);
void drop_dead_channels(Network& network, std::vector<std::string>& report);
void drop_dead_operators(Network& network, std::vector<std::string>& report);
void drop_identities(Network& network, std::vector<std::string>& report);
void fold_pads(Network& network, std::vector<std::string>& report);
void order_operators(Network& network, std::vector<std::string>& report);
void join_transposes(Network& network, std::vector<std::string>& report);

// What the reports call an operator and a tensor, and numbers in words.
std::string name_of(const NetworkOperator& op);
std::string name_of(const Network& network, int32_t tensor);
std::string in_words(uint64_t number);

}  // namespace microplan

#endif  // MICROPLAN_PLANNER_PASSES_PASSES_H_
