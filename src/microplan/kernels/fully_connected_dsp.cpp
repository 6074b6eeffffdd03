// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED, int8, for the DSP extension: the dot products of dsp_dot.h, four channels at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/dsp.h"
#include "microplan/kernels/dsp_dot.h"
#include "microplan/kernels/fully_connected.h"

namespace microplan {

namespace {

using Shared = FullyConnected<Int8Accumulator>;

// Constants: the filter, in groups of channels; and bias int32[channels], DotScale[1 or channels].
uint32_t filter_bytes(const FullyConnectedShape& shape) { return shape.channels * dsp::dot_words(shape.depth) * 4; }

uint32_t channel_bytes(const FullyConnectedParams& params) {
  return params.shape.channels * 4 + (params.quantization.per_channel ? params.shape.channels : 1) *
                                         static_cast<uint32_t>(sizeof(dsp::DotScale));
}

bool footprint(const void* in, Footprint* footprint) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  if (!Shared::footprint(in, footprint)) return false;
  footprint->constant_count = 0;
  footprint->add_constant(filter_bytes(params.shape), 4);
  footprint->add_constant(channel_bytes(params), 4);
  return true;
}

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  const uint32_t channels = params.shape.channels;
  if (writer.begin(filter_bytes(params.shape))) {
    const uint8_t* row = context.input(kFullyConnected.filter).data;
    for (uint32_t left = channels; left != 0;) {
      const uint32_t count = dsp::dot_group(left);
      const uint8_t* rows[4];
      for (uint32_t i = 0; i < count; ++i, row += params.shape.depth) rows[i] = row;
      dsp::pack_dot_group(writer, rows, count, params.shape.depth);
      left -= count;
    }
  }
  if (!writer.begin(channel_bytes(params))) return;
  const ChannelPacker packer(context, kFullyConnected, params.quantization);
  for (uint32_t c = 0; c < channels; ++c) {
    const int32_t bias = packer.channel(c).bias;
    writer.append(&bias, sizeof bias);
  }
  for (uint32_t c = 0; c < (params.quantization.per_channel ? channels : 1); ++c) {
    const dsp::DotScale scale(fully_connected_requantize(packer, params.quantization, c));
    writer.append(&scale, sizeof scale);
  }
}

Cost cost(const void* in, const Target&) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  const uint64_t rows = params.shape.rows;
  const uint64_t channels = params.shape.channels;
  const uint64_t words = dsp::dot_words(params.shape.depth);
  const uint64_t instructions = 100 + rows * (30 + 6 * words + channels / 4 * (66 + 17 * words) +
                                              (channels / 2 % 2) * (120 + 16 * words) +
                                              channels % 2 * (60 + 12 * words));
  const uint32_t model = params.shape.channels * (params.shape.depth + 4);
  return {rows * channels * params.shape.depth, instructions, filter_bytes(params.shape) + channel_bytes(params) - model};
}

// The last channels, fewer than four.
[[gnu::noinline]] void make_rest(dsp::DotQuads& run, const uint32_t* filter, uint32_t per_channel, uint32_t left,
                                 int8_t* y) {
  const dsp::DotScale* scale = run.scale;
  for (int8_t* const end = y + left; y != end;) {
    int32_t sums[2];
    const int32_t* sum = sums;
    const int8_t* const made = y + (left > 1 ? 2 : 1);
    filter = dsp::dot_rest(run, filter, left > 1 ? 2 : 1, sums);
    left = 1;
    do {
      const int32_t rounding = shift_left(run.odd_zero_point, scale->shift);
      const int32_t twice = dsp::requantize(*sum++, scale->multiplier, rounding, scale->shift);
      *y++ = static_cast<int8_t>(dsp::ssat<8>(twice >> 1));
      scale += per_channel;
    } while (y != made);
  }
}

// All channels, for what requantize_fast() does not do.
[[gnu::noinline]] void make_row(dsp::DotQuads& run, const uint32_t* filter, const ChannelQuantization& params,
                                uint32_t left, int8_t* y) {
  run.scale_step = dsp::kDotSums;
  while (left != 0) {
    int32_t sums[4];
    const uint32_t count = dsp::dot_group(left);
    if (count == 4) {
      run.output = sums;
      run.end = sums + 4;
      filter = dsp::dot_quads(run, filter);
    } else {
      filter = dsp::dot_rest(run, filter, count, sums);
    }
    for (const int32_t* sum = sums; sum != sums + count; ++sum, run.scale += params.per_channel) {
      const int32_t value = wrap_add(requantize(*sum, run.scale->requantize()), params.output_offset);
      *y++ = static_cast<int8_t>(dsp::ssat<8>(value));
    }
    left -= count;
  }
}

// Everything else only saturates to int8.
[[gnu::noinline]] void clamp_row(const ChannelQuantization& params, int8_t* y, uint32_t count) {
  for (; count != 0; --count, ++y) *y = static_cast<int8_t>(clamp(*y, params.act_min, params.act_max));
}

}  // namespace

namespace kernels {

Status fully_connected_int8_dsp_run(const void* in, Rows rows, const Io& io, void*) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  const FullyConnectedShape& shape = params.shape;
  const ChannelQuantization& quantization = params.quantization;
  for (uint32_t r = rows.first; r < rows.last; ++r) {
    dsp::DotQuads run;
    const int8_t* const x = io.view(0).row_as<const int8_t>(r);
    int8_t* const out = io.view(1).row_as<int8_t>(r);
    const uint32_t* filter = io.constant<uint32_t>(0);
    run.start = io.constant<int32_t>(1);
    run.scale = reinterpret_cast<const dsp::DotScale*>(run.start + shape.channels);
    run.odd_zero_point = 2 * quantization.output_offset + 1;
    dsp::dot_input(run, x, shape.depth);
    if (quantization.fast) {
      int8_t* const rest = out + (shape.channels & ~3u);
      if (rest != out) {
        run.output = out;
        run.end = rest;
        run.scale_step = static_cast<int32_t>(quantization.per_channel * sizeof(dsp::DotScale));
        filter = dsp::dot_quads(run, filter);
      }
      if (shape.channels % 4 != 0) make_rest(run, filter, quantization.per_channel, shape.channels % 4, rest);
    } else {
      make_row(run, filter, quantization, shape.channels, out);
    }
    if (wrap_sub(quantization.act_max, quantization.act_min) != UINT8_MAX) {
      clamp_row(quantization, out, shape.channels);
    }
  }
  return Status::kOk;
}

const Variant fully_connected_int8_dsp_variant = {
    fully_connected_int8_dsp, "fully_connected_int8_dsp", "FULLY_CONNECTED", 9,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel",
    false, Overlap::kRows, sizeof(FullyConnectedParams),
    Shared::prepare, nullptr, footprint, fully_connected_input_rows, nullptr, pack, cost,
    kFeatureDsp, true};

}  // namespace kernels

}  // namespace microplan
