// SPDX-License-Identifier: Apache-2.0
// MEAN of int8 with the DSP extension: four channels in a word.
#include "microplan/kernels.h"
#include "microplan/kernels/mean_words.h"

namespace microplan {

namespace {

struct Bytes {
  static constexpr uint32_t kMost = 256;
  uint32_t even = 0, odd = 0;

  void take(uint32_t word) {
    even = dsp::sxtab16(even, word);
    odd = dsp::sxtab16_ror8(odd, word);
  }
  template <uint32_t kByte>
  int32_t sum(uint32_t) const {
    const uint32_t halves = kByte & 1 ? odd : even;
    return kByte & 2 ? dsp::high_half(halves) : dsp::low_half(halves);
  }
};

}  // namespace

namespace kernels {

Status mean_int8_dsp_run(const void* in, Rows rows, const Io& io, void*) {
  return run_mean_int8<MeanWordSums<Bytes, dsp::requantize>>(in, rows, io);
}

const Variant mean_int8_dsp_variant = {
    mean_int8_dsp, "mean_int8_dsp", "MEAN", 40,
    DataType::kInt8, DataType::kNone, DataType::kInt8, "constant axes",
    false, Overlap::kRows, sizeof(MeanParams),
    mean_integer_prepare, mean_int8_supports, mean_int8_footprint, mean_input_rows, nullptr, nullptr,
    mean_int8_cost<4, 5, 30>, kFeatureDsp};

}  // namespace kernels

}  // namespace microplan
