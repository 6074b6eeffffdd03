// SPDX-License-Identifier: Apache-2.0
// The executor: Model::step() runs one step of the plan; everything else is bookkeeping around it.
#include <string.h>

#include "microplan/model.h"

namespace microplan {

namespace {

bool aligned(const void* data) { return (reinterpret_cast<uintptr_t>(data) & (kBufferAlignment - 1)) == 0; }

constexpr uint32_t segment_bit(Segment segment) { return 1u << static_cast<uint32_t>(segment); }

}  // namespace

Status Model::refuse(Status status, uint32_t needed) {
  bases_ = {};
  needed_ = needed;
  return status;
}

Status Model::init(const void* plan, KernelTable kernels, const Memory& memory) {
  if (plan == nullptr) return refuse(Status::kBadPlan, 0);
  if (!aligned(plan)) return refuse(Status::kPlanMisaligned, kBufferAlignment);
  const PlanHeader& head = *static_cast<const PlanHeader*>(plan);
  if (head.magic != kPlanMagic) return refuse(Status::kBadPlan, 0);
  if (head.format != kPlanFormat) return refuse(Status::kPlanVersion, kPlanFormat);

  const PlanKernel* used =
      reinterpret_cast<const PlanKernel*>(static_cast<const uint8_t*>(plan) + head.kernels);
  for (uint32_t i = 0; i < head.kernel_count; ++i) {
    const Kernel* kernel = kernels.find(used[i].id);
    if (kernel == nullptr) return refuse(Status::kKernelMissing, used[i].id);
    if (kernel->abi != used[i].abi) return refuse(Status::kKernelAbi, used[i].id);
  }

  if (memory.arena.bytes < head.arena_bytes) return refuse(Status::kArenaTooSmall, head.arena_bytes);
  if (!aligned(memory.arena.data)) return refuse(Status::kArenaMisaligned, kBufferAlignment);
  if (memory.state.bytes < head.state_bytes) return refuse(Status::kStateTooSmall, head.state_bytes);
  if (!aligned(memory.state.data)) return refuse(Status::kStateMisaligned, kBufferAlignment);
  if (head.segments & segment_bit(Segment::kModel)) {
    if (memory.model.bytes != head.model_bytes) return refuse(Status::kModelMismatch, head.model_bytes);
    if (!aligned(memory.model.data)) return refuse(Status::kModelMisaligned, kBufferAlignment);
  }
  const uint32_t extra_segments = head.segments >> static_cast<uint32_t>(Segment::kExtra);
  if (((head.segments & segment_bit(Segment::kExternal)) && memory.external.data == nullptr) ||
      (extra_segments != 0 && memory.extra == nullptr)) {
    return refuse(Status::kSegmentMissing, head.segments);
  }

  bases_.base[static_cast<uint32_t>(Segment::kPlan)] = static_cast<const uint8_t*>(plan);
  bases_.base[static_cast<uint32_t>(Segment::kModel)] = static_cast<const uint8_t*>(memory.model.data);
  bases_.base[static_cast<uint32_t>(Segment::kExternal)] = static_cast<const uint8_t*>(memory.external.data);
  bases_.base[static_cast<uint32_t>(Segment::kState)] = static_cast<uint8_t*>(memory.state.data);
  bases_.base[static_cast<uint32_t>(Segment::kArena)] = static_cast<uint8_t*>(memory.arena.data);
  bases_.extra = memory.extra;
  kernels_ = kernels;
  reset();
  return Status::kOk;
}

void Model::reset() {
  next_ = {0, 0};
  if (header() == nullptr) return;
  uint8_t* const state = const_cast<uint8_t*>(bases_.base[static_cast<uint32_t>(Segment::kState)]);
  const PlanFill* const fills = at<PlanFill>(header()->fills);
  for (uint32_t i = 0; i < header()->fill_count; ++i) {
    memset(state + fills[i].offset, static_cast<int>(fills[i].value), fills[i].bytes);
  }
}

Status Model::step() {
  if (header() == nullptr) return Status::kNotInitialized;
  const PlanList& list = at<PlanList>(header()->lists)[next_.list];
  if (next_.step >= list.count) {
    next_ = {0, 0};
    return Status::kOk;
  }
  const uint32_t index = list.first + next_.step;
  const PlanStep& step = at<PlanStep>(header()->steps)[index];
  const Kernel* kernel = kernels_.find(step.kernel);

  if (hook_ != nullptr) hook_(hook_user_, index, StepPhase::kBegin);
  Position next = {next_.list, static_cast<uint16_t>(next_.step + 1)};
  const Io io(bases_, at<void>(step.operands), step.view_count, &next);
  const Status status = kernel->run(at<void>(step.params), Rows{step.first_row, step.last_row}, io,
                                    const_cast<uint8_t*>(bases_.resolve(step.scratch)));
  if (status == Status::kPending) return status;
  if (status != Status::kOk) {
    next_ = {0, 0};
    return status;
  }
  if (hook_ != nullptr) hook_(hook_user_, index, StepPhase::kEnd);

  next_ = next;
  if (next.step < at<PlanList>(header()->lists)[next.list].count) return Status::kMore;
  next_ = {0, 0};
  return Status::kOk;
}

Status Model::invoke(uint32_t budget) {
  for (;;) {
    const Status status = step();
    if (status != Status::kMore && status != Status::kPending) return status;
    if (budget != 0 && --budget == 0) {
      next_ = {0, 0};
      return Status::kBudgetSpent;
    }
  }
}

View Model::step_view(uint32_t step, uint32_t view) const {
  const PlanStep& entry = at<PlanStep>(header()->steps)[step];
  return Io(bases_, at<void>(entry.operands), entry.view_count, nullptr).view(view);
}

Tensor Model::io(uint32_t index) const {
  const PlanIo* entry = &at<PlanIo>(header()->ios)[index];
  return Tensor(entry, const_cast<uint8_t*>(bases_.resolve(entry->ref)));
}

}  // namespace microplan
