// SPDX-License-Identifier: Apache-2.0
#include "buffers.h"

namespace {

// An empty buffer must not cost padding before it.
constexpr uint32_t alignment(uint32_t bytes) { return bytes == 0 ? 1 : microplan::kBufferAlignment; }

}  // namespace

alignas(alignment(firmware_model::kArenaBytes)) uint8_t microplan_arena[firmware_model::kArenaBytes];
alignas(alignment(firmware_model::kStateBytes)) uint8_t microplan_state[firmware_model::kStateBytes];
alignas(alignment(firmware_model::kPlanBytes)) uint8_t microplan_plan[firmware_model::kPlanBytes];
