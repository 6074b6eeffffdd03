// SPDX-License-Identifier: Apache-2.0
// The executor by itself: hand-made plans with kernels of the test's own, so that every status, jump and hook is seen.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <string.h>

#include <utility>
#include <vector>

#include "microplan/model.h"

using namespace microplan;

namespace {

constexpr uint16_t kAddId = 1, kLoopId = 2, kPendId = 3, kFailId = 4;

// Params: what is added to the one byte of view 0.
Status add_run(const void* params, Rows, const Io& io, void*) {
  *io.view(0).row(0) = static_cast<uint8_t>(*io.view(0).row(0) + *static_cast<const uint32_t*>(params));
  return Status::kOk;
}

// Jumps to list 1 until the byte of view 0 reaches Params.
Status loop_run(const void* params, Rows, const Io& io, void*) {
  if (*io.view(0).row(0) < *static_cast<const uint32_t*>(params)) io.jump({1, 0});
  return Status::kOk;
}

// Is pending Params times; the byte of view 0 counts.
Status pend_run(const void* params, Rows, const Io& io, void*) {
  return ++*io.view(0).row(0) <= *static_cast<const uint32_t*>(params) ? Status::kPending : Status::kOk;
}

Status fail_run(const void*, Rows, const Io&, void*) { return Status::kUnsupportedOption; }

constexpr Kernel kKernels[] = {{kAddId, 7, add_run}, {kLoopId, 1, loop_run}, {kPendId, 1, pend_run}, {kFailId, 1, fail_run}};

// A plan whose input and output are one byte at arena offset 0; every step works on it.
class PlanBuilder {
 public:
  struct StepSpec {
    uint16_t kernel;
    uint32_t params;
  };

  explicit PlanBuilder(const std::vector<std::vector<StepSpec>>& lists, Segment segment = Segment::kArena) {
    std::vector<StepSpec> steps;
    std::vector<PlanList> list_table;
    for (const auto& list : lists) {
      list_table.push_back({static_cast<uint32_t>(steps.size()), static_cast<uint32_t>(list.size())});
      steps.insert(steps.end(), list.begin(), list.end());
    }
    PlanHeader head = {};
    head.magic = kPlanMagic;
    head.format = kPlanFormat;
    head.header_bytes = sizeof head;
    head.arena_bytes = 32;
    head.state_bytes = 16;
    head.segments = 1u << static_cast<uint32_t>(segment);
    head.kernel_count = 4;
    head.input_count = head.output_count = 1;
    head.list_count = static_cast<uint16_t>(lists.size());
    head.step_count = static_cast<uint32_t>(steps.size());
    const Ref byte = make_ref(segment, 0);
    append(head);
    head.kernels = size();
    for (const Kernel& kernel : kKernels) append(PlanKernel{kernel.id, kernel.abi});
    head.ios = size();
    for (int i = 0; i < 2; ++i) {
      PlanIo io = {};
      io.ref = byte;
      io.bytes = 1;
      io.type = DataType::kUInt8;
      append(io);
    }
    head.fills = size();
    head.fill_count = 1;
    append(PlanFill{0, 16, 0});
    head.lists = size();
    for (const PlanList& list : list_table) append(list);
    head.steps = size();
    head.runs = size() + static_cast<uint32_t>(steps.size() * sizeof(PlanStep));
    head.run_count = head.step_count;
    const uint32_t operands = head.runs + static_cast<uint32_t>(steps.size() * sizeof(PlanRun));
    const uint32_t params = operands + static_cast<uint32_t>(sizeof(PlanView));
    for (uint32_t i = 0; i < steps.size(); ++i) {
      append(PlanStep{steps[i].kernel, 1, 0, params + 4 * i, operands, make_ref(Segment::kNone, 0)});
    }
    for (uint32_t i = 0; i < steps.size(); ++i) append(PlanRun{i, {0, 1}});
    append(PlanView{byte, 1, 1});
    for (const StepSpec& step : steps) append(step.params);
    head.plan_bytes = size();
    memcpy(storage_, &head, sizeof head);
  }

  const void* data() const { return storage_; }
  PlanHeader& head() { return *reinterpret_cast<PlanHeader*>(storage_); }

 private:
  template <typename T>
  void append(const T& value) {
    REQUIRE(used_ + sizeof value <= sizeof storage_);
    memcpy(storage_ + used_, &value, sizeof value);
    used_ += sizeof value;
  }
  uint32_t size() const { return static_cast<uint32_t>(used_); }

  alignas(16) uint8_t storage_[1024] = {};
  size_t used_ = 0;
};

struct Fixture {
  Arena<32> arena = {};
  Arena<16> state = {};
  Model model;
  Status init(const PlanBuilder& plan) { return model.init(plan.data(), kKernels, Memory(arena, state)); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "invoke runs the steps in order") {
  const PlanBuilder plan({{{kAddId, 3}, {kAddId, 4}}});
  REQUIRE(init(plan) == Status::kOk);
  *model.input().raw() = 10;
  CHECK(model.invoke() == Status::kOk);
  CHECK(*model.output().raw() == 17);
}

TEST_CASE_FIXTURE(Fixture, "step says that there is more until the last step") {
  const PlanBuilder plan({{{kAddId, 1}, {kAddId, 1}, {kAddId, 1}}});
  REQUIRE(init(plan) == Status::kOk);
  CHECK(model.step() == Status::kMore);
  CHECK(model.step() == Status::kMore);
  CHECK(model.step() == Status::kOk);
  CHECK(*model.output().raw() == 3);
  CHECK(model.step() == Status::kMore);
}

TEST_CASE_FIXTURE(Fixture, "invoke finishes what step began") {
  const PlanBuilder plan({{{kAddId, 1}, {kAddId, 1}}});
  REQUIRE(init(plan) == Status::kOk);
  CHECK(model.step() == Status::kMore);
  CHECK(model.invoke() == Status::kOk);
  CHECK(*model.output().raw() == 2);
}

TEST_CASE_FIXTURE(Fixture, "a control kernel jumps between lists") {
  const PlanBuilder plan({{{kLoopId, 10}}, {{kAddId, 4}, {kLoopId, 10}}});
  REQUIRE(init(plan) == Status::kOk);
  CHECK(model.invoke() == Status::kOk);
  CHECK(*model.output().raw() == 12);
}

TEST_CASE_FIXTURE(Fixture, "the budget ends a loop that does not") {
  const PlanBuilder plan({{{kLoopId, 1000}}, {{kLoopId, 1000}}});
  REQUIRE(init(plan) == Status::kOk);
  CHECK(model.invoke(100) == Status::kBudgetSpent);
}

TEST_CASE_FIXTURE(Fixture, "a budget of exactly the steps is enough") {
  const PlanBuilder plan({{{kAddId, 1}, {kAddId, 1}}});
  REQUIRE(init(plan) == Status::kOk);
  CHECK(model.invoke(2) == Status::kOk);
  CHECK(model.invoke(1) == Status::kBudgetSpent);
}

TEST_CASE_FIXTURE(Fixture, "a pending kernel is called again") {
  const PlanBuilder plan({{{kPendId, 2}, {kAddId, 100}}});
  REQUIRE(init(plan) == Status::kOk);
  CHECK(model.step() == Status::kPending);
  CHECK(model.step() == Status::kPending);
  CHECK(model.step() == Status::kMore);
  CHECK(model.step() == Status::kOk);
  CHECK(*model.output().raw() == 103);
}

TEST_CASE_FIXTURE(Fixture, "a kernel's error ends the inference and the next one begins anew") {
  const PlanBuilder plan({{{kAddId, 1}, {kFailId, 0}, {kAddId, 1}}});
  REQUIRE(init(plan) == Status::kOk);
  CHECK(model.invoke() == Status::kUnsupportedOption);
  CHECK(model.step() == Status::kMore);
  CHECK(*model.output().raw() == 2);
}

TEST_CASE_FIXTURE(Fixture, "the hook sees every step begin and end") {
  const PlanBuilder plan({{{kAddId, 1}, {kPendId, 2}}});
  REQUIRE(init(plan) == Status::kOk);
  std::vector<std::pair<uint32_t, StepPhase>> seen;
  model.on_step([](void* user, uint32_t step, Rows,
                   StepPhase phase) { static_cast<decltype(seen)*>(user)->push_back({step, phase}); },
                &seen);
  CHECK(model.invoke() == Status::kOk);
  const decltype(seen) expected = {
      {0, StepPhase::kBegin}, {0, StepPhase::kEnd}, {1, StepPhase::kBegin}, {1, StepPhase::kBegin}, {1, StepPhase::kEnd}};
  CHECK(seen == expected);
}

TEST_CASE_FIXTURE(Fixture, "reset clears the state and drops a half-run inference") {
  const PlanBuilder plan({{{kAddId, 5}, {kAddId, 5}}}, Segment::kState);
  REQUIRE(init(plan) == Status::kOk);
  CHECK(model.invoke() == Status::kOk);
  CHECK(state.bytes[0] == 10);
  CHECK(model.step() == Status::kMore);
  model.reset();
  CHECK(state.bytes[0] == 0);
  CHECK(model.invoke() == Status::kOk);
  CHECK(state.bytes[0] == 10);
}

TEST_CASE_FIXTURE(Fixture, "init refuses what does not fit and says what is needed") {
  PlanBuilder plan({{{kAddId, 1}}});
  const auto refuse = [&](Status status, uint32_t needed, const Memory& memory, KernelTable kernels = kKernels) {
    CHECK(model.init(plan.data(), kernels, memory) == status);
    CHECK(model.needed() == needed);
    CHECK(model.invoke() == Status::kNotInitialized);
  };
  refuse(Status::kArenaTooSmall, 32, Memory(Buffer(arena.bytes, 31), state));
  refuse(Status::kArenaMisaligned, 16, Memory(Buffer(arena.bytes + 1, 32), state));
  refuse(Status::kStateTooSmall, 16, Memory(arena, Buffer(state.bytes, 15)));
  refuse(Status::kStateMisaligned, 16, Memory(arena, Buffer(state.bytes + 8, 16)));
  refuse(Status::kKernelMissing, kAddId, Memory(arena, state), KernelTable(kKernels + 1, 3));
  constexpr Kernel kOther[] = {{kAddId, 8, add_run}};
  refuse(Status::kKernelAbi, kAddId, Memory(arena, state), kOther);

  plan.head().segments |= 1u << static_cast<uint32_t>(Segment::kModel);
  plan.head().model_bytes = 4;
  refuse(Status::kModelMismatch, 4, Memory(arena, state));
  refuse(Status::kModelMisaligned, 16, Memory(arena, state, ConstBuffer(arena.bytes + 1, 4)));
  plan.head().segments = 1u << static_cast<uint32_t>(Segment::kExtra);
  refuse(Status::kSegmentMissing, plan.head().segments, Memory(arena, state));
  plan.head().format = 99;
  refuse(Status::kPlanVersion, kPlanFormat, Memory(arena, state));
  plan.head().magic = 0;
  refuse(Status::kBadPlan, 0, Memory(arena, state));
  CHECK(model.init(static_cast<const uint8_t*>(plan.data()) + 4, kKernels, Memory(arena, state)) ==
        Status::kPlanMisaligned);
  CHECK(model.init(nullptr, kKernels, Memory(arena, state)) == Status::kBadPlan);
}

TEST_CASE("a model that was not initialised refuses to run") {
  Model model;
  model.reset();
  CHECK(model.invoke() == Status::kNotInitialized);
  CHECK(model.step() == Status::kNotInitialized);
}

TEST_CASE_FIXTURE(Fixture, "two models of one plan are independent") {
  const PlanBuilder plan({{{kAddId, 1}}});
  Fixture other;
  REQUIRE(init(plan) == Status::kOk);
  REQUIRE(other.init(plan) == Status::kOk);
  *model.input().raw() = 1;
  *other.model.input().raw() = 50;
  CHECK(model.invoke() == Status::kOk);
  CHECK(other.model.invoke() == Status::kOk);
  CHECK(*model.output().raw() == 2);
  CHECK(*other.model.output().raw() == 51);
}

TEST_CASE("tensors quantize and dequantize") {
  PlanIo io = {};
  io.bytes = 4;
  io.type = DataType::kInt8;
  io.scale = 0.5f;
  io.zero_point = 3;
  int8_t data[4] = {};
  const Tensor tensor(&io, reinterpret_cast<uint8_t*>(data));
  tensor.quantize({1.0f, -0.25f, 1000.0f, -1000.0f});
  CHECK(data[0] == 5);
  CHECK(data[1] == 2);  // halves away from zero
  CHECK(data[2] == 127);
  CHECK(data[3] == -128);
  CHECK(tensor.dequantize(0) == 1.0f);
  CHECK(tensor.dequantize(4) == 0.0f);
  CHECK(tensor.argmax() == 2);
  CHECK(tensor.data<int8_t>() == data);
  CHECK(tensor.data<float>() == nullptr);
  const uint8_t pixels[5] = {0, 255, 128, 64, 9};  // one too many is not written
  tensor.quantize(pixels, 1 / 255.0f);
  CHECK(data[1] == 5);
}
