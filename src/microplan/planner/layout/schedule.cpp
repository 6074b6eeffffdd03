// SPDX-License-Identifier: Apache-2.0
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include "microplan/planner/layout/schedule.h"

#include <algorithm>

namespace microplan {
namespace layout {

bool Step::can_be_cut() const {
  if (gives_rows) return rows() > 1;
  if (prepared.variant->whole_only) return false;
  for (uint32_t i = 0; i < view_count(); ++i) {
    if (view(i).written && !view(i).operand.is_output) return false;
  }
  return rows() > 1;
}

uint64_t Step::run_instructions(const Target& target, uint32_t rows) const {
  // Of push_rows(), beside the copy, which is the same for all orders.
  constexpr uint64_t kAwaitInstructions = 60;
  if (gives_rows) return kAwaitInstructions;
  const auto known = run_instructions_.find(rows);
  if (known != run_instructions_.end()) return known->second;
  return run_instructions_[rows] = microplan::run_instructions(*prepared.variant, prepared.params, target, rows);
}

namespace {

#define TEXT(text) MICROPLAN_DIAGNOSTIC_TEXT(text)

void add_step(Graph& graph, uint32_t operator_index, const Graph::Context& context, Problem& problem,
              const std::vector<uint32_t>& block_of) {
  Step step;
  step.operator_index = operator_index;
  // build() has prepared this operator before, without a finding.
  (void)graph.prepare(context, &step.prepared);
  step.in_place = runs_in_place(*step.prepared.variant, step.prepared.params);
  for (uint32_t i = 0; i < step.view_count(); ++i) {
    const uint32_t tensor = static_cast<uint32_t>(context.tensor(step.view(i).operand));
    step.blocks.push_back(block_of[graph.root(tensor)]);
  }
  problem.steps.push_back(step);
}

// What stops the first operators from reading the input in rows; "" when nothing does.
bool reads_in_rows(const Step& step, uint32_t i, const Block& input) {
  const Footprint::TensorRows& view = step.view(i);
  if (step.is_whole_only() || view.rows < 2 || uint64_t{view.rows} * view.row_bytes != input.bytes) return false;
  const Rows needed = step.input_rows(i, {0, 1});
  return needed.last - needed.first < view.rows;
}

// The input has the rows that its readers see.
bool find_pushed_rows(Graph& graph, Problem& problem) {
  Step& giver = problem.steps[0];
  const uint32_t index = giver.blocks[0];
  const Block& input = problem.blocks[index];
  const Footprint::TensorRows* rows = nullptr;
  for (const Step& step : problem.steps) {
    for (uint32_t i = 0; i < step.view_count() && !step.gives_rows; ++i) {
      if (step.blocks[i] != index) continue;
      if (rows == nullptr) rows = &step.view(i);
      if (reads_in_rows(step, i, input) && rows->rows == step.view(i).rows) continue;
      (void)graph.report({Status::kUnsupportedOption, static_cast<int32_t>(step.operator_index),
                          static_cast<int32_t>(input.index), TEXT("the operator needs the whole input at once"),
                          TEXT("plan the model without pushing rows, or let it begin with a convolution or pooling "
                               "over several rows"), kNoNumber});
      return false;
    }
  }
  if (rows == nullptr || input.kept) {
    (void)graph.report({Status::kUnsupportedOption, -1, static_cast<int32_t>(input.index),
                        TEXT("no operator reads the input, or it is an output, too"),
                        TEXT("plan the model without pushing rows"), kNoNumber});
    return false;
  }
  giver.prepared.footprint.add_view(output_operand(0), rows->rows, rows->row_bytes, 1);
  return true;
}

// Finds out which blocks may be rings: those whose views all agree.
void find_rings(Problem& problem) {
  for (Block& block : problem.blocks) block.may_ring = !block.is_scratch && block.writer >= 0 && !block.kept;
  for (const Step& step : problem.steps) {
    for (uint32_t i = 0; i < step.view_count(); ++i) {
      if (step.blocks[i] == kNowhere) continue;
      Block& block = problem.blocks[step.blocks[i]];
      if (block.rows == 0) {
        block.rows = step.view(i).rows;
        block.row_bytes = step.view(i).row_bytes;
      }
      if (step.is_whole_only() || block.rows != step.view(i).rows ||
          block.row_bytes != step.view(i).row_bytes) {
        block.may_ring = false;
      }
    }
  }
}

}  // namespace

bool collect(Graph& graph, bool overlap, Problem* result) {
  Problem& problem = *result;
  problem.overlap = overlap;
  problem.target = graph.options().target;
  TfliteReader& reader = graph.reader();
  std::vector<uint32_t> block_of(reader.tensor_count(), kNowhere);
  for (uint32_t i = 0; i < reader.tensor_count(); ++i) {
    const Placement& placement = graph.placement(i);
    if (placement.bytes == 0 || graph.root(i) != i) continue;
    block_of[i] = static_cast<uint32_t>(problem.blocks.size());
    Block block;
    block.index = i;
    block.bytes = placement.bytes;
    block.alignment = placement.alignment;
    block.kept = placement.last == graph.step_count();
    problem.blocks.push_back(block);
  }
  if (graph.options().flags & kPlanTakesRows) {
    Step giver;
    giver.gives_rows = true;
    giver.blocks.push_back(block_of[graph.root(reader.input(0))]);
    problem.steps.push_back(giver);
    problem.blocks[giver.blocks[0]].writer = 0;
  }
  for (uint32_t i = 0; i < reader.operator_count(); ++i) {
    TfliteReader::OperatorInfo info;
    (void)reader.op(i, &info);
    if (Graph::is_view(info.builtin_code)) continue;
    const Graph::Context context(graph, i, info);
    add_step(graph, i, context, problem, block_of);
    Step& step = problem.steps.back();
    const uint32_t output = step.blocks.back();
    if (output != kNowhere) problem.blocks[output].writer = static_cast<int32_t>(problem.steps.size()) - 1;
    if (graph.scratch_placement(i).bytes == 0) continue;
    step.scratch = static_cast<uint32_t>(problem.blocks.size());
    Block scratch;
    scratch.index = i;
    scratch.bytes = graph.scratch_placement(i).bytes;
    scratch.alignment = kBufferAlignment;
    scratch.writer = static_cast<int32_t>(problem.steps.size()) - 1;
    scratch.is_scratch = true;
    problem.blocks.push_back(scratch);
  }
  if (problem.takes_rows() && !find_pushed_rows(graph, problem)) return false;
  find_rings(problem);
  return true;
}

namespace {

// Neighbouring runs of one step are one.
void join(std::vector<PlanRun>& runs) {
  std::vector<PlanRun> joined;
  for (const PlanRun& run : runs) {
    if (!joined.empty() && joined.back().step == run.step && joined.back().rows.last == run.rows.first) {
      joined.back().rows.last = run.rows.last;
    } else {
      joined.push_back(run);
    }
  }
  runs.swap(joined);
}

// Runs the steps of a group on demand of the last one, a few rows at a time, so that each computes no more than its readers
// need soon.
class Turns {
 public:
  Turns(const Problem& problem, const Order& order, Order::Group group, Schedule& result)
      : problem_(problem), order_(order), group_(group), result_(result), done_(group.last - group.first + 1, 0) {}

  void run() {
    // A plan begins with rows that are given.
    if (problem_.steps[group_.first].gives_rows) produce(group_.first, 1);
    // Steps whose output nobody in the group reads: the last one, and those that others read later.
    for (uint32_t i = group_.first; i <= group_.last; ++i) {
      if (!read_in_group(i) || read_behind(i)) produce(i, problem_.steps[i].rows());
    }
    for (uint32_t i = group_.first; i < group_.last; ++i) produce(i, problem_.steps[i].rows());
    // Before: a ring holds all rows of a run, also those that nobody reads.
    join(result_.runs);
    size_rings();
  }

 private:
  bool in_group(int64_t step) const {
    return step >= group_.first && step <= group_.last;
  }
  bool reads(uint32_t step, uint32_t block) const {
    const std::vector<uint32_t>& blocks = problem_.steps[step].blocks;
    return std::find(blocks.begin(), blocks.end() - 1, block) != blocks.end() - 1;
  }
  bool read_in_group(uint32_t writer) const {
    for (uint32_t i = writer + 1; i <= group_.last; ++i) {
      if (reads(i, problem_.steps[writer].blocks.back())) return true;
    }
    return false;
  }
  bool read_behind(uint32_t writer) const {
    for (uint32_t i = group_.last + 1; i < problem_.steps.size(); ++i) {
      if (reads(i, problem_.steps[writer].blocks.back())) return true;
    }
    return problem_.blocks[problem_.steps[writer].blocks.back()].kept;
  }

  // Runs step `index` until its output has `rows` rows.
  void produce(uint32_t index, uint32_t rows) {
    const Step& step = problem_.steps[index];
    uint32_t& done = done_[index - group_.first];
    while (done < rows) {
      const Rows next = {done, step.can_be_cut() ? std::min(done + order_.ways[index].rows, step.rows()) : step.rows()};
      for (uint32_t i = 0; i + 1 < step.view_count(); ++i) {
        if (step.blocks[i] == kNowhere) continue;
        const Block& block = problem_.blocks[step.blocks[i]];
        if (!in_group(block.writer)) continue;
        const uint32_t writer = static_cast<uint32_t>(block.writer);
        // A reader that sees the tensor in rows of its own (a reshape) waits for all of it.
        const bool same_rows = problem_.steps[writer].rows() == step.view(i).rows;
        produce(writer, same_rows ? step.input_rows(i, next).last : problem_.steps[writer].rows());
      }
      result_.runs.push_back({index, next});
      done = next.last;
    }
  }

  // A tensor that only the group reads needs as many rows as lie between the newest and the oldest that is read again.
  void size_rings() {
    for (uint32_t writer = group_.first; writer < group_.last; ++writer) {
      const uint32_t index = problem_.steps[writer].blocks.back();
      if (index == kNowhere || !problem_.blocks[index].may_ring || read_behind(writer)) continue;
      const uint32_t rows = ring_rows(writer, index);
      if (rows < problem_.blocks[index].rows) result_.ring_rows[index] = rows;
    }
  }

  uint32_t ring_rows(uint32_t writer, uint32_t index) const {
    // Backwards through the runs: the oldest row that is read from there on.
    uint32_t oldest = problem_.blocks[index].rows;
    uint32_t most = 1;
    for (size_t r = result_.runs.size(); r-- > 0;) {
      const PlanRun& run = result_.runs[r];
      if (!in_group(run.step)) break;
      const Step& step = problem_.steps[run.step];
      for (uint32_t i = 0; i + 1 < step.view_count(); ++i) {
        if (step.blocks[i] == index) oldest = std::min(oldest, step.input_rows(i, run.rows).first);
      }
      if (run.step == writer) most = std::max(most, run.rows.last - std::min(oldest, run.rows.first));
    }
    return most;
  }

  const Problem& problem_;
  const Order& order_;
  const Order::Group group_;
  Schedule& result_;
  std::vector<uint32_t> done_;  // rows, by step of the group
};

void run_alone(const Step& step, uint32_t index, const Order::Way& way, std::vector<PlanRun>& runs) {
  const uint32_t rows = step.rows();
  if (way.reversed && step.can_be_reversed()) {
    // The last run has what is left: kernels that take rows two at a time begin with an even one.
    for (uint32_t last = rows; last != 0;) {
      const uint32_t first = (last - 1) / way.rows * way.rows;
      runs.push_back({index, {first, last}});
      last = first;
    }
    return;
  }
  runs.push_back({index, {0, rows}});
}

}  // namespace

Schedule schedule(const Problem& problem, const Order& order) {
  Schedule result;
  result.ring_rows.assign(problem.blocks.size(), 0);
  auto group = order.groups.begin();
  for (uint32_t i = 0; i < problem.steps.size(); ++i) {
    if (group != order.groups.end() && group->first == i) {
      Turns(problem, order, *group, result).run();
      i = group->last;
      ++group;
    } else {
      run_alone(problem.steps[i], i, order.ways[i], result.runs);
    }
  }
  for (const PlanRun& run : result.runs) {
    result.instructions += problem.steps[run.step].run_instructions(problem.target, run.rows.last - run.rows.first);
  }
  return result;
}

}  // namespace layout
}  // namespace microplan

#endif  // MICROPLAN_PASSES
