// SPDX-License-Identifier: Apache-2.0
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include <string.h>

#include <utility>

#include "microplan/kernels.h"
#include "microplan/model.h"
#include "microplan/planner/passes/evaluate.h"

namespace microplan {

namespace {

PlanOptions any_target() {
  PlanOptions options;
  options.target.features = 0;
  options.flags = kPlanOwnsConstants;
  return options;
}

// Plans into `plan`, or, when it is nullptr, only finds out the sizes.
PlanResult plan_anywhere(ConstBuffer model, AlignedBytes* plan, const PlanObserver& observer = {}) {
  const VariantTable variants(kAllVariants, kAllVariantsCount);
  const PlanOptions options = any_target();
  const PlanResult sizes = plan_model(model, variants, options, Buffer(), Buffer());
  if (sizes.status != Status::kWorkspaceTooSmall) return sizes;
  AlignedBytes workspace(sizes.workspace_bytes);
  return plan_model(model, variants, options, workspace, plan == nullptr ? Buffer() : *plan, observer);
}

ConstBuffer buffer_of(const std::vector<uint8_t>& content) {
  return {content.data(), static_cast<uint32_t>(content.size())};
}

}  // namespace

ModelCost model_cost(ConstBuffer model) {
  ModelCost cost;
  const PlanResult sizes = plan_anywhere(model, nullptr);
  if (sizes.status != Status::kOk) return cost;
  PlanObserver observer;
  observer.user = &cost;
  observer.step = [](void* user, uint32_t, int32_t, const Variant*, const Cost& step) {
    static_cast<ModelCost*>(user)->macs += step.macs;
  };
  // Only a plan that is written tells its steps.
  AlignedBytes plan(sizes.plan_bytes);
  cost.plans = plan_anywhere(model, &plan, observer).status == Status::kOk;
  return cost;
}

uint64_t count_macs(const Network& network) { return model_cost(buffer_of(write_network(network).content)).macs; }

bool prepare_operator(const Network& network, const NetworkOperator& op, PreparedOperator* prepared) {
  const NetworkContext context(network, op);
  const DataType input = context.input(0).type;
  const DataType filter = context.input(1).type;
  const DataType output = context.output(0).type;
  for (uint32_t i = 0; i < kAllVariantsCount; ++i) {
    const Variant& variant = *kAllVariants[i];
    // No type stands for any; the output's for that of the input.
    if (variant.operator_code == op.code && (variant.input_type == DataType::kNone || variant.input_type == input) &&
        (variant.filter_type == DataType::kNone || variant.filter_type == filter) &&
        (variant.output_type == DataType::kNone ? input : variant.output_type) == output) {
      return variant.prepare(context, prepared->params) == Status::kOk;
    }
  }
  return false;
}

std::vector<uint8_t> evaluate(const Network& network, const NetworkOperator& op) {
  if (op.outputs.size() != 1 || network.has_state(op)) return {};
  // A model of this operator alone. Models have inputs: here is one that nobody reads.
  Network alone;
  NetworkOperator only = op;
  for (int32_t& index : only.inputs) {
    if (index >= 0) index = alone.add_tensor(network.tensor(index));
  }
  only.outputs = {alone.add_tensor(network.tensor(op.outputs[0]))};
  alone.operators.push_back(only);
  alone.outputs = only.outputs;
  NetworkTensor unread;
  unread.type = DataType::kInt32;
  unread.dims = {1};
  alone.inputs = {alone.add_tensor(std::move(unread))};
  const std::vector<uint8_t> model = write_network(alone).content;

  const PlanResult sizes = plan_anywhere(buffer_of(model), nullptr);
  if (sizes.status != Status::kOk) return {};
  AlignedBytes plan(sizes.plan_bytes);
  if (plan_anywhere(buffer_of(model), &plan).status != Status::kOk) return {};
  std::vector<Kernel> kernels;
  for (uint32_t i = 0; i < kAllVariantsCount; ++i) kernels.push_back(kAllVariants[i]->kernel);
  AlignedBytes arena(sizes.arena_bytes);
  Model runner;
  const KernelTable table(kernels.data(), static_cast<uint32_t>(kernels.size()));
  if (runner.init(plan.data(), table, Memory(arena)) != Status::kOk || runner.invoke() != Status::kOk) return {};
  const Tensor output = runner.output();
  return std::vector<uint8_t>(output.raw(), output.raw() + output.bytes());
}

namespace {

std::vector<int8_t> evaluate_int8(const Network& network, const NetworkOperator& op,
                                  const std::vector<const std::vector<int8_t>*>& operands) {
  const std::vector<uint32_t> dims = {static_cast<uint32_t>(operands[0]->size())};
  Network changed;
  NetworkOperator on_constants = op;
  for (size_t i = 0; i < operands.size(); ++i) {
    NetworkTensor operand = network.tensor(op.inputs[i]);
    operand.dims = dims;
    operand.is_constant = true;
    operand.data.assign(operands[i]->begin(), operands[i]->end());
    on_constants.inputs[i] = changed.add_tensor(std::move(operand));
  }
  NetworkTensor output = network.tensor(op.outputs[0]);
  output.dims = dims;
  on_constants.outputs[0] = changed.add_tensor(std::move(output));
  const std::vector<uint8_t> result = evaluate(changed, on_constants);
  return std::vector<int8_t>(result.begin(), result.end());
}

}  // namespace

std::vector<int8_t> evaluate_elements(const Network& network, const NetworkOperator& op,
                                      const std::vector<int8_t>& values) {
  return evaluate_int8(network, op, {&values});
}

std::vector<int8_t> evaluate_pairs(const Network& network, const NetworkOperator& op, const std::vector<int8_t>& a,
                                   const std::vector<int8_t>& b) {
  return evaluate_int8(network, op, {&a, &b});
}

}  // namespace microplan

#endif  // MICROPLAN_PASSES
