// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED, int8, for Helium: dot products of four channels, requantized as one vector.
#include "microplan/kernels.h"
#include "microplan/kernels/fully_connected.h"
#include "microplan/kernels/mve.h"
#include "microplan/kernels/mve_dot.h"

namespace microplan {

namespace {

using Shared = FullyConnected<Int8Accumulator>;

constexpr uint32_t kLanes = 4;

uint32_t scales_of(const FullyConnectedParams& params) {
  return params.quantization.per_channel ? params.shape.channels : 1;
}

// Constants: the filter; and int32 bias[channels] with the input's zero point, multiplier[1 or channels], shift[the same].
uint32_t channel_bytes(const FullyConnectedParams& params) { return (params.shape.channels + 2 * scales_of(params)) * 4; }

bool footprint(const void* in, Footprint* footprint) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  if (!Shared::footprint(in, footprint)) return false;
  footprint->constant_count = 1;
  footprint->add_constant(channel_bytes(params), 4);
  return true;
}

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  writer.tensor(kFullyConnected.filter, 1);
  if (!writer.begin(channel_bytes(params))) return;
  const ChannelPacker packer(context, kFullyConnected, params.quantization);
  for (uint32_t c = 0; c < params.shape.channels; ++c) {
    const int32_t bias = packer.channel(c).bias;
    writer.append(&bias, sizeof bias);
  }
  for (uint32_t c = 0; c < scales_of(params); ++c) {
    const int32_t multiplier = fully_connected_requantize(packer, params.quantization, c).multiplier;
    writer.append(&multiplier, sizeof multiplier);
  }
  for (uint32_t c = 0; c < scales_of(params); ++c) {
    const int32_t shift = fully_connected_requantize(packer, params.quantization, c).shift;
    writer.append(&shift, sizeof shift);
  }
}

Cost cost(const void* in, const Target&) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  const FullyConnectedShape& shape = params.shape;
  const uint64_t blocks = shape.channels < kLanes ? shape.channels : (shape.channels + kLanes - 1) / kLanes;
  const uint64_t chunks = (uint64_t{shape.depth} + 15) / 16;
  return {uint64_t{shape.rows} * shape.channels * shape.depth, 100 + shape.rows * (50 + blocks * (25 + 10 * chunks)),
          8 * scales_of(params)};
}

}  // namespace

namespace kernels {

const Variant fully_connected_int8_mve_variant = {
    fully_connected_int8_mve, "fully_connected_int8_mve", "FULLY_CONNECTED", 9,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel",
    false, Overlap::kRows, sizeof(FullyConnectedParams),
    Shared::prepare, nullptr, footprint, fully_connected_input_rows, nullptr, pack, cost,
    kFeatureMve};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE)

namespace microplan {

namespace {

// The channels from `c` on that make no whole block, or all where requantization is not fast. Fewer channels than lanes go one
// by one; else the last block begins so early that it is whole.
void run_channels(const FullyConnectedParams& params, const mve::DotBlocks& blocks, uint32_t c, int8_t* y) {
  const uint32_t channels = params.shape.channels;
  const bool whole = channels >= kLanes;
  const uint32_t lanes = whole ? kLanes : 1;
  const mve_pred16_t used = vctp32q(lanes);
  int32x4_t multiplier = vdupq_n_s32(blocks.multiplier);
  int32x4_t shift = vdupq_n_s32(blocks.shift);
  for (; c < channels; c += lanes) {
    if (whole && c + kLanes > channels) c = channels - kLanes;
    int32_t sums[kLanes];
    vstrwq_s32(sums, vldrwq_z_s32(blocks.bias + c, used));
    mve::dot_rows(sums, blocks.x, blocks.filter + c * blocks.depth, blocks.depth, whole ? blocks.depth : 0);
    if (blocks.multipliers != nullptr) {
      multiplier = vldrwq_z_s32(blocks.multipliers + c, used);
      shift = vldrwq_z_s32(blocks.multipliers + channels + c, used);
    }
    const int32x4_t value = vaddq_n_s32(mve::requantize(vldrwq_s32(sums), multiplier, shift), blocks.offset);
    vstrbq_p_s32(y + c, mve::clamp(value, vdupq_n_s32(blocks.low), vdupq_n_s32(blocks.high)), used);
  }
}

}  // namespace

namespace kernels {

Status fully_connected_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  const View input = io.view(0);
  const View output = io.view(1);
  const uint32_t channels = params.shape.channels;
  const ChannelQuantization& quantization = params.quantization;
  const uint32_t in_blocks = quantization.fast ? channels & ~(kLanes - 1) : 0;
  mve::DotBlocks blocks;
  blocks.depth = params.shape.depth;
  blocks.filter = io.constant<int8_t>(0);
  blocks.bias = io.constant<int32_t>(1);
  const int32_t* const multipliers = blocks.bias + channels;
  blocks.multipliers = quantization.per_channel ? multipliers : nullptr;
  blocks.shifts_at = scales_of(params) * 4;
  blocks.multiplier = multipliers[0];
  blocks.shift = multipliers[scales_of(params)];
  blocks.offset = quantization.output_offset;
  blocks.low = quantization.act_min;
  blocks.high = quantization.act_max;
  for (uint32_t r = rows.first; r < rows.last; ++r) {
    blocks.x = input.row_as<int8_t>(r);
    blocks.y = output.row_as<int8_t>(r);
    blocks.y_end = blocks.y + in_blocks;
    if (in_blocks != 0) mve::dot_blocks(&blocks);
    if (in_blocks != channels) run_channels(params, blocks, in_blocks, blocks.y);
  }
  return Status::kOk;
}

}  // namespace kernels

}  // namespace microplan

#endif
