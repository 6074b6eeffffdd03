// SPDX-License-Identifier: Apache-2.0
#include "pool.h"

#if defined(__SANITIZE_ADDRESS__)
#define DIFFERENTIAL_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DIFFERENTIAL_ADDRESS_SANITIZER 1
#endif
#endif

#if defined(DIFFERENTIAL_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes)
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes)
#endif

namespace differential {

namespace {

constexpr uint32_t kPoolBytes = 256 * 1024;
// Also more than the 8 bytes that the sanitizer counts in.
constexpr uint32_t kGuardBytes = 32;

alignas(64) uint8_t memory[kPoolBytes];

uint8_t guard(uint32_t at) { return static_cast<uint8_t>(at * 167 + 0x5B); }

// Volatile, so that no memset() takes its place: it would look whether it may write there.
__attribute__((no_sanitize_address)) void write_guard(uint32_t begin, uint32_t end) {
  for (uint32_t at = begin; at < end; ++at) static_cast<volatile uint8_t*>(memory)[at] = guard(at);
}

__attribute__((no_sanitize_address)) const uint8_t* find_damage(uint32_t begin, uint32_t end) {
  for (uint32_t at = begin; at < end; ++at) {
    if (static_cast<volatile uint8_t*>(memory)[at] != guard(at)) return memory + at;
  }
  return nullptr;
}

}  // namespace

Pool::Pool() { ASAN_POISON_MEMORY_REGION(memory, kPoolBytes); }

const uint8_t* Pool::base() const { return memory; }

uint8_t* Pool::take(uint32_t bytes, uint32_t alignment, Random& random) {
  const uint32_t gap = count_ == 0 ? 0 : blocks_[count_ - 1].end;
  uint32_t begin = (gap + kGuardBytes + 2 * alignment - 1) & ~(2 * alignment - 1);
  // The sanitizer sees what is read before a block only from a multiple of 8 on.
  const bool more = random.one_in(4);
  if (more) begin = (begin + 31) & ~31u;
  if (!more) begin += alignment;
  const uint32_t end = begin + bytes;
  if (count_ == kMaxBlocks || bytes > kPoolBytes || end + kGuardBytes > kPoolBytes) return nullptr;
  write_guard(gap, begin);
  write_guard(end, end + kGuardBytes);
  ASAN_UNPOISON_MEMORY_REGION(memory + begin, bytes);
  blocks_[count_++] = {begin, end};
  uint8_t* const block = memory + begin;
  // Garbage differs from call to call.
  const uint32_t start = random.next();
  for (uint32_t i = 0; i < bytes; ++i) block[i] = static_cast<uint8_t>((start + i) * 0x9E3779B9u >> 23);
  return block;
}

void Pool::release(uint32_t mark) {
  while (count_ > mark) {
    const Block& block = blocks_[--count_];
    ASAN_POISON_MEMORY_REGION(memory + (block.begin & ~7u), block.end - (block.begin & ~7u));
  }
}

const uint8_t* Pool::damage() const {
  uint32_t gap = 0;
  for (uint32_t i = 0; i < count_; ++i) {
    if (const uint8_t* const found = find_damage(gap, blocks_[i].begin)) return found;
    gap = blocks_[i].end;
  }
  return count_ == 0 ? nullptr : find_damage(gap, gap + kGuardBytes);
}

}  // namespace differential
