// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/depthwise_dsp.h"

#include "microplan/kernels/prepare.h"

namespace microplan {

DepthwiseRow::DepthwiseRow(const Window& window, const View& input, uint32_t row) : window_(window), input_(input) {
  const uint32_t batch = row / window.out_h;
  y = row - batch * window.out_h;
  first_ = batch * window.in_h;
  top_ = static_cast<int32_t>(y * window.stride_h) - window.pad_top;
}

const uint8_t* DepthwiseRow::tap_row(uint32_t ky) const {
  const int32_t row = top_ + static_cast<int32_t>(ky * window_.dilation_h);
  if (row < 0 || row >= window_.in_h) return nullptr;
  return input_.row(first_ + static_cast<uint32_t>(row));
}

namespace {

#if defined(__ARM_FEATURE_DSP)

// Whole words first, then bytes as words of which only the lowest is stored.
[[gnu::naked]] void clamp_outputs(int8_t*, uint32_t, int32_t, int32_t) {
  asm volatile(
      "  push {r4, lr}\n"
      "  uxtb r2, r2\n"
      "  uxtb r3, r3\n"
      "  orr r2, r2, r2, lsl #8\n"
      "  orr r3, r3, r3, lsl #8\n"
      "  orr r2, r2, r2, lsl #16\n"
      "  orr r3, r3, r3, lsl #16\n"
      "  subs r1, r1, #4\n"
      "  blo 2f\n"
      "1:\n"
      "  ldr r4, [r0]\n"
      "  ssub8 r12, r4, r2\n"
      "  sel r4, r4, r2\n"
      "  ssub8 r12, r3, r4\n"
      "  sel r4, r4, r3\n"
      "  str r4, [r0], #4\n"
      "  subs r1, r1, #4\n"
      "  bhs 1b\n"
      "2:\n"
      "  adds r1, r1, #4\n"
      "  beq 4f\n"
      "3:\n"
      "  ldrb r4, [r0]\n"
      "  ssub8 r12, r4, r2\n"
      "  sel r4, r4, r2\n"
      "  ssub8 r12, r3, r4\n"
      "  sel r4, r4, r3\n"
      "  strb r4, [r0], #1\n"
      "  subs r1, r1, #1\n"
      "  bne 3b\n"
      "4:\n"
      "  pop {r4, pc}\n");
}

#else

void clamp_outputs(int8_t* out, uint32_t count, int32_t low, int32_t high) {
  for (; count != 0; --count, ++out) *out = static_cast<int8_t>(clamp(*out, low, high));
}

#endif

}  // namespace

void clamp_depthwise_row(const DepthwiseConv2dParams& params, int8_t* y) {
  const ChannelQuantization& quantization = params.quantization;
  if (quantization.act_min == INT8_MIN && quantization.act_max == INT8_MAX) return;
  clamp_outputs(y, uint32_t{params.window.out_w} * params.window.out_c, quantization.act_min, quantization.act_max);
}

bool depthwise_takes_3x3(const DepthwiseConv2dParams& params) {
  const Window& window = params.window;
  return has_channel_words(params) && window.kernel_h == 3 && window.kernel_w == 3 && window.dilation_h == 1 &&
         window.dilation_w == 1 && window.stride_w <= 2;
}

bool depthwise_footprint(const DepthwiseConv2dParams& params, uint32_t count, uint32_t bytes, Footprint* result) {
  if (!DepthwiseConv2d<Int8Accumulator>::footprint(&params, result) || !multiply_checked(count, &bytes)) return false;
  result->constant_count = 0;
  result->add_constant(bytes, 4);
  return true;
}

Cost depthwise_cost(const DepthwiseConv2dParams& params, uint64_t batch, uint32_t packed_bytes) {
  const Window& window = params.window;
  const uint32_t taps = uint32_t{window.kernel_h} * window.kernel_w;
  const uint32_t model = window.out_c * (taps + 4);
  return {window_outputs(window) * taps, window.batches * batch,
          packed_bytes > model ? packed_bytes - model : 0};
}

void DepthwisePacker::append_scale(uint32_t c) {
  const ChannelConstants constants = constants_.channel(c);
  const dsp::DepthwiseScale fast = {shift_left(constants.bias, 1), constants.multiplier, constants.shift - 1};
  const dsp::DepthwiseScale general = {constants.bias, constants.multiplier, constants.shift};
  append(fast_ ? &fast : &general, sizeof fast);
}

}  // namespace microplan
