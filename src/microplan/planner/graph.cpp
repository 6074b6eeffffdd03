// SPDX-License-Identifier: Apache-2.0
#include "microplan/planner/graph.h"

#include <string.h>

#include "microplan/kernels/prepare.h"

namespace microplan {

#define TEXT(text) MICROPLAN_DIAGNOSTIC_TEXT(text)

const ViewOperator kViewOperators[] = {{22, "RESHAPE"}, {43, "SQUEEZE"}, {70, "EXPAND_DIMS"}};
const uint32_t kViewOperatorsCount = sizeof kViewOperators / sizeof kViewOperators[0];

int32_t Graph::Context::tensor(Operand operand) const {
  const Flatbuffer::Vector& operands = operand.is_output ? info_.outputs : info_.inputs;
  return operand.index < operands.count ? graph_.reader_.operand(operands, operand.index) : -1;
}

TensorInfo Graph::Context::tensor_info(Operand operand) const {
  const uint32_t slot = operand.is_output ? kCachedInputs : operand.index;
  const bool cached = operand.is_output ? operand.index == 0 : slot < kCachedInputs;
  if (cached && (cache_filled_ & (1u << slot)) != 0) return cache_[slot];
  TensorInfo info;
  const int32_t index = tensor(operand);
  // Operands were checked before any context is used, so that reading them again cannot fail.
  if (index >= 0) (void)graph_.reader_.tensor(static_cast<uint32_t>(index), &info);
  if (cached) {
    cache_[slot] = info;
    cache_filled_ |= 1u << slot;
  }
  return info;
}

Status Graph::Context::fail(Status status, Operand operand, const char* reason, const char* fix, int64_t found) const {
  return graph_.report({status, static_cast<int32_t>(operator_index_), tensor(operand), reason, fix, found});
}

template <typename T>
T Graph::Context::option(uint32_t field, T absent) const {
  // From a copy: a failure would stick to the reader's buffer, and what prepare reads next would be empty.
  Flatbuffer buffer = graph_.reader_.buffer();
  const T value = buffer.scalar<T>(info_.options, field, absent);
  if (buffer.status() != Status::kOk) options_damaged_ = true;
  return value;
}

int32_t Graph::Context::int32_field(uint32_t field, int32_t absent) const { return option(field, absent); }
uint8_t Graph::Context::uint8_field(uint32_t field, uint8_t absent) const { return option(field, absent); }
float Graph::Context::float_field(uint32_t field, float absent) const { return option(field, absent); }

Status Graph::report(const Diagnostic& diagnostic) {
  if (result_.status == Status::kOk) {
    result_.status = diagnostic.status;
    result_.operator_index = diagnostic.operator_index;
    result_.tensor_index = diagnostic.tensor_index;
  }
  if (observer_.diagnostic != nullptr) observer_.diagnostic(observer_.user, diagnostic);
  return diagnostic.status;
}

Status Graph::build(Buffer workspace) {
  const Finding finding = reader_.open();
  if (finding.status != Status::kOk) {
    return report({finding.status, -1, -1, finding.reason, finding.fix, finding.found});
  }
  Status status = take(workspace);
  if (status != Status::kOk) return status;
  status = declare_inputs();
  if (status != Status::kOk) return status;
  // A finding does not end the walk: the caller learns all of them at once. A damaged file does.
  uint32_t visited = 0;
  while (visited < reader_.operator_count() && reader_.buffer().status() == Status::kOk) (void)visit(visited++);
  if (result_.status != Status::kOk) return result_.status;
  if (reader_.buffer().status() != Status::kOk) {
    // The damage is in a field that nobody checks when reading it: a shape signature.
    const Finding damage = reader_.broken();
    return report({damage.status, static_cast<int32_t>(visited) - 1, -1, damage.reason, damage.fix, damage.found});
  }
  return finish_outputs();
}

Status Graph::take(Buffer workspace) {
  const uint32_t tensors = reader_.tensor_count();
  const uint32_t placements = tensors + reader_.operator_count();
  result_.workspace_bytes = static_cast<uint32_t>(tensors * sizeof(TensorRecord) + placements * sizeof(Placement)) +
                            ((variants_.count + 3) & ~3u);
  if (workspace.data == nullptr || workspace.bytes < result_.workspace_bytes ||
      (reinterpret_cast<uintptr_t>(workspace.data) & 3) != 0) {
    return report({Status::kWorkspaceTooSmall, -1, -1, TEXT("the planner's workspace is too small or misaligned"),
                   TEXT("give it workspace_bytes bytes on a 4-byte boundary"), result_.workspace_bytes});
  }
  uint8_t* next = static_cast<uint8_t*>(workspace.data);
  placements_ = reinterpret_cast<Placement*>(next);
  next += placements * sizeof(Placement);
  tensors_ = reinterpret_cast<TensorRecord*>(next);
  next += tensors * sizeof(TensorRecord);
  used_ = next;
  for (uint32_t i = 0; i < placements; ++i) placements_[i] = Placement{};
  for (uint32_t i = 0; i < tensors; ++i) {
    tensors_[i] = TensorRecord{};
    tensors_[i].root = i;
  }
  memset(used_, 0, variants_.count);
  return Status::kOk;
}

// Checks a tensor when an operator first names it, so that tensors that nothing uses cannot stop a model.
bool Graph::check_tensor(int32_t operator_index, uint32_t index) {
  TensorRecord& record = tensors_[index];
  if (record.checked) return record.sound;
  record.checked = true;
  const Finding finding = reader_.check_tensor(index);
  if (finding.status != Status::kOk) {
    (void)report({finding.status, operator_index, static_cast<int32_t>(index), finding.reason, finding.fix,
                  finding.found});
    return false;
  }
  record.sound = true;
  TensorInfo info;
  (void)reader_.tensor(index, &info);
  if (info.is_variable) {
    record.storage = Storage::kState;
  } else if (info.is_constant) {
    record.storage = Storage::kConstant;
  }
  if (record.storage != Storage::kConstant) {
    placements_[index].bytes = info.bytes;
    placements_[index].alignment = element_bytes(info.type);
  }
  return true;
}

Status Graph::declare_inputs() {
  for (uint32_t i = 0; i < reader_.input_count(); ++i) {
    const uint32_t index = reader_.input(i);
    if (!check_tensor(-1, index)) continue;
    if (tensors_[index].storage != Storage::kUnknown) {
      return report({Status::kModelMalformed, -1, static_cast<int32_t>(index),
                     TEXT("an input of the model is a constant, a variable or named twice"),
                     TEXT("convert the model again"), kNoNumber});
    }
    if (reader_.has_open_dimension(index)) {
      (void)report({Status::kDynamicShape, -1, static_cast<int32_t>(index),
                    TEXT("the input has a dimension beside the batch that is not fixed"),
                    TEXT("give the model a fixed input shape before converting it"), kNoNumber});
    }
    tensors_[index].storage = Storage::kArena;
  }
  return result_.status;
}

bool Graph::check_operands(const Context& context) {
  bool sound = true;
  for (uint32_t i = 0; i < context.input_count() + context.output_count(); ++i) {
    const bool is_output = i >= context.input_count();
    const Operand operand = {is_output, static_cast<uint8_t>(is_output ? i - context.input_count() : i)};
    const int32_t index = context.tensor(operand);
    if (index < 0) continue;
    if (!check_tensor(static_cast<int32_t>(context.operator_index()), static_cast<uint32_t>(index))) {
      sound = false;
      continue;
    }
    const TensorRecord& record = tensors_[index];
    if (is_output ? record.storage != Storage::kUnknown : record.storage == Storage::kUnknown) {
      (void)context.fail(Status::kModelMalformed, operand,
                         is_output ? TEXT("an output is computed twice, or is an input or a constant of the model")
                                   : TEXT("an input is read before any operator computes it"),
                         TEXT("convert the model again"), kNoNumber);
      sound = false;
    }
  }
  return sound;
}

bool Graph::is_view(uint32_t code) {
  for (const ViewOperator& view : kViewOperators) {
    if (view.code == code) return true;
  }
  return false;
}

Status Graph::visit(uint32_t operator_index) {
  TfliteReader::OperatorInfo info;
  const Finding finding = reader_.op(operator_index, &info);
  if (finding.status != Status::kOk) {
    return report({finding.status, static_cast<int32_t>(operator_index), -1, finding.reason, finding.fix,
                   finding.found});
  }
  const Context context(*this, operator_index, info);
  const bool sound = check_operands(context);
  const Status status = is_view(info.builtin_code) ? (sound ? visit_view(context) : result_.status)
                                                   : (sound ? visit_step(context) : result_.status);
  // What a failed operator would have computed counts as computed, so that its readers are not reported as well.
  for (uint32_t i = 0; i < info.outputs.count; ++i) {
    TensorRecord& record = tensors_[reader_.operand(info.outputs, i)];
    if (record.storage == Storage::kUnknown) record.storage = Storage::kArena;
  }
  return status;
}

Status Graph::visit_view(const Context& context) {
  const TensorInfo input = context.input(0);
  const TensorInfo output = context.output(0);
  if (context.output_count() != 1 || input.index < 0 || input.type != output.type || input.bytes != output.bytes) {
    return context.fail(Status::kUnsupportedShape, output_operand(0),
                        TEXT("input and output do not have the same type and number of elements"),
                        TEXT("convert the model again"), kNoNumber);
  }
  const uint32_t root = tensors_[input.index].root;
  if (tensors_[root].storage == Storage::kState) {
    return context.fail(Status::kUnsupportedOption, input_operand(0), TEXT("a variable is reshaped"),
                        TEXT("reshape what is computed from the variable instead"), kNoNumber);
  }
  tensors_[output.index].root = root;
  tensors_[output.index].storage = tensors_[root].storage;
  placements_[output.index].bytes = 0;
  return Status::kOk;
}

namespace {

bool takes(const Variant& variant, DataType input, DataType filter, DataType output) {
  return (variant.input_type == DataType::kNone || variant.input_type == input) &&
         (variant.filter_type == DataType::kNone || variant.filter_type == filter) &&
         (variant.output_type == DataType::kNone ? input : variant.output_type) == output;
}

// Whether the variant can run an operator with these Params under these options.
bool runs(const Variant& variant, const void* params, const PlanOptions& options) {
  return (variant.features & ~options.target.features) == 0 &&
         (!variant.packs || (options.flags & kPlanOwnsConstants)) &&
         (!variant.expands || (options.flags & (kPlanPrefersSpeed | kPlanTakesFirst))) &&
         (variant.supports == nullptr || variant.supports(params, options.target));
}

// What a variant is chosen by: the smaller is the better, `then` decides between equals.
struct Choice {
  uint64_t first, then;
};

Choice rate(const Variant& variant, const void* params, const PlanOptions& options) {
  const Cost cost = variant.cost(params, options.target);
  if (options.flags & kPlanPrefersFlash) return {cost.constant_bytes, cost.instructions};
  if (!(options.flags & kPlanPrefersRam) || variant.scratch_bytes == nullptr) {
    return {options.flags & kPlanPrefersRam ? 0 : cost.instructions, cost.instructions};
  }
  Footprint footprint;
  if (!variant.footprint(params, &footprint)) return {UINT64_MAX, UINT64_MAX};
  return {variant.scratch_bytes(params, footprint.view[footprint.view_count - 1].rows), cost.instructions};
}

}  // namespace

Status Graph::prepare(const Context& context, Prepared* prepared) {
  const uint32_t code = context.info().builtin_code;
  const TensorInfo input = context.input(0);
  const TensorInfo filter = context.input(1);
  const TensorInfo output = context.output(0);
  const Variant* best = nullptr;
  Choice best_choice = {};
  bool known = false;
  for (uint32_t i = 0; i < variants_.count; ++i) {
    const Variant& variant = *variants_.variants[i];
    if (variant.operator_code != code) continue;
    known = true;
    if (!takes(variant, input.type, filter.type, output.type)) continue;
    // Variants of one operator and types share prepare, so the Params of the first serve all.
    if (best == nullptr && prepared->variant == nullptr) {
      prepared->variant = &variant;
      const Status status = variant.prepare(context, prepared->params);
      if (status != Status::kOk) return status;
      if (context.options_damaged()) {
        return context.fail(Status::kModelMalformed, output_operand(0),
                            TEXT("an option of the operator lies outside of its table"), TEXT("convert the model again"),
                            kNoNumber);
      }
    }
    if (!runs(variant, prepared->params, options_)) continue;
    const Choice choice = rate(variant, prepared->params, options_);
    if (best == nullptr || choice.first < best_choice.first ||
        (choice.first == best_choice.first && choice.then < best_choice.then)) {
      best = &variant;
      best_choice = choice;
      if (options_.flags & kPlanTakesFirst) break;
    }
  }
  if (best == nullptr) {
    if (known) {
      return context.fail(Status::kUnsupportedType, input_operand(0),
                          TEXT("no kernel of this operator takes these input, filter and output types"),
                          TEXT("convert the model with full int8 quantization (see docs/operators.md)"),
                          static_cast<int64_t>(input.type));
    }
    return context.fail(Status::kUnsupportedOperator, output_operand(0), TEXT("there is no kernel for this operator"),
                        TEXT("replace it in the model by supported operators (see docs/operators.md)"), code);
  }
  prepared->variant = best;
  if (!best->footprint(prepared->params, &prepared->footprint)) {
    return context.fail(Status::kTooLarge, output_operand(0), TEXT("the operator's tensors are too large"),
                        TEXT("use a smaller model"), kNoNumber);
  }
  return Status::kOk;
}

Status Graph::visit_step(const Context& context) {
  Prepared prepared;
  const Status status = prepare(context, &prepared);
  if (status != Status::kOk) return status;
  const Variant& variant = *prepared.variant;
  const uint32_t step = step_count_++;
  for (uint32_t i = 0; i < variants_.count; ++i) {
    if (variants_.variants[i] == &variant) used_[i] = 1;
  }
  const Footprint& footprint = prepared.footprint;
  for (uint32_t i = 0; i < footprint.view_count; ++i) {
    const Footprint::TensorRows& view = footprint.view[i];
    const int32_t index = context.tensor(view.operand);
    TensorRecord& record = tensors_[index];
    if (view.operand.is_output && record.storage == Storage::kUnknown) {
      record.storage = Storage::kArena;
      placements_[index].first = step;
    }
    use(static_cast<uint32_t>(index), step, view.alignment);
  }
  operand_words_ += footprint.view_count * 3 + footprint.constant_count;
  if (variant.scratch_bytes != nullptr) {
    const Footprint::TensorRows& output = footprint.view[footprint.view_count - 1];
    Placement& scratch = placements_[reader_.tensor_count() + context.operator_index()];
    scratch.bytes = variant.scratch_bytes(prepared.params, output.rows);
    scratch.alignment = kBufferAlignment;
    scratch.first = scratch.last = step;
  }
  return Status::kOk;
}

void Graph::use(uint32_t tensor, uint32_t step, uint32_t alignment) {
  Placement& placement = placements_[tensors_[tensor].root];
  if (placement.last < step) placement.last = step;
  if (placement.alignment < alignment) placement.alignment = alignment;
}

Status Graph::finish_outputs() {
  for (uint32_t i = 0; i < reader_.output_count(); ++i) {
    const uint32_t index = reader_.output(i);
    if (!check_tensor(-1, index) || tensors_[index].storage == Storage::kUnknown) {
      return report({Status::kModelMalformed, -1, static_cast<int32_t>(index),
                     TEXT("no operator computes this output of the model"), TEXT("convert the model again"), kNoNumber});
    }
    use(index, step_count_, 1);
  }
  if ((options_.flags & kPlanTakesRows) && (options_.arranger == nullptr || (options_.flags & kPlanPinsInputs))) {
    return report({Status::kUnsupportedOption, -1, -1,
                   TEXT("a plan that takes rows needs an arranger and does not keep its inputs"),
                   TEXT("leave out one of the options"), kNoNumber});
  }
  if (options_.flags & kPlanPinsInputs) {
    for (uint32_t i = 0; i < reader_.input_count(); ++i) use(reader_.input(i), step_count_, 1);
  }
  return Status::kOk;
}

Status Graph::place() {
  // Variables lie one after the other in the state buffer; the arena takes the rest.
  uint64_t state_bytes = 0;
  const uint32_t tensors = reader_.tensor_count();
  for (uint32_t i = 0; i < tensors; ++i) {
    Placement& placement = placements_[i];
    if (tensors_[i].storage != Storage::kState || placement.bytes == 0) continue;
    const uint64_t mask = placement.alignment - 1;
    const uint64_t offset = (state_bytes + mask) & ~mask;
    placement.offset = static_cast<uint32_t>(offset);
    state_bytes = offset + placement.bytes;
    if (state_bytes > kMaxBytes) break;
    if (observer_.placed != nullptr) {
      observer_.placed(observer_.user, static_cast<int32_t>(i), ref(i), placement.bytes, 0, step_count_);
    }
    placement.bytes = 0;
  }
  uint32_t arena_bytes = 0;
  if (options_.arranger == nullptr) {
    arena_bytes = place_greedy(placements_, placement_count());
  } else {
    arrangement_ = options_.arranger->arrange(*this, &arena_bytes);
    if (result_.status != Status::kOk) return result_.status;
  }
  if (arena_bytes == UINT32_MAX || state_bytes > kMaxBytes) {
    return report({Status::kTooLarge, -1, -1, TEXT("the model needs more than 256 MB of memory"),
                   TEXT("use a smaller model"), kNoNumber});
  }
  result_.arena_bytes = arena_bytes;
  result_.state_bytes = static_cast<uint32_t>(state_bytes);
  for (uint32_t i = 0; observer_.placed != nullptr && i < tensors + reader_.operator_count(); ++i) {
    const Placement& placement = placements_[i];
    if (placement.bytes == 0) continue;
    observer_.placed(observer_.user, i < tensors ? static_cast<int32_t>(i) : -1,
                     make_ref(Segment::kArena, placement.offset), placement.bytes, placement.first, placement.last);
  }
  return Status::kOk;
}

Ref Graph::ref(uint32_t index) const {
  const uint32_t root = tensors_[index].root;
  return make_ref(tensors_[root].storage == Storage::kState ? Segment::kState : Segment::kArena,
                  placements_[root].offset);
}

Ref Graph::scratch_ref(uint32_t operator_index) const {
  const Placement& scratch = placements_[reader_.tensor_count() + operator_index];
  return scratch.bytes == 0 ? make_ref(Segment::kNone, 0) : make_ref(Segment::kArena, scratch.offset);
}

}  // namespace microplan
