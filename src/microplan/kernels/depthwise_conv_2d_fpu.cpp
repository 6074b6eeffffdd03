// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D in float32 for cores with a scalar floating-point unit: 8 channels at a time, where output channels are
// as many as input channels.
#include "microplan/kernels.h"
#include "microplan/kernels/depthwise_conv_2d.h"
#include "microplan/kernels/fpu_dot.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

using Shared = DepthwiseConv2d<FloatAccumulator>;

bool supports(const void* in, const Target&) { return static_cast<const Shared::Params*>(in)->depth_multiplier == 1; }

Cost cost(const void* in, const Target&) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  const uint64_t macs = outputs * window.kernel_h * window.kernel_w;
  // The last channels, fewer than 8, take a loop of their own.
  const uint64_t rest = macs / window.out_c * (window.out_c % 8);
  return {macs, (macs - rest) * 7 / 4 + rest * 7 + outputs * (10 + 2u * window.kernel_h), 0};
}

}  // namespace

namespace kernels {

const Variant depthwise_conv_2d_float_fpu_variant = {
    depthwise_conv_2d_float_fpu, "depthwise_conv_2d_float_fpu", "DEPTHWISE_CONV_2D", 4,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "depth multiplier 1, dilated",
    false, Overlap::kRows, sizeof(Shared::Params),
    Shared::prepare, supports, Shared::footprint, window_input_rows, nullptr, Shared::pack, cost,
    kFeatureFpu};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_HAS_FPU

namespace microplan {

namespace {

// The sums of channels from `channel` on: 8 of them, or only the first.
void sum_channels(const float* x, const float* filter, bool eight, const WindowPosition& at, uint32_t filter_row,
                  fpu::Lanes* lanes) {
  for (float& sum : lanes->sum) sum = 0;
  lanes->count = at.taps_w;
  if (at.taps_w == 0) return;
  for (uint32_t left = at.taps_h; left != 0;) {
    lanes->x = x;
    lanes->filter = filter;
    if (eight) {
      fpu::dot_lanes(lanes);
    } else {
      for (uint32_t tap = 0; tap < at.taps_w; ++tap) {
        const float* const x_tap = x + tap * (lanes->x_step / sizeof(float));
        lanes->sum[0] = __builtin_fmaf(*x_tap, filter[tap * (lanes->filter_step / sizeof(float))], lanes->sum[0]);
      }
    }
    if (--left == 0) break;
    x = at.below(x);
    filter += filter_row;
  }
}

}  // namespace

namespace kernels {

Status depthwise_conv_2d_float_fpu_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const FloatAccumulator accumulator(params.quantization, io, Batch{1, 1, 1}, scratch);
  const View output = io.view(1);
  const uint32_t channels = window.out_c;
  fpu::Lanes lanes;
  lanes.x_step = window.dilation_w * channels * static_cast<uint32_t>(sizeof(float));
  lanes.filter_step = channels * static_cast<uint32_t>(sizeof(float));
  WindowPosition at(window, accumulator.input(), sizeof(float));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    float* y = output.row_as<float>(row);
    for (uint32_t out_x = 0; out_x < window.out_w; ++out_x) {
      at.set_column(out_x);
      const float* const x = static_cast<const float*>(at.x);
      const float* const filter = accumulator.filter() + at.first_tap * channels;
      for (uint32_t channel = 0; channel < channels;) {
        const bool eight = channels - channel >= 8;
        sum_channels(x + channel, filter + channel, eight, at, window.kernel_w * channels, &lanes);
        const uint32_t end = channel + (eight ? 8 : 1);
        for (uint32_t lane = 0; channel < end; ++lane) *y++ = accumulator.finish(channel++, lanes.sum[lane]);
      }
    }
  }
  return Status::kOk;
}

}  // namespace kernels
}  // namespace microplan

#endif
