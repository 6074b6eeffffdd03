// SPDX-License-Identifier: Apache-2.0
// MEAN of float32 with Helium: 16 channels at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/mean_float.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)
#include <arm_mve.h>
#endif

namespace microplan {

namespace {

bool supports(const void* in, const Target&) { return mean_float_run(*static_cast<const MeanShape*>(in)) != 0; }

}  // namespace

namespace kernels {

const Variant mean_float_mve_variant = {
    mean_float_mve, "mean_float_mve", "MEAN", 40,
    DataType::kFloat32, DataType::kNone, DataType::kFloat32, "constant axes, channels that stay",
    false, Overlap::kRows, sizeof(MeanFloatParams),
    mean_float_prepare, supports, mean_float_footprint, mean_input_rows, nullptr, nullptr, mean_float_cost<3, 8>,
    kFeatureMveF};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

namespace microplan {

namespace {

struct Walk {
  const MeanShape& shape;
  const View input;
  const MeanRows rows;
  uint32_t columns;  // of a row that are summed
  float inverse;     // 1 / elements of a mean
};

// kVectors * 4 means, or fewer where there is one vector: those that `used` says.
template <uint32_t kVectors>
[[gnu::noinline]] void means(const Walk& walk, MeanPosition first, mve_pred16_t used, float* y) {
  const uint32_t channels = walk.shape.dims[RowDims::kChannels];
  float32x4_t sums[kVectors];
  for (float32x4_t& sum : sums) sum = vdupq_n_f32(0);
  for (uint32_t r = 0; r < walk.rows.count(); ++r) {
    const float* x = walk.input.row_as<float>(first.row + walk.rows.behind(r)) + first.element;
    for (uint32_t left = walk.columns; left != 0; --left) {
#pragma GCC unroll 4
      for (uint32_t v = 0; v < kVectors; ++v) {
        sums[v] = vaddq_f32(sums[v], kVectors == 1 ? vldrwq_z_f32(x, used) : vldrwq_f32(x + 4 * v));
      }
      x += channels;
    }
  }
#pragma GCC unroll 4
  for (uint32_t v = 0; v < kVectors; ++v) vstrwq_p_f32(y + 4 * v, vmulq_n_f32(sums[v], walk.inverse), used);
}

}  // namespace

namespace kernels {

Status mean_float_mve_run(const void* in, Rows rows, const Io& io, void*) {
  const MeanFloatParams& params = *static_cast<const MeanFloatParams*>(in);
  const MeanShape& shape = params.shape;
  const uint32_t run = mean_float_run(shape);
  const Walk walk = {shape, io.view(0), MeanRows(shape), mean_product(shape, RowDims::kWidth, RowDims::kChannels, true),
                     1 / params.count};
  for_each_mean_run(shape, rows, io, [&](MeanPosition first, float* y) {
    for (uint32_t left = run; left != 0;) {
      const uint32_t count = left >= 16 ? 16 : left >= 4 ? 4 : left;
      const auto some_means = left >= 16 ? means<4> : means<1>;
      some_means(walk, first, vctp32q(count), y);
      first.element += count;
      y += count;
      left -= count;
    }
  });
  return Status::kOk;
}

}  // namespace kernels

}  // namespace microplan

#endif
