// SPDX-License-Identifier: Apache-2.0
// What the int8 kernels of DEPTHWISE_CONV_2D with the DSP extension share. There are three ways to run it, each a
// kernel of its own, so that a firmware has those that its model uses; a way's loops need ChannelQuantization::fast.
#ifndef MICROPLAN_KERNELS_DEPTHWISE_DSP_H_
#define MICROPLAN_KERNELS_DEPTHWISE_DSP_H_

#include <stdint.h>

#include "microplan/kernels/depthwise_conv_2d.h"
#include "microplan/kernels/dsp.h"

namespace microplan {

namespace dsp {

// How sums become outputs, beside the output's zero point.
struct DepthwiseScale {
  int32_t twice_bias;
  int32_t multiplier;
  int32_t shift;  // to the right, less 1
};

#if defined(__ARM_FEATURE_DSP)

// In assembly, to int8, with the scale in registers. `rounding` is (2 * zero point + 1) << shift; r12 is free.
#define MICROPLAN_DEPTHWISE_FINISH(sum, twice_bias, multiplier, rounding, shift) \
  "  add " sum ", " twice_bias ", " sum ", lsl #1\n"                             \
  "  add r12, " rounding ", " sum ", asr #31\n"                                 \
  "  smmlar " sum ", " sum ", " multiplier ", r12\n"                            \
  "  asr " sum ", " sum ", " shift "\n"                                         \
  "  ssat " sum ", #8, " sum ", asr #1\n"

#else

inline int8_t depthwise_finish(const DepthwiseScale& scale, int32_t odd_zero_point, int32_t sum) {
  const int32_t twice = wrap_add(scale.twice_bias, shift_left(sum, 1));
  const int32_t rounding = wrap_add(shift_left(odd_zero_point, scale.shift), twice >> 31);
  return static_cast<int8_t>(ssat<8>(smmlar(twice, scale.multiplier, rounding) >> (scale.shift & 31) >> 1));
}

#endif

}  // namespace dsp

// The input rows that a row of the output needs.
class DepthwiseRow {
 public:
  DepthwiseRow(const Window& window, const View& input, uint32_t row);

  // That of kernel row ky; nullptr for padding.
  const uint8_t* tap_row(uint32_t ky) const;

  uint32_t y;  // the output row within its batch

 private:
  const Window& window_;
  const View input_;
  uint32_t first_;  // input row of the batch
  int32_t top_;
};

// The input's zero point in four bytes: what padding reads as.
inline uint32_t depthwise_padding(const ChannelQuantization& params) {
  return static_cast<uint32_t>(-params.input_offset & 0xff) * 0x01010101u;
}

inline int32_t odd_zero_point(const ChannelQuantization& params) { return 2 * params.output_offset + 1; }

// Clamps a row of outputs that are within int8.
void clamp_depthwise_row(const DepthwiseConv2dParams& params, int8_t* y);

// Whether the loops for whole words of channels can run it.
inline bool has_channel_words(const DepthwiseConv2dParams& params) {
  return params.window.in_c >= 4 && params.depth_multiplier == 1 && params.quantization.fast;
}

// Whether the kernel for 3x3 runs it.
bool depthwise_takes_3x3(const DepthwiseConv2dParams& params);

// Checks the shared part of the footprint and adds `count` records of `bytes` as the only constant.
bool depthwise_footprint(const DepthwiseConv2dParams& params, uint32_t count, uint32_t bytes, Footprint* result);

// The cost of `batch` instructions for each batch and of so many bytes of constants.
Cost depthwise_cost(const DepthwiseConv2dParams& params, uint64_t batch, uint32_t packed_bytes);

// Writes parts of records.
class DepthwisePacker {
 public:
  DepthwisePacker(const OperatorContext& context, const DepthwiseConv2dParams& params, ConstantWriter& writer)
      : window_(params.window),
        fast_(params.quantization.fast),
        constants_(context, kDepthwiseConv2d, params.quantization),
        filter_(context.input(kDepthwiseConv2d.filter).data),
        writer_(writer) {}

  // Tap (ky, kx); 0 where kernel row ky has ended.
  uint8_t tap(uint32_t c, uint32_t ky, uint32_t kx) const {
    return kx < window_.kernel_w ? filter_[(ky * window_.kernel_w + kx) * window_.out_c + c] : uint8_t{0};
  }

  void append(const void* bytes, uint32_t count) { writer_.append(bytes, count); }
  // DepthwiseScale; without ChannelQuantization::fast its fields are those of ChannelConstants.
  void append_scale(uint32_t c);

 private:
  const Window& window_;
  const bool fast_;
  const ChannelPacker constants_;
  const uint8_t* const filter_;
  ConstantWriter& writer_;
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DEPTHWISE_DSP_H_
