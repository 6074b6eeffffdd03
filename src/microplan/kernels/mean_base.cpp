// SPDX-License-Identifier: Apache-2.0
// MEAN of int8 on any core: four channels in a word, as unsigned numbers 128 above the signed ones.
#include "microplan/kernels.h"
#include "microplan/kernels/mean_words.h"

namespace microplan {

namespace {

struct Bytes {
  static constexpr uint32_t kMost = 256;
  static constexpr uint32_t kAlternate = 0x00ff00ffu;
  uint32_t even = 0, odd = 0;

  void take(uint32_t word) {
    word ^= 0x80808080u;
    even += word & kAlternate;
    odd += word >> 8 & kAlternate;
  }
  template <uint32_t kByte>
  int32_t sum(uint32_t count) const {
    const uint32_t halves = kByte & 1 ? odd : even;
    return static_cast<int32_t>((kByte & 2 ? halves >> 16 : halves & 0xffffu) - 128 * count);
  }
};

}  // namespace

namespace kernels {

Status mean_int8_base_run(const void* in, Rows rows, const Io& io, void*) {
  return run_mean_int8<MeanWordSums<Bytes, requantize_fast>>(in, rows, io);
}

const Variant mean_int8_base_variant = {
    mean_int8_base, "mean_int8_base", "MEAN", 40,
    DataType::kInt8, DataType::kNone, DataType::kInt8, "constant axes",
    false, Overlap::kRows, sizeof(MeanParams),
    mean_integer_prepare, mean_int8_supports, mean_int8_footprint, mean_input_rows, nullptr, nullptr,
    mean_int8_cost<4, 8, 40>};

}  // namespace kernels

}  // namespace microplan
