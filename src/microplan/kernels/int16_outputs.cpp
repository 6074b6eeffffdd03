// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/int16_outputs.h"

namespace microplan {

Int16Outputs::Int16Outputs(const Int16Quantization& params, const Io& io, uint32_t depth)
    : params_(params),
      general_(params, io, Batch{1, 1, 1}, nullptr),
      bias_(io.constant<int64_t>(1)),
      requantize_(io.constant<Requantize>(2)),
      depth_(depth) {}

bool Int16Outputs::rescale(uint32_t channel, uint32_t count, Int16Rescale* result) const {
  if (depth_ > kInt16MaxProducts || !wide()) return false;
  const int32_t limit = INT32_MAX - static_cast<int32_t>(depth_ << 22);
  for (const uint32_t end = channel + count; channel < end; ++channel) {
    const int64_t bias = bias_ == nullptr ? 0 : bias_[channel];
    const Requantize by = requantize_[channel * params_.per_channel];
    if (bias > limit || bias < -limit || !Int16Rescale::is_possible(by.shift)) return false;
    result->bias = static_cast<int32_t>(bias);
    result->multiplier = Int16Rescale::multiplier_of(by);
    ++result;
  }
  return true;
}

[[gnu::noinline]] int16_t Int16Outputs::finish(uint32_t channel, uint64_t sum) const {
  if (wide()) {
    // Most sums of many products have 32 bits all the same.
    const uint64_t total = bias_ == nullptr ? sum : sum + static_cast<uint64_t>(bias_[channel]);
    const int32_t low = static_cast<int32_t>(static_cast<uint32_t>(total));
    const Requantize by = requantize_[channel * params_.per_channel];
    if (static_cast<uint64_t>(int64_t{low}) == total && Int16Rescale::is_possible(by.shift)) {
      return finish(low, Int16Rescale{0, Int16Rescale::multiplier_of(by)});
    }
  }
  return general_.finish(channel, sum);
}

}  // namespace microplan
