// SPDX-License-Identifier: Apache-2.0
// Mutations of files that are made of 32-bit words, as models and plans are.
#ifndef MICROPLAN_TESTS_FUZZ_MUTATE_H_
#define MICROPLAN_TESTS_FUZZ_MUTATE_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace microplan {
namespace fuzz {

using Bytes = std::vector<uint8_t>;

// The same seed and inputs give the same outputs everywhere.
class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  // Changes `bytes` in one to eight places. Words may come from `other`; the result has at most `max_bytes`.
  void mutate(Bytes* bytes, const Bytes& other, size_t max_bytes);

  // A number below `limit`, which is not 0.
  size_t below(size_t limit) { return static_cast<size_t>(random_() % limit); }

 private:
  void mutate_once(Bytes* bytes, const Bytes& other, size_t max_bytes);
  void resize(Bytes* bytes, size_t max_bytes);
  size_t place(const Bytes& bytes, size_t width);
  uint32_t interesting(size_t file_bytes);

  std::mt19937_64 random_;
  std::vector<uint32_t> structure_;  // positions of the words that are likely not weights
};

}  // namespace fuzz
}  // namespace microplan

#endif  // MICROPLAN_TESTS_FUZZ_MUTATE_H_
