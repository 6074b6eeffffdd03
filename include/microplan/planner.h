// SPDX-License-Identifier: Apache-2.0
// The planner: makes a plan from a .tflite model. verify_plan: proves a plan that comes from outside.
#ifndef MICROPLAN_PLANNER_H_
#define MICROPLAN_PLANNER_H_

#include <stdint.h>

#include "microplan/operator.h"
#include "microplan/plan.h"

namespace microplan {

// The variants that the planner chooses from.
struct VariantTable {
  const Variant* const* variants = nullptr;
  uint32_t count = 0;

  constexpr VariantTable() = default;
  template <uint32_t kCount>
  constexpr VariantTable(const Variant* const (&table)[kCount]) : variants(table), count(kCount) {}
  constexpr VariantTable(const Variant* const* table, uint32_t size) : variants(table), count(size) {}
};

class Arranger;

struct PlanOptions {
  Target target = {kCompiledFeatures};
  uint32_t flags = 0;  // PlanFlag bits
  // Decides in what order rows are computed and where tensors lie. nullptr: each operator in one go, each tensor whole and
  // apart from all others, placed greedily; that is all that fits a device.
  Arranger* arranger = nullptr;
  // Of a model that graph passes made: the model that they were given, which the plan's header names as its source, and
  // the passes that ran.
  ConstBuffer source;
  uint32_t passes = 0;
};

// Where the plan's bytes go. Every byte of [0, plan_bytes) is written exactly once, in any order, and never read back, so
// that a plan can be written straight into flash. `bytes` may be odd.
//
// kPlanSharesConstants needs `written` (else kWriteFailed), memory in which the bytes are to be seen as soon as they are written: the planner
// looks for equal ones there, and writes a constant again when it turned out to be one of them.
struct PlanWriter {
  Status (*write)(void* user, uint32_t offset, const void* data, uint32_t bytes);
  void* user;
  ConstBuffer written = {};
};

// What the planner tells beside the plan; every callback may be nullptr. The laptop's tools build the map from them.
struct PlanObserver {
  void (*diagnostic)(void* user, const Diagnostic& diagnostic) = nullptr;
  // Operator `operator_index` runs as step `step` by `variant`; step -1 and a null variant: it became a view of its input
  // and costs nothing.
  void (*step)(void* user, uint32_t operator_index, int32_t step, const Variant* variant, const Cost& cost) = nullptr;
  // Bytes of constants that the plan holds for an operator that runs as a step.
  void (*constants)(void* user, uint32_t operator_index, uint32_t bytes) = nullptr;
  // A tensor in arena or state: alive during steps [first_step, last_step]. `tensor_index` -1: scratch of a step.
  void (*placed)(void* user, int32_t tensor_index, Ref ref, uint32_t bytes, uint32_t first_step, uint32_t last_step) =
      nullptr;
  void* user = nullptr;
};

struct PlanResult {
  Status status = Status::kOk;
  uint32_t plan_bytes = 0;       // exact; with kPlanSharesConstants, and before anything is written, at most that
  uint32_t workspace_bytes = 0;  // exact
  uint32_t arena_bytes = 0;
  uint32_t state_bytes = 0;
  uint32_t constant_bytes = 0;   // of plan_bytes: params excluded, filters, biases and multipliers
  int32_t operator_index = -1;   // of the first finding
  int32_t tensor_index = -1;
};

// Plans `model` into `plan`, or, when plan.data is nullptr, only finds out what it costs. The model is untrusted: every byte
// is checked before it is used. All findings go to the observer; the result has the first. `workspace` (4-aligned) is free
// again on return; the arena serves well. With kPlanTooSmall or kWorkspaceTooSmall the result holds the bytes needed.
PlanResult plan_model(ConstBuffer model, VariantTable variants, const PlanOptions& options, Buffer workspace, Buffer plan,
                      const PlanObserver& observer = {});

// The same through a writer: first with `write` = nullptr to know plan_bytes, then with it.
PlanResult plan_model(ConstBuffer model, VariantTable variants, const PlanOptions& options, Buffer workspace,
                      const PlanWriter& writer, const PlanObserver& observer = {});

// Proves that executing `plan` with buffers of the stated sizes touches no byte outside of them, whatever the plan's bytes
// are. `model_bytes` and `external_bytes` are the sizes of those segments (0: not given), `extra_bytes[i]` that of
// Segment::kExtra + i.
Status verify_plan(ConstBuffer plan, VariantTable variants, uint32_t model_bytes = 0, uint32_t external_bytes = 0,
                   const uint32_t* extra_bytes = nullptr, uint32_t extra_count = 0);

// 32-bit hash that ties a plan to its model; speed matters more than strength.
uint32_t model_hash(const void* data, uint32_t bytes);

}  // namespace microplan

#endif  // MICROPLAN_PLANNER_H_
