// SPDX-License-Identifier: Apache-2.0
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include "microplan/planner/layout/layout.h"

#include <algorithm>
#include <set>

#include "microplan/kernels/prepare.h"

namespace microplan {

using namespace layout;

namespace {

// What smaller memory may cost, of the instructions of all steps, unless RAM is preferred.
constexpr uint64_t kBudgetPercent = 2;
constexpr uint64_t kRamBudgetPercent = 100;
// Rows of one run that are tried, most first.
constexpr uint32_t kRunRows[] = {8, 4, 2, 1};
// The longest chain of steps that take turns.
constexpr uint32_t kMaxGroup = 6;

std::vector<PlaceBlock> placed_blocks(const Problem& problem, const Lifetimes& lifetimes) {
  std::vector<PlaceBlock> blocks(problem.blocks.size());
  for (size_t b = 0; b < blocks.size(); ++b) blocks[b] = {lifetimes.bytes[b], problem.blocks[b].alignment};
  return blocks;
}

// An order and what it needs.
struct Candidate {
  Order order;
  Schedule schedule;
  Lifetimes lifetimes;
  std::vector<uint64_t> peaks;  // live bytes of the steps, largest first
  Offsets offsets;
};

// What is alive, over all steps: a lower peak anywhere may let another step's order lower the arena.
bool lives_on_less(const Candidate& a, const Candidate& b) {
  return a.peaks != b.peaks ? a.peaks < b.peaks : a.schedule.instructions < b.schedule.instructions;
}

bool is_smaller(const Candidate& a, const Candidate& b) {
  if (a.offsets.arena_bytes != b.offsets.arena_bytes) return a.offsets.arena_bytes < b.offsets.arena_bytes;
  return a.schedule.instructions < b.schedule.instructions;
}

// Looks for a good order by changing one thing after the other, from several beginnings.
class OrderSearch {
 public:
  OrderSearch(const Problem& problem, uint64_t budget_percent) : problem_(problem) {
    Order natural;
    natural.ways.resize(problem.steps.size());
    (void)evaluate(natural, &best_);
    max_instructions_ = best_.schedule.instructions + best_.schedule.instructions / 100 * budget_percent;
  }

  const Candidate& best() const { return best_; }

  void run() {
    const Candidate natural = best_;
    const Candidate in_turns = improve(natural, lives_on_less);
    const Candidate starts[] = {natural,  in_turns, alternate(natural, 0), alternate(natural, 1), alternate(in_turns, 0),
                                alternate(in_turns, 1)};
    for (const Candidate& start : starts) {
      Candidate found = improve(start, is_smaller);
      if (is_smaller(found, best_)) best_ = std::move(found);
    }
  }

 private:
  // False when the order costs too much.
  bool evaluate(const Order& order, Candidate* candidate) const {
    candidate->order = order;
    candidate->schedule = schedule(problem_, order);
    if (candidate->schedule.instructions > max_instructions_ || candidate->schedule.runs.size() > UINT16_MAX) return false;
    candidate->lifetimes = find_lifetimes(problem_, candidate->schedule);
    candidate->peaks = candidate->lifetimes.step_bytes;
    std::sort(candidate->peaks.rbegin(), candidate->peaks.rend());
    candidate->offsets = place_in_order(placed_blocks(problem_, candidate->lifetimes), candidate->lifetimes);
    return true;
  }

  using Better = bool (*)(const Candidate&, const Candidate&);

  Candidate improve(Candidate from, Better better) const {
    constexpr int kRounds = 4;
    const uint32_t steps = static_cast<uint32_t>(problem_.steps.size());
    bool changed = true;
    // What was no better than an earlier order is no better than this one.
    std::set<Order> seen = {from.order};
    const auto attempt = [&](const Order& order) {
      Candidate candidate;
      if (!seen.insert(order).second || !evaluate(order, &candidate) || !better(candidate, from)) return;
      from = std::move(candidate);
      changed = true;
    };
    for (int round = 0; round < kRounds && changed; ++round) {
      changed = false;
      for (uint32_t i = 0; i < steps; ++i) {
        for (const uint32_t rows : kRunRows) {
          for (uint32_t last = i + 1; last < steps && last - i < kMaxGroup; ++last) {
            attempt(grouped(from.order, i, last, rows));
          }
          attempt(with_way(from.order, i, {from.order.ways[i].reversed, rows}));
          attempt(with_way(from.order, i, {!from.order.ways[i].reversed, rows}));
        }
        attempt(ungrouped(from.order, i, i));
      }
    }
    return from;
  }

  // Every other step from its last rows to its first, so that what one shifts down the next shifts up; steps that run in
  // place shift nothing. The best of all heights of runs.
  Candidate alternate(const Candidate& start, uint32_t first) const {
    Candidate best;
    bool found = false;
    for (const uint32_t rows : kRunRows) {
      Order order = start.order;
      uint32_t shifting = first;
      for (uint32_t i = 0; i < order.ways.size(); ++i) {
        if (problem_.steps[i].in_place || !problem_.steps[i].can_be_cut()) continue;
        if (shifting++ % 2 == 0) order = with_way(order, i, {true, rows});
      }
      Candidate candidate;
      if (!evaluate(order, &candidate) || (found && !is_smaller(candidate, best))) continue;
      best = std::move(candidate);
      found = true;
    }
    return found ? best : start;
  }

  Order with_way(Order order, uint32_t step, Order::Way way) const {
    const Step& changed = problem_.steps[step];
    if (way.reversed ? changed.can_be_reversed() : changed.can_be_cut()) order.ways[step] = way;
    return order;
  }

  static Order ungrouped(Order order, uint32_t first, uint32_t last) {
    const auto touches = [first, last](const Order::Group& group) { return group.first <= last && first <= group.last; };
    order.groups.erase(std::remove_if(order.groups.begin(), order.groups.end(), touches), order.groups.end());
    return order;
  }

  static Order grouped(const Order& from, uint32_t first, uint32_t last, uint32_t rows) {
    Order order = ungrouped(from, first, last);
    const auto behind = std::find_if(order.groups.begin(), order.groups.end(),
                                     [last](const Order::Group& group) { return group.first > last; });
    order.groups.insert(behind, {first, last});
    for (uint32_t i = first; i <= last; ++i) order.ways[i] = {false, rows};
    return order;
  }

  const Problem& problem_;
  uint64_t max_instructions_ = UINT64_MAX;
  Candidate best_;
};

// Rows are given at the beginning of the first step.
uint32_t placed_step(const Problem& problem, uint32_t step) {
  return problem.takes_rows() && step != 0 && step != kNowhere ? step - 1 : step;
}

uint64_t budget_percent(const Layout::Options& options, uint32_t flags, uint32_t features) {
  if (!options.rows || (flags & kPlanPrefersSpeed)) return 0;
  if (flags & kPlanPrefersRam) return kRamBudgetPercent;
  // The estimates of short runs were measured for the kernels of the DSP extension; those of the others are too low.
  const bool estimated = (features & kFeatureDsp) != 0 && (features & kFeatureMve) == 0;
  return estimated ? kBudgetPercent : 0;
}

}  // namespace

Arrangement Layout::arrange(Graph& graph, uint32_t* arena_bytes) {
  Problem problem;
  // Helium's depthwise kernels are slower where their output lies over their input.
  const PlanOptions& asked = graph.options();
  const bool overlap = (asked.target.features & kFeatureMve) == 0 || (asked.flags & kPlanPrefersRam) != 0;
  if (!collect(graph, options_.overlap && overlap, &problem)) return {};
  OrderSearch search(problem, budget_percent(options_, graph.options().flags, graph.options().target.features));
  search.run();
  const Candidate& best = search.best();
  const Offsets offsets = place_exact(placed_blocks(problem, best.lifetimes), best.lifetimes, best.offsets,
                                      options_.max_nodes);
  schedule_ = best.schedule;
  for (PlanRun& run : schedule_.runs) run.step = problem.plan_step(run.step);
  ring_rows_.assign(graph.reader().tensor_count(), 0);
  for (size_t b = 0; b < problem.blocks.size(); ++b) {
    const Block& block = problem.blocks[b];
    Placement& placement = block.is_scratch ? graph.scratch_placement(block.index) : graph.placement(block.index);
    placement.offset = static_cast<uint32_t>(offsets.offset[b]);
    placement.bytes = best.lifetimes.bytes[b];
    placement.first = placed_step(problem, best.lifetimes.first[b]);
    placement.last = block.kept ? graph.step_count() : placed_step(problem, best.lifetimes.last[b]);
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
