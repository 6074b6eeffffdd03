// SPDX-License-Identifier: Apache-2.0
// Products of int16 inputs and int8 filters for cores without SIMD. Sums of up to kInt16MaxProducts have 32 bits.
#ifndef MICROPLAN_KERNELS_MAC_INT16_BASE_H_
#define MICROPLAN_KERNELS_MAC_INT16_BASE_H_

#include <stdint.h>

#include "microplan/kernels/int16_outputs.h"

namespace microplan {

// `Pixels` of int16_kernels.h. Input k of pixel p of a block lies at [k][p].
class BaseInt16Pixels {
 public:
  static constexpr uint32_t kBlockPixels = 4;

  BaseInt16Pixels(void* memory, uint32_t depth) : memory_(static_cast<int16_t*>(memory)), depth_(depth) {}
  static uint32_t bytes(uint32_t depth, uint32_t pixels) { return (depth * pixels * 2 + 3) & ~3u; }

  static constexpr uint32_t kLeastDepth = 1;
  static constexpr uint32_t kSpareRescales = 0;
  // Larger blocks would take more memory than they are worth.
  static uint32_t together(uint32_t depth) { return depth <= 640 ? kBlockPixels : 1; }
  static uint32_t row_bytes(uint32_t, uint32_t) { return 0; }

  void begin(uint32_t pixel, uint32_t pixels) {
    pixels_ = pixels;
    x_ = memory_;
    to_ = memory_ + pixel;
  }
  void copy(const int16_t* x, uint32_t count);
  void zeros(uint32_t count);
  void end() {}
  void take(const int16_t* x) {
    pixels_ = 1;
    x_ = x;
  }
  void multiply(const Int16Outputs& outputs, const Int16Rescale* rescales, uint32_t channel, uint32_t channels,
                int16_t* y, uint32_t y_pixel) const;

 private:
  int16_t* const memory_;
  const uint32_t depth_;
  const int16_t* x_;
  uint32_t pixels_;
  int16_t* to_;
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MAC_INT16_BASE_H_
