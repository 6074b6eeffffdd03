// SPDX-License-Identifier: Apache-2.0
// A kernel, ready to run a case in every manner that its contract allows.
#ifndef MICROPLAN_TESTS_DIFFERENTIAL_SUBJECT_H_
#define MICROPLAN_TESTS_DIFFERENTIAL_SUBJECT_H_

#include <stdint.h>

#include "fake_operator.h"
#include "packed_constants.h"

namespace differential {

using microplan::Footprint;
using microplan::Rows;
using microplan::Variant;

// What is said when something is wrong; the case's identity and its operands come before it.
struct Finding {
  const char* what = nullptr;  // nullptr: nothing is wrong
  const char* manner = "";
  Rows rows = {0, 0};
  int64_t view = -1;
  int64_t at = -1;  // the first byte or element that differs
  int64_t expected = 0, found = 0;
};

// A view's memory in one call.
struct Memory {
  uint8_t* base;
  uint32_t stride, ring_rows;

  uint8_t* row(uint32_t index) const { return base + index % ring_rows * stride; }
};

// The bytes that the reference kernel has written, by view: the output and the states.
struct Expected {
  uint8_t* bytes[Footprint::kMaxViews] = {};
};

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
  // The output over the first input, all at once, row after row, or from the last row to the first.
  enum class Walk : uint8_t { kAtOnce, kRows, kRowsBackwards };
  bool run_overlap(const Expected& expected, Walk walk, Finding* finding);
  // Whether kRowsBackwards is possible: rows lie over rows.
  bool overlaps_backwards() const;

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

}  // namespace differential

#endif  // MICROPLAN_TESTS_DIFFERENTIAL_SUBJECT_H_
