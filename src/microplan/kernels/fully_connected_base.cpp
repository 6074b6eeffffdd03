// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED, int8, for cores without SIMD: an input row is widened in scratch, piece by piece, and multiplied with
// all filters.
#include "microplan/kernels.h"
#include "microplan/kernels/fully_connected.h"
#include "microplan/kernels/mac_base.h"

namespace microplan {

namespace {

// Inputs of a row that are widened at a time.
constexpr uint32_t kPiece = 512;

uint32_t scratch_bytes(const void* in, uint32_t) {
  const FullyConnectedShape& shape = static_cast<const FullyConnectedParams*>(in)->shape;
  const uint32_t depth = shape.depth < kPiece ? shape.depth : kPiece;
  return depth * 4 + shape.channels * 4;
}

Cost cost(const void* in, const Target&) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  const FullyConnectedShape& shape = params.shape;
  const uint64_t outputs = uint64_t{shape.rows} * shape.channels;
  const uint64_t macs = outputs * shape.depth;
  return {macs, 250 + macs * 5 / 2 + outputs * 75 + uint64_t{shape.rows} * shape.depth * 4,
          constant_bytes(params.quantization, shape.channels)};
}

}  // namespace

namespace kernels {

Status fully_connected_int8_base_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  const FullyConnectedShape& shape = params.shape;
  const BaseOutput outputs(params.quantization, io, shape.depth);
  const View input = io.view(0);
  const View output = io.view(1);
  const int8_t* const filter = io.constant<int8_t>(0);
  uint32_t* const sums = static_cast<uint32_t*>(scratch);
  int32_t* const x = reinterpret_cast<int32_t*>(sums + shape.channels);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const int8_t* const from = input.row_as<const int8_t>(row);
    for (uint32_t c = 0; c < shape.channels; ++c) sums[c] = 0;
    for (uint32_t k = 0; k < shape.depth;) {
      const uint32_t count = shape.depth - k < kPiece ? shape.depth - k : kPiece;
      (void)widen<int32_t, 1>(from + k, count, outputs.input_offset(), x);
      add_products(filter + k, shape.depth, shape.channels, x, count, sums);
      k += count;
    }
    outputs.finish_pixel(0, shape.channels, sums, output.row_as<int8_t>(row));
  }
  return Status::kOk;
}

const Variant fully_connected_int8_base_variant = {
    fully_connected_int8_base, "fully_connected_int8_base", "FULLY_CONNECTED", 9,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "as fully_connected_int8",
    false, Overlap::kRows, sizeof(FullyConnectedParams),
    FullyConnected<Int8Accumulator>::prepare, nullptr, FullyConnected<Int8Accumulator>::footprint,
    fully_connected_input_rows, scratch_bytes, FullyConnected<Int8Accumulator>::pack, cost};

}  // namespace kernels

}  // namespace microplan
