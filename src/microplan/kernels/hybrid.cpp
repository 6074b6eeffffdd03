// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/hybrid.h"

namespace microplan {

namespace {

struct Range {
  float low, high;  // with 0 inside
};

Range range_of(const View& input, Rows rows, uint32_t elements) {
  Range range = {0, 0};
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const float* const x = input.row_as<const float>(row);
    for (uint32_t i = 0; i < elements; ++i) {
      if (x[i] < range.low) range.low = x[i];
      if (x[i] > range.high) range.high = x[i];
    }
  }
  return range;
}

// Nearest integer, halves away from zero, kept within [low, high]. NaN gives low.
template <typename Real>
int32_t round_within(Real value, int32_t low, int32_t high) {
  if (!(value > static_cast<Real>(low))) return low;
  if (value >= static_cast<Real>(high)) return high;
  const int32_t whole = static_cast<int32_t>(value);
  const Real rest = value - static_cast<Real>(whole);  // exact
  return whole + (rest >= static_cast<Real>(0.5)) - (rest <= static_cast<Real>(-0.5));
}

// The zero point that follows from the end of the range where rounding errors are smaller.
DynamicQuantization asymmetric_quantization(const Range& range) {
  const double low = static_cast<double>(range.low);
  const double high = static_cast<double>(range.high);
  const double scale = (high - low) / 255;
  const double low_steps = low / scale;
  const double high_steps = high / scale;
  const double zero_point = 128 - low_steps < 127 + high_steps ? -128 - low_steps : 127 - high_steps;
  return {static_cast<float>(scale), round_within(zero_point, INT8_MIN, INT8_MAX)};
}

}  // namespace

DynamicQuantization quantize_rows(const View& input, Rows rows, uint32_t elements, bool asymmetric, int8_t* output) {
  const Range range = range_of(input, rows, elements);
  DynamicQuantization result = {1, 0};
  float steps = 0;  // per unit; 0 makes everything 0
  int32_t low = INT8_MIN;
  if (asymmetric) {
    if (range.low != range.high) {
      result = asymmetric_quantization(range);
      steps = 1.0f / result.scale;
    }
  } else {
    low = -INT8_MAX;
    const float magnitude = -range.low > range.high ? -range.low : range.high;
    if (magnitude != 0) {
      result.scale = magnitude / INT8_MAX;
      steps = INT8_MAX / magnitude;
    }
  }
  const float zero_point = static_cast<float>(result.zero_point);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const float* const x = input.row_as<const float>(row);
    for (uint32_t i = 0; i < elements; ++i) {
      *output++ = static_cast<int8_t>(round_within(zero_point + x[i] * steps, low, INT8_MAX));
    }
  }
  return result;
}

Rows hybrid_input_rows(const void* params, uint32_t, Rows rows) {
  const Window& window = *static_cast<const Window*>(params);
  return {rows.first / window.out_h * window.in_h, ((rows.last - 1) / window.out_h + 1) * window.in_h};
}

uint32_t hybrid_scratch_bytes(const void* params, uint32_t) {
  const Batch batch = window_batch(*static_cast<const Window*>(params));
  return batch.in_rows * batch.elements;
}

HybridAccumulator::HybridAccumulator(const Params& params, const Io& io, const Batch& batch, void* scratch)
    : params_(params),
      source_(io.view(0)),
      batch_(batch),
      scratch_(static_cast<int8_t*>(scratch)),
      filter_(io.constant<int8_t>(0)),
      bias_(io.constant<float>(1)),
      scales_(io.constant<float>(2)) {}

void HybridAccumulator::begin_row(uint32_t row) {
  const uint32_t index = row / batch_.out_rows;
  if (index == quantized_) return;
  quantized_ = index;
  const uint32_t first = index * batch_.in_rows;
  now_ = quantize_rows(source_, {first, first + batch_.in_rows}, batch_.elements, params_.asymmetric, scratch_);
}

float HybridAccumulator::finish(uint32_t channel, uint32_t sum) const {
  const float filter_scale = scales_[channel * params_.per_channel];
  float value = static_cast<float>(static_cast<int32_t>(sum));
  // The two orders differ in the last bit, and in the next operator's quantized input a bit may be much.
  if (params_.filter_first) {
    value = value * filter_scale * now_.scale;
  } else {
    value *= filter_scale * now_.scale;
  }
  if (bias_ != nullptr) value += bias_[channel];
  return clamp(value, params_.act_min, params_.act_max);
}

}  // namespace microplan
