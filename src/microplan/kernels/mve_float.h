// SPDX-License-Identifier: Apache-2.0
// Products of float32 vectors for Helium, four channels at a time. Nothing without it.
#ifndef MICROPLAN_KERNELS_MVE_FLOAT_H_
#define MICROPLAN_KERNELS_MVE_FLOAT_H_

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

#include <arm_mve.h>
#include <stdint.h>

#include "microplan/kernels/accumulator.h"
#include "microplan/kernels/window.h"

namespace microplan {
namespace mve {

// A channel's sum is that of four parts: part l has the products of inputs l, l + 4 and so on. The fields are read by
// assembly: their order matters.
struct FloatBlock {
  const float* x;
  const float* filter[4];
  uint32_t count;
  float sum[4][4];
};
void clear(FloatBlock* block);
// sum[c] += products of x[i] and filter[c][i] for i from 0 to count - 1.
void dot(FloatBlock* block);
// The sums over a window's taps: from x_row and filter_row on. Of up to 4 channels, whose filters are `filter_elements`
// apart: channels beyond the last repeat it, and their sums are not used.
void sum_block(const float* x_row, const float* filter_row, uint32_t filter_elements, uint32_t channels,
               const TapRows& at, const Runs& runs, FloatBlock* block);

// Infinities stay, too.
constexpr FloatRange kWholeRange = {-__builtin_inff(), __builtin_inff()};

// NaN stays: it compares as less than anything, but not as greater.
inline float32x4_t clamp(float32x4_t value, const FloatRange& range) {
  value = vdupq_m_n_f32(value, range.act_min, vcmpgtq_f32(vdupq_n_f32(range.act_min), value));
  return vdupq_m_n_f32(value, range.act_max, vcmpgtq_n_f32(value, range.act_max));
}

// The outputs of the first `channels` channels; bias: theirs, or nullptr.
void finish(const FloatBlock& block, const FloatRange& range, const float* bias, uint32_t channels, float* y);

}  // namespace mve
}  // namespace microplan

#endif

#endif  // MICROPLAN_KERNELS_MVE_FLOAT_H_
