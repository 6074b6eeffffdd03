// SPDX-License-Identifier: Apache-2.0
// Random numbers that are the same on every machine.
#ifndef MICROPLAN_TESTS_DIFFERENTIAL_RANDOM_H_
#define MICROPLAN_TESTS_DIFFERENTIAL_RANDOM_H_

#include <stdint.h>

namespace differential {

class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed) {}

  // A counter and the finalizer of MurmurHash3.
  uint32_t next() {
    uint32_t x = state_ += 0x9E3779B9u;
    x = (x ^ (x >> 16)) * 0x85EBCA6Bu;
    x = (x ^ (x >> 13)) * 0xC2B2AE35u;
    return x ^ (x >> 16);
  }
  // In [0, count).
  uint32_t below(uint32_t count) { return static_cast<uint32_t>((static_cast<uint64_t>(next()) * count) >> 32); }
  // In [low, high].
  uint32_t between(uint32_t low, uint32_t high) { return low + below(high - low + 1); }
  int32_t between_signed(int32_t low, int32_t high) {
    return static_cast<int32_t>(static_cast<uint32_t>(low) +
                                below(static_cast<uint32_t>(high) - static_cast<uint32_t>(low) + 1));
  }
  bool one_in(uint32_t count) { return below(count) == 0; }
  // In [0, 1), with 24 bits.
  float unit() { return static_cast<float>(next() >> 8) / 16777216.0f; }
  float real(float low, float high) { return low + (high - low) * unit(); }
  // One of the values.
  template <typename T, uint32_t kCount>
  T pick(const T (&values)[kCount]) {
    return values[below(kCount)];
  }

 private:
  uint32_t state_;
};

}  // namespace differential

#endif  // MICROPLAN_TESTS_DIFFERENTIAL_RANDOM_H_
