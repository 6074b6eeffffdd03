// SPDX-License-Identifier: Apache-2.0
// Products of int16 inputs and int8 filters with Helium. Filters are read as they lie in the model: a load widens
// eight of them.
#ifndef MICROPLAN_KERNELS_MAC_INT16_MVE_H_
#define MICROPLAN_KERNELS_MAC_INT16_MVE_H_

#include <stdint.h>

#include "microplan/kernels/int16_outputs.h"

namespace microplan {
namespace mve {

// `Pixels` of int16_kernels.h. Vectors of 8 inputs; those of two pixels alternate.
class Int16Pixels {
 public:
  Int16Pixels(void* memory, uint32_t depth) : memory_(static_cast<int16_t*>(memory)), depth_(depth) {}
  static uint32_t bytes(uint32_t depth, uint32_t pixels) { return (depth + 7) / 8 * 16 * pixels; }

  static constexpr uint32_t kLeastDepth = 1;
  static constexpr uint32_t kSpareRescales = 3;
  // Two pixels have sums of 32 bits, one alone of 64.
  static uint32_t together(uint32_t depth) { return depth <= kInt16MaxProducts ? 2 : 1; }
  static uint32_t row_bytes(uint32_t, uint32_t) { return 0; }

  void begin(uint32_t pixel, uint32_t pixels) {
    pixels_ = pixels;
    pixel_ = pixel;
    done_ = 0;
    x_ = memory_;
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
  uint32_t pixel_, pixels_;
  uint32_t done_;  // inputs of the pixel
};

}  // namespace mve
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MAC_INT16_MVE_H_
