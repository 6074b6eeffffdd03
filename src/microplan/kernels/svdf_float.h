// SPDX-License-Identifier: Apache-2.0
// SVDF in float32, whatever multiplies the input with the features.
#ifndef MICROPLAN_KERNELS_SVDF_FLOAT_H_
#define MICROPLAN_KERNELS_SVDF_FLOAT_H_

#include <stdint.h>

#include "microplan/kernel.h"
#include "microplan/kernels/svdf.h"

namespace microplan {

// Drops the oldest of a filter's values, appends the newest; the dot product with its time weights.
inline float remember_float(float* state, const float* time, uint32_t memory, float newest) {
  float sum = 0;
  float* const last = state + memory - 1;
  for (; state != last; ++state) {
    const float value = state[1];
    *state = value;
    sum += value * *time++;
  }
  *last = newest;
  return sum + newest * *time;
}

// Sums()(x, feature, depth, count, sums) multiplies the input with `count` features, up to 4, which follow one another.
template <typename Sums>
Status run_svdf_float(const void* in, Rows rows, const Io& io) {
  const SvdfFloatParams& params = *static_cast<const SvdfFloatParams*>(in);
  const SvdfShape& shape = params.shape;
  constexpr uint32_t kBlock = 4;
  const View input = io.view(0);
  const View output = io.view(2);
  const float* const bias = io.constant<float>(2);
  const uint32_t filters = shape.units * shape.rank;
  float* state = io.view(1).row_as<float>(0) + rows.first * filters * shape.memory;
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const float* const x = input.row_as<float>(row);
    float* const y = output.row_as<float>(row);
    const float* feature = io.constant<float>(0);
    const float* time = io.constant<float>(1);
    uint32_t computed = 0;
    uint32_t filter = 0;
    float newest[kBlock];
    for (uint32_t u = 0; u < shape.units; ++u) {
      float sum = bias != nullptr ? bias[u] : 0;
      for (uint32_t k = 0; k < shape.rank; ++k, ++filter) {
        if (filter == computed) {
          const uint32_t count = filters - filter < kBlock ? filters - filter : kBlock;
          Sums()(x, feature, shape.depth, count, newest);
          feature += count * shape.depth;
          computed += count;
        }
        sum += remember_float(state, time, shape.memory, newest[filter % kBlock]);
        time += shape.memory;
        state += shape.memory;
      }
      y[u] = clamp(sum, params.act_min, params.act_max);
    }
  }
  return Status::kOk;
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_SVDF_FLOAT_H_
