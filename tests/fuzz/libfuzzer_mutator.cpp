// SPDX-License-Identifier: Apache-2.0
// Lets libFuzzer use the driver's mutations beside its own: it knows coverage, they know what a word is.
#include <cstring>

#include "mutate.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
  microplan::fuzz::Bytes bytes(data, data + size);
  microplan::fuzz::Mutator(seed).mutate(&bytes, bytes, max_size);
  if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}
