// SPDX-License-Identifier: Apache-2.0
// What both fuzz targets share: buffers without slack, all kernels, running a plan, and numbers for the driver.
#ifndef MICROPLAN_TESTS_FUZZ_FUZZ_H_
#define MICROPLAN_TESTS_FUZZ_FUZZ_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "microplan/kernels.h"
#include "microplan/model.h"
#include "microplan/planner.h"

// Ends the process when a promise of the library is broken; libFuzzer and the driver call that a finding.
#define FUZZ_CHECK(condition)                                                                    \
  do {                                                                                           \
    if (!(condition)) {                                                                          \
      std::fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);       \
      std::abort();                                                                              \
    }                                                                                            \
  } while (false)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace microplan {
namespace fuzz {

// How many inputs got how far, for the driver's report: what is refused at the door tests nothing.
struct Stats {
  uint64_t accepted = 0;  // planned or verified
  uint64_t executed = 0;  // and cheap enough to run
};
inline Stats stats;

// What is worth running. Beyond it only time would pass.
constexpr uint64_t kMaxMemory = 4u << 20;
constexpr uint64_t kMaxInstructions = 8u << 20;  // of one inference, as estimated by the kernels' cost

// The size of the .tflite that fuzzed plans refer to; dump_plan fills small models up to it.
constexpr uint32_t kModelBytes = 4096;

// Memory of exactly `bytes` on a 16-byte boundary, so that AddressSanitizer sees the first byte beyond it.
class Block {
 public:
  explicit Block(size_t bytes, uint8_t fill = 0)
      : data_(static_cast<uint8_t*>(::operator new(bytes, kAlignment))), bytes_(static_cast<uint32_t>(bytes)) {
    std::memset(data_, fill, bytes);
  }
  Block(const uint8_t* data, size_t bytes) : Block(bytes) {
    if (bytes != 0) std::memcpy(data_, data, bytes);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { ::operator delete(data_, kAlignment); }

  uint8_t* data() const { return data_; }
  uint32_t bytes() const { return bytes_; }
  operator Buffer() const { return {data_, bytes_}; }
  operator ConstBuffer() const { return {data_, bytes_}; }

 private:
  static constexpr std::align_val_t kAlignment{kBufferAlignment};
  uint8_t* const data_;
  const uint32_t bytes_;
};

inline VariantTable all_variants() { return {kAllVariants, kAllVariantsCount}; }

inline KernelTable all_kernels() {
  static const std::vector<Kernel> kernels = [] {
    std::vector<Kernel> result;
    for (uint32_t i = 0; i < kAllVariantsCount; ++i) result.push_back(kAllVariants[i]->kernel);
    return result;
  }();
  return {kernels.data(), static_cast<uint32_t>(kernels.size())};
}

inline void fill_inputs(const Model& model) {
  for (uint32_t i = 0; i < model.input_count(); ++i) {
    const Tensor input = model.input(i);
    for (uint32_t k = 0; k < input.bytes(); ++k) input.raw()[k] = static_cast<uint8_t>(k * 37 + 11 * (i + 1));
  }
}

}  // namespace fuzz
}  // namespace microplan

#endif  // MICROPLAN_TESTS_FUZZ_FUZZ_H_
