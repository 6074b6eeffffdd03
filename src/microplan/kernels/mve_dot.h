// SPDX-License-Identifier: Apache-2.0
// Products of an int8 vector and an int8 matrix for Helium, four rows of the matrix at a time. Matrices are as models have
// them. Nothing without Helium.
#ifndef MICROPLAN_KERNELS_MVE_DOT_H_
#define MICROPLAN_KERNELS_MVE_DOT_H_

#if defined(__ARM_FEATURE_MVE)

#include <stdint.h>

namespace microplan {
namespace mve {

// sums[i] += sum over d of x[d] * filter[i * stride + d], modulo 2^32; `depth` is at least 1.
void dot_rows(int32_t* sums, const int8_t* x, const int8_t* filter, uint32_t depth, uint32_t stride);

}  // namespace mve
}  // namespace microplan

#endif  // __ARM_FEATURE_MVE

#endif  // MICROPLAN_KERNELS_MVE_DOT_H_
