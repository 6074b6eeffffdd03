// SPDX-License-Identifier: Apache-2.0
// verify_plan: proves a plan that comes from outside. It trusts no byte of it and reads every structure by copy.
#include <string.h>

#include "microplan/kernels/prepare.h"
#include "microplan/planner.h"
#include "microplan/planner/graph.h"

namespace microplan {

namespace {

class Verifier {
 public:
  Verifier(ConstBuffer plan, VariantTable variants, uint32_t model_bytes, uint32_t external_bytes,
           const uint32_t* extra_bytes, uint32_t extra_count)
      : plan_(static_cast<const uint8_t*>(plan.data)),
        plan_bytes_(plan.data == nullptr ? 0 : plan.bytes),
        variants_(variants),
        model_bytes_(model_bytes),
        external_bytes_(external_bytes),
        extra_bytes_(extra_bytes),
        extra_count_(extra_count) {}

  Status run() {
    const Status status = check_header();
    if (status != Status::kOk) return status;
    const Status kernels = check_kernels();
    if (kernels != Status::kOk) return kernels;
    return check_ios() && check_fills() && check_lists() && check_steps() ? Status::kOk : Status::kBadPlan;
  }

 private:
  bool inside(uint64_t offset, uint64_t bytes) const { return offset + bytes <= plan_bytes_; }

  // A table of `count` entries of `bytes` each, 4-aligned, behind the header.
  bool table(uint32_t offset, uint64_t count, uint32_t bytes) const {
    return (offset & 3) == 0 && offset >= sizeof(PlanHeader) && inside(offset, count * bytes);
  }
  template <typename T>
  T read(uint32_t table, uint32_t index) const {
    T value;
    memcpy(&value, plan_ + table + index * sizeof(T), sizeof value);
    return value;
  }

  Status check_header();
  Status check_kernels() const;
  bool check_ios() const;
  bool check_fills() const;
  bool check_lists() const;
  bool check_steps() const;
  bool check_step(const PlanStep& step) const;
  bool check_view(const PlanView& view, const Footprint::TensorRows& rows, Rows needed) const;
  bool operands_are_apart(const PlanStep& step, const Footprint& footprint, uint32_t scratch_bytes) const;
  bool check_ref(Ref ref, uint64_t bytes, uint32_t alignment, bool written) const;
  const Variant* variant(uint16_t id) const;

  const uint8_t* plan_;
  uint32_t plan_bytes_;
  VariantTable variants_;
  uint32_t model_bytes_, external_bytes_;
  const uint32_t* extra_bytes_;
  uint32_t extra_count_;
  PlanHeader head_ = {};
};

Status Verifier::check_header() {
  if (plan_bytes_ < sizeof head_) return Status::kBadPlan;
  memcpy(&head_, plan_, sizeof head_);
  if (head_.magic != kPlanMagic) return Status::kBadPlan;
  if (head_.format != kPlanFormat) return Status::kPlanVersion;
  if (head_.header_bytes != sizeof head_ || head_.plan_bytes != plan_bytes_ || plan_bytes_ > kMaxBytes) {
    return Status::kBadPlan;
  }
  if ((head_.segments & (1u << static_cast<uint32_t>(Segment::kModel))) && head_.model_bytes != model_bytes_) {
    return Status::kModelMismatch;
  }
  const bool sound = head_.arena_bytes <= kMaxBytes && head_.state_bytes <= kMaxBytes && head_.list_count > 0 &&
                     head_.input_count > 0 && head_.output_count > 0 &&
                     table(head_.kernels, head_.kernel_count, sizeof(PlanKernel)) &&
                     table(head_.ios, uint64_t{head_.input_count} + head_.output_count, sizeof(PlanIo)) &&
                     table(head_.fills, head_.fill_count, sizeof(PlanFill)) &&
                     table(head_.lists, head_.list_count, sizeof(PlanList)) &&
                     table(head_.steps, head_.step_count, sizeof(PlanStep));
  return sound ? Status::kOk : Status::kBadPlan;
}

const Variant* Verifier::variant(uint16_t id) const {
  for (uint32_t i = 0; i < variants_.count; ++i) {
    if (variants_.variants[i]->kernel.id == id) return variants_.variants[i];
  }
  return nullptr;
}

Status Verifier::check_kernels() const {
  int32_t last = -1;
  for (uint32_t i = 0; i < head_.kernel_count; ++i) {
    const PlanKernel kernel = read<PlanKernel>(head_.kernels, i);
    const Variant* const known = variant(kernel.id);
    if (known == nullptr) return Status::kKernelMissing;
    if (known->kernel.abi != kernel.abi) return Status::kKernelAbi;
    // Ascending, so that there are no more of them than variants: every step looks through all.
    if (kernel.id <= last) return Status::kBadPlan;
    last = kernel.id;
  }
  return Status::kOk;
}

bool Verifier::check_ref(Ref ref, uint64_t bytes, uint32_t alignment, bool written) const {
  const uint32_t segment = static_cast<uint32_t>(ref.segment());
  const uint32_t offset = ref.offset();
  if (!(head_.segments & (1u << segment)) || (offset & (alignment - 1)) != 0) return false;
  switch (ref.segment()) {
    case Segment::kNone: return false;
    case Segment::kPlan: return !written && inside(offset, bytes);
    case Segment::kModel: return !written && offset + bytes <= model_bytes_;
    case Segment::kExternal: return !written && offset + bytes <= external_bytes_;
    case Segment::kState: return offset + bytes <= head_.state_bytes;
    case Segment::kArena: return offset + bytes <= head_.arena_bytes;
    case Segment::kExtra: break;
  }
  const uint32_t extra = segment - static_cast<uint32_t>(Segment::kExtra);
  return extra < extra_count_ && offset + bytes <= extra_bytes_[extra];
}

bool Verifier::check_ios() const {
  const uint32_t count = uint32_t{head_.input_count} + head_.output_count;
  for (uint32_t i = 0; i < count; ++i) {
    const PlanIo io = read<PlanIo>(head_.ios, i);
    // A type that this version does not know has no size; its elements are then refused by the product below.
    uint32_t bytes = io.type == DataType::kNone ? 0 : element_bytes(io.type);
    if (bytes == 0 || io.rank > kMaxRank) return false;
    const uint32_t alignment = bytes;
    for (uint32_t axis = 0; axis < io.rank; ++axis) {
      if (!multiply_checked(io.dims[axis], &bytes)) return false;
    }
    if (bytes != io.bytes || !check_ref(io.ref, io.bytes, alignment, i < head_.input_count)) return false;
  }
  return true;
}

bool Verifier::check_fills() const {
  // One behind the other and none empty, so that reset() writes each byte of the state once.
  uint64_t end = 0;
  for (uint32_t i = 0; i < head_.fill_count; ++i) {
    const PlanFill fill = read<PlanFill>(head_.fills, i);
    if (fill.offset < end || fill.bytes == 0) return false;
    end = uint64_t{fill.offset} + fill.bytes;
    if (end > head_.state_bytes) return false;
  }
  return true;
}

bool Verifier::check_lists() const {
  for (uint32_t i = 0; i < head_.list_count; ++i) {
    const PlanList list = read<PlanList>(head_.lists, i);
    if (list.count > UINT16_MAX || uint64_t{list.first} + list.count > head_.step_count) return false;
  }
  return true;
}

bool Verifier::check_steps() const {
  for (uint32_t i = 0; i < head_.step_count; ++i) {
    if (!check_step(read<PlanStep>(head_.steps, i))) return false;
  }
  return true;
}

bool Verifier::check_step(const PlanStep& step) const {
  bool listed = false;
  for (uint32_t i = 0; i < head_.kernel_count; ++i) {
    if (read<PlanKernel>(head_.kernels, i).id == step.kernel) listed = true;
  }
  const Variant* const known = variant(step.kernel);
  if (!listed || known == nullptr || !table(step.params, 1, known->params_bytes) ||
      !table(step.operands, 1, step.view_count * uint32_t{sizeof(PlanView)} + step.constant_count * uint32_t{sizeof(Ref)})) {
    return false;
  }
  alignas(8) uint8_t params[kMaxParamsBytes];
  memcpy(params, plan_ + step.params, known->params_bytes);
  Footprint footprint;
  if (!known->footprint(params, &footprint) || footprint.view_count != step.view_count ||
      footprint.constant_count != step.constant_count) {
    return false;
  }
  const Rows rows = step.rows;
  const uint32_t all_rows = footprint.view[footprint.view_count - 1].rows;
  if (rows.first > rows.last || rows.last > all_rows) return false;
  if (known->whole_only && (rows.first != 0 || rows.last != all_rows)) return false;
  for (uint32_t i = 0; i < step.view_count; ++i) {
    const bool output = footprint.view[i].operand.is_output;
    const Rows needed = output || rows.first == rows.last ? rows : known->input_rows(params, i, rows);
    const PlanView view = read<PlanView>(step.operands, i);
    if (!check_view(view, footprint.view[i], needed)) return false;
    if (known->whole_only && view.row_stride != footprint.view[i].row_bytes) return false;
  }
  const uint32_t scratch =
      known->scratch_bytes == nullptr ? 0 : known->scratch_bytes(params, rows.last - rows.first);
  if (scratch == 0 ? step.scratch.bits != 0 : !check_ref(step.scratch, scratch, kBufferAlignment, true)) return false;
  if (!operands_are_apart(step, footprint, scratch)) return false;
  const uint32_t constants = step.operands + step.view_count * static_cast<uint32_t>(sizeof(PlanView));
  for (uint32_t i = 0; i < step.constant_count; ++i) {
    const Ref ref = read<Ref>(constants, i);
    const Footprint::Constant& constant = footprint.constant[i];
    if (ref.bits == 0) {
      if (!constant.optional) return false;
      continue;
    }
    // No step may change what a kernel takes for constant.
    if (ref.segment() > Segment::kExternal || !check_ref(ref, constant.bytes, constant.alignment, false)) return false;
  }
  return true;
}

uint64_t view_bytes(const PlanView& view, const Footprint::TensorRows& rows) {
  return uint64_t{view.ring_rows - 1} * view.row_stride + rows.row_bytes;
}

bool Verifier::check_view(const PlanView& view, const Footprint::TensorRows& rows, Rows needed) const {
  // The stride is bounded also where a single row does not use it: kernels compute the ring's end.
  if (view.ring_rows == 0 || view.ring_rows > rows.rows || view.row_stride < rows.row_bytes ||
      view.row_stride > kMaxBytes || (view.row_stride & (rows.alignment - 1u)) != 0 || needed.first > needed.last ||
      needed.last > rows.rows || needed.last - needed.first > view.ring_rows) {
    return false;
  }
  return check_ref(view.ref, view_bytes(view, rows), rows.alignment, rows.written);
}

// Whether two ranges of bytes have none in common.
bool are_apart(Ref a, uint64_t a_bytes, Ref b, uint64_t b_bytes) {
  return a.segment() != b.segment() || a.offset() + a_bytes <= b.offset() || b.offset() + b_bytes <= a.offset();
}

// Kernels copy from inputs to outputs with memcpy, and believe what they have written into their scratch.
bool Verifier::operands_are_apart(const PlanStep& step, const Footprint& footprint, uint32_t scratch_bytes) const {
  for (uint32_t i = 0; i < step.view_count; ++i) {
    const PlanView a = read<PlanView>(step.operands, i);
    const uint64_t a_bytes = view_bytes(a, footprint.view[i]);
    if (scratch_bytes != 0 && !are_apart(a.ref, a_bytes, step.scratch, scratch_bytes)) return false;
    for (uint32_t k = 0; k < i; ++k) {
      if (!footprint.view[i].operand.is_output && !footprint.view[k].operand.is_output) continue;
      const PlanView b = read<PlanView>(step.operands, k);
      if (!are_apart(a.ref, a_bytes, b.ref, view_bytes(b, footprint.view[k]))) return false;
    }
  }
  return true;
}

}  // namespace

Status verify_plan(ConstBuffer plan, VariantTable variants, uint32_t model_bytes, uint32_t external_bytes,
                   const uint32_t* extra_bytes, uint32_t extra_count) {
  return Verifier(plan, variants, model_bytes, external_bytes, extra_bytes, extra_count).run();
}

}  // namespace microplan
