// SPDX-License-Identifier: Apache-2.0
// AVERAGE_POOL_2D and MAX_POOL_2D of float32 with Helium: 16 channels at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/mve_float.h"
#include "microplan/kernels/pool_2d.h"

namespace microplan {

namespace {

constexpr Variant variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t code) {
  return {kernel, name, operator_name, code,
          DataType::kFloat32, DataType::kNone, DataType::kFloat32, "",
          false, Overlap::kRows, sizeof(Pool2dFloatParams),
          prepare_pool_2d_float, nullptr, footprint_pool_2d_float, window_input_rows, nullptr, nullptr,
          pool_2d_cost<9, 60, 70>, kFeatureMveF};
}

}  // namespace

namespace kernels {

const Variant average_pool_2d_float_mve_variant =
    variant(average_pool_2d_float_mve, "average_pool_2d_float_mve", "AVERAGE_POOL_2D", 1);
const Variant max_pool_2d_float_mve_variant =
    variant(max_pool_2d_float_mve, "max_pool_2d_float_mve", "MAX_POOL_2D", 17);

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

namespace microplan {

namespace {

struct Average {
  static constexpr float kStart = 0;
  static float32x4_t take(float32x4_t sum, float32x4_t value) { return vaddq_f32(sum, value); }
  static float32x4_t finish(float32x4_t sum, float inverse) { return vmulq_n_f32(sum, inverse); }
};

struct Maximum {
  static constexpr float kStart = -3.402823466e+38f;
  // Of a number and NaN the number, as the reference kernel does it.
  static float32x4_t take(float32x4_t largest, float32x4_t value) { return vmaxnmq_f32(largest, value); }
  static float32x4_t finish(float32x4_t largest, float) { return largest; }
};

// The outputs of kVectors * 4 channels, or of fewer where there is one vector: those that `used` says.
template <typename Reduction, uint32_t kVectors>
[[gnu::noinline]] void reduce(const float* x_row, const WindowPosition& at, uint32_t channels, mve_pred16_t used,
                              float inverse, const FloatRange& range, float* y) {
  float32x4_t results[kVectors];
  for (float32x4_t& result : results) result = vdupq_n_f32(Reduction::kStart);
  for (uint32_t left = at.taps_h;;) {
    const float* x = x_row;
    for (uint32_t tap = at.taps_w; tap != 0; --tap) {
#pragma GCC unroll 4
      for (uint32_t v = 0; v < kVectors; ++v) {
        const float32x4_t value = kVectors == 1 ? vldrwq_z_f32(x, used) : vldrwq_f32(x + 4 * v);
        results[v] = Reduction::take(results[v], value);
      }
      x += channels;
    }
    if (--left == 0) break;
    x_row = at.below(x_row);
  }
#pragma GCC unroll 4
  for (uint32_t v = 0; v < kVectors; ++v) {
    vstrwq_p_f32(y + 4 * v, mve::clamp(Reduction::finish(results[v], inverse), range), used);
  }
}

template <typename Reduction>
Status run(const void* in, Rows rows, const Io& io) {
  const Pool2dFloatParams& params = *static_cast<const Pool2dFloatParams*>(in);
  const Window& window = params.window;
  const View output = io.view(1);
  const uint32_t channels = window.in_c;
  const FloatRange range = {params.act_min, params.act_max};
  WindowPosition at(window, io.view(0), sizeof(float));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    float* y = output.row_as<float>(row);
    for (uint32_t out_x = 0; out_x < window.out_w; ++out_x) {
      at.set_column(out_x);
      const float* const x = static_cast<const float*>(at.x);
      const float inverse = 1 / static_cast<float>(at.taps_h * at.taps_w);
      for (uint32_t c = 0; c < channels;) {
        const uint32_t left = channels - c;
        const uint32_t count = left >= 16 ? 16 : left >= 4 ? 4 : left;
        const auto reduce_channels = left >= 16 ? reduce<Reduction, 4> : reduce<Reduction, 1>;
        reduce_channels(x + c, at, channels, vctp32q(count), inverse, range, y + c);
        c += count;
      }
      y += channels;
    }
  }
  return Status::kOk;
}

}  // namespace

namespace kernels {

Status average_pool_2d_float_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run<Average>(in, rows, io);
}

Status max_pool_2d_float_mve_run(const void* in, Rows rows, const Io& io, void*) { return run<Maximum>(in, rows, io); }

}  // namespace kernels

}  // namespace microplan

#endif
