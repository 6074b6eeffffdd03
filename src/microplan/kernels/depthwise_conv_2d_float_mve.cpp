// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D in float32 for Helium: 16 channels at a time, where output channels are as many as input channels.
#include "microplan/kernels.h"
#include "microplan/kernels/depthwise_conv_2d.h"
#include "microplan/kernels/mve_float.h"
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
  // Rows of 16 channels; the last ones go by 4.
  const uint64_t whole = macs / window.out_c * (window.out_c / 16 * 16);
  const uint64_t rest = macs - whole;
  const uint64_t rest_outputs = outputs / window.out_c * (window.out_c % 16);
  return {macs, whole * 13 / 10 + rest * 3 + outputs * 14 + rest_outputs * 18, 0};
}

}  // namespace

namespace kernels {

const Variant depthwise_conv_2d_float_mve_variant = {
    depthwise_conv_2d_float_mve, "depthwise_conv_2d_float_mve", "DEPTHWISE_CONV_2D", 4,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "depth multiplier 1, dilated",
    false, Overlap::kRows, sizeof(Shared::Params),
    Shared::prepare, supports, Shared::footprint, window_input_rows, nullptr, Shared::pack, cost,
    kFeatureMveF};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

namespace microplan {

namespace {

// Elements from one tap to the next.
struct Steps {
  uint32_t x, filter, filter_row;  // filter_row: from one kernel row to the next
};

// The outputs of kVectors * 4 channels, or of fewer where there is one vector: those that `used` says.
template <uint32_t kVectors>
[[gnu::noinline]] void run_channels(const float* x_row, const float* filter_row, const WindowPosition& at,
                                    const Steps& steps, mve_pred16_t used, const float* bias, const FloatRange& range,
                                    float* y) {
  const auto load = [used](const float* from) { return kVectors == 1 ? vldrwq_z_f32(from, used) : vldrwq_f32(from); };
  float32x4_t sums[kVectors];
  for (float32x4_t& sum : sums) sum = vdupq_n_f32(0);
  const uint32_t taps_w = at.taps_w;
  for (uint32_t left = taps_w != 0 ? at.taps_h : 0; left != 0;) {
    const float* x = x_row;
    const float* filter = filter_row;
    for (uint32_t tap = taps_w; tap != 0; --tap) {
#pragma GCC unroll 4
      for (uint32_t v = 0; v < kVectors; ++v) sums[v] = vfmaq_f32(sums[v], load(x + 4 * v), load(filter + 4 * v));
      x += steps.x;
      filter += steps.filter;
    }
    if (--left == 0) break;
    x_row = at.below(x_row);
    filter_row += steps.filter_row;
  }
#pragma GCC unroll 4
  for (uint32_t v = 0; v < kVectors; ++v) {
    if (bias != nullptr) sums[v] = vaddq_f32(sums[v], load(bias + 4 * v));
    vstrwq_p_f32(y + 4 * v, mve::clamp(sums[v], range), used);
  }
}

}  // namespace

namespace kernels {

Status depthwise_conv_2d_float_mve_run(const void* in, Rows rows, const Io& io, void*) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const View output = io.view(1);
  const float* const biases = io.constant<float>(1);
  const uint32_t channels = window.out_c;
  const Steps steps = {window.dilation_w * channels, channels, window.kernel_w * channels};
  WindowPosition at(window, io.view(0), sizeof(float));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    float* y = output.row_as<float>(row);
    for (uint32_t out_x = 0; out_x < window.out_w; ++out_x) {
      at.set_column(out_x);
      const float* const x = static_cast<const float*>(at.x);
      const float* const filter = io.constant<float>(0) + at.first_tap * channels;
      for (uint32_t channel = 0; channel < channels;) {
        const uint32_t left = channels - channel;
        const uint32_t count = left >= 16 ? 16 : left >= 4 ? 4 : left;
        const auto run = left >= 16 ? run_channels<4> : run_channels<1>;
        run(x + channel, filter + channel, at, steps, vctp32q(count), biases == nullptr ? nullptr : biases + channel,
            params.quantization, y);
        y += count;
        channel += count;
      }
    }
  }
  return Status::kOk;
}

}  // namespace kernels
}  // namespace microplan

#endif
