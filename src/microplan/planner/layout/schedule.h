// SPDX-License-Identifier: Apache-2.0
// The order in which a graph's rows are computed: every step in one go, row by row from the last to the first, or in turns
// with its neighbours. Laptop only.
#ifndef MICROPLAN_PLANNER_LAYOUT_SCHEDULE_H_
#define MICROPLAN_PLANNER_LAYOUT_SCHEDULE_H_

#include <stdint.h>

#include <map>
#include <vector>

#include "microplan/planner/graph.h"

namespace microplan {
namespace layout {

constexpr uint32_t kNowhere = UINT32_MAX;

// Memory of the arena that is placed as one: a root tensor, or a step's scratch.
struct Block {
  uint32_t index = 0;   // tensor, or operator for scratch
  uint32_t bytes = 0;
  uint32_t alignment = 1;
  int32_t writer = -1;  // step; -1: an input of the model that is there before the first run
  bool is_scratch = false;
  bool kept = false;    // an output of the model or a pinned input: needed after the last run
  // All writers and readers see the same rows and take some of them at a time: a ring of rows may stand for the whole.
  bool may_ring = false;
  uint32_t rows = 0, row_bytes = 0;  // where may_ring
};

// One step of the graph with all that scheduling asks about it. Where rows of the input are pushed, step 0 is their giver:
// it reads nothing and writes the input.
struct Step {
  uint32_t operator_index = 0;
  bool gives_rows = false;
  Graph::Prepared prepared;
  std::vector<uint32_t> blocks;        // of each view; kNowhere: not in the arena
  uint32_t scratch = kNowhere;         // block
  bool in_place = false;               // runs_in_place()

  const Footprint::TensorRows& view(uint32_t i) const { return prepared.footprint.view[i]; }
  uint32_t view_count() const { return prepared.footprint.view_count; }
  uint32_t rows() const { return view(view_count() - 1).rows; }
  Rows input_rows(uint32_t i, Rows rows) const { return prepared.variant->input_rows(prepared.params, i, rows); }
  // From the last rows to the first: not those that come from outside.
  bool can_be_reversed() const { return !gives_rows && can_be_cut(); }
  Overlap overlap() const { return gives_rows ? Overlap::kNone : prepared.variant->overlap; }
  bool is_whole_only() const { return !gives_rows && prepared.variant->whole_only; }
  // Rows that one run has at least: all, where the operator cannot be cut or carries state.
  bool can_be_cut() const;
  // Estimated, of one run of so many rows.
  uint64_t run_instructions(const Target& target, uint32_t rows) const;

 private:
  mutable std::map<uint32_t, uint64_t> run_instructions_;  // by rows: asked for again and again
};

// A graph as scheduling and placing see it.
struct Problem {
  std::vector<Step> steps;
  std::vector<Block> blocks;
  bool overlap = true;
  Target target = {};

  bool takes_rows() const { return !steps.empty() && steps[0].gives_rows; }
  // The plan's number of a step; kPlanAwait of the one that gives rows.
  uint32_t plan_step(uint32_t step) const { return steps[step].gives_rows ? kPlanAwait : step - takes_rows(); }
};
// Without `overlap` no kernel's word on it is taken. False, reported to the graph, when rows are to be pushed and an operator
// needs the whole input.
bool collect(Graph& graph, bool overlap, Problem* problem);

// What is decided about the order.
struct Order {
  // Of one step.
  struct Way {
    bool reversed = false;  // from its last rows to its first, where it takes no turns
    uint32_t rows = 1;      // of one run, where it is reversed or takes turns

    bool operator<(const Way& other) const {
      return reversed != other.reversed ? reversed < other.reversed : rows < other.rows;
    }
  };
  // Neighbours that take turns.
  struct Group {
    uint32_t first, last;  // steps, both included

    bool operator<(const Group& other) const { return first != other.first ? first < other.first : last < other.last; }
  };
  std::vector<Way> ways;      // by step
  std::vector<Group> groups;  // apart and ascending

  bool operator<(const Order& other) const {
    if (groups < other.groups || other.groups < groups) return groups < other.groups;
    return ways < other.ways;
  }
};

// The runs of an order, and what follows for the blocks.
struct Schedule {
  std::vector<PlanRun> runs;
  std::vector<uint32_t> ring_rows;  // by block; 0: whole
  uint64_t instructions = 0;        // estimated
};
Schedule schedule(const Problem& problem, const Order& order);

}  // namespace layout
}  // namespace microplan

#endif  // MICROPLAN_PLANNER_LAYOUT_SCHEDULE_H_
