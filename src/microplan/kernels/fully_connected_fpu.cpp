// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED in float32 for cores with a scalar floating-point unit: blocks of 4 channels.
#include "microplan/kernels.h"
#include "microplan/kernels/fpu_dot.h"
#include "microplan/kernels/fully_connected.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

using Shared = FullyConnected<FloatAccumulator>;

Cost cost(const void* in, const Target&) {
  const FullyConnectedShape& shape = static_cast<const Shared::Params*>(in)->shape;
  const uint64_t outputs = uint64_t{shape.rows} * shape.channels;
  const uint64_t macs = outputs * shape.depth;
  return {macs, macs * 23 / 16 + outputs * 20, 0};
}

}  // namespace

namespace kernels {

const Variant fully_connected_float_fpu_variant = {
    fully_connected_float_fpu, "fully_connected_float_fpu", "FULLY_CONNECTED", 9,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "",
    false, Overlap::kRows, sizeof(Shared::Params),
    Shared::prepare, nullptr, Shared::footprint, fully_connected_input_rows, nullptr, Shared::pack, cost,
    kFeatureFpu};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_HAS_FPU

namespace microplan {

namespace {

// Shorter sums gain little from fused additions and are rounded as the reference rounds them: where few terms cancel out,
// the difference of one rounding would show.
constexpr uint32_t kFusedDepth = 32;

}  // namespace

namespace kernels {

Status fully_connected_float_fpu_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const FullyConnectedShape shape = params.shape;
  const FloatAccumulator accumulator(params.quantization, io, Batch{1, 1, shape.depth}, scratch);
  const View input = accumulator.input();
  const View output = io.view(1);
  fpu::Block block;
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    block.x[0] = input.row_as<const float>(row);
    float* const y = output.row_as<float>(row);
    const float* filter = accumulator.filter();
    if (shape.depth < kFusedDepth) {
      for (uint32_t c = 0; c < shape.channels; ++c, filter += shape.depth) {
        y[c] = accumulator.finish(c, dot<FloatProducts>(block.x[0], filter, shape.depth, 0, 0));
      }
      continue;
    }
    for (uint32_t channel = 0; channel < shape.channels; channel += 4) {
      const uint32_t channels = shape.channels - channel < 4 ? shape.channels - channel : 4;
      // Channels beyond the last repeat it, and their sums are not used.
      for (uint32_t c = 0; c < 4; ++c) {
        block.filter[c] = filter;
        block.sum[c][0] = 0;
        if (channel + c + 1 < shape.channels) filter += shape.depth;
      }
      block.count = shape.depth;
      fpu::dot_4x1(&block);
      for (uint32_t c = 0; c < channels; ++c) y[channel + c] = accumulator.finish(channel + c, block.sum[c][0]);
    }
  }
  return Status::kOk;
}

}  // namespace kernels
}  // namespace microplan

#endif
