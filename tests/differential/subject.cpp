// SPDX-License-Identifier: Apache-2.0
#include "subject.h"

#include <string.h>

namespace differential {

namespace {

using microplan::Bases;
using microplan::Io;
using microplan::make_ref;
using microplan::Segment;

// Of the largest value, as docs/design.md says.
constexpr float kFloatTolerance = 1e-5f;

uint32_t sum_of(const uint8_t* bytes, uint32_t count, uint32_t sum) {
  for (uint32_t i = 0; i < count; ++i) sum = sum * 31 + bytes[i];
  return sum;
}

float magnitude(float value) { return value < 0 ? -value : value; }

bool is_finite(float value) { return magnitude(value) <= 3.402823466e+38f; }

// Infinities are those of the reference; NaN is NaN, whatever its bits.
bool equal_specials(float a, float b) { return a == b || (a != a && b != b); }

}  // namespace

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
    if (is_finite(value) && magnitude(value) > largest) largest = magnitude(value);
  }
  const uint32_t elements = view(index).row_bytes / 4;
  for (uint32_t i = 0; i < elements; ++i) {
    float a, b;
    memcpy(&a, found + 4 * i, sizeof a);
    memcpy(&b, all + 4 * (row * elements + i), sizeof b);
    if (is_finite(b) ? magnitude(a - b) <= kFloatTolerance * largest : equal_specials(a, b)) continue;
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

bool Subject::overlaps_backwards() const {
  return microplan::runs_in_place(variant_, params_) && view(0).row_bytes == view(output_index()).row_bytes;
}

bool Subject::run_overlap(const Expected& expected, Walk walk, Finding* finding) {
  const PoolScope scope(pool_);
  constexpr const char* kManners[] = {"overlapped", "overlapped, row after row", "overlapped, last row first"};
  finding->manner = kManners[static_cast<uint32_t>(walk)];
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
  const uint32_t height = walk == Walk::kAtOnce ? all : 1;
  for (uint32_t done = 0; done < all; done += height) {
    const uint32_t first = walk == Walk::kRowsBackwards ? all - 1 - done : done;
    if (!call(Rows{first, first + height}, memory, finding)) return false;
  }
  return check(output, Rows{0, all}, memory[output], expected, finding) && check_states(memory, expected, finding);
}

}  // namespace differential
