// SPDX-License-Identifier: Apache-2.0
#include "microplan/planner/emit.h"

#include <string.h>

#include "microplan/kernels/prepare.h"
#include "microplan/model.h"

namespace microplan {

namespace {

#define TEXT(text) MICROPLAN_DIAGNOSTIC_TEXT(text)

class Emitter final : public ConstantWriter {
 public:
  Emitter(Graph& graph, const PlanWriter& writer, PlanResult& result)
      : graph_(graph), reader_(graph.reader()), writer_(writer), result_(result) {}

  Status run();

  void tensor(uint32_t index, uint32_t alignment) override {
    share_begun();
    add_constant(constant_ref(context_->input(index), alignment));
  }
  bool begin(uint32_t bytes) override {
    share_begun();
    begun_ = begin_constant(bytes, 4);
    fill_ = begun_.offset;
    add_constant(plan_ref(begun_.offset));
    return writer_.write != nullptr;
  }
  void append(const void* data, uint32_t bytes) override {
    write(fill_, data, bytes);
    fill_ += bytes;
  }

 private:
  void emit_operator(uint32_t operator_index);
  void emit_step(const Graph::Context& context, const Graph::Prepared& prepared);
  void emit_kernels();
  void emit_io(uint32_t tensor, uint32_t at);
  void emit_lists();
  void emit_pushed();
  // Returns their number.
  uint32_t emit_fills(bool write_them);
  void emit_header();

  void write(uint64_t offset, const void* data, uint32_t bytes) {
    if (writer_.write == nullptr || status_ != Status::kOk || bytes == 0) return;
    status_ = writer_.write(writer_.user, static_cast<uint32_t>(offset), data, bytes);
  }
  void put(const void* data, uint32_t bytes) {
    write(cursor_, data, bytes);
    cursor_ += bytes;
  }
  void pad(uint32_t alignment) {
    constexpr uint8_t kZeros[kBufferAlignment] = {};
    put(kZeros, static_cast<uint32_t>(-cursor_ & (alignment - 1)));
  }
  Ref plan_ref(uint64_t offset) { return note(make_ref(Segment::kPlan, static_cast<uint32_t>(offset))); }
  Ref note(Ref ref) {
    segments_ |= 1u << static_cast<uint32_t>(ref.segment());
    return ref;
  }
  void add_constant(Ref ref) {
    if (constant_count_ < Footprint::kMaxConstants) constants_[constant_count_++] = ref;
  }
  // A constant in the plan, and where the plan ended before it.
  struct Constant {
    uint64_t before, offset;
    uint32_t bytes, alignment;
  };
  Constant begin_constant(uint32_t bytes, uint32_t alignment);
  uint64_t share(const Constant& constant);
  void share_begun();
  Ref constant_ref(const TensorInfo& info, uint32_t alignment);
  Ref view_ref(uint32_t tensor, uint32_t alignment);

  Graph& graph_;
  TfliteReader& reader_;
  const PlanWriter& writer_;
  PlanResult& result_;
  Status status_ = Status::kOk;
  uint64_t cursor_ = 0;    // where params and constants go
  uint64_t fill_ = 0;      // where the constant that was begun goes on
  Constant begun_ = {};    // that constant, until it is complete; bytes 0: none
  uint32_t operands_ = 0;  // where the next step's operands go
  uint32_t step_ = 0;
  uint32_t segments_ = 0;
  PlanHeader header_ = {};
  const Graph::Context* context_ = nullptr;
  Ref constants_[Footprint::kMaxConstants] = {};
  uint32_t constant_count_ = 0;
};

Emitter::Constant Emitter::begin_constant(uint32_t bytes, uint32_t alignment) {
  Constant constant = {cursor_, 0, bytes, alignment};
  pad(alignment);
  constant.offset = cursor_;
  cursor_ += bytes;
  result_.constant_bytes += bytes;
  return constant;
}

// The offset of a complete constant: its own, or that of an earlier one with the same bytes at its beginning, which takes
// its place. Constants are looked up where the steps before name them, so that nothing has to be remembered.
uint64_t Emitter::share(const Constant& constant) {
  if (!(graph_.options().flags & kPlanSharesConstants) || writer_.write == nullptr) return constant.offset;
  const uint8_t* const plan = static_cast<const uint8_t*>(writer_.written.data);
  if (constant.bytes == 0 || constant.offset + constant.bytes > writer_.written.bytes) return constant.offset;
  const auto is_equal = [&](Ref earlier) {
    const uint64_t offset = earlier.offset();
    return earlier.segment() == Segment::kPlan && (offset & (constant.alignment - 1)) == 0 &&
           offset + constant.bytes <= constant.before &&
           memcmp(plan + offset, plan + constant.offset, constant.bytes) == 0;
  };
  const auto find = [&](const Ref* refs, uint32_t count) -> const Ref* {
    for (uint32_t i = 0; i < count; ++i) {
      if (is_equal(refs[i])) return &refs[i];
    }
    return nullptr;
  };
  const Ref* equal = find(constants_, constant_count_);
  const PlanStep* const steps = reinterpret_cast<const PlanStep*>(plan + header_.steps);
  for (uint32_t i = 0; i < step_ && equal == nullptr; ++i) {
    const uint8_t* const refs = plan + steps[i].operands + steps[i].view_count * sizeof(PlanView);
    equal = find(reinterpret_cast<const Ref*>(refs), steps[i].constant_count);
  }
  if (equal == nullptr) return constant.offset;
  cursor_ = constant.before;
  result_.constant_bytes -= constant.bytes;
  return equal->offset();
}

// A constant that the kernel makes is complete when its next one begins, or all of them are made.
void Emitter::share_begun() {
  if (begun_.bytes == 0) return;
  Ref& ref = constants_[constant_count_ - 1];
  ref = make_ref(Segment::kPlan, static_cast<uint32_t>(share(begun_)));
  begun_ = {};
}

// A constant of the model: where it lies, or a copy in the plan when the plan owns its constants or the kernel needs an
// alignment that the file does not give.
Ref Emitter::constant_ref(const TensorInfo& info, uint32_t alignment) {
  if (info.index < 0) return make_ref(Segment::kNone, 0);
  const uint32_t offset = static_cast<uint32_t>(info.data - reader_.buffer().data());
  if (!(graph_.options().flags & kPlanOwnsConstants) && (offset & (alignment - 1)) == 0) {
    return note(make_ref(Segment::kModel, offset));
  }
  const Constant constant = begin_constant(info.bytes, alignment);
  write(constant.offset, info.data, info.bytes);
  return plan_ref(share(constant));
}

Ref Emitter::view_ref(uint32_t tensor, uint32_t alignment) {
  const TensorRecord& record = graph_.tensor(tensor);
  if (record.storage != Storage::kConstant) return note(graph_.ref(tensor));
  TensorInfo info;
  (void)reader_.tensor(record.root, &info);
  return constant_ref(info, alignment);
}

void Emitter::emit_operator(uint32_t operator_index) {
  TfliteReader::OperatorInfo info;
  (void)reader_.op(operator_index, &info);
  const Graph::Context context(graph_, operator_index, info);
  Graph::Prepared prepared;
  const PlanObserver& observer = graph_.observer();
  if (graph_.is_view(info.builtin_code)) {
    if (writer_.write != nullptr && observer.step != nullptr) {
      observer.step(observer.user, operator_index, -1, nullptr, Cost{});
    }
    return;
  }
  // build() has prepared this operator before, without a finding.
  (void)graph_.prepare(context, &prepared);
  if (writer_.write != nullptr && observer.step != nullptr) {
    observer.step(observer.user, operator_index, static_cast<int32_t>(step_), prepared.variant,
                  prepared.variant->cost(prepared.params, graph_.options().target));
  }
  const uint32_t constants_before = result_.constant_bytes;
  emit_step(context, prepared);
  if (writer_.write != nullptr && observer.constants != nullptr) {
    observer.constants(observer.user, operator_index, result_.constant_bytes - constants_before);
  }
}

void Emitter::emit_step(const Graph::Context& context, const Graph::Prepared& prepared) {
  const Variant& variant = *prepared.variant;
  const Footprint& footprint = prepared.footprint;
  PlanStep step = {};
  step.kernel = variant.kernel.id;
  step.view_count = static_cast<uint8_t>(footprint.view_count);
  step.constant_count = static_cast<uint8_t>(footprint.constant_count);
  step.operands = operands_;
  step.scratch = note(graph_.scratch_ref(context.operator_index()));

  pad(4);
  step.params = static_cast<uint32_t>(cursor_);
  put(prepared.params, variant.params_bytes);

  for (uint32_t i = 0; i < footprint.view_count; ++i) {
    const Footprint::TensorRows& rows = footprint.view[i];
    const uint32_t tensor = static_cast<uint32_t>(context.tensor(rows.operand));
    const uint32_t* const rings = graph_.arrangement().ring_rows;
    const uint32_t ring_rows = rings == nullptr ? 0 : rings[graph_.root(tensor)];
    const PlanView view = {view_ref(tensor, rows.alignment), rows.row_bytes, ring_rows == 0 ? rows.rows : ring_rows};
    write(operands_, &view, sizeof view);
    operands_ += static_cast<uint32_t>(sizeof view);
  }
  constant_count_ = 0;
  context_ = &context;
  if (variant.pack != nullptr) variant.pack(context, prepared.params, *this);
  share_begun();
  write(operands_, constants_, footprint.constant_count * static_cast<uint32_t>(sizeof(Ref)));
  operands_ += footprint.constant_count * static_cast<uint32_t>(sizeof(Ref));

  write(header_.steps + step_ * sizeof step, &step, sizeof step);
  if (graph_.arrangement().runs == nullptr) {
    const PlanRun run = {step_, {0, footprint.view[footprint.view_count - 1].rows}};
    write(header_.runs + step_ * sizeof run, &run, sizeof run);
  }
  ++step_;
}

void Emitter::emit_kernels() {
  // Ascending by id, so that the order of the planner's table does not matter.
  uint32_t at = header_.kernels;
  int32_t last = -1;
  if (header_.pushed != 0) {
    const PlanKernel kernel = {kAwaitRows.id, kAwaitRows.abi};
    write(at, &kernel, sizeof kernel);
    at += static_cast<uint32_t>(sizeof kernel);
  }
  for (;;) {
    const Variant* next = nullptr;
    for (uint32_t i = 0; i < graph_.variants().count; ++i) {
      const Variant* const variant = graph_.variants().variants[i];
      if (!graph_.used(i) || variant->kernel.id <= last) continue;
      if (next == nullptr || variant->kernel.id < next->kernel.id) next = variant;
    }
    if (next == nullptr) return;
    const PlanKernel kernel = {next->kernel.id, next->kernel.abi};
    write(at, &kernel, sizeof kernel);
    at += static_cast<uint32_t>(sizeof kernel);
    last = next->kernel.id;
  }
}

void Emitter::emit_io(uint32_t tensor, uint32_t at) {
  TensorInfo info;
  (void)reader_.tensor(tensor, &info);
  PlanIo io = {};
  if (header_.pushed == 0 || tensor != reader_.input(0)) {
    io.ref = view_ref(tensor, element_bytes(info.type));
    io.bytes = info.bytes;
  }
  io.type = info.type;
  io.rank = info.rank;
  if (info.scale_count != 0) {
    io.scale = info.scale();
    io.zero_point = info.zero_point();
  }
  memcpy(io.dims, info.dims, sizeof io.dims);
  write(at, &io, sizeof io);
}

// Each of the awaiting runs ends a list and begins the next; list 0 is the one run that refuses invoke() then.
void Emitter::emit_lists() {
  uint32_t at = header_.lists;
  const auto put_list = [&](PlanList list) {
    write(at, &list, sizeof list);
    at += static_cast<uint32_t>(sizeof list);
  };
  const uint32_t refusals = header_.pushed != 0;
  PlanList list = {0, refusals};
  for (uint32_t i = refusals; i < header_.run_count; ++i) {
    if (refusals != 0 && graph_.arrangement().runs[i - refusals].step == kPlanAwait) {
      put_list(list);
      list = {i + 1, 0};
    } else {
      ++list.count;
    }
  }
  put_list(list);
}

// The step that refuses invoke(), and where rows of input 0 go. The last awaiting run has the number of them.
void Emitter::emit_pushed() {
  const Arrangement& arrangement = graph_.arrangement();
  uint32_t rows = 0;
  for (uint32_t i = 0; i < arrangement.run_count; ++i) {
    if (arrangement.runs[i].step == kPlanAwait) rows = arrangement.runs[i].rows.last;
  }
  const uint32_t tensor = reader_.input(0);
  TensorInfo info;
  (void)reader_.tensor(tensor, &info);
  const uint32_t ring_rows = arrangement.ring_rows[graph_.root(tensor)];
  const PlanView view = {view_ref(tensor, element_bytes(info.type)), info.bytes / rows,
                         ring_rows == 0 ? rows : ring_rows};
  write(header_.pushed, &view, sizeof view);
  PlanStep refusal = {};
  refusal.kernel = kAwaitRows.id;
  write(header_.steps + header_.step_count * sizeof refusal, &refusal, sizeof refusal);
  const PlanRun run = {header_.step_count, {0, 0}};
  write(header_.runs, &run, sizeof run);
}

// A variable begins as real zero. As in TensorFlow Lite Micro that is the zero point for int8 alone; the bytes of wider
// types are 0 whatever their zero point. Variables lie in the order of their indices; neighbours of one value share a fill.
uint32_t Emitter::emit_fills(bool write_them) {
  uint32_t count = 0;
  PlanFill fill = {};
  const auto flush = [&] {
    if (fill.bytes == 0) return;
    if (write_them) write(header_.fills + count * static_cast<uint32_t>(sizeof fill), &fill, sizeof fill);
    ++count;
  };
  for (uint32_t i = 0; i < reader_.tensor_count(); ++i) {
    if (!graph_.is_state(i)) continue;
    TensorInfo info;
    (void)reader_.tensor(i, &info);
    const uint32_t offset = graph_.ref(i).offset();
    const uint32_t value = info.type == DataType::kInt8 ? static_cast<uint8_t>(info.zero_point()) : 0;
    if (fill.bytes == 0 || fill.value != value) {
      flush();
      fill = {offset, 0, value};
    }
    fill.bytes = offset + info.bytes - fill.offset;
  }
  flush();
  return count;
}

// The kernels that the planner could choose from stand in the header as a hash, in an order of their own.
uint32_t kernel_set_hash(const VariantTable& variants) {
  uint32_t hash = 0;
  for (uint32_t i = 0; i < variants.count; ++i) {
    const PlanKernel kernel = {variants.variants[i]->kernel.id, variants.variants[i]->kernel.abi};
    hash += model_hash(&kernel, sizeof kernel);
  }
  return hash;
}

Status Emitter::run() {
  const bool shares = graph_.options().flags & kPlanSharesConstants;
  if (shares && writer_.write != nullptr && writer_.written.data == nullptr) return Status::kWriteFailed;
  header_.magic = kPlanMagic;
  header_.format = kPlanFormat;
  header_.header_bytes = sizeof header_;
  header_.arena_bytes = result_.arena_bytes;
  header_.state_bytes = result_.state_bytes;
  const PlanOptions& options = graph_.options();
  const ConstBuffer read(reader_.buffer().data(), reader_.buffer().size());
  const ConstBuffer source = options.source.data == nullptr ? read : options.source;
  header_.model_bytes = source.bytes;
  if (writer_.write != nullptr) header_.model_hash = model_hash(source.data, source.bytes);
  header_.passes = options.passes;
  header_.target_features = options.target.features;
  header_.options = options.flags;
  header_.kernel_set_hash = kernel_set_hash(graph_.variants());
  for (uint32_t i = 0; i < graph_.variants().count; ++i) header_.kernel_count += graph_.used(i);
  header_.input_count = static_cast<uint16_t>(reader_.input_count());
  header_.output_count = static_cast<uint16_t>(reader_.output_count());
  const Arrangement& arrangement = graph_.arrangement();
  const uint32_t refusals = (graph_.options().flags & kPlanTakesRows) != 0;
  header_.kernel_count = static_cast<uint16_t>(header_.kernel_count + refusals);
  header_.run_count = arrangement.runs == nullptr ? graph_.step_count() : arrangement.run_count + refusals;
  uint32_t list_count = 1;
  for (uint32_t i = 0; i < arrangement.run_count; ++i) list_count += arrangement.runs[i].step == kPlanAwait;
  header_.list_count = static_cast<uint16_t>(list_count);
  header_.step_count = graph_.step_count();
  header_.kernels = sizeof header_;
  header_.ios = header_.kernels + header_.kernel_count * static_cast<uint32_t>(sizeof(PlanKernel));
  const uint32_t io_count = header_.input_count + header_.output_count;
  header_.fills = header_.ios + io_count * static_cast<uint32_t>(sizeof(PlanIo));
  header_.fill_count = emit_fills(false);
  header_.lists = header_.fills + header_.fill_count * static_cast<uint32_t>(sizeof(PlanFill));
  header_.steps = header_.lists + list_count * static_cast<uint32_t>(sizeof(PlanList));
  header_.runs = header_.steps + (header_.step_count + refusals) * static_cast<uint32_t>(sizeof(PlanStep));
  operands_ = header_.runs + header_.run_count * static_cast<uint32_t>(sizeof(PlanRun));
  if (refusals != 0) {
    header_.pushed = operands_;
    operands_ += static_cast<uint32_t>(sizeof(PlanView));
  }
  cursor_ = operands_ + graph_.operand_words() * 4;

  result_.constant_bytes = 0;
  for (uint32_t i = 0; i < reader_.operator_count() && cursor_ <= kMaxBytes; ++i) emit_operator(i);
  for (uint32_t i = 0; i < io_count && cursor_ <= kMaxBytes; ++i) {
    const uint32_t tensor =
        i < header_.input_count ? reader_.input(i) : reader_.output(i - header_.input_count);
    emit_io(tensor, header_.ios + i * static_cast<uint32_t>(sizeof(PlanIo)));
  }
  if (cursor_ > kMaxBytes || header_.run_count > UINT16_MAX) {
    return graph_.report({Status::kTooLarge, -1, -1, TEXT("the plan would have more than 256 MB or 65,535 runs"),
                          TEXT("use a smaller model"), kNoNumber});
  }
  emit_kernels();
  (void)emit_fills(true);
  emit_lists();
  if (header_.pushed != 0) emit_pushed();
  if (arrangement.runs != nullptr) {
    write(header_.runs + refusals * sizeof(PlanRun), arrangement.runs,
          arrangement.run_count * static_cast<uint32_t>(sizeof(PlanRun)));
  }
  header_.segments = segments_;
  header_.plan_bytes = result_.plan_bytes = static_cast<uint32_t>(cursor_);
  write(0, &header_, sizeof header_);
  return status_;
}

}  // namespace

Status emit_plan(Graph& graph, const PlanWriter& writer, PlanResult& result) {
  return Emitter(graph, writer, result).run();
}

}  // namespace microplan
