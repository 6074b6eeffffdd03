// SPDX-License-Identifier: Apache-2.0
// Any bytes as a .tflite model: planned in both forms, optimized, proved by verify_plan, and run when small.
#include "fuzz.h"
#include "microplan/planner/passes/passes.h"

namespace microplan {
namespace fuzz {
namespace {

using Bytes = std::vector<uint8_t>;

// A writer that holds the planner to its word: every byte of the plan exactly once.
struct CountingWriter {
  Bytes bytes;
  std::vector<bool> written;

  explicit CountingWriter(uint32_t size) : bytes(size), written(size) {}

  static Status write(void* user, uint32_t offset, const void* data, uint32_t count) {
    CountingWriter& self = *static_cast<CountingWriter*>(user);
    FUZZ_CHECK(uint64_t{offset} + count <= self.bytes.size());
    for (uint32_t i = 0; i < count; ++i) {
      FUZZ_CHECK(!self.written[offset + i]);
      self.written[offset + i] = true;
    }
    if (count != 0) std::memcpy(self.bytes.data() + offset, data, count);
    return Status::kOk;
  }
  bool complete() const {
    for (const bool byte : written) {
      if (!byte) return false;
    }
    return true;
  }
};

bool equal_sizes(const PlanResult& a, const PlanResult& b) {
  return a.plan_bytes == b.plan_bytes && a.workspace_bytes == b.workspace_bytes && a.arena_bytes == b.arena_bytes &&
         a.state_bytes == b.state_bytes && a.constant_bytes == b.constant_bytes;
}

// A plan of the model in one form, with what it needs. Nothing when the model is refused or too large to be worth it.
struct Planned {
  PlanResult result;
  uint64_t instructions = 0;
  Bytes plan;
};

Planned plan_form(const Block& model, uint32_t flags) {
  Planned planned;
  PlanOptions options;
  options.flags = flags;
  PlanResult& result = planned.result;
  result = plan_model(model, all_variants(), options, Buffer{}, Buffer{});
  FUZZ_CHECK(result.status != Status::kOk);
  if (result.status != Status::kWorkspaceTooSmall) return planned;

  // The workspace's content must not matter: it differs from call to call.
  const Block sizing_workspace(result.workspace_bytes, 0xa5);
  result = plan_model(model, all_variants(), options, sizing_workspace, Buffer{});
  if (result.status != Status::kOk || result.plan_bytes > kMaxMemory) return planned;

  const Block workspace(result.workspace_bytes, 0x5a);
  const Block plan(result.plan_bytes);
  PlanObserver observer;
  observer.user = &planned.instructions;
  observer.step = [](void* user, uint32_t, int32_t, const Variant*, const Cost& cost) {
    *static_cast<uint64_t*>(user) += cost.instructions;
  };
  const PlanResult written = plan_model(model, all_variants(), options, workspace, plan, observer);
  FUZZ_CHECK(written.status == Status::kOk);
  FUZZ_CHECK(equal_sizes(result, written));

  CountingWriter writer(result.plan_bytes);
  const PlanResult streamed =
      plan_model(model, all_variants(), options, workspace, PlanWriter{CountingWriter::write, &writer});
  FUZZ_CHECK(streamed.status == Status::kOk);
  FUZZ_CHECK(equal_sizes(result, streamed));
  FUZZ_CHECK(writer.complete());
  FUZZ_CHECK(std::memcmp(writer.bytes.data(), plan.data(), plan.bytes()) == 0);

  // One byte less is refused, and the sizes are told all the same.
  const Block short_workspace(workspace.bytes() - 1);
  PlanResult refused = plan_model(model, all_variants(), options, short_workspace, plan);
  FUZZ_CHECK(refused.status == Status::kWorkspaceTooSmall && refused.workspace_bytes == workspace.bytes());
  const Block short_plan(plan.bytes() - 1);
  refused = plan_model(model, all_variants(), options, workspace, short_plan);
  FUZZ_CHECK(refused.status == Status::kPlanTooSmall && equal_sizes(result, refused));

  FUZZ_CHECK(verify_plan(plan, all_variants(), model.bytes()) == Status::kOk);
  planned.plan = std::move(writer.bytes);
  return planned;
}

// The compiled plan with every constant once; it needs no more room than the other one, and cannot be streamed.
Planned plan_sharing(const Block& model, const Planned& compiled) {
  PlanOptions options;
  options.flags = kPlanOwnsConstants | kPlanSharesConstants;
  const Block workspace(compiled.result.workspace_bytes);
  const Block plan(compiled.result.plan_bytes, 0xa5);
  Planned shared = compiled;
  shared.result = plan_model(model, all_variants(), options, workspace, plan);
  const uint32_t bytes = shared.result.plan_bytes;
  FUZZ_CHECK(shared.result.status == Status::kOk);
  FUZZ_CHECK(bytes <= plan.bytes());
  FUZZ_CHECK(verify_plan(ConstBuffer(plan.data(), bytes), all_variants(), model.bytes()) == Status::kOk);
  shared.plan.assign(plan.data(), plan.data() + bytes);

  // What lies in the buffer before does not matter, nor how much larger it is.
  const Block larger(plan.bytes() + 1000, 0x5a);
  const PlanResult again = plan_model(model, all_variants(), options, workspace, larger);
  FUZZ_CHECK(equal_sizes(shared.result, again) && std::memcmp(larger.data(), plan.data(), bytes) == 0);

  CountingWriter writer(plan.bytes());
  const PlanWriter stream = {CountingWriter::write, &writer};
  FUZZ_CHECK(plan_model(model, all_variants(), options, workspace, stream).status == Status::kWriteFailed);
  return shared;
}

bool worth_running(const Planned& planned) {
  return !planned.plan.empty() &&
         uint64_t{planned.result.arena_bytes} + planned.result.state_bytes < kMaxMemory &&
         planned.instructions < kMaxInstructions;
}

Bytes infer(Model& model) {
  fill_inputs(model);
  FUZZ_CHECK(model.invoke() == Status::kOk);
  Bytes outputs;
  for (uint32_t i = 0; i < model.output_count(); ++i) {
    const Tensor output = model.output(i);
    outputs.insert(outputs.end(), output.raw(), output.raw() + output.bytes());
  }
  return outputs;
}

// The outputs of two inferences in a row. `fill` is what the arena holds before the first.
Bytes run(const Planned& planned, const Block& model_file, uint8_t fill) {
  const Block plan(planned.plan.data(), planned.plan.size());
  const Block arena(planned.result.arena_bytes, fill);
  const Block state(planned.result.state_bytes, fill);
  Model model;
  FUZZ_CHECK(model.init(plan.data(), all_kernels(), Memory(arena, state, model_file)) == Status::kOk);
  const Bytes first = infer(model);
  Bytes outputs = first;
  const Bytes second = infer(model);
  outputs.insert(outputs.end(), second.begin(), second.end());
  // After a reset nothing of the past is left, whatever lies in the arena.
  model.reset();
  FUZZ_CHECK(infer(model) == first);
  return outputs;
}

// Floats are added in another order when a pass changes shapes. (Nor is a model compared that passes leave alone.)
bool has_floats(const Block& model) {
  Network network;
  if (!load_network(model, &network)) return true;
  for (const NetworkTensor& tensor : network.tensors) {
    if (tensor.type == DataType::kFloat32) return true;
  }
  return false;
}

// The planner takes what passes make of a model that it took.
Planned plan_optimized(const Block& model) {
  const Optimized optimized = optimize_model(model, UINT32_MAX);
  const Planned planned = plan_form(Block(optimized.model.data(), optimized.model.size()), kPlanOwnsConstants);
  FUZZ_CHECK(planned.result.status == Status::kOk);
  return planned;
}

void test(const Block& model) {
  const Planned interpreted = plan_form(model, 0);
  const Planned compiled = plan_form(model, kPlanOwnsConstants);
  FUZZ_CHECK(interpreted.result.status == compiled.result.status ||
             interpreted.result.status == Status::kTooLarge || compiled.result.status == Status::kTooLarge);
  if (interpreted.result.status == Status::kOk) ++stats.accepted;
  if (!worth_running(interpreted) || !worth_running(compiled)) return;
  ++stats.executed;
  const Bytes outputs = run(compiled, Block(0), 0xc3);
  FUZZ_CHECK(run(interpreted, model, 0x3c) == outputs);
  FUZZ_CHECK(run(plan_sharing(model, compiled), Block(0), 0x3c) == outputs);
  const Planned optimized = plan_optimized(model);
  if (!has_floats(model) && worth_running(optimized)) FUZZ_CHECK(run(optimized, Block(0), 0x69) == outputs);
}

}  // namespace
}  // namespace fuzz
}  // namespace microplan

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  microplan::fuzz::test(microplan::fuzz::Block(data, size));
  return 0;
}
