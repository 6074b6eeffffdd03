// SPDX-License-Identifier: Apache-2.0
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include "microplan/planner/layout/place_exact.h"

#include <algorithm>

namespace microplan {
namespace layout {

namespace {

uint64_t align_up(uint64_t offset, uint32_t alignment) { return (offset + alignment - 1) & ~uint64_t{alignment - 1}; }

// The conflicts of each block, seen from it.
struct Neighbour {
  uint32_t block;
  int64_t low, high;  // not: low < offset(this) - offset(block) < high
};
using Neighbours = std::vector<std::vector<Neighbour>>;

Neighbours neighbours_of(size_t blocks, const std::vector<Conflict>& conflicts) {
  Neighbours all(blocks);
  for (const Conflict& conflict : conflicts) {
    all[conflict.b].push_back({conflict.a, conflict.low, conflict.high});
    all[conflict.a].push_back({conflict.b, -conflict.high, -conflict.low});
  }
  return all;
}

// Places one block after the other.
class Placer {
 public:
  Placer(const std::vector<PlaceBlock>& blocks, const Neighbours& neighbours)
      : blocks_(blocks), neighbours_(neighbours), placed_(blocks.size(), false) {
    result_.offset.assign(blocks.size(), 0);
  }

  // High: each block at the highest offset that is free and lets the arena be, if there is one; else, and in any case
  // without `high`, at the lowest that is free.
  Offsets place(const std::vector<uint32_t>& order, bool high) {
    for (const uint32_t b : order) {
      uint64_t offset = 0;
      if (!high || !find_highest(b, &offset)) offset = lowest(b);
      result_.offset[b] = offset;
      placed_[b] = true;
      result_.arena_bytes = std::max(result_.arena_bytes, offset + blocks_[b].bytes);
    }
    return std::move(result_);
  }

 private:
  // Whom block `b` must not lie over at `offset`; nullptr: nobody.
  const Neighbour* conflict(uint32_t b, uint64_t offset) const {
    for (const Neighbour& other : neighbours_[b]) {
      if (!placed_[other.block]) continue;
      const int64_t distance = static_cast<int64_t>(offset) - static_cast<int64_t>(result_.offset[other.block]);
      if (distance > other.low && distance < other.high) return &other;
    }
    return nullptr;
  }

  int64_t beside(const Neighbour& other, int64_t distance) const {
    return static_cast<int64_t>(result_.offset[other.block]) + distance;
  }

  uint64_t lowest(uint32_t b) const {
    uint64_t offset = 0;
    while (const Neighbour* const other = conflict(b, offset)) {
      offset = align_up(static_cast<uint64_t>(beside(*other, other->high)), blocks_[b].alignment);
    }
    return offset;
  }

  bool find_highest(uint32_t b, uint64_t* offset) const {
    if (result_.arena_bytes < blocks_[b].bytes) return false;
    const int64_t top = static_cast<int64_t>(result_.arena_bytes - blocks_[b].bytes);
    bool found = false;
    const auto attempt = [&](int64_t at) {
      if (at < 0 || at > top) return;
      const uint64_t aligned = static_cast<uint64_t>(at) & ~uint64_t{blocks_[b].alignment - 1};
      if ((found && aligned <= *offset) || conflict(b, aligned) != nullptr) return;
      *offset = aligned;
      found = true;
    };
    attempt(top);
    for (const Neighbour& other : neighbours_[b]) {
      if (placed_[other.block]) attempt(beside(other, other.low));
    }
    return found;
  }

  const std::vector<PlaceBlock>& blocks_;
  const Neighbours& neighbours_;
  std::vector<bool> placed_;
  Offsets result_;
};

class Search {
 public:
  Search(const std::vector<PlaceBlock>& blocks, const Lifetimes& lifetimes, Offsets start, uint64_t max_nodes)
      : blocks_(blocks), conflicts_(lifetimes.conflicts), best_(std::move(start)), max_nodes_(max_nodes),
        edges_(blocks.size()) {
    best_.bound_bytes = lifetimes.live_bytes;
  }

  Offsets run() {
    if (best_.arena_bytes > best_.bound_bytes) {
      std::vector<uint64_t> lowest(blocks_.size(), 0);
      visit(lowest);
      // All cases were looked at: nothing is smaller.
      if (best_.nodes < max_nodes_) best_.bound_bytes = best_.arena_bytes;
    }
    return std::move(best_);
  }

 private:
  // offset(above) >= offset(from) + distance.
  struct Edge {
    uint32_t above;
    int64_t distance;
  };

  bool ended() const { return best_.nodes >= max_nodes_ || best_.arena_bytes <= best_.bound_bytes; }

  // `lowest` holds for each block the lowest offset that the decisions so far allow.
  void visit(const std::vector<uint64_t>& lowest) {
    ++best_.nodes;
    const Conflict* const conflict = worst_conflict(lowest);
    if (conflict == nullptr) {
      best_.offset = lowest;
      best_.arena_bytes = top(lowest);
      return;
    }
    const uint64_t b_rises = lowest[conflict->a] + static_cast<uint64_t>(conflict->high) - lowest[conflict->b];
    const uint64_t a_rises = lowest[conflict->b] - static_cast<uint64_t>(conflict->low) - lowest[conflict->a];
    const bool b_first = b_rises <= a_rises;
    for (int turn = 0; turn < 2 && !ended(); ++turn) {
      const bool b_above = (turn == 0) == b_first;
      const uint32_t from = b_above ? conflict->a : conflict->b;
      const Edge edge = {b_above ? conflict->b : conflict->a, b_above ? conflict->high : -conflict->low};
      edges_[from].push_back(edge);
      std::vector<uint64_t> raised = lowest;
      if (raise(raised, from)) visit(raised);
      edges_[from].pop_back();
    }
  }

  uint64_t top(const std::vector<uint64_t>& offsets) const {
    uint64_t bytes = 0;
    for (size_t b = 0; b < blocks_.size(); ++b) bytes = std::max(bytes, offsets[b] + blocks_[b].bytes);
    return bytes;
  }

  // The pair lying over each other that costs most to part; nullptr: there is none.
  const Conflict* worst_conflict(const std::vector<uint64_t>& offsets) const {
    const Conflict* worst = nullptr;
    int64_t worst_rise = -1;
    for (const Conflict& conflict : conflicts_) {
      const int64_t distance = static_cast<int64_t>(offsets[conflict.b]) - static_cast<int64_t>(offsets[conflict.a]);
      if (distance <= conflict.low || distance >= conflict.high) continue;
      const int64_t rise = std::min(conflict.high - distance, distance - conflict.low);
      if (rise > worst_rise) {
        worst_rise = rise;
        worst = &conflict;
      }
    }
    return worst;
  }

  // Carries a decision through. False when the arena would not become smaller than the best.
  bool raise(std::vector<uint64_t>& offsets, uint32_t from) const {
    std::vector<uint32_t> changed = {from};
    while (!changed.empty()) {
      const uint32_t low = changed.back();
      changed.pop_back();
      for (const Edge& edge : edges_[low]) {
        const int64_t least = static_cast<int64_t>(offsets[low]) + edge.distance;
        if (least <= static_cast<int64_t>(offsets[edge.above])) continue;
        const uint64_t offset = align_up(static_cast<uint64_t>(least), blocks_[edge.above].alignment);
        // This also ends circles of decisions, which rise without end.
        if (offset + blocks_[edge.above].bytes >= best_.arena_bytes) return false;
        offsets[edge.above] = offset;
        changed.push_back(edge.above);
      }
    }
    return true;
  }

  const std::vector<PlaceBlock>& blocks_;
  const std::vector<Conflict>& conflicts_;
  Offsets best_;
  const uint64_t max_nodes_;
  std::vector<std::vector<Edge>> edges_;  // decided so far, by the lower block
};

}  // namespace

Offsets place_in_order(const std::vector<PlaceBlock>& blocks, const Lifetimes& lifetimes) {
  const Neighbours neighbours = neighbours_of(blocks.size(), lifetimes.conflicts);
  std::vector<uint32_t> all;
  for (uint32_t b = 0; b < blocks.size(); ++b) {
    if (blocks[b].bytes != 0) all.push_back(b);
  }
  const auto by_size = [&](uint32_t a, uint32_t b) { return blocks[a].bytes > blocks[b].bytes; };
  const auto by_time = [&](uint32_t a, uint32_t b) { return lifetimes.first[a] < lifetimes.first[b]; };
  Offsets best;
  best.arena_bytes = UINT64_MAX;
  const auto attempt = [&](const std::vector<uint32_t>& order) {
    for (int turn = 0; turn < 2; ++turn) {
      Offsets tried = Placer(blocks, neighbours).place(order, turn == 1);
      if (tried.arena_bytes < best.arena_bytes) best = std::move(tried);
    }
  };
  std::stable_sort(all.begin(), all.end(), by_time);
  attempt(all);
  std::vector<uint32_t> order(all.rbegin(), all.rend());
  attempt(order);
  order = all;
  std::stable_sort(order.begin(), order.end(), by_size);
  attempt(order);
  // What stands out at the top goes first the next time.
  constexpr int kAttempts = 16;
  for (int i = 0; i < kAttempts && best.arena_bytes > lifetimes.live_bytes; ++i) {
    const Offsets tried = Placer(blocks, neighbours).place(order, false);
    if (tried.arena_bytes < best.arena_bytes) best = tried;
    const auto highest = std::find_if(order.begin(), order.end(), [&](uint32_t b) {
      return tried.offset[b] + blocks[b].bytes == tried.arena_bytes;
    });
    if (highest == order.begin()) break;
    std::rotate(order.begin(), highest, highest + 1);
  }
  best.bound_bytes = lifetimes.live_bytes;
  return best;
}

Offsets place_exact(const std::vector<PlaceBlock>& blocks, const Lifetimes& lifetimes, Offsets start,
                    uint64_t max_nodes) {
  return Search(blocks, lifetimes, std::move(start), max_nodes).run();
}

}  // namespace layout
}  // namespace microplan

#endif  // MICROPLAN_PASSES
