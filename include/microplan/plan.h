// SPDX-License-Identifier: Apache-2.0
// The plan: a flat, position-independent description of one inference. Fixed-width little-endian integers and 32-bit
// offsets from the plan's first byte; no pointer, no size_t. A plan lies on a 16-byte boundary.
//
//   PlanHeader | PlanKernel[kernel_count] | PlanIo[input_count + output_count] | PlanFill[fill_count] |
//   PlanList[list_count] | PlanStep[step_count] | PlanRun[run_count] | operand words | params and plan constants
#ifndef MICROPLAN_PLAN_H_
#define MICROPLAN_PLAN_H_

#include <stdint.h>

#include "microplan/types.h"

namespace microplan {

constexpr uint32_t kPlanMagic = 0x4E4C504Du;  // "MPLN"
constexpr uint16_t kPlanFormat = 2;

// What a Ref's offset counts from.
enum class Segment : uint8_t {
  kNone = 0,      // an absent operand
  kPlan = 1,      // constants inside the plan
  kModel = 2,     // the .tflite file
  kExternal = 3,  // constants that the caller keeps elsewhere
  kState = 4,     // the state buffer
  kArena = 5,     // arena region 0
  kExtra = 6,     // kExtra + i: entry i of the caller's table of further buffers (arena regions, zero-copy inputs)
};
constexpr uint32_t kSegmentCount = 16;

// {segment, offset} in one word: the segment in the top 4 bits, the byte offset in the low 28.
struct Ref {
  uint32_t bits;

  constexpr Segment segment() const { return static_cast<Segment>(bits >> 28); }
  constexpr uint32_t offset() const { return bits & kMaxOffset; }
  static constexpr uint32_t kMaxOffset = 0x0fffffffu;
};
constexpr Ref make_ref(Segment segment, uint32_t offset) {
  return Ref{(static_cast<uint32_t>(segment) << 28) | offset};
}

// What the planner was asked for; the bits of PlanHeader::options and PlanOptions::flags.
enum PlanFlag : uint32_t {
  kPlanOwnsConstants = 1u << 0,  // filters and biases are copied (or packed) into the plan; else it refers to the model
  kPlanPinsInputs = 1u << 1,     // inputs keep their bytes after an inference
  // Which of the kernels that can run an operator is taken: the first of the table; or that with the fewest instructions,
  // whatever its constants take; or that with the least scratch; or that with the smallest constants. Without any of
  // these bits the fewest instructions among those whose constants do not expand.
  kPlanTakesFirst = 1u << 2,
  kPlanPrefersSpeed = 1u << 3,
  kPlanPrefersRam = 1u << 4,
  kPlanPrefersFlash = 1u << 5,
  // The laptop chose the order of rows and placed the tensors by it: outputs may lie over inputs, and a tensor may exist
  // only as a ring of rows.
  kPlanArranged = 1u << 6,
  // Constants of equal bytes stand in the plan once. Only where the plan is made in a buffer; see PlanResult::plan_bytes.
  kPlanSharesConstants = 1u << 7,
  // Input 0 comes row by row through Model::push_rows(), and only a ring of its rows exists. With an arranger.
  kPlanTakesRows = 1u << 8,
};

struct PlanHeader {
  uint32_t magic;
  uint16_t format;
  uint16_t header_bytes;
  uint32_t plan_bytes;
  uint32_t arena_bytes;      // arena region 0
  uint32_t state_bytes;
  uint32_t model_bytes;      // size of the source model
  uint32_t model_hash;       // model_hash() of the source model
  uint32_t target_features;  // TargetFeature bits that kernels were chosen for
  uint32_t options;          // PlanFlag bits
  uint32_t kernel_set_hash;  // model_hash() over the {id, abi} pairs that the planner could choose from
  uint32_t segments;         // bit s: some Ref uses segment s
  uint16_t kernel_count;
  uint16_t input_count;
  uint16_t output_count;
  uint16_t list_count;
  uint32_t step_count;
  uint32_t kernels;          // offset of PlanKernel[kernel_count], ascending by id
  uint32_t ios;              // offset of PlanIo[input_count + output_count], inputs first
  uint32_t lists;            // offset of PlanList[list_count]; an inference begins with list 0; where rows are
                             // pushed that one refuses, and each of the others runs when its rows are there
  uint32_t steps;            // offset of PlanStep[step_count]; where rows are pushed one more, which refuses invoke()
  uint32_t fills;            // offset of PlanFill[fill_count]
  uint32_t fill_count;
  uint32_t passes;           // bit i: graph pass i of the laptop's planner ran
  uint32_t runs;             // offset of PlanRun[run_count]
  uint32_t run_count;
  uint32_t pushed;           // offset of the PlanView that the rows of input 0 go to; 0: it is there before an inference
};
static_assert(sizeof(PlanHeader) == 96, "the plan format is fixed");

struct PlanKernel {
  uint16_t id;
  uint16_t abi;  // changes with the kernel's Params or packing
};

// An input or output of the model. An input that comes row by row has neither memory nor bytes.
struct PlanIo {
  Ref ref;
  uint32_t bytes;
  DataType type;
  uint8_t rank;
  uint16_t reserved;
  float scale;         // real = scale * (q - zero_point); 0 when not quantized
  int32_t zero_point;
  uint32_t dims[kMaxRank];  // [0, rank) used, the rest 0
};
static_assert(sizeof(PlanIo) == 44, "the plan format is fixed");

// What reset() sets a part of the state to.
struct PlanFill {
  uint32_t offset;
  uint32_t bytes;
  uint32_t value;  // of each byte
};
static_assert(sizeof(PlanFill) == 12, "the plan format is fixed");

// Runs [first, first + count) of the run table, in order.
struct PlanList {
  uint32_t first;
  uint32_t count;
};

// Output rows [first, last) along the operator's row axis (height of NHWC tensors, the outer dimensions of others).
struct Rows {
  uint32_t first;
  uint32_t last;
};

// One call of a step's kernel. A step whose tensors are whole has one run; where a
// tensor exists only as some of its rows, the runs of its writer and its readers take turns.
struct PlanRun {
  uint32_t step;
  Rows rows;  // of the output
};
static_assert(sizeof(PlanRun) == 12, "the plan format is fixed");

// In place of a run's step, before the first run of every list but list 0 of a plan that takes rows: the list runs when
// these rows of the input have been given, too. Ascending, and all rows together.
constexpr uint32_t kPlanAwait = UINT32_MAX;

// An operator made ready. Its operands: view_count PlanViews, then constant_count Refs.
struct PlanStep {
  uint16_t kernel;  // id
  uint8_t view_count;
  uint8_t constant_count;
  uint32_t params;    // offset of the kernel's Params, 4-aligned
  uint32_t operands;  // offset of the first PlanView
  Ref scratch;
};
static_assert(sizeof(PlanStep) == 16, "the plan format is fixed");

// Rows of one tensor: row r lies at ref + (r % ring_rows) * row_stride. A whole tensor has ring_rows = its rows.
struct PlanView {
  Ref ref;
  uint32_t row_stride;  // bytes
  uint32_t ring_rows;
};
static_assert(sizeof(PlanView) == 12, "the plan format is fixed");

}  // namespace microplan

#endif  // MICROPLAN_PLAN_H_
