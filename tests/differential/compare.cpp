// SPDX-License-Identifier: Apache-2.0
// One case: the reference kernel once, every kernel of its operator in every manner that its contract allows.
#include <string.h>

#include "differential.h"
#include "microplan/kernels.h"
#include "print.h"

namespace differential {

namespace {

using microplan::Bases;
using microplan::Footprint;
using microplan::Io;
using microplan::kAllVariants;
using microplan::kAllVariantsCount;
using microplan::make_ref;
using microplan::Overlap;
using microplan::PlanView;
using microplan::Ref;
using microplan::Rows;
using microplan::Segment;
using microplan::Target;
using microplan::Variant;

constexpr uint32_t kMaxParamsBytes = 128;  // of the planner
constexpr float kFloatTolerance = 1e-5f;

// What is said when something is wrong; the case's identity and its operands come before it.
struct Finding {
  const char* what = nullptr;  // nullptr: nothing is wrong
  const char* manner = "";
  Rows rows = {0, 0};
  int64_t view = -1;
  int64_t at = -1;  // the first byte or element that differs
  int64_t expected = 0, found = 0;
};

// Packs into blocks of the pool and checks that what is written is what the footprint says.
class Constants final : public microplan::ConstantWriter {
 public:
  Constants(const FakeOperator& op, Pool& pool, Random& random, bool write)
      : op_(op), pool_(pool), random_(random), write_(write) {}

  void tensor(uint32_t index, uint32_t alignment) override {
    finish();
    const TensorInfo info = op_.input(index);
    add(info.index < 0 ? UINT32_MAX : info.bytes, alignment);
    if (info.index >= 0 && write_ && fill_ != nullptr) memcpy(fill_, info.data, info.bytes);
    left_ = 0;
  }
  bool begin(uint32_t bytes) override {
    finish();
    add(bytes, 4);
    return write_;
  }
  void append(const void* data, uint32_t bytes) override {
    if (bytes > left_) {
      problem_ = "pack appends more than it began";
      return;
    }
    if (fill_ != nullptr) memcpy(fill_, data, bytes);
    fill_ = fill_ == nullptr ? nullptr : fill_ + bytes;
    left_ -= bytes;
  }

  // What is wrong with them, nullptr when they agree with the footprint.
  const char* check(const Footprint& footprint) {
    finish();
    if (problem_ != nullptr) return problem_;
    if (count_ != footprint.constant_count) return "pack writes another number of constants than the footprint has";
    for (uint32_t i = 0; i < count_; ++i) {
      const Footprint::Constant& expected = footprint.constant[i];
      if (bytes_[i] == UINT32_MAX) {
        if (!expected.optional) return "a constant is absent that is not optional";
        continue;
      }
      if (bytes_[i] != expected.bytes) return "a constant has another size than the footprint says";
      if (alignment_[i] < expected.alignment) return "a constant is written with less alignment than the footprint asks";
    }
    return nullptr;
  }
  const uint8_t* const* blocks() const { return blocks_; }
  const uint32_t* bytes() const { return bytes_; }
  uint32_t count() const { return count_; }

 private:
  void add(uint32_t bytes, uint32_t alignment) {
    if (count_ == Footprint::kMaxConstants) {
      problem_ = "pack writes too many constants";
      return;
    }
    uint8_t* const block = bytes == UINT32_MAX || !write_ ? nullptr : pool_.take(bytes, alignment, random_);
    if (block == nullptr && bytes != UINT32_MAX && write_) problem_ = "the pool is too small for the constants";
    blocks_[count_] = block;
    bytes_[count_] = bytes;
    alignment_[count_] = alignment;
    ++count_;
    fill_ = block;
    left_ = bytes;
  }
  void finish() {
    if (write_ && left_ != 0 && count_ != 0 && bytes_[count_ - 1] != UINT32_MAX) {
      problem_ = "pack appends less than it began";
    }
    left_ = 0;
  }

  const FakeOperator& op_;
  Pool& pool_;
  Random& random_;
  const bool write_;
  const uint8_t* blocks_[Footprint::kMaxConstants];
  uint32_t bytes_[Footprint::kMaxConstants];
  uint32_t alignment_[Footprint::kMaxConstants];
  uint32_t count_ = 0;
  uint8_t* fill_ = nullptr;
  uint32_t left_ = 0;
  const char* problem_ = nullptr;
};

// A view's memory in one call.
struct Memory {
  uint8_t* base;
  uint32_t stride, ring_rows;

  uint8_t* row(uint32_t index) const { return base + index % ring_rows * stride; }
};

uint32_t sum_of(const uint8_t* bytes, uint32_t count, uint32_t sum) {
  for (uint32_t i = 0; i < count; ++i) sum = sum * 31 + bytes[i];
  return sum;
}

float magnitude(float value) { return value < 0 ? -value : value; }

// The bytes that the reference kernel has written, by view: the output and the states.
struct Expected {
  uint8_t* bytes[Footprint::kMaxViews] = {};
};

// A kernel, ready to run the case.
class Subject {
 public:
  Subject(const Variant& variant, const FakeOperator& op, const void* params, Pool& pool, Random& random)
      : variant_(variant), op_(op), pool_(pool), random_(random), constants_(op, pool, random, true), source_(params) {}

  // Sizes, constants and Params; then run() may be called.
  bool prepare(Finding* finding);

  // Runs rows `rows` on memory of the caller's.
  bool call(Rows rows, const Memory* memory, Finding* finding);

  // All rows at once on whole tensors, whose output and states stay in the pool.
  bool run_reference(Expected* expected, Finding* finding);

  // The same compared with what the reference wrote; `padded`: rows lie apart.
  bool run_whole(const Expected& expected, bool padded, Finding* finding);
  // Ranges of rows, one after the other, on rings of no more rows than a range needs.
  bool run_slices(const Expected& expected, Finding* finding);
  // The output over the first input, all at once or row after row.
  bool run_overlap(const Expected& expected, bool rows_apart, Finding* finding);

  const Footprint& footprint() const { return footprint_; }

 private:
  const Footprint::TensorRows& view(uint32_t index) const { return footprint_.view[index]; }
  uint32_t output_index() const { return footprint_.view_count - 1; }
  bool is_state(uint32_t index) const { return !view(index).operand.is_output && view(index).written; }
  TensorInfo tensor(uint32_t index) const {
    const Operand operand = view(index).operand;
    return operand.is_output ? op_.output(operand.index) : op_.input(operand.index);
  }
  uint32_t view_bytes(uint32_t index) const { return view(index).rows * view(index).row_bytes; }
  const uint8_t* given(uint32_t index) const { return op_.input_data(view(index).operand.index); }

  // Memory for `ring_rows` rows of a view.
  bool take(uint32_t index, uint32_t ring_rows, bool padded, Memory* memory, Finding* finding);
  bool take_whole(uint32_t index, bool padded, Memory* memory, Finding* finding);
  void fill(uint32_t index, Rows rows, const Memory& memory) const;
  // Whether rows of the view are those expected.
  bool check(uint32_t index, Rows rows, const Memory& memory, const Expected& expected, Finding* finding) const;
  bool check_floats(uint32_t index, uint32_t row, const uint8_t* found, const uint8_t* all, Finding* finding) const;
  bool check_states(const Memory* memory, const Expected& expected, Finding* finding) const;
  bool check_inputs(const Memory* memory, const Rows* rows, Finding* finding) const;
  bool slice(Rows rows, const Memory* states, const Expected& expected, Finding* finding);
  static bool set(Finding* finding, const char* what) {
    finding->what = what;
    return false;
  }

  const Variant& variant_;
  const FakeOperator& op_;
  Pool& pool_;
  Random& random_;
  Footprint footprint_;
  Constants constants_;
  const void* const source_;
  uint8_t* params_ = nullptr;
  uint32_t constants_sum_ = 0;
};

bool Subject::prepare(Finding* finding) {
  // A plan aligns Params to 4 bytes.
  params_ = pool_.take(variant_.params_bytes, 4, random_);
  if (params_ == nullptr) return set(finding, "the pool is too small");
  memcpy(params_, source_, variant_.params_bytes);
  if (!variant_.footprint(params_, &footprint_)) return set(finding, "footprint refuses its own Params");
  for (uint32_t i = 0; i < footprint_.view_count; ++i) {
    if (tensor(i).bytes != view_bytes(i)) return set(finding, "the rows of a view are not the tensor");
    if (view(i).row_bytes % view(i).alignment != 0 && view(i).rows > 1) {
      return set(finding, "rows that follow one another are not aligned as asked");
    }
  }
  if (variant_.pack != nullptr) {
    Constants sizes(op_, pool_, random_, false);
    variant_.pack(op_, params_, sizes);
    if (const char* const problem = sizes.check(footprint_)) return set(finding, problem);
    variant_.pack(op_, params_, constants_);
  }
  if (const char* const problem = constants_.check(footprint_)) return set(finding, problem);
  for (uint32_t i = 0; i < constants_.count(); ++i) {
    if (constants_.blocks()[i] != nullptr) {
      constants_sum_ = sum_of(constants_.blocks()[i], constants_.bytes()[i], constants_sum_);
    }
  }
  return true;
}

bool Subject::call(Rows rows, const Memory* memory, Finding* finding) {
  const PoolScope scope(pool_);
  finding->rows = rows;
  uint8_t* scratch = nullptr;
  const uint32_t scratch_bytes =
      variant_.scratch_bytes == nullptr ? 0 : variant_.scratch_bytes(params_, rows.last - rows.first);
  if (scratch_bytes != 0) {
    scratch = pool_.take(scratch_bytes, microplan::kBufferAlignment, random_);
    if (scratch == nullptr) return set(finding, "the pool is too small for the scratch");
  }
  Bases bases = {};
  bases.base[static_cast<uint32_t>(Segment::kPlan)] = pool_.base();
  uint32_t operands[Footprint::kMaxViews * 3 + Footprint::kMaxConstants];
  uint32_t words = 0;
  for (uint32_t i = 0; i < footprint_.view_count; ++i) {
    operands[words++] = make_ref(Segment::kPlan, static_cast<uint32_t>(memory[i].base - pool_.base())).bits;
    operands[words++] = memory[i].stride;
    operands[words++] = memory[i].ring_rows;
  }
  for (uint32_t i = 0; i < constants_.count(); ++i) {
    const uint8_t* const block = constants_.blocks()[i];
    operands[words++] = block == nullptr
                            ? 0
                            : make_ref(Segment::kPlan, static_cast<uint32_t>(block - pool_.base())).bits;
  }
  const Io io(bases, operands, footprint_.view_count, nullptr);
  if (variant_.kernel.run(params_, rows, io, scratch) != Status::kOk) return set(finding, "run fails");
  if (const uint8_t* const damage = pool_.damage()) {
    finding->at = damage - memory[output_index()].base;
    return set(finding, "a byte outside of all buffers was written (its distance from the output's start follows)");
  }
  uint32_t sum = 0;
  for (uint32_t i = 0; i < constants_.count(); ++i) {
    if (constants_.blocks()[i] != nullptr) sum = sum_of(constants_.blocks()[i], constants_.bytes()[i], sum);
  }
  if (sum != constants_sum_ || memcmp(params_, source_, variant_.params_bytes) != 0) {
    return set(finding, "constants or Params were written");
  }
  return true;
}

bool Subject::take(uint32_t index, uint32_t ring_rows, bool padded, Memory* memory, Finding* finding) {
  const Footprint::TensorRows& rows = view(index);
  memory->stride = rows.row_bytes;
  // One row does not show its alignment.
  memory->stride = (memory->stride + rows.alignment - 1u) & ~(rows.alignment - 1u);
  if (padded) memory->stride += rows.alignment * random_.between(1, 5);
  memory->ring_rows = ring_rows;
  // As verify_plan counts: the last row is not padded.
  memory->base = pool_.take((ring_rows - 1) * memory->stride + rows.row_bytes, rows.alignment, random_);
  return memory->base != nullptr || set(finding, "the pool is too small for the tensors");
}

void Subject::fill(uint32_t index, Rows rows, const Memory& memory) const {
  const uint32_t row_bytes = view(index).row_bytes;
  for (uint32_t r = rows.first; r < rows.last; ++r) memcpy(memory.row(r), given(index) + r * row_bytes, row_bytes);
}

bool Subject::take_whole(uint32_t index, bool padded, Memory* memory, Finding* finding) {
  if (!take(index, view(index).rows, padded, memory, finding)) return false;
  if (index != output_index()) fill(index, Rows{0, view(index).rows}, *memory);
  return true;
}

bool Subject::check_floats(uint32_t index, uint32_t row, const uint8_t* found, const uint8_t* all,
                           Finding* finding) const {
  // Inputs and filters are such that values are about 1: where an activation cuts them all off, sums of another order
  // still differ as those of that size do.
  float largest = 1;
  for (uint32_t i = 0; i < view_bytes(index) / 4; ++i) {
    float value;
    memcpy(&value, all + 4 * i, sizeof value);
    if (magnitude(value) > largest) largest = magnitude(value);
  }
  const uint32_t elements = view(index).row_bytes / 4;
  for (uint32_t i = 0; i < elements; ++i) {
    float a, b;
    memcpy(&a, found + 4 * i, sizeof a);
    memcpy(&b, all + 4 * (row * elements + i), sizeof b);
    if (magnitude(a - b) <= kFloatTolerance * largest) continue;
    finding->at = 4 * static_cast<int64_t>(row * elements + i);
    finding->expected = static_cast<int64_t>(b * 1e6f);
    finding->found = static_cast<int64_t>(a * 1e6f);
    return set(finding, "floats differ (in millionths)");
  }
  return true;
}

bool Subject::check(uint32_t index, Rows rows, const Memory& memory, const Expected& expected,
                    Finding* finding) const {
  const uint32_t row_bytes = view(index).row_bytes;
  finding->view = index;
  for (uint32_t r = rows.first; r < rows.last; ++r) {
    const uint8_t* const found = memory.row(r);
    if (tensor(index).type == DataType::kFloat32) {
      if (!check_floats(index, r, found, expected.bytes[index], finding)) return false;
      continue;
    }
    const uint8_t* const wanted = expected.bytes[index] + r * row_bytes;
    for (uint32_t i = 0; i < row_bytes; ++i) {
      if (found[i] == wanted[i]) continue;
      finding->at = r * row_bytes + i;
      finding->expected = static_cast<int8_t>(wanted[i]);
      finding->found = static_cast<int8_t>(found[i]);
      return set(finding, "bytes differ");
    }
  }
  return true;
}

bool Subject::check_states(const Memory* memory, const Expected& expected, Finding* finding) const {
  for (uint32_t i = 0; i < output_index(); ++i) {
    if (is_state(i) && !check(i, Rows{0, 1}, memory[i], expected, finding)) return false;
  }
  return true;
}

// Inputs stay as they were.
bool Subject::check_inputs(const Memory* memory, const Rows* rows, Finding* finding) const {
  for (uint32_t i = 0; i < output_index(); ++i) {
    if (is_state(i)) continue;
    const uint32_t row_bytes = view(i).row_bytes;
    for (uint32_t r = rows[i].first; r < rows[i].last; ++r) {
      if (memcmp(memory[i].row(r), given(i) + r * row_bytes, row_bytes) == 0) continue;
      finding->view = i;
      return set(finding, "an input was written");
    }
  }
  return true;
}

bool Subject::run_reference(Expected* expected, Finding* finding) {
  finding->manner = "reference";
  Memory memory[Footprint::kMaxViews];
  for (uint32_t i = 0; i < footprint_.view_count; ++i) {
    if (!take_whole(i, false, &memory[i], finding)) return false;
    expected->bytes[i] = memory[i].base;
  }
  return call(Rows{0, view(output_index()).rows}, memory, finding);
}

bool Subject::run_whole(const Expected& expected, bool padded, Finding* finding) {
  const PoolScope scope(pool_);
  finding->manner = padded ? "whole tensors, rows apart" : "whole tensors";
  Memory memory[Footprint::kMaxViews];
  Rows rows[Footprint::kMaxViews];
  for (uint32_t i = 0; i < footprint_.view_count; ++i) {
    rows[i] = {0, view(i).rows};
    if (!take_whole(i, padded, &memory[i], finding)) return false;
  }
  const uint32_t output = output_index();
  return call(rows[output], memory, finding) && check(output, rows[output], memory[output], expected, finding) &&
         check_states(memory, expected, finding) && check_inputs(memory, rows, finding);
}

bool Subject::slice(Rows slice_rows, const Memory* states, const Expected& expected, Finding* finding) {
  const PoolScope scope(pool_);
  const uint32_t output = output_index();
  Memory memory[Footprint::kMaxViews];
  Rows rows[Footprint::kMaxViews];
  for (uint32_t i = 0; i < footprint_.view_count; ++i) {
    if (is_state(i)) {
      memory[i] = states[i];
      continue;
    }
    rows[i] = i == output ? slice_rows : variant_.input_rows(params_, i, slice_rows);
    const uint32_t all = view(i).rows;
    if (rows[i].first > rows[i].last || rows[i].last > all) return set(finding, "input_rows names rows that are none");
    uint32_t ring_rows = rows[i].last - rows[i].first;
    if (ring_rows == 0) ring_rows = 1;
    if (random_.one_in(3)) ring_rows = random_.between(ring_rows, all);
    if (!take(i, ring_rows, random_.one_in(3), &memory[i], finding)) return false;
    if (i != output) fill(i, rows[i], memory[i]);
  }
  return call(slice_rows, memory, finding) && check(output, slice_rows, memory[output], expected, finding) &&
         check_inputs(memory, rows, finding);
}

bool Subject::run_slices(const Expected& expected, Finding* finding) {
  const PoolScope scope(pool_);
  finding->manner = "slices";
  Memory states[Footprint::kMaxViews];
  for (uint32_t i = 0; i < output_index(); ++i) {
    if (is_state(i) && !take_whole(i, false, &states[i], finding)) return false;
  }
  const uint32_t all = view(output_index()).rows;
  const uint32_t highest = random_.between(1, all < 6 ? all : 6);
  for (uint32_t first = 0; first < all;) {
    const uint32_t height = random_.between(1, highest);
    const Rows rows = {first, first + height < all ? first + height : all};
    if (!slice(rows, states, expected, finding)) return false;
    first = rows.last;
  }
  return check_states(states, expected, finding);
}

bool Subject::run_overlap(const Expected& expected, bool rows_apart, Finding* finding) {
  const PoolScope scope(pool_);
  finding->manner = rows_apart ? "overlapped, row after row" : "overlapped";
  const uint32_t output = output_index();
  const uint32_t alignment = view(0).alignment > view(output).alignment ? view(0).alignment : view(output).alignment;
  const uint32_t distance = (microplan::overlap_bytes(variant_, params_) + alignment - 1) & ~(alignment - 1);
  const uint32_t behind_input = distance + view_bytes(0);
  const uint32_t needed = behind_input > view_bytes(output) ? behind_input : view_bytes(output);
  uint8_t* const shared = pool_.take(needed, alignment, random_);
  if (shared == nullptr) return set(finding, "the pool is too small for the tensors");
  Memory memory[Footprint::kMaxViews];
  for (uint32_t i = 1; i < output; ++i) {
    if (!take_whole(i, false, &memory[i], finding)) return false;
  }
  memory[0] = {shared + distance, view(0).row_bytes, view(0).rows};
  memory[output] = {shared, view(output).row_bytes, view(output).rows};
  fill(0, Rows{0, view(0).rows}, memory[0]);
  const uint32_t all = view(output).rows;
  const uint32_t height = rows_apart ? 1 : all;
  for (uint32_t first = 0; first < all; first += height) {
    if (!call(Rows{first, first + height}, memory, finding)) return false;
  }
  return check(output, Rows{0, all}, memory[output], expected, finding) && check_states(memory, expected, finding);
}

bool compare_kernel(Subject& subject, const Variant& variant, const void* params, const Expected& expected,
                    Finding* finding) {
  if (!subject.run_whole(expected, false, finding)) return false;
  if (!variant.whole_only && !subject.run_whole(expected, true, finding)) return false;
  const bool cut = !variant.whole_only;
  if (cut && !subject.run_slices(expected, finding)) return false;
  if (microplan::overlap_bytes(variant, params) == microplan::kNoOverlap) return true;
  return subject.run_overlap(expected, false, finding) && (!cut || subject.run_overlap(expected, true, finding));
}

// As the planner matches a row with an operator.
bool takes(const Variant& variant, const Variant& reference, const FakeOperator& op) {
  const DataType input = op.input(0).type;
  return variant.operator_code == reference.operator_code &&
         (variant.input_type == DataType::kNone || variant.input_type == input) &&
         (variant.filter_type == DataType::kNone || variant.filter_type == op.input(1).type) &&
         (variant.output_type == DataType::kNone ? input : variant.output_type) == op.output(0).type;
}

void print_finding(const Generator& generator, const Identity& identity, const Variant& variant, const void* params,
                   const FakeOperator& op, const Finding& finding) {
  // What matters most comes last: of a board's output a failed test shows the end.
  op.print();
  print("  params");
  for (uint32_t i = 0; i + 4 <= variant.params_bytes; i += 4) {
    uint32_t word;
    memcpy(&word, static_cast<const uint8_t*>(params) + i, sizeof word);
    print_hex(word);
  }
  print("\n");
  print(variant.name);
  print(": ");
  print(finding.what);
  print("\n  ");
  print(finding.manner);
  print(", rows [");
  print_number(finding.rows.first);
  print_number(finding.rows.last);
  print(" ), view");
  print_number(finding.view);
  print(", byte");
  print_number(finding.at);
  print(": expected");
  print_number(finding.expected);
  print(", found");
  print_number(finding.found);
  print("\n  to repeat: differential");
  print_number(identity.seed);
  print(" 1 ");
  print(variant.name);
  print_number(identity.number);
  print(" (cases of ");
  print(generator.name);
  print(")\n");
}

uint32_t hash_of(const char* text) {
  uint32_t hash = 0;
  for (; *text != 0; ++text) hash = hash * 31 + static_cast<uint8_t>(*text);
  return hash;
}

}  // namespace

Outcome compare(const Generator& generator, const Identity& identity) {
  Random random(Random(Random(identity.seed).next() ^ hash_of(generator.name)).next() + identity.number);
  Pool pool;
  FakeOperator op(pool, random);
  generator.make(op);
  const Variant* reference = nullptr;
  for (uint32_t i = 0; i < kAllVariantsCount && reference == nullptr; ++i) {
    if (strcmp(kAllVariants[i]->name, generator.name) == 0) reference = kAllVariants[i];
  }
  alignas(8) uint8_t params[kMaxParamsBytes] = {};
  Finding finding;
  if (!op.complete()) {
    finding.what = "the pool is too small for the operator";
  } else if (!takes(*reference, *reference, op)) {
    finding.what = "the generator makes other types";
  } else if (reference->params_bytes > kMaxParamsBytes) {
    finding.what = "Params are larger than the planner's";
  } else if (reference->prepare(op, params) != Status::kOk) {
    return Outcome::kRefused;
  }
  if (finding.what != nullptr) {
    print_finding(generator, identity, *reference, params, op, finding);
    return Outcome::kDiffers;
  }

  Expected expected;
  Subject reference_subject(*reference, op, params, pool, random);
  if (!reference_subject.prepare(&finding) || !reference_subject.run_reference(&expected, &finding)) {
    print_finding(generator, identity, *reference, params, op, finding);
    return Outcome::kDiffers;
  }
  const Target target = {microplan::kKernelFeatures};
  for (uint32_t i = 0; i < kAllVariantsCount; ++i) {
    const Variant& variant = *kAllVariants[i];
    if (!takes(variant, *reference, op) || variant.kernel.run == nullptr ||
        !is_asked_for(variant.name, identity.kernel) ||
        (variant.supports != nullptr && !variant.supports(params, target))) {
      continue;
    }
    const PoolScope scope(pool);
    // Of the kernel's own, so that a case is the same when it is compared alone.
    Random own(hash_of(variant.name) + identity.number);
    Subject subject(variant, op, params, pool, own);
    finding = Finding();
    if (variant.params_bytes != reference->params_bytes) {
      finding.what = "its Params are not those of the reference kernel";
    } else {
      (void)variant.cost(params, target);
    }
    if (finding.what != nullptr || !subject.prepare(&finding) ||
        !compare_kernel(subject, variant, params, expected, &finding)) {
      print_finding(generator, identity, variant, params, op, finding);
      return Outcome::kDiffers;
    }
    ++compared[i];
  }
  return Outcome::kCompared;
}

}  // namespace differential
