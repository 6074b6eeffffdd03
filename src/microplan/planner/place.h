// SPDX-License-Identifier: Apache-2.0
// Placement: gives every tensor and scratch buffer an offset in the arena, so that no two that are alive at the same step
// overlap.
#ifndef MICROPLAN_PLANNER_PLACE_H_
#define MICROPLAN_PLANNER_PLACE_H_

#include <stdint.h>

namespace microplan {

struct Placement {
  uint32_t bytes = 0;  // 0: nothing to place
  uint32_t offset = 0;
  uint32_t first = 0, last = 0;  // steps during which it is alive, both included
  uint32_t next = 0;             // used by place_greedy
  uint32_t alignment = 1;        // a power of two
};

// Largest first, equal ones in order; each at the lowest offset that is free during its life. Quadratic in `count`, no
// memory beyond the placements. Returns the arena's size, UINT32_MAX when it exceeds 256 MB.
uint32_t place_greedy(Placement* placements, uint32_t count);

}  // namespace microplan

#endif  // MICROPLAN_PLANNER_PLACE_H_
