// SPDX-License-Identifier: Apache-2.0
// Products of float32 vectors by blocks that keep the registers of a scalar floating-point unit busy.
#ifndef MICROPLAN_KERNELS_FPU_DOT_H_
#define MICROPLAN_KERNELS_FPU_DOT_H_

#include <stdint.h>

namespace microplan {
namespace fpu {

// sum[c][p] += x[p][i] * filter[c][i] for i from 0 to count - 1, each product fused with its addition. All fields are read
// by assembly: their order matters.
struct Block {
  const float* x[2];
  const float* filter[4];
  uint32_t count;
  float sum[4][2];
};
// For both x.
void dot_4x2(Block* block);
// For x[0] and sum[c][0] only.
void dot_4x1(Block* block);

}  // namespace fpu
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_FPU_DOT_H_
