// SPDX-License-Identifier: Apache-2.0
// CONV_2D in float32 for cores with a scalar floating-point unit: blocks of 4 channels by 2 pixels.
#include "microplan/kernels.h"
#include "microplan/kernels/conv_2d.h"
#include "microplan/kernels/fpu_windows.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

using Shared = Conv2d<FloatAccumulator>;

Cost cost(const void* in, const Target&) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  const uint64_t macs = outputs * window.kernel_h * window.kernel_w * params.filter_c;
  return {macs, macs * 5 / 4 + outputs * (12 + 10u * window.kernel_h), 0};
}

}  // namespace

namespace kernels {

const Variant conv_2d_float_fpu_variant = {
    conv_2d_float_fpu, "conv_2d_float_fpu", "CONV_2D", 3,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "grouped, dilated",
    false, Overlap::kRows, sizeof(Shared::Params),
    Shared::prepare, nullptr, Shared::footprint, window_input_rows, nullptr, Shared::pack, cost,
    kFeatureFpu};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_HAS_FPU

namespace microplan {

namespace kernels {

Status conv_2d_float_fpu_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const FloatAccumulator accumulator(params.quantization, io, Batch{1, 1, 1}, scratch);
  const View output = io.view(1);
  const uint32_t filter_c = params.filter_c;
  const uint32_t out_c = window.out_c;
  const uint32_t channels_per_group = out_c / (window.in_c / filter_c);
  const uint32_t filter_elements = window.kernel_h * window.kernel_w * filter_c;
  Runs runs;
  runs.x_step = window.dilation_w * static_cast<uint32_t>(window.in_c);
  runs.filter_step = static_cast<int32_t>(filter_c);
  runs.filter_row = static_cast<int32_t>(window.kernel_w * filter_c);
  // Taps side by side are one run when nothing lies between them.
  const bool adjacent = runs.x_step == filter_c;
  fpu::Block block;
  WindowPosition at(window, accumulator.input(), sizeof(float));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    float* const y_row = output.row_as<float>(row);
    for (uint32_t out_x = 0; out_x < window.out_w;) {
      at.set_column(out_x);
      const bool two = two_columns_inside(window, out_x);
      runs.count = adjacent ? (at.taps_w != 0) : at.taps_w;
      runs.length = adjacent ? at.taps_w * filter_c : filter_c;
      fpu::Taps taps = {static_cast<const float*>(at.x), two ? window.stride_w * uint32_t{window.in_c} : 0,
                        accumulator.filter() + at.first_tap * filter_c, filter_elements};
      float* const y = y_row + out_x * out_c;
      uint32_t group_left = channels_per_group;
      for (uint32_t channel = 0; channel < out_c;) {
        const uint32_t channels = group_left < 4 ? group_left : 4;
        fpu::sum_block(taps, channels, at, runs, &block);
        for (uint32_t c = 0; c < channels; ++c) {
          y[channel + c] = accumulator.finish(channel + c, block.sum[c][0]);
          if (two) y[channel + c + out_c] = accumulator.finish(channel + c, block.sum[c][1]);
        }
        channel += channels;
        taps.filter += channels * filter_elements;
        if ((group_left -= channels) == 0) {
          group_left = channels_per_group;
          taps.x += filter_c;
        }
      }
      out_x += two ? 2 : 1;
    }
  }
  return Status::kOk;
}

}  // namespace kernels

}  // namespace microplan

#endif
