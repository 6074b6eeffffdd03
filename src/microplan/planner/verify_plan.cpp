// SPDX-License-Identifier: Apache-2.0
// verify_plan: proves a plan that comes from outside. It trusts no byte of it and reads every structure by copy.
#include <string.h>

#include "microplan/kernels/prepare.h"
#include "microplan/model.h"
#include "microplan/planner.h"
#include "microplan/planner/graph.h"

namespace microplan {

namespace {

// Bytes [first, last) of a segment.
struct Area {
  Segment segment;
  uint64_t first, last;
};

bool are_apart(const Area& a, const Area& b) {
  return a.segment != b.segment || a.last <= b.first || b.last <= a.first;
}

// From the first byte of row `rows.first` to the last of row `rows.last` - 1; there is at least one.
uint64_t bytes_of(const PlanView& view, Rows rows, const Footprint::TensorRows& tensor) {
  return uint64_t{rows.last - rows.first - 1} * view.row_stride + tensor.row_bytes;
}

// Where rows of a view lie; of a ring all of it.
Area area_of(const PlanView& view, Rows rows, const Footprint::TensorRows& tensor) {
  if (view.ring_rows != tensor.rows) rows = {0, view.ring_rows};
  if (rows.first == rows.last) return {view.ref.segment(), 0, 0};
  const uint64_t first = view.ref.offset() + uint64_t{rows.first} * view.row_stride;
  return {view.ref.segment(), first, first + bytes_of(view, rows, tensor)};
}

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
    return check_ios() && check_fills() && check_lists() && check_pushed() && check_steps() ? Status::kOk : Status::kBadPlan;
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
  bool check_pushed() const;
  bool check_steps() const;
  // A step with its kernel's words on it.
  struct StepParts {
    const Variant* variant;
    alignas(8) uint8_t params[kMaxParamsBytes];
    Footprint footprint;
  };
  bool read_step(const PlanStep& step, StepParts* parts) const;
  bool check_step(const PlanStep& step) const;
  bool check_view(const PlanView& view, const Footprint::TensorRows& rows) const;
  bool check_run(const PlanRun& run, uint32_t* overlapping_rows) const;
  bool may_overlap(const PlanStep& step, const StepParts& parts, Rows rows, uint32_t* overlapping_rows) const;
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
                     table(head_.steps, head_.step_count, sizeof(PlanStep)) &&
                     table(head_.runs, head_.run_count, sizeof(PlanRun));
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
    if (i == 0 && head_.pushed != 0) {
      if (kernel.id != kAwaitRows.id) return Status::kBadPlan;
      if (kernel.abi != kAwaitRows.abi) return Status::kKernelAbi;
      last = kernel.id;
      continue;
    }
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
    if (i == 0 && head_.pushed != 0) {
      if (io.bytes != 0 || io.ref.bits != 0) return false;
      continue;
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
    if (list.count > UINT16_MAX || uint64_t{list.first} + list.count > head_.run_count) return false;
  }
  return true;
}

// Where rows are awaited: list 0 is the run that refuses, and before each of the others, which lie one behind the other, stands the run
// that tells how many rows it waits for. No other run awaits anything: check_run() takes none without a step.
bool Verifier::check_pushed() const {
  if (head_.pushed == 0) return true;
  if (!table(head_.pushed, 1, sizeof(PlanView)) || head_.list_count < 2 || head_.kernel_count == 0 ||
      !table(head_.steps, uint64_t{head_.step_count} + 1, sizeof(PlanStep))) {
    return false;
  }
  const PlanView ring = read<PlanView>(head_.pushed, 0);
  uint32_t rows = 0;
  uint64_t next = 0;
  for (uint32_t i = 0; i < head_.list_count; ++i) {
    const PlanList list = read<PlanList>(head_.lists, i);
    if (i == 0) {
      const PlanStep refusal = read<PlanStep>(head_.steps, head_.step_count);
      if (list.first != 0 || list.count != 1 || read<PlanRun>(head_.runs, 0).step != head_.step_count ||
          refusal.kernel != kAwaitRows.id || refusal.operands > plan_bytes_ || refusal.params > plan_bytes_ ||
          refusal.scratch.bits != 0) {
        return false;
      }
      next = 1;
      continue;
    }
    if (list.first != next + 1 || list.first > head_.run_count) return false;
    const PlanRun await = read<PlanRun>(head_.runs, list.first - 1);
    // No row lies over another that is awaited with it.
    if (await.step != kPlanAwait || await.rows.first != rows || await.rows.last <= rows ||
        await.rows.last - rows > ring.ring_rows) {
      return false;
    }
    rows = await.rows.last;
    next = uint64_t{list.first} + list.count;
  }
  // All of the input's bytes, which check_ios() has counted.
  const PlanIo io = read<PlanIo>(head_.ios, 0);
  uint64_t bytes = element_bytes(io.type);
  const uint32_t alignment = static_cast<uint32_t>(bytes);
  for (uint32_t axis = 0; axis < io.rank; ++axis) bytes *= io.dims[axis];
  const Footprint::TensorRows tensor = {input_operand(0), rows, ring.row_stride, static_cast<uint8_t>(alignment), true};
  return next == head_.run_count && uint64_t{rows} * ring.row_stride == bytes && ring.row_stride != 0 &&
         check_view(ring, tensor);
}

bool Verifier::check_steps() const {
  for (uint32_t i = 0; i < head_.step_count; ++i) {
    if (!check_step(read<PlanStep>(head_.steps, i))) return false;
  }
  uint32_t overlapping_rows = 0;
  uint32_t list = 1;  // the next that awaits rows
  for (uint32_t i = head_.pushed != 0; i < head_.run_count; ++i) {
    if (head_.pushed != 0 && list < head_.list_count && read<PlanList>(head_.lists, list).first == i + 1) {
      ++list;
      continue;
    }
    if (!check_run(read<PlanRun>(head_.runs, i), &overlapping_rows)) return false;
  }
  return true;
}

bool Verifier::read_step(const PlanStep& step, StepParts* parts) const {
  bool listed = false;
  for (uint32_t i = 0; i < head_.kernel_count; ++i) {
    if (read<PlanKernel>(head_.kernels, i).id == step.kernel) listed = true;
  }
  parts->variant = variant(step.kernel);
  if (!listed || parts->variant == nullptr || !table(step.params, 1, parts->variant->params_bytes)) return false;
  memcpy(parts->params, plan_ + step.params, parts->variant->params_bytes);
  return parts->variant->footprint(parts->params, &parts->footprint) &&
         parts->footprint.view_count == step.view_count && parts->footprint.constant_count == step.constant_count;
}

bool Verifier::check_step(const PlanStep& step) const {
  const uint32_t view_bytes = step.view_count * uint32_t{sizeof(PlanView)};
  StepParts parts;
  if (!table(step.operands, 1, view_bytes + step.constant_count * uint32_t{sizeof(Ref)}) || !read_step(step, &parts)) {
    return false;
  }
  for (uint32_t i = 0; i < step.view_count; ++i) {
    const PlanView view = read<PlanView>(step.operands, i);
    if (!check_view(view, parts.footprint.view[i])) return false;
    if (parts.variant->whole_only && view.row_stride != parts.footprint.view[i].row_bytes) return false;
  }
  for (uint32_t i = 0; i < step.constant_count; ++i) {
    const Ref ref = read<Ref>(step.operands + view_bytes, i);
    const Footprint::Constant& constant = parts.footprint.constant[i];
    if (ref.bits == 0) {
      if (!constant.optional) return false;
      continue;
    }
    // No step may change what a kernel takes for constant.
    if (ref.segment() > Segment::kExternal || !check_ref(ref, constant.bytes, constant.alignment, false)) return false;
  }
  return true;
}

bool Verifier::check_view(const PlanView& view, const Footprint::TensorRows& rows) const {
  // The stride is bounded also where a single row does not use it: kernels compute the ring's end.
  if (view.ring_rows == 0 || view.ring_rows > rows.rows || view.row_stride < rows.row_bytes ||
      view.row_stride > kMaxBytes || (view.row_stride & (rows.alignment - 1u)) != 0) {
    return false;
  }
  return check_ref(view.ref, bytes_of(view, Rows{0, view.ring_rows}, rows), rows.alignment, rows.written);
}

bool Verifier::check_run(const PlanRun& run, uint32_t* overlapping_rows) const {
  StepParts parts;
  if (run.step >= head_.step_count) return false;
  const PlanStep step = read<PlanStep>(head_.steps, run.step);
  // Steps were checked before: this cannot fail.
  if (!read_step(step, &parts)) return false;
  const Variant& variant = *parts.variant;
  const uint32_t all_rows = parts.footprint.view[step.view_count - 1].rows;
  const Rows rows = run.rows;
  if (rows.first >= rows.last || rows.last > all_rows) return false;
  if (variant.whole_only && (rows.first != 0 || rows.last != all_rows)) return false;

  Area areas[Footprint::kMaxViews];
  for (uint32_t i = 0; i < step.view_count; ++i) {
    const Footprint::TensorRows& tensor = parts.footprint.view[i];
    const PlanView view = read<PlanView>(step.operands, i);
    const Rows needed = tensor.operand.is_output ? rows : variant.input_rows(parts.params, i, rows);
    if (needed.first > needed.last || needed.last > tensor.rows || needed.last - needed.first > view.ring_rows) return false;
    areas[i] = area_of(view, needed, tensor);
  }
  const uint32_t scratch = variant.scratch_bytes == nullptr ? 0 : variant.scratch_bytes(parts.params, rows.last - rows.first);
  if (scratch == 0 ? step.scratch.bits != 0 : !check_ref(step.scratch, scratch, kBufferAlignment, true)) return false;
  const Area scratch_area = {step.scratch.segment(), step.scratch.offset(), uint64_t{step.scratch.offset()} + scratch};

  // Kernels copy from inputs to outputs with memcpy, and believe what they have written into their scratch.
  for (uint32_t i = 0; i < step.view_count; ++i) {
    if (scratch != 0 && !are_apart(areas[i], scratch_area)) return false;
    for (uint32_t k = 0; k < i; ++k) {
      if (!parts.footprint.view[i].operand.is_output && !parts.footprint.view[k].operand.is_output) continue;
      if (are_apart(areas[i], areas[k])) continue;
      if (k != 0 || i != step.view_count - 1u || !may_overlap(step, parts, rows, overlapping_rows)) return false;
    }
  }
  return true;
}

// Whether the output may lie over the first input as it does: overlap_bytes() for these rows.
bool Verifier::may_overlap(const PlanStep& step, const StepParts& parts, Rows rows, uint32_t* overlapping_rows) const {
  const Footprint::TensorRows& in = parts.footprint.view[0];
  const Footprint::TensorRows& out = parts.footprint.view[step.view_count - 1];
  const PlanView input = read<PlanView>(step.operands, 0);
  const PlanView output = read<PlanView>(step.operands, step.view_count - 1u);
  if (parts.variant->overlap == Overlap::kNone || input.ring_rows != in.rows || output.ring_rows != out.rows ||
      input.row_stride != in.row_bytes || output.row_stride != out.row_bytes) {
    return false;
  }
  if (output.ref.offset() <= input.ref.offset() && runs_in_place(*parts.variant, parts.params)) return true;
  if (parts.variant->overlap == Overlap::kElementwise) return false;
  // So that many short runs over long tensors cannot take hours.
  constexpr uint32_t kMaxOverlappingRows = 1u << 20;
  if (rows.last - rows.first > kMaxOverlappingRows - *overlapping_rows) return false;
  *overlapping_rows += rows.last - rows.first;
  for (uint32_t row = rows.first; row != rows.last; ++row) {
    const uint64_t written = output.ref.offset() + (uint64_t{row} + 1) * out.row_bytes;
    const Rows needed = parts.variant->input_rows(parts.params, 0, Rows{row, row + 1});
    // A row of padding.
    if (needed.first == needed.last) continue;
    if (written > input.ref.offset() + uint64_t{needed.first} * in.row_bytes) return false;
  }
  return true;
}

}  // namespace

Status verify_plan(ConstBuffer plan, VariantTable variants, uint32_t model_bytes, uint32_t external_bytes,
                   const uint32_t* extra_bytes, uint32_t extra_count) {
  return Verifier(plan, variants, model_bytes, external_bytes, extra_bytes, extra_count).run();
}

}  // namespace microplan
