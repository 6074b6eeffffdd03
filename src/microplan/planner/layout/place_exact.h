// SPDX-License-Identifier: Apache-2.0
// Offsets for blocks with conflicts: the smallest arena there is, with a proof, or the smallest that was found. Laptop only.
#ifndef MICROPLAN_PLANNER_LAYOUT_PLACE_EXACT_H_
#define MICROPLAN_PLANNER_LAYOUT_PLACE_EXACT_H_

#include <stdint.h>

#include <vector>

#include "microplan/planner/layout/lifetimes.h"

namespace microplan {
namespace layout {

struct PlaceBlock {
  uint32_t bytes = 0;  // 0: not placed
  uint32_t alignment = 1;
};

struct Offsets {
  std::vector<uint64_t> offset;  // by block
  uint64_t arena_bytes = 0;
  uint64_t bound_bytes = 0;  // no placement is smaller; equal to arena_bytes when that is proved
  uint64_t nodes = 0;        // of the search
};

// Each block at the lowest offset that is free, or at the highest, in several orders; the best of them.
Offsets place_in_order(const std::vector<PlaceBlock>& blocks, const Lifetimes& lifetimes);

// Branch and bound: where two blocks that conflict lie over each other, either the one or the other goes above. Ends when
// the bound is met, when all cases were looked at, or after `max_nodes` of them. Starts from `start`, which it never
// worsens.
Offsets place_exact(const std::vector<PlaceBlock>& blocks, const Lifetimes& lifetimes, Offsets start,
                    uint64_t max_nodes);

}  // namespace layout
}  // namespace microplan

#endif  // MICROPLAN_PLANNER_LAYOUT_PLACE_EXACT_H_
