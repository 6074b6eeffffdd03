// SPDX-License-Identifier: Apache-2.0
// Places blocks of random problems exactly: every placement keeps all conflicts apart, none is worse than the greedy one
// that it starts from, and on small problems none is better than what trying all offsets finds.
//
//   place_exact_test PROBLEMS
//
// Prints "N problems, M proved, K compared with all placements".
#include <algorithm>
#include <random>
#include <vector>

#include "microplan/planner/layout/place_exact.h"
#include "planned_model.h"

using namespace microplan;
using namespace microplan::layout;

namespace {

struct PlacingProblem {
  std::vector<PlaceBlock> blocks;
  Lifetimes lifetimes;
};

// Blocks with lifetimes, and with overlaps as rows make them: of two blocks that are alive together, one may begin some
// bytes below the end of the other.
PlacingProblem make_problem(std::mt19937& random, uint32_t count, uint32_t most_bytes, uint32_t most_alignment) {
  const auto up_to = [&](uint32_t most) { return static_cast<uint32_t>(random() % (most + 1)); };
  PlacingProblem problem;
  Lifetimes& lifetimes = problem.lifetimes;
  const uint32_t times = 2 + count / 2;
  for (uint32_t b = 0; b < count; ++b) {
    problem.blocks.push_back({1 + up_to(most_bytes - 1), 1u << up_to(most_alignment)});
    lifetimes.bytes.push_back(problem.blocks[b].bytes);
    lifetimes.first.push_back(up_to(times));
    lifetimes.last.push_back(lifetimes.first[b] + up_to(3));
  }
  for (uint32_t b = 0; b < count; ++b) {
    lifetimes.live_bytes = std::max<uint64_t>(lifetimes.live_bytes, lifetimes.bytes[b]);
    for (uint32_t a = 0; a < b; ++a) {
      if (lifetimes.first[a] > lifetimes.last[b] || lifetimes.first[b] > lifetimes.last[a]) continue;
      Conflict conflict = {a, b, -int64_t{lifetimes.bytes[b]}, int64_t{lifetimes.bytes[a]}};
      if (up_to(2) == 0) conflict.low += up_to(lifetimes.bytes[b]);
      if (up_to(2) == 0) conflict.high -= up_to(lifetimes.bytes[a]);
      if (conflict.low < conflict.high) lifetimes.conflicts.push_back(conflict);
    }
  }
  return problem;
}

bool is_sound(const PlacingProblem& problem, const Offsets& placed) {
  for (uint32_t b = 0; b < problem.blocks.size(); ++b) {
    const PlaceBlock& block = problem.blocks[b];
    if (placed.offset[b] % block.alignment != 0 || placed.offset[b] + block.bytes > placed.arena_bytes) return false;
  }
  for (const Conflict& conflict : problem.lifetimes.conflicts) {
    const int64_t distance =
        static_cast<int64_t>(placed.offset[conflict.b]) - static_cast<int64_t>(placed.offset[conflict.a]);
    if (distance > conflict.low && distance < conflict.high) return false;
  }
  return true;
}

// Whether blocks from `b` on fit into `arena_bytes`, those before lying at `offset`.
bool fits(const PlacingProblem& problem, uint64_t arena_bytes, std::vector<int64_t>& offset, uint32_t b) {
  if (b == problem.blocks.size()) return true;
  const PlaceBlock& block = problem.blocks[b];
  for (uint64_t at = 0; at + block.bytes <= arena_bytes; at += block.alignment) {
    offset[b] = static_cast<int64_t>(at);
    bool apart = true;
    for (const Conflict& conflict : problem.lifetimes.conflicts) {
      if (conflict.b != b) continue;
      const int64_t distance = offset[b] - offset[conflict.a];
      apart = apart && (distance <= conflict.low || distance >= conflict.high);
    }
    if (apart && fits(problem, arena_bytes, offset, b + 1)) return true;
  }
  return false;
}

constexpr uint64_t kMaxNodes = 2000;

// True when the result is proved.
bool check(const PlacingProblem& problem, bool compare) {
  const Offsets greedy = place_in_order(problem.blocks, problem.lifetimes);
  const Offsets exact = place_exact(problem.blocks, problem.lifetimes, greedy, kMaxNodes);
  if (!is_sound(problem, greedy)) die("greedy: a conflict is not kept apart");
  if (!is_sound(problem, exact)) die("exact: a conflict is not kept apart");
  if (exact.arena_bytes > greedy.arena_bytes) die("exact is worse than greedy");
  if (exact.bound_bytes > exact.arena_bytes) die("the bound lies above what was found");
  if (exact.nodes > kMaxNodes) die("more nodes than allowed");
  const bool proved = exact.bound_bytes == exact.arena_bytes;
  if (!proved && exact.nodes < kMaxNodes) die("ended early without a proof");
  if (compare) {
    std::vector<int64_t> offset(problem.blocks.size(), 0);
    if (!proved) die("a small problem is not solved");
    if (fits(problem, exact.arena_bytes - 1, offset, 0)) die("there is a smaller placement than the exact one");
  }
  return proved;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) die("usage: place_exact_test PROBLEMS");
  const uint32_t problems = static_cast<uint32_t>(strtoul(argv[1], nullptr, 10));
  std::mt19937 random(1);
  uint32_t proved = 0, compared = 0;
  for (uint32_t i = 0; i < problems; ++i) {
    const bool small = i % 2 == 0;
    const uint32_t count = small ? 2 + i / 2 % 5 : 2 + i / 2 % 19;
    proved += check(make_problem(random, count, small ? 6 : 1000, small ? 1 : 4), small);
    compared += small;
  }
  printf("%u problems, %u proved, %u compared with all placements\n", problems, proved, compared);
  return 0;
}
