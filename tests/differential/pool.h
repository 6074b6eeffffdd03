// SPDX-License-Identifier: Apache-2.0
// The memory of one case: blocks that are aligned as asked and no more, with guard bytes between them. Under the address
// sanitizer nothing but the blocks can be touched.
#ifndef MICROPLAN_TESTS_DIFFERENTIAL_POOL_H_
#define MICROPLAN_TESTS_DIFFERENTIAL_POOL_H_

#include <stdint.h>

#include "random.h"

namespace differential {

class Pool {
 public:
  Pool();

  // `bytes` of garbage at a multiple of `alignment`, mostly at none of twice that. nullptr when the pool is full.
  uint8_t* take(uint32_t bytes, uint32_t alignment, Random& random);
  // Gives back all blocks that were taken since mark() returned `mark`.
  uint32_t mark() const { return count_; }
  void release(uint32_t mark);

  // The first guard byte that was changed, nullptr when there is none.
  const uint8_t* damage() const;

  const uint8_t* base() const;

 private:
  struct Block {
    uint32_t begin, end;
  };
  static constexpr uint32_t kMaxBlocks = 96;

  Block blocks_[kMaxBlocks];
  uint32_t count_ = 0;
};

// Gives the blocks back that were taken in its lifetime.
class PoolScope {
 public:
  explicit PoolScope(Pool& pool) : pool_(pool), mark_(pool.mark()) {}
  PoolScope(const PoolScope&) = delete;
  ~PoolScope() { pool_.release(mark_); }

 private:
  Pool& pool_;
  const uint32_t mark_;
};

}  // namespace differential

#endif  // MICROPLAN_TESTS_DIFFERENTIAL_POOL_H_
