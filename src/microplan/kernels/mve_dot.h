// SPDX-License-Identifier: Apache-2.0
// Products of an int8 vector and an int8 matrix for Helium, four rows of the matrix at a time. Matrices are as models have
// them. Nothing without Helium.
#ifndef MICROPLAN_KERNELS_MVE_DOT_H_
#define MICROPLAN_KERNELS_MVE_DOT_H_

#if defined(__ARM_FEATURE_MVE)

#include <arm_mve.h>
#include <stdint.h>

namespace microplan {
namespace mve {

// What makes blocks of four channels. Assembly knows where the fields lie.
struct DotBlocks {
  const int8_t* x;
  uint32_t depth;        // of x and of every row of the filter, at least 1
  const int8_t* filter;
  const int32_t* bias;
  const int32_t* multipliers;  // nullptr: `multiplier` and `shift` for all
  uint32_t shifts_at;          // bytes from a channel's multiplier to its shift
  int8_t* y;
  int8_t* y_end;               // a multiple of 4 behind y, not y
  int32_t multiplier, shift;
  int32_t offset, low, high;   // of the output
};
// y = clamp(requantize_fast(bias + filter . x) + offset).
void dot_blocks(const DotBlocks* blocks);

// sums[i] += sum over d of x[d] * filter[i * stride + d], modulo 2^32; `depth` is at least 1.
void dot_rows(int32_t* sums, const int8_t* x, const int8_t* filter, uint32_t depth, uint32_t stride);

// The same with a vector of sums.
int32x4_t dot_quad(int32x4_t sums, const int8_t* x, const int8_t* filter, uint32_t depth, uint32_t stride);
// For the first `lanes` rows of the filter, 1 to 4, one behind the other.
int32x4_t dot_lanes(int32x4_t sums, const int8_t* x, const int8_t* filter, uint32_t depth, uint32_t lanes);

}  // namespace mve
}  // namespace microplan

#endif  // __ARM_FEATURE_MVE

#endif  // MICROPLAN_KERNELS_MVE_DOT_H_
