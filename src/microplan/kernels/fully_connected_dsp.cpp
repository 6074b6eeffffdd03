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

// For the few sums, or the unusual ones, that dot_quads() does not requantize.
[[gnu::noinline]] void finish(const ChannelQuantization& params, const int32_t* sums, uint32_t count,
                              const dsp::DotScale* scale, int8_t* y) {
  do {
    const int32_t value = wrap_add(requantize(*sums++, scale->requantize()), params.output_offset);
    *y++ = static_cast<int8_t>(clamp(value, INT8_MIN, INT8_MAX));
    scale += params.per_channel;
  } while (--count != 0);
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
  const View input = io.view(0);
  const View output = io.view(1);
  for (uint32_t r = rows.first; r < rows.last; ++r) {
    dsp::DotQuads run;
    dsp::dot_input(run, input.row_as<const int8_t>(r), shape.depth);
    const uint32_t* filter = io.constant<uint32_t>(0);
    run.start = io.constant<int32_t>(1);
    run.scale = reinterpret_cast<const dsp::DotScale*>(run.start + shape.channels);
    int8_t* const out = output.row_as<int8_t>(r);
    int8_t* y = out;
    uint32_t left = shape.channels;
    if (quantization.fast && left >= 4) {
      run.output = y;
      run.scale_step = quantization.per_channel ? sizeof(dsp::DotScale) : 0;
      run.odd_zero_point = 2 * quantization.output_offset + 1;
      run.quads = left / 4;
      filter = dsp::dot_quads(run, filter);
      y += left & ~3u;
      left &= 3;
    }
    run.scale_step = dsp::kDotSums;
    while (left != 0) {
      int32_t sums[4];
      const uint32_t count = dsp::dot_group(left);
      if (count == 4) {
        run.output = sums;
        run.quads = 1;
        filter = dsp::dot_quads(run, filter);
      } else {
        dsp::dot_rest(run, filter, count, sums);
        filter += count * run.words;
        run.start += count;
      }
      finish(quantization, sums, count, run.scale, y);
      run.scale += quantization.per_channel ? count : 0;
      y += count;
      left -= count;
    }
    if (quantization.act_min > INT8_MIN || quantization.act_max < INT8_MAX) {
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
