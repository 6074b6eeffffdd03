// SPDX-License-Identifier: Apache-2.0
// The executor: Model::run() runs the steps of the plan; everything else is bookkeeping around it.
#include <string.h>

#include "microplan/model.h"

namespace microplan {

namespace {

bool aligned(const void* data) { return (reinterpret_cast<uintptr_t>(data) & (kBufferAlignment - 1)) == 0; }

constexpr uint32_t segment_bit(Segment segment) { return 1u << static_cast<uint32_t>(segment); }

}  // namespace

Status await_rows_run(const void*, Rows, const Io&, void*) { return Status::kTakesRows; }

// Not inlined, for it is called from everywhere in init().
[[gnu::noinline]] Status Model::refuse(Status status, uint32_t needed) {
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
  needed_ = 0;
  if (header() == nullptr) return;
  uint8_t* const state = const_cast<uint8_t*>(bases_.base[static_cast<uint32_t>(Segment::kState)]);
  const PlanFill* const fills = at<PlanFill>(header()->fills);
  for (uint32_t i = 0; i < header()->fill_count; ++i) {
    memset(state + fills[i].offset, static_cast<int>(fills[i].value), fills[i].bytes);
  }
}

// Out of line and cold: without a hook there is no branch to take.
[[gnu::noinline, gnu::cold]] void Model::tell(const PlanRun& run, StepPhase phase) const {
  hook_(hook_user_, run.step, run.rows, phase);
}

// kMore or kPending: `budget` runs were made and there are more.
Status Model::run(uint32_t budget) {
  if (header() == nullptr) return Status::kNotInitialized;
  const uint8_t* const plan = at<uint8_t>(0);
  const PlanList* const lists = at<PlanList>(header()->lists);
  const PlanStep* const steps = at<PlanStep>(header()->steps);
  const PlanRun* const runs = at<PlanRun>(header()->runs);
  while (next_.run < lists[next_.list].count) {
    const PlanRun& run = runs[lists[next_.list].first + next_.run];
    const PlanStep& step = steps[run.step];

    if (hook_ != nullptr) tell(run, StepPhase::kBegin);
    Position next = next_;
    ++next.run;
    const Io io(bases_, plan + step.operands, step.view_count, &next);
    const Status status = kernels_.get(step.kernel).run(plan + step.params, run.rows, io,
                                                        const_cast<uint8_t*>(bases_.resolve(step.scratch)));
    if (status == Status::kOk) {
      if (hook_ != nullptr) tell(run, StepPhase::kEnd);
      next_ = next;
    } else if (status != Status::kPending) {
      next_ = {0, 0};
      return status;
    }
    if (--budget != 0) continue;
    if (status == Status::kPending) return status;
    if (next_.run < lists[next_.list].count) return Status::kMore;
  }
  next_ = {0, 0};
  return Status::kOk;
}

Status Model::step() { return run(1); }

Status Model::invoke(uint32_t budget) {
  // 0 runs less one are as many as there can be.
  const Status status = run(budget);
  if (status != Status::kMore && status != Status::kPending) return status;
  next_ = {0, 0};
  return Status::kBudgetSpent;
}

uint32_t Model::input_rows() const {
  if (header()->pushed == 0) return 0;
  const PlanList& last = at<PlanList>(header()->lists)[header()->list_count - 1];
  return at<PlanRun>(header()->runs)[last.first - 1].rows.last;
}

uint32_t Model::input_row_bytes() const {
  return header()->pushed == 0 ? 0 : at<PlanView>(header()->pushed)->row_stride;
}

Status Model::push_rows(const void* rows, uint32_t count) {
  if (header() == nullptr) return Status::kNotInitialized;
  const uint32_t all = input_rows();
  if (all == 0) return Status::kTakesNoRows;
  // needed_ 0: the inference before is complete, or there was none.
  uint32_t given = needed_ == 0 ? 0 : all - needed_;
  if (count > all - given) return Status::kTooManyRows;

  const PlanView& entry = *at<PlanView>(header()->pushed);
  const View ring = {const_cast<uint8_t*>(bases_.resolve(entry.ref)), entry.row_stride, entry.ring_rows};
  const uint8_t* next = static_cast<const uint8_t*>(rows);
  const PlanList* const lists = at<PlanList>(header()->lists);
  const uint32_t end = given + count;
  for (uint32_t list = 1; list < header()->list_count; ++list) {
    const uint32_t awaited = at<PlanRun>(header()->runs)[lists[list].first - 1].rows.last;
    if (awaited <= given) continue;  // it has run
    for (; given < awaited && given < end; ++given) {
      memcpy(ring.row(given), next, entry.row_stride);
      next += entry.row_stride;
    }
    if (given < awaited) break;
    if (lists[list].count == 0) continue;
    next_ = {static_cast<uint16_t>(list), 0};
    const Status status = run(0);
    if (status != Status::kOk) {
      needed_ = 0;
      return status;
    }
  }
  needed_ = all - given;
  return needed_ == 0 ? Status::kOk : Status::kNotReady;
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
