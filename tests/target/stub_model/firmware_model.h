// SPDX-License-Identifier: Apache-2.0
// A plan made by hand for kernels of its own, in the place of what `microplan embed` generates: it tests the board, the
// applications and the tools without the planner. Two steps: mix (scrambles the input, counts invocations in the state)
// and burn (copies, then runs a loop of known length).
#ifndef FIRMWARE_MODEL_H_
#define FIRMWARE_MODEL_H_

#include "microplan/model.h"

namespace firmware_model {

constexpr uint32_t kArenaBytes = 640;
constexpr uint32_t kStateBytes = 4;
constexpr uint32_t kPlanBytes = 0;

microplan::Status init(microplan::Model& model, microplan::Buffer arena, microplan::Buffer state,
                       microplan::Buffer plan);

}  // namespace firmware_model

#endif  // FIRMWARE_MODEL_H_
