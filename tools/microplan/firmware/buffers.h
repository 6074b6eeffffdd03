// SPDX-License-Identifier: Apache-2.0
// The model's memory, under the names that the size tools look for.
#ifndef MICROPLAN_FIRMWARE_BUFFERS_H_
#define MICROPLAN_FIRMWARE_BUFFERS_H_

#include <stdint.h>

#include "firmware_model.h"

extern "C" {
// Of zero length (a GNU extension) where the model needs none, so that the symbol always exists.
extern uint8_t microplan_arena[firmware_model::kArenaBytes];
extern uint8_t microplan_state[firmware_model::kStateBytes];
extern uint8_t microplan_plan[firmware_model::kPlanBytes];
}

namespace firmware {

inline microplan::Buffer buffer(uint8_t* data, uint32_t bytes) {
  return bytes == 0 ? microplan::Buffer() : microplan::Buffer(data, bytes);
}

inline microplan::Status init_model(microplan::Model& model) {
  return firmware_model::init(model, buffer(microplan_arena, firmware_model::kArenaBytes),
                              buffer(microplan_state, firmware_model::kStateBytes),
                              buffer(microplan_plan, firmware_model::kPlanBytes));
}

}  // namespace firmware

#endif  // MICROPLAN_FIRMWARE_BUFFERS_H_
