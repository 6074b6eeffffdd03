// SPDX-License-Identifier: Apache-2.0
// CONV_2D in float32 for Helium: blocks of 4 channels.
#include "microplan/kernels.h"
#include "microplan/kernels/conv_2d.h"
#include "microplan/kernels/mve_float.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

using Shared = Conv2d<FloatAccumulator>;

Cost cost(const void* in, const Target&) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  const uint64_t macs = outputs * window.kernel_h * window.kernel_w * params.filter_c;
  const bool adjacent = window.in_c == params.filter_c && window.dilation_w == 1;
  const uint64_t runs = outputs * window.kernel_h * (adjacent ? 1 : window.kernel_w);
  return {macs, macs * 5 / 8 + runs * 14 + outputs * 14, 0};
}

}  // namespace

namespace kernels {

const Variant conv_2d_float_mve_variant = {
    conv_2d_float_mve, "conv_2d_float_mve", "CONV_2D", 3,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "grouped, dilated",
    false, Overlap::kRows, sizeof(Shared::Params),
    Shared::prepare, nullptr, Shared::footprint, window_input_rows, nullptr, Shared::pack, cost,
    kFeatureMveF};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

namespace microplan {

namespace kernels {

Status conv_2d_float_mve_run(const void* in, Rows rows, const Io& io, void*) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const View output = io.view(1);
  const float* const biases = io.constant<float>(1);
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
  mve::FloatBlock block;
  WindowPosition at(window, io.view(0), sizeof(float));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    float* y = output.row_as<float>(row);
    for (uint32_t out_x = 0; out_x < window.out_w; ++out_x) {
      at.set_column(out_x);
      runs.count = adjacent ? (at.taps_w != 0) : at.taps_w;
      runs.length = adjacent ? at.taps_w * filter_c : filter_c;
      const float* x = static_cast<const float*>(at.x);
      const float* filter = io.constant<float>(0) + at.first_tap * filter_c;
      const float* bias = biases;
      uint32_t group_left = channels_per_group;
      for (uint32_t left = out_c; left != 0;) {
        const uint32_t channels = group_left < 4 ? group_left : 4;
        mve::sum_block(x, filter, filter_elements, channels, at, runs, &block);
        mve::finish(block, params.quantization, bias, channels, y);
        y += channels;
        left -= channels;
        filter += channels * filter_elements;
        if (bias != nullptr) bias += channels;
        if ((group_left -= channels) == 0) {
          group_left = channels_per_group;
          x += filter_c;
        }
      }
    }
  }
  return Status::kOk;
}

}  // namespace kernels

}  // namespace microplan

#endif
