// SPDX-License-Identifier: Apache-2.0
// Which bytes of which blocks are alive together under a schedule, row by row. Laptop only.
#ifndef MICROPLAN_PLANNER_LAYOUT_LIFETIMES_H_
#define MICROPLAN_PLANNER_LAYOUT_LIFETIMES_H_

#include <stdint.h>

#include <vector>

#include "microplan/planner/layout/schedule.h"

namespace microplan {
namespace layout {

// Block `b` must not lie so that low < offset(b) - offset(a) < high.
struct Conflict {
  uint32_t a, b;  // a < b
  int64_t low, high;
};

struct Lifetimes {
  std::vector<Conflict> conflicts;       // at most one a pair
  std::vector<uint32_t> bytes;           // by block, under the schedule; 0: nothing lives in it
  std::vector<uint32_t> first, last;     // steps, by block
  uint64_t live_bytes = 0;               // the most alive at once: no placement is smaller
  std::vector<uint64_t> step_bytes;      // the same by step
};
Lifetimes find_lifetimes(const Problem& problem, const Schedule& schedule);

}  // namespace layout
}  // namespace microplan

#endif  // MICROPLAN_PLANNER_LAYOUT_LIFETIMES_H_
