// SPDX-License-Identifier: Apache-2.0
// push_rows() by itself: a hand-made plan whose input of four rows exists as a ring of two.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <stddef.h>

#include "microplan/model.h"

using namespace microplan;

namespace {

bool fails = false;

// Adds input rows r and r + 1 of one byte into the output for output row r.
Status sum_run(const void*, Rows rows, const Io& io, void*) {
  if (fails) return Status::kUnsupportedOption;
  uint8_t* const sum = io.view(1).row(0);
  if (rows.first == 0) *sum = 0;
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    *sum = static_cast<uint8_t>(*sum + *io.view(0).row(row) + *io.view(0).row(row + 1));
  }
  return Status::kOk;
}

constexpr Kernel kSum = {1, 1, sum_run};
constexpr Kernel kKernels[] = {kSum, kAwaitRows};
constexpr Kernel kWithoutAwait[] = {kSum};

struct alignas(kBufferAlignment) PushedPlan {
  PlanHeader head = {};
  PlanKernel kernels[2] = {{kAwaitRows.id, kAwaitRows.abi}, {kSum.id, kSum.abi}};
  PlanIo ios[2] = {};
  PlanList lists[4] = {{0, 1}, {2, 1}, {4, 1}, {6, 0}};
  PlanStep steps[2] = {};
  // The last row is read by nobody.
  PlanRun runs[6] = {{1, {0, 0}}, {kPlanAwait, {0, 2}}, {0, {0, 1}}, {kPlanAwait, {2, 3}}, {0, {1, 2}}, {kPlanAwait, {3, 4}}};
  PlanView pushed = {make_ref(Segment::kArena, 0), 1, 2};
  PlanView views[2] = {{make_ref(Segment::kArena, 0), 1, 2}, {make_ref(Segment::kArena, 2), 1, 1}};

  PushedPlan() {
    head.magic = kPlanMagic;
    head.format = kPlanFormat;
    head.header_bytes = sizeof head;
    head.plan_bytes = sizeof *this;
    head.arena_bytes = 16;
    head.segments = 1u << static_cast<uint32_t>(Segment::kArena);
    head.kernel_count = 2;
    head.input_count = head.output_count = 1;
    head.list_count = 4;
    head.step_count = 1;
    head.kernels = offsetof(PushedPlan, kernels);
    head.ios = offsetof(PushedPlan, ios);
    head.lists = offsetof(PushedPlan, lists);
    head.steps = offsetof(PushedPlan, steps);
    head.fills = offsetof(PushedPlan, lists);
    head.pushed = offsetof(PushedPlan, pushed);
    head.runs = offsetof(PushedPlan, runs);
    head.run_count = 6;
    for (PlanIo& io : ios) io.type = DataType::kUInt8;
    ios[1].ref = make_ref(Segment::kArena, 2);
    ios[1].bytes = 1;
    steps[0] = {kSum.id, 2, 0, offsetof(PushedPlan, views), offsetof(PushedPlan, views), make_ref(Segment::kNone, 0)};
    steps[1].kernel = kAwaitRows.id;
  }
};

struct Fixture {
  PushedPlan plan;
  alignas(kBufferAlignment) uint8_t arena[16] = {};
  Model model;
  const uint8_t rows[5] = {1, 10, 100, 7, 9};

  Fixture() { CHECK(model.init(&plan, kKernels, Memory(Buffer(arena, sizeof arena))) == Status::kOk); }
  void check_sum() const { CHECK(*model.output().raw() == 1 + 10 + 10 + 100); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "rows one by one") {
  CHECK(model.input_rows() == 4);
  CHECK(model.input_row_bytes() == 1);
  for (int inference = 0; inference < 2; ++inference) {
    for (uint32_t row = 0; row < 3; ++row) {
      CHECK(model.push_rows(rows + row, 1) == Status::kNotReady);
      CHECK(model.needed() == 3 - row);
    }
    CHECK(model.push_rows(rows + 3, 1) == Status::kOk);
    CHECK(model.needed() == 0);
    check_sum();
  }
}

TEST_CASE_FIXTURE(Fixture, "rows in pieces and all at once") {
  CHECK(model.push_rows(rows, 3) == Status::kNotReady);
  CHECK(model.push_rows(rows + 3, 0) == Status::kNotReady);
  CHECK(model.push_rows(rows + 3, 1) == Status::kOk);
  check_sum();
  CHECK(model.push_rows(rows, 4) == Status::kOk);
  check_sum();
}

TEST_CASE_FIXTURE(Fixture, "too many rows change nothing") {
  CHECK(model.push_rows(rows, 5) == Status::kTooManyRows);
  CHECK(model.push_rows(rows, 2) == Status::kNotReady);
  CHECK(model.push_rows(rows + 2, 3) == Status::kTooManyRows);
  CHECK(model.needed() == 2);
  CHECK(model.push_rows(rows + 2, 2) == Status::kOk);
  check_sum();
}

TEST_CASE_FIXTURE(Fixture, "invoke and step refuse, at any time") {
  CHECK(model.invoke() == Status::kTakesRows);
  CHECK(model.push_rows(rows, 2) == Status::kNotReady);
  CHECK(model.invoke() == Status::kTakesRows);
  CHECK(model.step() == Status::kTakesRows);
  CHECK(model.push_rows(rows + 2, 2) == Status::kOk);
  check_sum();
}

TEST_CASE_FIXTURE(Fixture, "reset drops a half-given input") {
  CHECK(model.push_rows(rows + 1, 2) == Status::kNotReady);
  model.reset();
  CHECK(model.push_rows(rows, 4) == Status::kOk);
  check_sum();
}

TEST_CASE_FIXTURE(Fixture, "after a failure the next push begins another inference") {
  fails = true;
  CHECK(model.push_rows(rows, 3) == Status::kUnsupportedOption);
  fails = false;
  CHECK(model.push_rows(rows, 4) == Status::kOk);
  check_sum();
}

TEST_CASE_FIXTURE(Fixture, "the input has no memory") {
  CHECK(model.input().bytes() == 0);
  CHECK(model.input().raw() == nullptr);
  model.input().set(0, 1.0f);
}

TEST_CASE_FIXTURE(Fixture, "a plan without rows, and none") {
  Model none;
  CHECK(none.push_rows(rows, 1) == Status::kNotInitialized);
  plan.head.pushed = 0;
  CHECK(model.push_rows(rows, 1) == Status::kTakesNoRows);
  CHECK(model.input_rows() == 0);
}

TEST_CASE_FIXTURE(Fixture, "the kernel table needs the row that refuses") {
  CHECK(model.init(&plan, kWithoutAwait, Memory(Buffer(arena, sizeof arena))) == Status::kKernelMissing);
  CHECK(model.needed() == kAwaitRows.id);
}
