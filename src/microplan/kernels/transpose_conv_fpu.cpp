// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV in float32 for cores with a scalar floating-point unit: blocks of 4 channels by 2 pixels, which lie a
// stride apart, so that the same taps make them.
#include "microplan/kernels.h"
#include "microplan/kernels/fpu_windows.h"
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
  return {macs, taps * blocks * (30 + window.out_c * 5u) + pixels * (70 + window.in_c * 12u + blocks * 50), 0};
}

}  // namespace

namespace kernels {

const Variant transpose_conv_float_fpu_variant = {
    transpose_conv_float_fpu, "transpose_conv_float_fpu", "TRANSPOSE_CONV", 67,
    DataType::kInt32, DataType::kFloat32, DataType::kFloat32, "",
    false, Overlap::kRows, sizeof(Params),
    Shared::prepare, nullptr, Shared::footprint, transpose_conv_input_rows, nullptr, pack, cost,
    kFeatureFpu};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_HAS_FPU

namespace microplan {
namespace kernels {

Status transpose_conv_float_fpu_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const auto& params = *static_cast<const Params*>(in);
  const Window& window = params.window;
  const FloatAccumulator accumulator(params.quantization, io, Batch{1, 1, 1}, scratch);
  const View output = io.view(1);
  const PhaseAxis columns = phase_columns(window);
  const uint32_t depth = window.out_c;
  const uint32_t channels = window.in_c;
  const uint32_t filter_elements = window.kernel_h * window.kernel_w * depth;
  Runs runs = transpose_conv_runs(window);
  fpu::Block block;
  SourcePosition at(window, accumulator.input(), sizeof(float));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    float* const y_row = output.row_as<float>(row);
    for (uint32_t phase = 0; phase < columns.stride; ++phase) {
      const uint32_t end = columns.end_step(phase);
      for (uint32_t step = columns.first_step(phase); step < end;) {
        const uint32_t out_x = step * columns.stride + phase - columns.pad;
        at.set_column(out_x);
        // All taps of this pixel and of the next lie inside.
        const bool two = step + 1 < end && step + 1 < columns.inputs && at.taps_w == columns.taps(phase);
        runs.count = at.taps_w;
        fpu::Taps taps = {static_cast<const float*>(at.x), two ? depth : 0, accumulator.filter() + at.first_tap * depth,
                          filter_elements};
        float* const y = y_row + out_x * channels;
        float* const next = y + (two ? columns.stride * channels : 0);
        for (uint32_t channel = 0; channel < channels; channel += 4) {
          const uint32_t left = channels - channel < 4 ? channels - channel : 4;
          fpu::sum_block(taps, left, at, runs, &block);
          for (uint32_t c = channel; c < channel + left; ++c) {
            if (two) next[c] = accumulator.finish(c, block.sum[c - channel][1]);
            y[c] = accumulator.finish(c, block.sum[c - channel][0]);
          }
          taps.filter += left * filter_elements;
        }
        step += two ? 2 : 1;
      }
    }
  }
  return Status::kOk;
}

}  // namespace kernels
}  // namespace microplan

#endif
