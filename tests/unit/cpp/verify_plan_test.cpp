// SPDX-License-Identifier: Apache-2.0
// Changes a model's plan byte by byte, in both forms, with tensors apart and over each other: each change is refused by
// verify_plan, or the plan runs in buffers of exactly the sizes that it states.
//
//   verify_plan_test MODEL.tflite
//
// Prints "FORM: N of M changes accepted" for each. No accepted plan runs long: its steps write no more rows than its memory
// holds.
#include <vector>

#include "planned_model.h"

using namespace microplan;

namespace {

// Of a long constant, a filter, only the first bytes are changed: all others are like them.
constexpr uint32_t kConstantBytes = 16;

class ChangedPlans {
 public:
  ChangedPlans(const char* path, uint32_t flags)
      : original_(path, flags), plan_(original_.plan.size()), model_(original_.file().size()) {
    memcpy(plan_.data, original_.plan.data(), original_.plan.size());
    memcpy(model_.data, original_.file().data(), original_.file().size());
    for (uint32_t i = 0; i < kAllVariantsCount; ++i) kernels_.push_back(kAllVariants[i]->kernel);
  }

  void run() {
    if (!accepted()) die("the plan itself is refused");
    execute();
    const std::vector<bool> skipped = filters();
    for (uint32_t i = 0; i < original_.plan.size(); ++i) {
      if (skipped[i]) continue;
      const uint8_t byte = plan_.data[i];
      const uint8_t lowest = byte ^ 1;
      const uint8_t highest = byte ^ 0x80;
      for (const uint8_t value : {uint8_t{0}, uint8_t{0xff}, lowest, highest}) {
        if (value == byte) continue;
        plan_.data[i] = value;
        try_change();
      }
      plan_.data[i] = byte;
    }
  }

  void print(const char* form) const {
    printf("%s: %u of %u changes accepted\n", form, accepted_, changes_);
  }

 private:
  const PlanHeader& head() const { return *reinterpret_cast<const PlanHeader*>(plan_.data); }
  uint32_t plan_bytes() const { return static_cast<uint32_t>(original_.plan.size()); }
  uint32_t model_bytes() const { return static_cast<uint32_t>(original_.file().size()); }

  // The bytes in the plan that repeat others.
  std::vector<bool> filters() const {
    std::vector<bool> skipped(original_.plan.size(), false);
    for (uint32_t s = 0; s < original_.head().step_count; ++s) {
      const PlanStep& step = original_.step(s);
      Footprint footprint;
      if (!original_.variant(s).footprint(original_.at<void>(step.params), &footprint)) die("bad step");
      const Ref* refs = original_.at<Ref>(step.operands + step.view_count * static_cast<uint32_t>(sizeof(PlanView)));
      for (uint32_t c = 0; c < step.constant_count; ++c) {
        if (refs[c].segment() != Segment::kPlan) continue;
        for (uint32_t i = kConstantBytes; i < footprint.constant[c].bytes; ++i) skipped[refs[c].offset() + i] = true;
      }
    }
    return skipped;
  }

  bool accepted() const {
    const VariantTable variants(kAllVariants, kAllVariantsCount);
    return verify_plan(ConstBuffer(plan_.data, plan_bytes()), variants, model_bytes()) == Status::kOk;
  }

  void try_change() {
    ++changes_;
    if (!accepted()) return;
    ++accepted_;
    execute();
  }

  void execute() const {
    const std::vector<uint8_t> before(plan_.data, plan_.data + plan_bytes());
    const Memory16 arena(head().arena_bytes);
    const Memory16 state(head().state_bytes);
    const Memory memory(Buffer(arena.data, head().arena_bytes), Buffer(state.data, head().state_bytes),
                        ConstBuffer(model_.data, model_bytes()));
    Model model;
    const KernelTable kernels(kernels_.data(), static_cast<uint32_t>(kernels_.size()));
    const Status status = model.init(plan_.data, kernels, memory);
    // The header may name a segment that no step uses: only init() knows what is given.
    if (status == Status::kSegmentMissing) return;
    if (status != Status::kOk) die("an accepted plan is refused by init");
    for (uint32_t i = 0; i < model.input_count(); ++i) {
      const Tensor input = model.input(i);
      for (uint32_t b = 0; b < input.bytes(); ++b) input.raw()[b] = static_cast<uint8_t>(37 * b);
    }
    if (model.invoke() != Status::kOk) die("an accepted plan fails");
    for (uint32_t i = 0; i < model.output_count(); ++i) (void)model.output(i).argmax();
    if (memcmp(before.data(), plan_.data, before.size()) != 0) die("the plan was written to");
  }

  const PlannedModel original_;
  const Memory16 plan_, model_;
  std::vector<Kernel> kernels_;
  uint32_t changes_ = 0, accepted_ = 0;
};

void run_form(const char* name, const char* path, uint32_t flags) {
  ChangedPlans plans(path, flags);
  plans.run();
  plans.print(name);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) die("usage: verify_plan_test MODEL.tflite");
  run_form("compiled", argv[1], kPlanOwnsConstants);
  run_form("arranged", argv[1], kPlanOwnsConstants | kPlanArranged | kPlanPrefersRam);
  run_form("interpreted", argv[1], 0);
  return 0;
}
