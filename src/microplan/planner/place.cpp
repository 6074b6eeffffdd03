// SPDX-License-Identifier: Apache-2.0
#include "microplan/planner/place.h"

#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

constexpr uint32_t kEnd = UINT32_MAX;
constexpr uint32_t kUnplaced = UINT32_MAX - 1;

uint32_t largest_unplaced(const Placement* placements, uint32_t count) {
  uint32_t best = kEnd;
  for (uint32_t i = 0; i < count; ++i) {
    const Placement& candidate = placements[i];
    if (candidate.bytes == 0 || candidate.next != kUnplaced) continue;
    if (best == kEnd || candidate.bytes > placements[best].bytes) best = i;
  }
  return best;
}

}  // namespace

uint32_t place_greedy(Placement* placements, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) placements[i].next = kUnplaced;
  uint32_t head = kEnd;  // the placed ones, linked by ascending offset
  uint64_t arena_bytes = 0;
  for (uint32_t i = largest_unplaced(placements, count); i != kEnd; i = largest_unplaced(placements, count)) {
    Placement& item = placements[i];
    const uint64_t mask = item.alignment - 1;
    uint64_t offset = 0;
    for (uint32_t j = head; j != kEnd; j = placements[j].next) {
      const Placement& placed = placements[j];
      if (placed.last < item.first || item.last < placed.first) continue;
      if (offset + item.bytes <= placed.offset) break;
      const uint64_t end = (static_cast<uint64_t>(placed.offset) + placed.bytes + mask) & ~mask;
      if (end > offset) offset = end;
    }
    if (offset + item.bytes > kMaxBytes) return UINT32_MAX;
    item.offset = static_cast<uint32_t>(offset);
    uint32_t* link = &head;
    while (*link != kEnd && placements[*link].offset < item.offset) link = &placements[*link].next;
    item.next = *link;
    *link = i;
    if (offset + item.bytes > arena_bytes) arena_bytes = offset + item.bytes;
  }
  return static_cast<uint32_t>(arena_bytes);
}

}  // namespace microplan
