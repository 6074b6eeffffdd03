// SPDX-License-Identifier: Apache-2.0
// MEAN of float32 for cores with a scalar floating-point unit: a depthwise convolution whose filter is one number.
#include "microplan/kernels.h"
#include "microplan/kernels/fpu_lanes.h"
#include "microplan/kernels/mean_float.h"

namespace microplan {

namespace {

bool supports(const void* in, const Target&) {
  const MeanShape& shape = *static_cast<const MeanShape*>(in);
  return mean_float_run(shape) >= fpu::kLanes && MeanRows(shape).is_even();
}

}  // namespace

namespace kernels {

const Variant mean_float_fpu_variant = {
    mean_float_fpu, "mean_float_fpu", "MEAN", 40,
    DataType::kFloat32, DataType::kNone, DataType::kFloat32, "constant axes, 8 channels or more that stay",
    false, Overlap::kRows, sizeof(MeanFloatParams),
    mean_float_prepare, supports, mean_float_footprint, mean_input_rows, nullptr, nullptr, mean_float_cost<7, 10>,
    kFeatureFpu};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_HAS_FPU

namespace microplan {

namespace kernels {

Status mean_float_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  const MeanFloatParams& params = *static_cast<const MeanFloatParams*>(in);
  const MeanShape& shape = params.shape;
  const View input = io.view(0);
  const MeanRows summed_rows(shape);
  const uint32_t run = mean_float_run(shape);
  if (run < fpu::kLanes) return Status::kOk;
  float zeros[fpu::kLanes], inverse[fpu::kLanes];
  for (float& zero : zeros) zero = 0;
  for (float& factor : inverse) factor = 1 / params.count;
  // All numbers are in the range: nobody has to clamp.
  fpu::Lanes lanes({-3.402823466e+38f, 3.402823466e+38f}, false);
  lanes.filter = inverse;
  lanes.start = zeros;
  lanes.taps_w = mean_product(shape, RowDims::kWidth, RowDims::kChannels, true);
  lanes.taps_h = summed_rows.count();
  lanes.x_step = shape.dims[RowDims::kChannels] * static_cast<uint32_t>(sizeof(float));
  lanes.filter_step = 0;
  lanes.x_row = summed_rows.step() * input.row_stride - lanes.taps_w * lanes.x_step;
  lanes.filter_row = 0;
  lanes.ring_bytes = input.ring_rows * input.row_stride;
  lanes.ring_end = input.base + lanes.ring_bytes;
  for_each_mean_run(shape, rows, io, [&](const MeanPosition& first, float* y) {
    const float* const x = input.row_as<float>(first.row) + first.element;
    for (uint32_t c = 0; c < run;) {
      const uint32_t left = run - c;
      // The last block begins so early that it is whole.
      if (left < fpu::kLanes) c = run - fpu::kLanes;
      lanes.x[0] = x + c;
      lanes.y[0] = y + c;
      const bool two = left >= 2 * fpu::kLanes;
      lanes.x[1] = two ? x + c + fpu::kLanes : nullptr;
      lanes.y[1] = two ? y + c + fpu::kLanes : nullptr;
      (void)fpu::sum_lanes(&lanes);
      c += two ? 2 * fpu::kLanes : fpu::kLanes;
    }
  });
  return Status::kOk;
}

}  // namespace kernels

}  // namespace microplan

#endif
