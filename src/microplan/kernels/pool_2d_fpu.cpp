// SPDX-License-Identifier: Apache-2.0
// AVERAGE_POOL_2D and MAX_POOL_2D in float32 for cores with a scalar floating-point unit: 8 channels at a time. The
// average is a depthwise convolution whose filter is one number.
#include "microplan/kernels.h"
#include "microplan/kernels/fpu_lanes.h"
#include "microplan/kernels/pool_2d.h"

namespace microplan {

namespace {

bool supports(const void* in, const Target&) { return static_cast<const Window*>(in)->in_c >= fpu::kLanes; }

template <uint32_t kTap, uint32_t kOutput>
constexpr Variant variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t code) {
  return {kernel, name, operator_name, code,
          DataType::kFloat32, DataType::kNone, DataType::kFloat32, "8 channels or more",
          false, Overlap::kRows, sizeof(Pool2dFloatParams),
          prepare_pool_2d_float, supports, footprint_pool_2d_float, window_input_rows, nullptr, nullptr,
          pool_2d_cost<kTap, kOutput, 70>, kFeatureFpu};
}

}  // namespace

namespace kernels {

const Variant average_pool_2d_float_fpu_variant =
    variant<14, 80>(average_pool_2d_float_fpu, "average_pool_2d_float_fpu", "AVERAGE_POOL_2D", 1);
const Variant max_pool_2d_float_fpu_variant =
    variant<44, 110>(max_pool_2d_float_fpu, "max_pool_2d_float_fpu", "MAX_POOL_2D", 17);

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_HAS_FPU

namespace microplan {

namespace {

void fill(float* lanes, float value) {
  for (uint32_t lane = 0; lane < fpu::kLanes; ++lane) lanes[lane] = value;
}

float take(float largest, float value) { return value > largest ? value : largest; }

// A function of its own, so that the maxima have the registers to themselves. Of a number and NaN the number: with the
// lower bound among the taps only the upper one is left to clamp to.
[[gnu::noinline]] void maximum(const float* x_row, const WindowPosition& at, uint32_t channels, FloatRange range,
                               float* y) {
  float largest[fpu::kLanes];
#pragma GCC unroll 8
  for (float& lane : largest) lane = range.act_min;
  for_each_tap(x_row, at, channels, [&](const float* x) {
#pragma GCC unroll 8
    for (uint32_t lane = 0; lane < fpu::kLanes; ++lane) largest[lane] = take(largest[lane], x[lane]);
  });
#pragma GCC unroll 8
  for (uint32_t lane = 0; lane < fpu::kLanes; ++lane) {
    y[lane] = largest[lane] > range.act_max ? range.act_max : largest[lane];
  }
}

}  // namespace

namespace kernels {

Status average_pool_2d_float_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  const Pool2dFloatParams& params = *static_cast<const Pool2dFloatParams*>(in);
  const Window& window = params.window;
  const View output = io.view(1);
  const uint32_t channels = window.in_c;
  const FloatRange range = {params.act_min, params.act_max};
  float zeros[fpu::kLanes];
  float inverse[fpu::kLanes];
  uint32_t count = 0;  // of taps that `inverse` is for
  fill(zeros, 0);
  fpu::Lanes lanes(range, false);
  lanes.x_step = channels * static_cast<uint32_t>(sizeof(float));
  lanes.filter_step = 0;
  lanes.filter = inverse;
  lanes.start = zeros;
  WindowPosition at(window, io.view(0), sizeof(float));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    float* y = output.row_as<float>(row);
    for (uint32_t out_x = 0; out_x < window.out_w;) {
      at.set_column(out_x);
      const float* const x = static_cast<const float*>(at.x);
      const uint32_t pixels = two_columns_inside(window, out_x) ? 2 : 1;
      lanes.set_taps(at, 0);
      lanes.x[1] = nullptr;
      lanes.y[1] = nullptr;
      if (at.taps_h * at.taps_w != count) {
        count = at.taps_h * at.taps_w;
        fill(inverse, 1 / static_cast<float>(count));
      }
      for (uint32_t c = 0; c < channels; c += fpu::kLanes) {
        // The last block begins so early that it is whole.
        if (c + fpu::kLanes > channels) c = channels - fpu::kLanes;
        lanes.x[0] = x + c;
        lanes.y[0] = y + c;
        if (pixels == 2) {
          lanes.x[1] = x + c + window.stride_w * channels;
          lanes.y[1] = y + c + channels;
        }
        if (fpu::sum_lanes(&lanes)) continue;
        for (uint32_t p = 0; p < pixels; ++p) fpu::clamp_lanes(range, lanes.y[p]);
      }
      y += pixels * channels;
      out_x += pixels;
    }
  }
  return Status::kOk;
}

Status max_pool_2d_float_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  const Pool2dFloatParams& params = *static_cast<const Pool2dFloatParams*>(in);
  const uint32_t channels = params.window.in_c;
  const FloatRange range = {params.act_min, params.act_max};
  if (channels < fpu::kLanes) return Status::kOk;
  return run_pool_2d<float>(params.window, rows, io, [&](const float* x, float* y, const WindowPosition& at) {
    for (uint32_t c = 0; c < channels; c += fpu::kLanes) {
      // The last block begins so early that it is whole.
      if (c + fpu::kLanes > channels) c = channels - fpu::kLanes;
      maximum(x + c, at, channels, range, y + c);
    }
    return y + channels;
  });
}

}  // namespace kernels

}  // namespace microplan

#endif
