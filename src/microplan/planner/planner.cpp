// SPDX-License-Identifier: Apache-2.0
// plan_model: verify and lower (graph.cpp), place (place.cpp), emit (emit.cpp).
#include "microplan/planner.h"

#include <string.h>

#include "microplan/planner/emit.h"
#include "microplan/planner/graph.h"

namespace microplan {

// Words of the data, mixed by rotation and multiplication with 2^32 / golden ratio (Knuth, The Art of Computer
// Programming 6.4); about five instructions a word.
uint32_t model_hash(const void* data, uint32_t bytes) {
  const uint8_t* const begin = static_cast<const uint8_t*>(data);
  uint32_t hash = bytes;
  for (uint32_t i = 0; i < bytes; i += 4) {
    uint32_t word = 0;
    memcpy(&word, begin + i, bytes - i < 4 ? bytes - i : 4);
    hash ^= word;
    hash = ((hash << 5) | (hash >> 27)) * 0x9E3779B1u;
  }
  return hash ^ (hash >> 15);
}

namespace {

// Takes what fits, so that a buffer that is too small still yields the plan's size.
Status write_to_buffer(void* user, uint32_t offset, const void* data, uint32_t bytes) {
  const Buffer& plan = *static_cast<Buffer*>(user);
  if (uint64_t{offset} + bytes <= plan.bytes) memcpy(static_cast<uint8_t*>(plan.data) + offset, data, bytes);
  return Status::kOk;
}

}  // namespace

PlanResult plan_model(ConstBuffer model, VariantTable variants, const PlanOptions& options, Buffer workspace,
                      const PlanWriter& writer, const PlanObserver& observer) {
  PlanResult result;
  Graph graph(model, variants, options, observer, result);
  if (graph.build(workspace) != Status::kOk || graph.place() != Status::kOk) return result;
  const Status status = emit_plan(graph, writer, result);
  if (status != Status::kOk) result.status = status;
  return result;
}

PlanResult plan_model(ConstBuffer model, VariantTable variants, const PlanOptions& options, Buffer workspace, Buffer plan,
                      const PlanObserver& observer) {
  if ((reinterpret_cast<uintptr_t>(plan.data) & (kBufferAlignment - 1)) != 0) {
    PlanResult result;
    result.status = Status::kPlanMisaligned;
    return result;
  }
  const PlanWriter writer = {plan.data == nullptr ? nullptr : write_to_buffer, &plan, {plan.data, plan.bytes}};
  PlanResult result = plan_model(model, variants, options, workspace, writer, observer);
  if (result.status == Status::kOk && plan.data != nullptr && plan.bytes < result.plan_bytes) {
    result.status = Status::kPlanTooSmall;
  }
  return result;
}

}  // namespace microplan
