// SPDX-License-Identifier: Apache-2.0
// Any bytes as a plan: what verify_plan accepts must run without touching a byte outside of its buffers.
#include "fuzz.h"

namespace microplan {
namespace fuzz {
namespace {

constexpr uint32_t kStepBudget = 512;
constexpr uint32_t kExternalBytes = 256;
constexpr uint32_t kExtraBytes[] = {64, 1024};
constexpr uint32_t kExtraCount = sizeof kExtraBytes / sizeof kExtraBytes[0];

// A segment of constants: bytes of no particular meaning.
const Block& noise(uint32_t bytes) {
  Block* const block = new Block(bytes);
  uint32_t state = 1;
  for (uint32_t i = 0; i < bytes; ++i) {
    state = state * 1664525u + 1013904223u;
    block->data()[i] = static_cast<uint8_t>(state >> 24);
  }
  return *block;
}

// The kernels' own estimate for the steps that the budget allows.
uint64_t instructions(const uint8_t* plan) {
  const PlanHeader& header = *reinterpret_cast<const PlanHeader*>(plan);
  const PlanList& list = *reinterpret_cast<const PlanList*>(plan + header.lists);
  const PlanRun* const runs = reinterpret_cast<const PlanRun*>(plan + header.runs) + list.first;
  const PlanStep* const steps = reinterpret_cast<const PlanStep*>(plan + header.steps);
  uint64_t sum = 0;
  for (uint32_t i = 0; i < list.count && i < kStepBudget && sum < kMaxInstructions; ++i) {
    for (uint32_t k = 0; k < kAllVariantsCount; ++k) {
      const Variant& variant = *kAllVariants[k];
      if (variant.kernel.id != steps[runs[i].step].kernel) continue;
      sum += variant.cost(plan + steps[runs[i].step].params, Target{kCompiledFeatures}).instructions;
    }
  }
  return sum;
}

// Inputs and outputs through the typed face: it relies on what the plan says of them.
void use(const Tensor& tensor) {
  const float reals[] = {0.0f, 1.0f, -1e30f, 1e-30f};
  tensor.quantize(reals);
  for (uint32_t i = 0; i < tensor.elements() && i < 64; ++i) tensor.set(i, tensor.dequantize(i));
  FUZZ_CHECK(tensor.argmax() < tensor.elements());
}

void run(const Block& plan) {
  const PlanHeader& header = *reinterpret_cast<const PlanHeader*>(plan.data());
  const Block arena(header.arena_bytes, 0x3c);
  const Block state(header.state_bytes, 0xc3);
  const Block first_extra(kExtraBytes[0], 0x55);
  const Block second_extra(kExtraBytes[1], 0xaa);
  uint8_t* const extra[kExtraCount] = {first_extra.data(), second_extra.data()};
  static const Block& model_file = noise(kModelBytes);
  static const Block& external = noise(kExternalBytes);
  Memory memory(arena, state, model_file);
  memory.external = external;
  memory.extra = extra;
  Model model;
  FUZZ_CHECK(model.init(plan.data(), all_kernels(), memory) == Status::kOk);
  for (uint32_t i = 0; i < 2; ++i) {
    fill_inputs(model);
    for (uint32_t k = 0; k < model.input_count(); ++k) use(model.input(k));
    const Status status = model.invoke(kStepBudget);
    FUZZ_CHECK(status == Status::kOk || status == Status::kBudgetSpent);
    for (uint32_t k = 0; k < model.output_count(); ++k) (void)model.output(k).argmax();
  }
  model.reset();
}

void test(const Block& plan) {
  const Status status = verify_plan(plan, all_variants(), kModelBytes, kExternalBytes, kExtraBytes, kExtraCount);
  if (status != Status::kOk) return;
  ++stats.accepted;
  const PlanHeader& header = *reinterpret_cast<const PlanHeader*>(plan.data());
  if (uint64_t{header.arena_bytes} + header.state_bytes >= kMaxMemory) return;
  if (instructions(plan.data()) >= kMaxInstructions) return;
  ++stats.executed;
  run(plan);
}

}  // namespace
}  // namespace fuzz
}  // namespace microplan

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  microplan::fuzz::test(microplan::fuzz::Block(data, size));
  return 0;
}
