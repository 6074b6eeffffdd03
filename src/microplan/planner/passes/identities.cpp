// SPDX-License-Identifier: Apache-2.0
// identities: operators that change no byte go, and those that undo or repeat one another meet. RESHAPE and its like
// behind one another become one; so do QUANTIZE operators when, for every value, one does what both did; a QUANTIZE,
// RELU or RELU6 whose outputs are its inputs, for every value that an input can have, goes.
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include <algorithm>

#include "microplan/planner/passes/evaluate.h"
#include "microplan/planner/passes/intervals.h"
#include "microplan/planner/passes/passes.h"
#include "microplan/planner/tflite_schema.h"

namespace microplan {

namespace {

bool is_view(const NetworkOperator& op) {
  return op.code == kOpReshape || op.code == kOpSqueeze || op.code == kOpExpandDims;
}

// The operator that computes the first input of this one, when it is an intermediate tensor; else nullptr.
const NetworkOperator* producer_of(const Network& network, const NetworkOperator& op) {
  if (!network.is_intermediate(op.input(0))) return nullptr;
  const int32_t producer = network.producer(op.inputs[0]);
  return producer < 0 ? nullptr : &network.operators[static_cast<size_t>(producer)];
}

std::vector<int8_t> range(const Interval& interval) {
  std::vector<int8_t> values;
  for (int32_t value = interval.low; value <= interval.high; ++value) values.push_back(static_cast<int8_t>(value));
  return values;
}

Interval whole_range(const Channels& channels) {
  Interval all = channels[0];
  for (const Interval& channel : channels) all.include(channel);
  return all;
}

bool is_int8_to_int8(const Network& network, const NetworkOperator& op) {
  return network.tensor(op.inputs[0]).type == DataType::kInt8 && network.tensor(op.outputs[0]).type == DataType::kInt8;
}

// Whether output and input are the same bytes, with the same meaning.
bool is_identity(const Network& network, const NetworkOperator& op, const std::vector<Channels>& intervals) {
  const NetworkTensor& input = network.tensor(op.inputs[0]);
  const NetworkTensor& output = network.tensor(op.outputs[0]);
  if (input.dims != output.dims || !input.has_quantization_of(output) || input.is_variable) return false;
  if (is_view(op)) return true;
  if ((op.code != kOpQuantize && op.code != kOpRelu && op.code != kOpRelu6) || !is_int8_to_int8(network, op)) {
    return false;
  }
  const Channels& channels = intervals[static_cast<size_t>(op.inputs[0])];
  const std::vector<int8_t> values = range(whole_range(channels));
  return evaluate_elements(network, op, values) == values;
}

// Lets the operator read what its producer, a view or a QUANTIZE as well, reads.
bool skip_producer(const Network& network, NetworkOperator& op, const std::vector<Channels>& intervals) {
  const NetworkOperator* const first = producer_of(network, op);
  if (first == nullptr || first->input(0) < 0 || network.has_state(*first)) return false;
  if (is_view(op) && is_view(*first)) {
    op.inputs[0] = first->inputs[0];
    return true;
  }
  if (op.code != kOpQuantize || first->code != kOpQuantize || !is_int8_to_int8(network, op) ||
      !is_int8_to_int8(network, *first)) {
    return false;
  }
  NetworkOperator direct = op;
  direct.inputs[0] = first->inputs[0];
  const std::vector<int8_t> values = range(whole_range(intervals[static_cast<size_t>(first->inputs[0])]));
  const std::vector<int8_t> between = evaluate_elements(network, *first, values);
  if (between.empty() || evaluate_elements(network, op, between) != evaluate_elements(network, direct, values)) {
    return false;
  }
  op = direct;
  return true;
}

}  // namespace

void drop_identities(Network& network, std::vector<std::string>& report) {
  const std::vector<Channels> intervals = analyse_intervals(network);
  for (uint32_t i = 0; i < network.operators.size();) {
    NetworkOperator& op = network.operators[i];
    if (op.outputs.size() != 1 || op.input(0) < 0 || network.has_state(op)) {
      ++i;
      continue;
    }
    if (skip_producer(network, op, intervals)) {
      report.push_back(name_of(op) + " does what the one before it did, too");
    }
    // An output of the model keeps its place.
    if (network.is_output(op.outputs[0]) || !is_identity(network, op, intervals)) {
      ++i;
      continue;
    }
    report.push_back(name_of(op) + " changes nothing");
    network.replace_input(op.outputs[0], op.inputs[0]);
    network.remove_operator(i);
  }
}

}  // namespace microplan

#endif  // MICROPLAN_PASSES
