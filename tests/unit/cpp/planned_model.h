// SPDX-License-Identifier: Apache-2.0
// A real model, planned and run as whole tensors, with every step's output recorded: what the row and overlap tests compare
// with.
#ifndef MICROPLAN_TESTS_UNIT_CPP_PLANNED_MODEL_H_
#define MICROPLAN_TESTS_UNIT_CPP_PLANNED_MODEL_H_

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "microplan/kernels.h"
#include "microplan/model.h"
#include "microplan/planner.h"
#include "microplan/planner/graph.h"
#include "microplan/planner/layout/layout.h"

namespace microplan {

[[noreturn]] inline void die(const char* what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

// 16-aligned memory of exactly `bytes` bytes, so that the address sanitizer sees every overrun.
struct Memory16 {
  explicit Memory16(size_t bytes) {
    void* memory = nullptr;
    if (posix_memalign(&memory, 16, bytes) != 0) die("out of memory");
    data = static_cast<uint8_t*>(memory);
    memset(data, 0xA5, bytes);
  }
  Memory16(const Memory16&) = delete;
  ~Memory16() { free(data); }
  uint8_t* data;
};

class PlannedModel {
 public:
  explicit PlannedModel(const char* path, uint32_t flags = kPlanOwnsConstants | kPlanPinsInputs) {
    std::ifstream file(path, std::ios::binary);
    model_.assign((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const ConstBuffer model(model_.data(), static_cast<uint32_t>(model_.size()));
    const VariantTable variants(kAllVariants, kAllVariantsCount);
    PlanOptions options;
    options.flags = flags;
    Layout layout;
    if (flags & kPlanArranged) options.arranger = &layout;
    PlanResult result = plan_model(model, variants, options, Buffer(), Buffer());
    const Memory16 workspace(result.workspace_bytes);
    const Buffer workspace_buffer(workspace.data, result.workspace_bytes);
    result = plan_model(model, variants, options, workspace_buffer, Buffer());
    plan.resize(result.plan_bytes);
    if (result.status == Status::kOk) {
      result = plan_model(model, variants, options, workspace_buffer, Buffer(plan.data(), result.plan_bytes));
    }
    if (result.status != Status::kOk) die(status_text(result.status));
    arena.resize(result.arena_bytes);
    state_.resize(result.state_bytes);
    for (uint32_t i = 0; i < kAllVariantsCount; ++i) kernels_.push_back(kAllVariants[i]->kernel);
  }

  // Runs one inference of a plan that owns its constants on random inputs and records the output of every step.
  void run(std::mt19937& random) {
    Model model;
    const KernelTable kernels(kernels_.data(), static_cast<uint32_t>(kernels_.size()));
    const Memory memory(Buffer(arena.data(), static_cast<uint32_t>(arena.size())),
                        Buffer(state_.data(), static_cast<uint32_t>(state_.size())));
    if (model.init(plan.data(), kernels, memory) != Status::kOk) die("init failed");
    for (uint32_t i = 0; i < model.input_count(); ++i) fill(model.input(i), random);
    outputs.assign(head().step_count, {});
    inputs.assign(head().step_count, {});
    Recorder recorder = {this, &model};
    model.on_step(record, &recorder);
    if (model.invoke() != Status::kOk) die("invoke failed");
  }

  const std::vector<uint8_t>& file() const { return model_; }
  const PlanHeader& head() const { return *reinterpret_cast<const PlanHeader*>(plan.data()); }
  template <typename T>
  const T* at(uint32_t offset) const {
    return reinterpret_cast<const T*>(plan.data() + offset);
  }
  const PlanStep& step(uint32_t index) const { return at<PlanStep>(head().steps)[index]; }
  const PlanView& view(uint32_t step_index, uint32_t index) const {
    return at<PlanView>(step(step_index).operands)[index];
  }
  const Variant& variant(uint32_t step_index) const {
    for (uint32_t v = 0; v < kAllVariantsCount; ++v) {
      if (kAllVariants[v]->kernel.id == step(step_index).kernel) return *kAllVariants[v];
    }
    die("a step has no variant");
  }

  // Runs rows of a step on memory of the caller's: view i has ring_rows[i] rows at memory[i].
  void call(uint32_t step_index, Rows rows, const std::vector<uint8_t*>& memory, const std::vector<uint32_t>& ring_rows) const {
    const PlanStep& entry = step(step_index);
    // The operands are made for this call. Constants lie in the plan, so that the segments behind it are free for the
    // views: there are as many as a kernel may have.
    constexpr uint32_t kFirst = static_cast<uint32_t>(Segment::kPlan) + 1;
    constexpr uint32_t kExtra = static_cast<uint32_t>(Segment::kExtra);
    static_assert(kFirst + Footprint::kMaxViews <= kSegmentCount, "a segment for each view");
    Bases bases = {};
    bases.base[static_cast<uint32_t>(Segment::kPlan)] = plan.data();
    std::vector<uint8_t*> extra;
    std::vector<uint32_t> operands;
    for (uint32_t v = 0; v < entry.view_count; ++v) {
      const uint32_t segment = kFirst + v;
      if (segment < kExtra) {
        bases.base[segment] = memory[v];
      } else {
        extra.push_back(memory[v]);
      }
      const Ref ref = make_ref(static_cast<Segment>(segment), 0);
      operands.insert(operands.end(), {ref.bits, view(step_index, v).row_stride, ring_rows[v]});
    }
    bases.extra = extra.data();
    const Ref* constants = at<Ref>(entry.operands + entry.view_count * static_cast<uint32_t>(sizeof(PlanView)));
    for (uint32_t c = 0; c < entry.constant_count; ++c) operands.push_back(constants[c].bits);
    const Variant& kernel = variant(step_index);
    const void* params = at<void>(entry.params);
    const Memory16 scratch(kernel.scratch_bytes == nullptr ? 0 : kernel.scratch_bytes(params, rows.last - rows.first));
    const Io io(bases, operands.data(), entry.view_count, nullptr);
    if (kernel.kernel.run(params, rows, io, scratch.data) != Status::kOk) die("a kernel failed");
  }

  std::vector<uint8_t> plan;
  std::vector<uint8_t> arena;
  std::vector<std::vector<uint8_t>> outputs;              // of each step
  std::vector<std::vector<std::vector<uint8_t>>> inputs;  // of each step: each view before the last

 private:
  struct Recorder {
    PlannedModel* self;
    Model* model;
  };

  static void fill(const Tensor& tensor, std::mt19937& random) {
    for (uint32_t b = 0; b < tensor.bytes(); ++b) tensor.raw()[b] = static_cast<uint8_t>(random());
    // Random bits make no useful float: NaN compares unequal. A float input gets values in [-4, 4).
    if (float* const real = tensor.data<float>()) {
      for (uint32_t e = 0; e < tensor.elements(); ++e) real[e] = static_cast<float>(random() % 8192) / 1024 - 4;
    }
  }

  static void record(void* user, uint32_t step, Rows, StepPhase phase) {
    const Recorder& recorder = *static_cast<Recorder*>(user);
    PlannedModel& self = *recorder.self;
    const uint32_t output = self.step(step).view_count - 1u;
    const auto bytes = [&](uint32_t index) {
      const View view = recorder.model->step_view(step, index);
      return std::vector<uint8_t>(view.base, view.base + static_cast<size_t>(view.row_stride) * view.ring_rows);
    };
    if (phase == StepPhase::kEnd) {
      self.outputs[step] = bytes(output);
      return;
    }
    for (uint32_t i = 0; i < output; ++i) self.inputs[step].push_back(bytes(i));
  }

  std::vector<uint8_t> model_;
  std::vector<uint8_t> state_;
  std::vector<Kernel> kernels_;
};

}  // namespace microplan

#endif  // MICROPLAN_TESTS_UNIT_CPP_PLANNED_MODEL_H_
