// SPDX-License-Identifier: Apache-2.0
// What the Helium kernels share: requantization of four accumulators, bit for bit as quantization.h does one. Shifts are
// Requantize::shift in every form, negative to the right. Nothing without Helium.
#ifndef MICROPLAN_KERNELS_MVE_H_
#define MICROPLAN_KERNELS_MVE_H_

#if defined(__ARM_FEATURE_MVE)

#include <arm_mve.h>
#include <stdint.h>

namespace microplan {
namespace mve {

// requantize() of any value, with a multiplier and a shift for each lane.
inline int32x4_t requantize(int32x4_t value, int32x4_t multiplier, int32x4_t shift) {
  const int32x4_t left = vmaxq_s32(shift, vdupq_n_s32(0));
  const int32x4_t right = vminq_s32(shift, vdupq_n_s32(0));
  const int32x4_t high = vqrdmulhq_s32(vshlq_s32(value, left), multiplier);
  // VRSHL rounds halves up; one less makes it halves of negative values down. Not where nothing is shifted out.
  const int32x4_t down = vshrq_n_s32(vandq_s32(high, right), 31);
  return vrshlq_s32(vqaddq_s32(high, down), right);
}

// The same with one multiplier and one shift.
inline int32x4_t requantize(int32x4_t value, int32_t multiplier, int32_t shift) {
  return requantize(value, vdupq_n_s32(multiplier), vdupq_n_s32(shift));
}

// requantize() where every shift is negative, which ChannelQuantization::fast says of all channels.
inline int32x4_t requantize_fast(int32x4_t value, int32x4_t multiplier, int32x4_t shift) {
  const int32x4_t high = vqrdmulhq_s32(value, multiplier);
  return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(high, 31)), shift);
}

inline int32x4_t requantize_fast(int32x4_t value, int32_t multiplier, int32_t shift) {
  const int32x4_t high = vqrdmulhq_n_s32(value, multiplier);
  return vrshlq_n_s32(vaddq_s32(high, vshrq_n_s32(high, 31)), shift);
}

// requantize_fast() for outputs that are clamped to the zero point or above: which way halves of negative values are
// rounded does not matter, since no such value comes out above 0.
inline int32x4_t requantize_rectified(int32x4_t value, int32x4_t multiplier, int32x4_t shift) {
  return vrshlq_s32(vqrdmulhq_s32(value, multiplier), shift);
}

inline int32x4_t clamp(int32x4_t value, int32x4_t low, int32x4_t high) {
  return vminq_s32(vmaxq_s32(value, low), high);
}

}  // namespace mve
}  // namespace microplan

#endif  // __ARM_FEATURE_MVE

#endif  // MICROPLAN_KERNELS_MVE_H_
