// SPDX-License-Identifier: Apache-2.0
#ifndef MICROPLAN_TESTS_DIFFERENTIAL_PACKED_CONSTANTS_H_
#define MICROPLAN_TESTS_DIFFERENTIAL_PACKED_CONSTANTS_H_

#include <stdint.h>
#include <string.h>

#include "fake_operator.h"

namespace differential {

using microplan::Footprint;

// Packs into blocks of the pool and checks that what is written is what the footprint says.
class Constants final : public microplan::ConstantWriter {
 public:
  Constants(const FakeOperator& op, Pool& pool, Random& random, bool write)
      : op_(op), pool_(pool), random_(random), write_(write) {}

  void tensor(uint32_t index, uint32_t alignment) override {
    finish();
    const TensorInfo info = op_.input(index);
    add(info.index < 0 ? UINT32_MAX : info.bytes, alignment);
    if (info.index >= 0 && write_ && fill_ != nullptr) memcpy(fill_, info.data, info.bytes);
    left_ = 0;
  }
  bool begin(uint32_t bytes) override {
    finish();
    add(bytes, 4);
    return write_;
  }
  void append(const void* data, uint32_t bytes) override {
    if (bytes > left_) {
      problem_ = "pack appends more than it began";
      return;
    }
    if (fill_ != nullptr) memcpy(fill_, data, bytes);
    fill_ = fill_ == nullptr ? nullptr : fill_ + bytes;
    left_ -= bytes;
  }

  // What is wrong with them, nullptr when they agree with the footprint.
  const char* check(const Footprint& footprint) {
    finish();
    if (problem_ != nullptr) return problem_;
    if (count_ != footprint.constant_count) return "pack writes another number of constants than the footprint has";
    for (uint32_t i = 0; i < count_; ++i) {
      const Footprint::Constant& expected = footprint.constant[i];
      if (bytes_[i] == UINT32_MAX) {
        if (!expected.optional) return "a constant is absent that is not optional";
        continue;
      }
      if (bytes_[i] != expected.bytes) return "a constant has another size than the footprint says";
      if (alignment_[i] < expected.alignment) return "a constant is written with less alignment than the footprint asks";
    }
    return nullptr;
  }
  const uint8_t* const* blocks() const { return blocks_; }
  const uint32_t* bytes() const { return bytes_; }
  uint32_t count() const { return count_; }

 private:
  void add(uint32_t bytes, uint32_t alignment) {
    if (count_ == Footprint::kMaxConstants) {
      problem_ = "pack writes too many constants";
      return;
    }
    uint8_t* const block = bytes == UINT32_MAX || !write_ ? nullptr : pool_.take(bytes, alignment, random_);
    if (block == nullptr && bytes != UINT32_MAX && write_) problem_ = "the pool is too small for the constants";
    blocks_[count_] = block;
    bytes_[count_] = bytes;
    alignment_[count_] = alignment;
    ++count_;
    fill_ = block;
    left_ = bytes;
  }
  void finish() {
    if (write_ && left_ != 0 && count_ != 0 && bytes_[count_ - 1] != UINT32_MAX) {
      problem_ = "pack appends less than it began";
    }
    left_ = 0;
  }

  const FakeOperator& op_;
  Pool& pool_;
  Random& random_;
  const bool write_;
  const uint8_t* blocks_[Footprint::kMaxConstants];
  uint32_t bytes_[Footprint::kMaxConstants];
  uint32_t alignment_[Footprint::kMaxConstants];
  uint32_t count_ = 0;
  uint8_t* fill_ = nullptr;
  uint32_t left_ = 0;
  const char* problem_ = nullptr;
};

}  // namespace differential

#endif  // MICROPLAN_TESTS_DIFFERENTIAL_PACKED_CONSTANTS_H_
