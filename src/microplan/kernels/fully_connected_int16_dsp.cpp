// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED, int16 with int8 filters, for the DSP extension: blocks of 4 channels.
#include "microplan/kernels.h"
#include "microplan/kernels/fully_connected.h"
#include "microplan/kernels/mac_int16_dsp.h"

namespace microplan {

namespace {

using Shared = FullyConnected<Int16Accumulator>;

bool supports(const void* in, const Target&) { return static_cast<const Shared::Params*>(in)->shape.depth >= 4; }

uint32_t scratch_bytes(const void* in, uint32_t) {
  return dsp::Int16Pixels::bytes(static_cast<const Shared::Params*>(in)->shape.depth, 1);
}

Cost cost(const void* in, const Target&) {
  const Shared::Params& params = *static_cast<const Shared::Params*>(in);
  const FullyConnectedShape& shape = params.shape;
  const uint64_t outputs = uint64_t{shape.rows} * shape.channels;
  const uint64_t macs = outputs * shape.depth;
  return {macs, macs * 23 / 16 + outputs * 45 + uint64_t{shape.rows} * (shape.depth * 5 / 2 + 60),
          constant_bytes(params.quantization, shape.channels)};
}

}  // namespace

namespace kernels {

const Variant fully_connected_int16_dsp_variant = {
    fully_connected_int16_dsp, "fully_connected_int16_dsp", "FULLY_CONNECTED", 9,
    DataType::kInt16, DataType::kInt8, DataType::kInt16,
    "bias int64 or int32, per tensor and per channel, depth 4 and more",
    false, Overlap::kRows, sizeof(Shared::Params),
    Shared::prepare, supports, Shared::footprint, fully_connected_input_rows, scratch_bytes, Shared::pack, cost,
    kFeatureDsp};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_DSP) || MICROPLAN_EMULATE_DSP

namespace microplan {
namespace kernels {

Status fully_connected_int16_dsp_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const Shared::Params& params = *static_cast<const Shared::Params*>(in);
  const FullyConnectedShape& shape = params.shape;
  const View input = io.view(0);
  const View output = io.view(1);
  const dsp::Int16Outputs outputs(params.quantization, io, shape.depth);
  dsp::Int16Pixels pixels(scratch, shape.depth);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    pixels.begin(0, 1);
    pixels.copy(input.row_as<const int16_t>(row), shape.depth);
    pixels.end();
    pixels.multiply(outputs, nullptr, 0, shape.channels, output.row_as<int16_t>(row), 0);
  }
  return Status::kOk;
}

}  // namespace kernels
}  // namespace microplan

#endif
