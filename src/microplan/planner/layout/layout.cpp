// SPDX-License-Identifier: Apache-2.0
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include "microplan/planner/layout/layout.h"

#include <algorithm>

#include "microplan/kernels/prepare.h"

namespace microplan {

using namespace layout;

namespace {

// What a further run costs: the executor's turn and the kernel's entry. Measured on Cortex-M4, 100 to 250.
constexpr uint64_t kRunInstructions = 200;
// Of the instructions of all steps, what smaller memory may cost unless RAM is preferred.
constexpr uint64_t kBudgetPercent = 2;
// The longest chain of steps that take turns.
constexpr uint32_t kMaxGroup = 6;

// An order and what it needs.
struct Candidate {
  Order order;
  Schedule schedule;
  Lifetimes lifetimes;
  Offsets offsets;

  bool better_than(const Candidate& other) const {
    if (offsets.arena_bytes != other.offsets.arena_bytes) return offsets.arena_bytes < other.offsets.arena_bytes;
    if (lifetimes.live_bytes != other.lifetimes.live_bytes) return lifetimes.live_bytes < other.lifetimes.live_bytes;
    return schedule.runs.size() < other.schedule.runs.size();
  }
};

class OrderSearch {
 public:
  OrderSearch(const Problem& problem, uint64_t max_extra_runs) : problem_(problem), max_extra_runs_(max_extra_runs) {
    Order natural;
    natural.reversed.assign(problem.steps.size(), false);
    best_ = evaluate(natural);
    natural_runs_ = best_.schedule.runs.size();
  }

  const Candidate& best() const { return best_; }

  void improve() {
    constexpr int kRounds = 4;
    const uint32_t steps = static_cast<uint32_t>(problem_.steps.size());
    bool changed = true;
    for (int round = 0; round < kRounds && changed; ++round) {
      changed = false;
      for (uint32_t i = 0; i < steps; ++i) {
        for (uint32_t last = i + 1; last < steps && last - i < kMaxGroup; ++last) changed |= attempt(grouped(i, last));
        changed |= attempt(reversed(i));
        changed |= attempt(ungrouped(i));
      }
    }
  }

 private:
  Candidate evaluate(const Order& order) const {
    Candidate candidate;
    candidate.order = order;
    candidate.schedule = schedule(problem_, order);
    candidate.lifetimes = find_lifetimes(problem_, candidate.schedule);
    candidate.offsets.arena_bytes = UINT64_MAX;
    // What is alive at once cannot be placed in less.
    if (best_.offsets.arena_bytes == 0 || candidate.lifetimes.live_bytes <= best_.offsets.arena_bytes) {
      candidate.offsets = place_in_order(placed_blocks(problem_, candidate.lifetimes), candidate.lifetimes);
    }
    return candidate;
  }

  bool attempt(const Order& order) {
    if (order.reversed == best_.order.reversed && order.groups.size() == best_.order.groups.size() &&
        std::equal(order.groups.begin(), order.groups.end(), best_.order.groups.begin(),
                   [](const Order::Group& a, const Order::Group& b) { return a.first == b.first && a.last == b.last; })) {
      return false;
    }
    Candidate candidate = evaluate(order);
    if (candidate.schedule.runs.size() > natural_runs_ + max_extra_runs_ ||
        candidate.schedule.runs.size() > UINT16_MAX || !candidate.better_than(best_)) {
      return false;
    }
    best_ = std::move(candidate);
    return true;
  }

  Order reversed(uint32_t step) const {
    Order order = best_.order;
    order.reversed[step] = !order.reversed[step] && problem_.steps[step].can_be_cut();
    return order;
  }

  Order ungrouped(uint32_t step) const {
    Order order = best_.order;
    order.groups.erase(std::remove_if(order.groups.begin(), order.groups.end(),
                                      [step](const Order::Group& group) {
                                        return group.first <= step && step <= group.last;
                                      }),
                       order.groups.end());
    return order;
  }

  Order grouped(uint32_t first, uint32_t last) const {
    Order order = best_.order;
    order.groups.erase(std::remove_if(order.groups.begin(), order.groups.end(),
                                      [first, last](const Order::Group& group) {
                                        return group.first <= last && first <= group.last;
                                      }),
                       order.groups.end());
    order.groups.push_back({first, last});
    std::sort(order.groups.begin(), order.groups.end(),
              [](const Order::Group& a, const Order::Group& b) { return a.first < b.first; });
    return order;
  }

 public:
  static std::vector<PlaceBlock> placed_blocks(const Problem& problem, const Lifetimes& lifetimes) {
    std::vector<PlaceBlock> blocks(problem.blocks.size());
    for (size_t b = 0; b < blocks.size(); ++b) blocks[b] = {lifetimes.bytes[b], problem.blocks[b].alignment};
    return blocks;
  }

 private:
  const Problem& problem_;
  const uint64_t max_extra_runs_;
  size_t natural_runs_ = 0;
  Candidate best_;
};

uint64_t extra_runs(const Problem& problem, const Layout::Options& options, uint32_t flags) {
  if (!options.rows || (flags & kPlanPrefersSpeed)) return 0;
  if (flags & kPlanPrefersRam) return UINT16_MAX;
  uint64_t instructions = 0;
  for (const Step& step : problem.steps) instructions += step.instructions;
  return instructions * kBudgetPercent / 100 / kRunInstructions;
}

}  // namespace

Arrangement Layout::arrange(Graph& graph, uint32_t* arena_bytes) {
  const Problem problem = collect(graph, options_.overlap);
  OrderSearch search(problem, extra_runs(problem, options_, graph.options().flags));
  search.improve();
  const Candidate& best = search.best();
  const Offsets offsets = place_exact(OrderSearch::placed_blocks(problem, best.lifetimes), best.lifetimes, best.offsets,
                                      options_.max_nodes);
  schedule_ = best.schedule;
  ring_rows_.assign(graph.reader().tensor_count(), 0);
  for (size_t b = 0; b < problem.blocks.size(); ++b) {
    const Block& block = problem.blocks[b];
    Placement& placement = block.is_scratch ? graph.scratch_placement(block.index) : graph.placement(block.index);
    placement.offset = static_cast<uint32_t>(offsets.offset[b]);
    placement.bytes = best.lifetimes.bytes[b];
    placement.first = best.lifetimes.first[b];
    placement.last = block.kept ? graph.step_count() : best.lifetimes.last[b];
    if (!block.is_scratch) ring_rows_[block.index] = schedule_.ring_rows[b];
  }
  report_.live_bytes = static_cast<uint32_t>(best.lifetimes.live_bytes);
  report_.bound_bytes = static_cast<uint32_t>(offsets.bound_bytes);
  report_.nodes = offsets.nodes;
  report_.runs = static_cast<uint32_t>(schedule_.runs.size());
  *arena_bytes = offsets.arena_bytes > kMaxBytes ? UINT32_MAX : static_cast<uint32_t>(offsets.arena_bytes);
  Arrangement arrangement;
  arrangement.runs = schedule_.runs.data();
  arrangement.run_count = report_.runs;
  arrangement.ring_rows = ring_rows_.data();
  return arrangement;
}

}  // namespace microplan

#endif  // MICROPLAN_PASSES
