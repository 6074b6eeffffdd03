// SPDX-License-Identifier: Apache-2.0
// Layout: the arranger of the laptop. It looks for the order of rows that needs the smallest arena and places every byte.
#ifndef MICROPLAN_PLANNER_LAYOUT_LAYOUT_H_
#define MICROPLAN_PLANNER_LAYOUT_LAYOUT_H_

#include <stdint.h>

#include <vector>

#include "microplan/planner/layout/place_exact.h"
#include "microplan/planner/layout/schedule.h"

namespace microplan {

class Layout final : public Arranger {
 public:
  struct Options {
    // Outputs may lie over their inputs.
    bool overlap = true;
    // Steps may run row by row: backwards, or in turns with their neighbours.
    bool rows = true;
    // Cases that the exact placement looks at; a count and not a time, so that plans are the same everywhere.
    uint64_t max_nodes = 200000;
  };
  struct Report {
    uint32_t live_bytes = 0;   // alive at once in the schedule that was chosen
    uint32_t bound_bytes = 0;  // no placement of that schedule is smaller
    uint64_t nodes = 0;        // that the exact placement looked at
    uint32_t runs = 0;
  };

  Layout() : options_() {}
  explicit Layout(const Options& options) : options_(options) {}

  Arrangement arrange(Graph& graph, uint32_t* arena_bytes) override;
  const Report& report() const { return report_; }

 private:
  const Options options_;
  layout::Schedule schedule_;
  std::vector<uint32_t> ring_rows_;  // by tensor
  Report report_;
};

}  // namespace microplan

#endif  // MICROPLAN_PLANNER_LAYOUT_LAYOUT_H_
