// SPDX-License-Identifier: Apache-2.0
// AVERAGE_POOL_2D and MAX_POOL_2D: output[n][oy][ox][c] = clamp(average or maximum over ky, kx of input[n][y][x][c]),
// where (y, x) is tap (ky, kx) of the window. The average is over the taps inside the input, rounded to nearest, halves
// away from zero.
#ifndef MICROPLAN_KERNELS_POOL_2D_H_
#define MICROPLAN_KERNELS_POOL_2D_H_

#include <stdint.h>

#include "microplan/kernels/window.h"

namespace microplan {

// Views: input, output. No constants.
struct Pool2dParams {
  Window window;  // dilation 1, out_c = in_c
  int32_t act_min, act_max;
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_POOL_2D_H_
