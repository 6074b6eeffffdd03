// SPDX-License-Identifier: Apache-2.0
// AVERAGE_POOL_2D and MAX_POOL_2D: output[n][oy][ox][c] = clamp(average or maximum over ky, kx of input[n][y][x][c]),
// where (y, x) is tap (ky, kx) of the window. The average is over the taps inside the input; of integers it is rounded
// to nearest, halves away from zero.
#ifndef MICROPLAN_KERNELS_POOL_2D_H_
#define MICROPLAN_KERNELS_POOL_2D_H_

#include <stdint.h>

#include "microplan/kernels/window.h"

namespace microplan {

// Views: input, output. No constants. Value is int32_t, or float for float32.
template <typename Value>
struct Pool2dParamsOf {
  Window window;  // dilation 1, out_c = in_c
  Value act_min, act_max;
};
using Pool2dParams = Pool2dParamsOf<int32_t>;

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_POOL_2D_H_
