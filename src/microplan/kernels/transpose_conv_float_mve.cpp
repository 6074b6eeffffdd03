// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV in float32 for Helium: blocks of 4 channels.
#include "microplan/kernels.h"
#include "microplan/kernels/mve_float.h"
#include "microplan/kernels/transpose_conv_phases.h"

namespace microplan {

namespace {

using Shared = TransposeConv<FloatAccumulator>;
using Params = Shared::Params;

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  pack_filter(context, kTransposeConv, static_cast<const Params*>(in)->quantization, writer);
}

Cost cost(const void* in, const Target&) {
  const Window& window = static_cast<const Params*>(in)->window;
  const uint64_t macs = transpose_conv_macs(window);
  const uint64_t pixels = uint64_t{window.batches} * window.in_h * window.in_w;
  const uint64_t blocks = (window.in_c + 3u) / 4;
  const uint64_t taps = macs / window.in_c / window.out_c;
  // Blocks that are not full take as long as those that are.
  return {macs, taps * blocks * (40 + (window.out_c + 3u) / 4 * 9) + pixels * (70 + blocks * 70), 0};
}

}  // namespace

namespace kernels {

const Variant transpose_conv_float_mve_variant = {
    transpose_conv_float_mve, "transpose_conv_float_mve", "TRANSPOSE_CONV", 67,
    DataType::kInt32, DataType::kFloat32, DataType::kFloat32, "",
    false, Overlap::kRows, sizeof(Params),
    Shared::prepare, nullptr, Shared::footprint, transpose_conv_input_rows, nullptr, pack, cost,
    kFeatureMveF};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

namespace microplan {
namespace kernels {

Status transpose_conv_float_mve_run(const void* in, Rows rows, const Io& io, void*) {
  const auto& params = *static_cast<const Params*>(in);
  const Window& window = params.window;
  const View output = io.view(1);
  const float* const filters = io.constant<float>(0);
  const float* const biases = io.constant<float>(1);
  const uint32_t channels = window.in_c;
  const uint32_t filter_elements = window.kernel_h * window.kernel_w * window.out_c;
  Runs runs = transpose_conv_runs(window);
  mve::FloatBlock block;
  SourcePosition at(window, io.view(0), sizeof(float));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    float* y = output.row_as<float>(row);
    for (uint32_t out_x = 0; out_x < window.in_w; ++out_x) {
      at.set_column(out_x);
      runs.count = at.taps_w;
      const float* const x = static_cast<const float*>(at.x);
      const float* filter = filters + at.first_tap * window.out_c;
      for (uint32_t c = 0; c < channels; c += 4) {
        const uint32_t count = channels - c < 4 ? channels - c : 4;
        mve::sum_block(x, filter, filter_elements, count, at, runs, &block);
        mve::finish(block, params.quantization, biases == nullptr ? nullptr : biases + c, count, y);
        filter += count * filter_elements;
        y += count;
      }
    }
  }
  return Status::kOk;
}

}  // namespace kernels
}  // namespace microplan

#endif
