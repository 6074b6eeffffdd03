// SPDX-License-Identifier: Apache-2.0
// activation_fusion: a RELU or another clamp behind an operator with a fused activation becomes that activation. Exact
// when, for every value that the operator can compute, the activation's kernel does what the fused clamp does.
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include <algorithm>

#include "microplan/kernels/prepare.h"
#include "microplan/planner/passes/evaluate.h"
#include "microplan/planner/passes/passes.h"
#include "microplan/planner/tflite_schema.h"

namespace microplan {

namespace {

// The option that names the fused activation, -1 for operators without.
int32_t activation_field(uint32_t code) {
  switch (code) {
    case kOpAdd:
    case kOpSub:
    case kOpMul:
    case kOpFullyConnected: return 0;
    case kOpConv2d: return 3;
    case kOpDepthwiseConv2d: return 4;
    case kOpAveragePool2d:
    case kOpMaxPool2d: return 5;
    default: return -1;
  }
}

struct Clamp {
  int32_t low, high;
};

bool clamp_of(const Network& network, const NetworkOperator& op, uint8_t activation, Clamp* range) {
  const NetworkContext context(network, op);
  return activation_range(context, activation, context.output(0), &range->low, &range->high) == Status::kOk;
}

// The fused activation that does what `first` and then `then`, an operator on int8, do; -1 when there is none.
int32_t fuse_int8(const Network& network, const NetworkOperator& op, uint8_t first, const NetworkOperator& then) {
  if (!network.tensor(op.outputs[0]).has_quantization_of(network.tensor(then.outputs[0]))) return -1;
  std::vector<int8_t> values;
  for (int32_t value = INT8_MIN; value <= INT8_MAX; ++value) values.push_back(static_cast<int8_t>(value));
  const std::vector<int8_t> mapped = evaluate_elements(network, then, values);
  Clamp before;
  if (mapped.size() != values.size() || !clamp_of(network, op, first, &before)) return -1;
  constexpr Activation kClamps[] = {Activation::kNone, Activation::kRelu, Activation::kReluN1To1, Activation::kRelu6};
  for (const Activation activation : kClamps) {
    Clamp fused;
    if (!clamp_of(network, op, static_cast<uint8_t>(activation), &fused)) continue;
    bool is_equal = fused.low >= before.low && fused.high <= before.high && before.low <= before.high;
    for (int32_t value = before.low; is_equal && value <= before.high; ++value) {
      is_equal = mapped[static_cast<size_t>(value - INT8_MIN)] == clamp(value, fused.low, fused.high);
    }
    if (is_equal) return static_cast<int32_t>(activation);
  }
  return -1;
}

int32_t fuse(const Network& network, const NetworkOperator& op, const NetworkOperator& then) {
  const int32_t field = activation_field(op.code);
  const DataType type = network.tensor(op.outputs[0]).type;
  if (field < 0 || type != network.tensor(then.outputs[0]).type || then.inputs.size() != 1) return -1;
  const uint8_t first = static_cast<uint8_t>(op.option(static_cast<uint32_t>(field), 0));
  const bool is_clamp = then.code == kOpRelu || then.code == kOpRelu6;
  if (type == DataType::kInt8 && (is_clamp || then.code == kOpQuantize)) return fuse_int8(network, op, first, then);
  if (type != DataType::kFloat32 || !is_clamp || first != static_cast<uint8_t>(Activation::kNone)) return -1;
  return static_cast<int32_t>(then.code == kOpRelu ? Activation::kRelu : Activation::kRelu6);
}

}  // namespace

void fuse_activations(Network& network, std::vector<std::string>& report) {
  for (uint32_t i = 0; i < network.operators.size(); ++i) {
    const NetworkOperator& then = network.operators[i];
    const int32_t producer = then.outputs.size() != 1 || then.input(0) < 0 ? -1 : network.producer(then.inputs[0]);
    if (producer < 0 || !network.is_intermediate(then.inputs[0]) || network.use_count(then.inputs[0]) != 1) continue;
    NetworkOperator& op = network.operators[static_cast<size_t>(producer)];
    if (op.outputs.size() != 1) continue;
    const int32_t activation = fuse(network, op, then);
    if (activation < 0) continue;
    op.set_option(static_cast<uint32_t>(activation_field(op.code)), activation);
    op.outputs = then.outputs;
    op.sources.insert(op.sources.end(), then.sources.begin(), then.sources.end());
    report.push_back(name_of(then) + " became the fused activation of " + name_of(op));
    network.remove_operator(i--);
  }
}

}  // namespace microplan

#endif  // MICROPLAN_PASSES
