// SPDX-License-Identifier: Apache-2.0
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include "microplan/planner/layout/lifetimes.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace microplan {
namespace layout {

namespace {

// Bytes [first, last) of a block.
struct Range {
  int64_t first = 0, last = 0;

  bool empty() const { return first >= last; }
  void cover(const Range& other) {
    if (other.empty()) return;
    if (empty()) {
      *this = other;
    } else {
      first = std::min(first, other.first);
      last = std::max(last, other.last);
    }
  }
};

struct Touch {
  uint32_t block;
  Range range;
  bool written;
};

// What is touched at one moment. A run is as many moments as its kernel finishes rows one after the other; all of
// a moment's bytes must lie apart, except where a kernel works in place.
struct Moment {
  uint32_t step;
  std::vector<Touch> touches;
  // The output's row may begin where the first input's row begins, or before.
  bool in_place = false;
};

class Finder {
 public:
  Finder(const Problem& problem, const Schedule& schedule) : problem_(problem), schedule_(schedule) {}

  Lifetimes find() {
    list_moments();
    find_needed();
    const size_t blocks = problem_.blocks.size();
    result_.bytes.assign(blocks, 0);
    result_.first.assign(blocks, kNowhere);
    result_.last.assign(blocks, 0);
    result_.step_bytes.assign(std::max<size_t>(problem_.steps.size(), 1), 0);
    written_.assign(blocks, Range{});
    for (uint32_t b = 0; b < blocks; ++b) {
      const Block& block = problem_.blocks[b];
      if (block.writer < 0 && !block.is_scratch) written_[b] = {0, block.bytes};
    }
    pairs_.assign(blocks * blocks, Range{});
    // By the moment at which they come into use, so that each moment looks only at those that are.
    std::vector<uint32_t> coming(blocks);
    std::iota(coming.begin(), coming.end(), 0u);
    std::stable_sort(coming.begin(), coming.end(),
                     [this](uint32_t a, uint32_t b) { return first_moment_[a] > first_moment_[b]; });
    for (size_t m = 0; m < moments_.size(); ++m) {
      for (; !coming.empty() && first_moment_[coming.back()] <= m; coming.pop_back()) in_use_.push_back(coming.back());
      const auto over = [this, m](uint32_t b) { return last_moment_[b] < m; };
      in_use_.erase(std::remove_if(in_use_.begin(), in_use_.end(), over), in_use_.end());
      visit(m);
    }
    for (uint32_t a = 0; a < blocks; ++a) {
      for (uint32_t b = a + 1; b < blocks; ++b) {
        const Range& forbidden = pairs_[a * blocks + b];
        if (!forbidden.empty()) result_.conflicts.push_back({a, b, forbidden.first, forbidden.last});
      }
    }
    return std::move(result_);
  }

 private:
  // Where rows of a view lie in its block; a ring is touched whole.
  Range range_of(const Step& step, uint32_t view, Rows rows) const {
    const uint32_t block = step.blocks[view];
    const int64_t row_bytes = step.view(view).row_bytes;
    if (schedule_.ring_rows[block] != 0) return {0, row_bytes * schedule_.ring_rows[block]};
    return {row_bytes * rows.first, row_bytes * rows.last};
  }

  bool is_whole(uint32_t block) const { return block != kNowhere && schedule_.ring_rows[block] == 0; }

  // Whether the kernel gives its word on how the output may lie over the first input: as verify_plan sees it.
  bool may_overlap(const Step& step) const {
    const Overlap overlap = step.overlap();
    if (!problem_.overlap || overlap == Overlap::kNone || !is_whole(step.blocks[0]) || !is_whole(step.blocks.back())) {
      return false;
    }
    // A broadcast input is read again after its place in the output was written.
    return overlap != Overlap::kElementwise || step.in_place;
  }

  void list_moments() {
    for (const PlanRun& run : schedule_.runs) {
      const Step& step = problem_.steps[run.step];
      const uint32_t height = may_overlap(step) ? 1 : run.rows.last - run.rows.first;
      for (uint32_t row = run.rows.first; row < run.rows.last; row += height) add_moment(run, step, {row, row + height});
    }
    // A model of views alone has inputs, too.
    if (moments_.empty()) moments_.push_back({0, {}});
  }

  void add_moment(const PlanRun& run, const Step& step, Rows rows) {
    Moment moment;
    moment.step = run.step;
    const uint32_t output = step.view_count() - 1;
    for (uint32_t i = 0; i <= output; ++i) {
      if (step.blocks[i] == kNowhere) continue;
      // Kernels give their word on the first input alone.
      const Rows touched = i == output ? rows : step.input_rows(i, i == 0 ? rows : run.rows);
      if (touched.first == touched.last) continue;
      moment.touches.push_back({step.blocks[i], range_of(step, i, touched), i == output});
    }
    if (step.scratch != kNowhere) {
      const Range all = {0, problem_.blocks[step.scratch].bytes};
      moment.touches.push_back({step.scratch, all, true});
    }
    moment.in_place = step.in_place && may_overlap(step);
    moments_.push_back(moment);
  }

  // For every moment the bytes of its blocks that are read then or later; and who is in use when.
  void find_needed() {
    const size_t blocks = problem_.blocks.size();
    std::vector<Range> needed(blocks);
    last_moment_.assign(blocks, 0);
    first_moment_.assign(blocks, moments_.size());
    for (uint32_t b = 0; b < blocks; ++b) {
      if (!problem_.blocks[b].kept) continue;
      needed[b] = {0, problem_.blocks[b].bytes};
      last_moment_[b] = moments_.size();
    }
    changes_.resize(moments_.size());
    for (size_t m = moments_.size(); m-- > 0;) {
      for (const Touch& touch : moments_[m].touches) {
        // What is needed after this moment comes back when the moment is over.
        changes_[m].push_back({touch.block, needed[touch.block]});
        if (!touch.written) needed[touch.block].cover(touch.range);
        last_moment_[touch.block] = std::max(last_moment_[touch.block], m);
        first_moment_[touch.block] = m;
      }
    }
    needed_ = std::move(needed);
    for (uint32_t b = 0; b < blocks; ++b) {
      const Block& block = problem_.blocks[b];
      if (block.writer < 0 && !block.is_scratch) first_moment_[b] = 0;
    }
  }

  // The bytes of block `b` that live at moment `m`: written before and needed later, or being written.
  Range live(uint32_t b, size_t m) const {
    // The caller writes an input before the first moment, read or not.
    if (m == 0 && problem_.blocks[b].writer < 0) return {0, problem_.blocks[b].bytes};
    if (schedule_.ring_rows[b] != 0) {
      return {0, static_cast<int64_t>(problem_.blocks[b].row_bytes) * schedule_.ring_rows[b]};
    }
    // Nobody reads scratch later: it lives while its step runs.
    Range range = {std::max(written_[b].first, needed_[b].first), std::min(written_[b].last, needed_[b].last)};
    if (range.empty()) range = {};
    for (const Touch& touch : moments_[m].touches) {
      if (touch.block == b) range.cover(touch.range);
    }
    return range;
  }

  void visit(size_t m) {
    const Moment& moment = moments_[m];
    for (const Touch& touch : moment.touches) {
      if (touch.written) written_[touch.block].cover(touch.range);
    }
    alive_.clear();
    uint64_t live_bytes = 0;
    for (const uint32_t b : in_use_) {
      const Range range = live(b, m);
      if (range.empty()) continue;
      alive_.push_back({b, range});
      live_bytes += static_cast<uint64_t>(range.last - range.first);
      result_.bytes[b] = std::max(result_.bytes[b], static_cast<uint32_t>(
          schedule_.ring_rows[b] != 0 ? range.last : int64_t{problem_.blocks[b].bytes}));
      result_.first[b] = std::min(result_.first[b], moment.step);
      result_.last[b] = std::max(result_.last[b], moment.step);
    }
    const uint32_t in_place_bytes = moment.in_place ? in_place(m) : 0;
    live_bytes -= in_place_bytes;
    result_.live_bytes = std::max(result_.live_bytes, live_bytes);
    result_.step_bytes[moment.step] = std::max(result_.step_bytes[moment.step], live_bytes);
    for (size_t i = 0; i < alive_.size(); ++i) {
      for (size_t k = 0; k < i; ++k) {
        const bool in_order = alive_[k].first < alive_[i].first;
        add_conflict(moment, alive_[in_order ? k : i], alive_[in_order ? i : k], in_place_bytes != 0);
      }
    }
    // A block may be touched twice: the first change recorded, which is the last in the backward walk, is undone last.
    for (size_t c = changes_[m].size(); c-- > 0;) needed_[changes_[m][c].first] = changes_[m][c].second;
  }

  // Bytes of the output's row that may lie over the first input's row at moment `m`.
  uint32_t in_place(size_t m) const {
    const Moment& moment = moments_[m];
    const Step& step = problem_.steps[moment.step];
    const Touch& input = moment.touches[0];
    for (size_t i = 1; i < moment.touches.size(); ++i) {
      // The word is on the first input alone: not where another one is the same tensor.
      if (moment.touches[i].block == input.block) return 0;
    }
    // What was recorded first is needed after this moment: the row itself may be read again.
    const Range& later = changes_[m][0].second;
    if (later.first < input.range.last && input.range.first < later.last) return 0;
    for (const auto& entry : alive_) {
      // Rows above the one that is read live on for another reader: nothing may cover them.
      if (entry.first == input.block && entry.second.first < input.range.first) return 0;
    }
    return static_cast<uint32_t>(step.view(step.view_count() - 1).row_bytes);
  }

  void add_conflict(const Moment& moment, const std::pair<uint32_t, Range>& a, const std::pair<uint32_t, Range>& b,
                    bool in_place) {
    Range forbidden = {a.second.first - b.second.last, a.second.last - b.second.first};
    if (in_place) {
      const Step& step = problem_.steps[moment.step];
      const int64_t row_bytes = step.view(step.view_count() - 1).row_bytes;
      if (a.first == step.blocks[0] && b.first == step.blocks.back()) forbidden.first += row_bytes;
      if (b.first == step.blocks[0] && a.first == step.blocks.back()) forbidden.last -= row_bytes;
    }
    if (forbidden.empty()) return;
    pairs_[a.first * problem_.blocks.size() + b.first].cover(forbidden);
  }

  const Problem& problem_;
  const Schedule& schedule_;
  std::vector<Moment> moments_;
  std::vector<std::vector<std::pair<uint32_t, Range>>> changes_;  // by moment
  std::vector<Range> needed_, written_;                           // by block, at the moment that is visited
  std::vector<size_t> first_moment_, last_moment_;                // by block
  std::vector<std::pair<uint32_t, Range>> alive_;
  std::vector<uint32_t> in_use_;                                  // blocks, at that moment
  std::vector<Range> pairs_;  // forbidden distances of blocks a < b at a * blocks + b; most are empty
  Lifetimes result_;
};

}  // namespace

Lifetimes find_lifetimes(const Problem& problem, const Schedule& schedule) { return Finder(problem, schedule).find(); }

}  // namespace layout
}  // namespace microplan

#endif  // MICROPLAN_PASSES
