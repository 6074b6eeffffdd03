// SPDX-License-Identifier: Apache-2.0
// Convolution windows for a scalar floating-point unit: blocks of 4 channels by 2 pixels.
#ifndef MICROPLAN_KERNELS_FPU_WINDOWS_H_
#define MICROPLAN_KERNELS_FPU_WINDOWS_H_

#include <stdint.h>

#include "microplan/kernels/fpu_dot.h"
#include "microplan/kernels/window.h"

namespace microplan {
namespace fpu {

// A filter's channels, and where one pixel or two adjacent ones begin to read.
struct Taps {
  const float* x;
  uint32_t x_pixel;  // elements from the first pixel to the second; 0: there is one
  const float* filter;
  uint32_t filter_elements;  // of one channel
};

// The sums of up to 4 channels: channels beyond the last repeat it, and their sums are not used.
void sum_block(const Taps& taps, uint32_t channels, const TapRows& at, const Runs& runs, Block* block);

}  // namespace fpu
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_FPU_WINDOWS_H_
