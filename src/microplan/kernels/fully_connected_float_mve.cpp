// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED in float32 for Helium: blocks of 4 channels.
#include "microplan/kernels.h"
#include "microplan/kernels/fully_connected.h"
#include "microplan/kernels/mve_float.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

using Shared = FullyConnected<FloatAccumulator>;

// Short sums are left to the scalar unit, which every core with float lanes has: its kernel rounds them as the reference.
constexpr uint32_t kLeastDepth = 32;

bool supports(const void* in, const Target&) {
  return static_cast<const Shared::Params*>(in)->shape.depth >= kLeastDepth;
}

Cost cost(const void* in, const Target&) {
  const FullyConnectedShape& shape = static_cast<const Shared::Params*>(in)->shape;
  const uint64_t outputs = uint64_t{shape.rows} * shape.channels;
  const uint64_t macs = outputs * shape.depth;
  return {macs, macs * 5 / 8 + outputs * 18, 0};
}

}  // namespace

namespace kernels {

const Variant fully_connected_float_mve_variant = {
    fully_connected_float_mve, "fully_connected_float_mve", "FULLY_CONNECTED", 9,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "",
    false, Overlap::kRows, sizeof(Shared::Params),
    Shared::prepare, supports, Shared::footprint, fully_connected_input_rows, nullptr, Shared::pack, cost,
    kFeatureMveF};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

namespace microplan {
namespace kernels {

Status fully_connected_float_mve_run(const void* in, Rows rows, const Io& io, void*) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const FullyConnectedShape& shape = params.shape;
  const View input = io.view(0);
  const View output = io.view(1);
  const float* const bias = io.constant<float>(1);
  mve::FloatBlock block;
  block.count = shape.depth;
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    block.x = input.row_as<const float>(row);
    float* const y = output.row_as<float>(row);
    const float* filter = io.constant<float>(0);
    for (uint32_t channel = 0; channel < shape.channels; channel += 4) {
      const uint32_t channels = shape.channels - channel < 4 ? shape.channels - channel : 4;
      // Channels beyond the last repeat it, and their sums are not used.
      for (uint32_t c = 0; c < 4; ++c) {
        block.filter[c] = filter;
        if (c + 1 < channels) filter += shape.depth;
      }
      filter += shape.depth;
      mve::clear(&block);
      mve::dot(&block);
      mve::finish(block, params.quantization, bias == nullptr ? nullptr : bias + channel, channels, y + channel);
    }
  }
  return Status::kOk;
}

}  // namespace kernels
}  // namespace microplan

#endif
