// SPDX-License-Identifier: Apache-2.0
// Products of int16 inputs and int8 filters with the DSP extension. Filters are read as they lie in the model: SXTB16
// makes two halves of the bytes 0 and 2 of a word, and of 1 and 3. Inputs are brought into that order once for
// all channels.
#ifndef MICROPLAN_KERNELS_MAC_INT16_DSP_H_
#define MICROPLAN_KERNELS_MAC_INT16_DSP_H_

#include <stdint.h>

#include "microplan/kernels/dsp.h"
#include "microplan/kernels/int16_outputs.h"

namespace microplan {
namespace dsp {

// `Pixels` of int16_kernels.h. The inputs of one or two pixels by groups of four: halves 0 and 2, then 1 and 3, of the
// first pixel, then of the second. The last group of a depth that is no multiple of 4 goes with the filter's last 4
// bytes: the inputs that are in the group before, too, are 0 there. Where multiply() gets no rescales it makes them.
class Int16Pixels {
 public:
  // `memory` is 4-aligned and has bytes(); depth >= 4.
  Int16Pixels(void* memory, uint32_t depth) : halves_(static_cast<int16_t*>(memory)), depth_(depth) {}
  static uint32_t bytes(uint32_t depth, uint32_t pixels) { return (depth + 3) / 4 * 8 * pixels; }

  static constexpr uint32_t kLeastDepth = 4;
  static constexpr uint32_t kSpareRescales = 0;
  static uint32_t together(uint32_t) { return 2; }
  static uint32_t row_bytes(uint32_t depth, uint32_t) { return bytes(depth, 1); }

  void begin(uint32_t pixel, uint32_t pixels);
  void copy(const int16_t* x, uint32_t count);
  void zeros(uint32_t count);
  void end();
  void take(const int16_t* x) {
    begin(0, 1);
    copy(x, depth_);
    end();
  }
  void multiply(const Int16Outputs& outputs, const Int16Rescale* rescales, uint32_t channel, uint32_t channels,
                int16_t* y, uint32_t y_pixel) const;

 private:
  void put(int32_t value);

  int16_t* const halves_;
  const uint32_t depth_;
  int16_t* group_;
  uint32_t pixels_;
  uint32_t slot_;  // of the next input in the group
};

}  // namespace dsp
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MAC_INT16_DSP_H_
