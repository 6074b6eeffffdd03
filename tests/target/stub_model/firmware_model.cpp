// SPDX-License-Identifier: Apache-2.0
#include "firmware_model.h"

#include <string.h>

#ifndef STUB_FAULT
#define STUB_FAULT 0
#endif

namespace {

using namespace microplan;

constexpr uint32_t kInputBytes = 300;  // more than a frame of the run application carries
constexpr uint16_t kMixId = 1, kBurnId = 2, kAbi = 1;

struct StubPlan {
  PlanHeader header;
  PlanKernel kernels[2];
  PlanIo ios[2];
  PlanList lists[1];
  PlanStep steps[2];
  PlanRun runs[2];
  PlanFill fills[1];
  PlanView mix_views[2];
  Ref mix_state;
  PlanView burn_views[2];
  uint32_t burn_rounds;
};

constexpr PlanView view(uint32_t arena_offset) { return {make_ref(Segment::kArena, arena_offset), kInputBytes, 1}; }
constexpr PlanIo io(uint32_t arena_offset) {
  return {make_ref(Segment::kArena, arena_offset), kInputBytes, DataType::kInt8, 1, 0, 1.0f, 0, {kInputBytes}};
}
constexpr uint32_t kSecond = 304;

Status mix(const void*, Rows, const Io& operands, void*) {
  uint8_t* count = const_cast<uint8_t*>(operands.constant<uint8_t>(0));
  const uint8_t* in = operands.view(0).base;
  uint8_t* out = operands.view(1).base;
  ++*count;
  for (uint32_t i = 0; i < kInputBytes; ++i) out[i] = static_cast<uint8_t>((in[i] ^ 0x55u) + *count);
  return Status::kOk;
}

Status burn(const void* params, Rows, const Io& operands, void*) {
  if (STUB_FAULT) *reinterpret_cast<volatile uint32_t*>(0xF0000000u) = 1;
  memcpy(operands.view(1).base, operands.view(0).base, kInputBytes);
  uint32_t rounds = *static_cast<const uint32_t*>(params);
  for (; rounds != 0; --rounds) asm volatile("");
  return Status::kOk;
}

constexpr Kernel kKernels[] = {{kMixId, kAbi, mix}, {kBurnId, kAbi, burn}};

}  // namespace

extern "C" {
extern const StubPlan microplan_model_data;
alignas(kBufferAlignment) const StubPlan microplan_model_data = {
    {kPlanMagic, kPlanFormat, sizeof(PlanHeader), sizeof(StubPlan), firmware_model::kArenaBytes,
     firmware_model::kStateBytes, 1234, 0xC0FFEE, 0, kPlanOwnsConstants, 0,
     (1u << static_cast<uint32_t>(Segment::kArena)) | (1u << static_cast<uint32_t>(Segment::kState)), 2, 1, 1, 1, 2,
     offsetof(StubPlan, kernels), offsetof(StubPlan, ios), offsetof(StubPlan, lists), offsetof(StubPlan, steps),
     offsetof(StubPlan, fills), 1, 0, offsetof(StubPlan, runs), 2},
    {{kMixId, kAbi}, {kBurnId, kAbi}},
    {io(0), io(0)},
    {{0, 2}},
    {{kMixId, 2, 1, 0, offsetof(StubPlan, mix_views), {}},
     {kBurnId, 2, 0, offsetof(StubPlan, burn_rounds), offsetof(StubPlan, burn_views), {}}},
    {{0, {0, 1}}, {1, {0, 1}}},
    {{0, firmware_model::kStateBytes, 0}},
    {view(0), view(kSecond)},
    make_ref(Segment::kState, 0),
    {view(kSecond), view(0)},
    1000};
}

namespace firmware_model {

Status init(Model& model, Buffer arena, Buffer state, Buffer) {
  return model.init(&microplan_model_data, kKernels, Memory(arena, state));
}

}  // namespace firmware_model
