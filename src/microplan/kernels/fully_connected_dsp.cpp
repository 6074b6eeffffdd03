// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED, int8, for the DSP extension: the dot products of dsp_dot.h, four channels at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/dsp.h"
#include "microplan/kernels/dsp_dot.h"
#include "microplan/kernels/fully_connected.h"

namespace microplan {

namespace {

using Shared = FullyConnected<Int8Accumulator>;

// Constants: the filter, in groups of channels; and bias int32[channels], ChannelScale[1 or channels].
struct ChannelScale {
  int32_t multiplier;
  int32_t shift;  // with ChannelQuantization::fast the right shift less 1; else Requantize::shift
};

uint32_t filter_bytes(const FullyConnectedShape& shape) { return shape.channels * dsp::dot_words(shape.depth) * 4; }

uint32_t channel_bytes(const FullyConnectedParams& params) {
  return params.shape.channels * 4 + (params.quantization.per_channel ? params.shape.channels : 1) *
                                         static_cast<uint32_t>(sizeof(ChannelScale));
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
      const uint32_t count = dsp::dot_group_channels(left);
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
    const ChannelConstants constants = packer.channel(c);
    const ChannelScale scale = {constants.multiplier, constants.shift - static_cast<int32_t>(params.quantization.fast)};
    writer.append(&scale, sizeof scale);
  }
}

Cost cost(const void* in, const Target&) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  const uint64_t rows = params.shape.rows;
  const uint64_t channels = params.shape.channels;
  const uint64_t words = dsp::dot_words(params.shape.depth);
  const uint64_t instructions = rows * (60 + 6 * words + channels / 4 * (100 + 17 * words) +
                                        (channels / 2 % 2) * (70 + 13 * words) + channels % 2 * (50 + 11 * words));
  const uint32_t model = params.shape.channels * (params.shape.depth + 4);
  return {rows * channels * params.shape.depth, instructions, filter_bytes(params.shape) + channel_bytes(params) - model};
}

int8_t finish_general(int32_t sum, ChannelScale scale, int32_t zero_point) {
  const int32_t value = wrap_add(requantize(sum, Requantize{scale.multiplier, scale.shift}), zero_point);
  return static_cast<int8_t>(clamp(value, INT8_MIN, INT8_MAX));
}

// Makes outputs of `count` sums. Returns the scale of the channel that follows.
const ChannelScale* finish(const ChannelQuantization& params, const int32_t* sums, uint32_t count,
                           const ChannelScale* scale, int8_t* y) {
  // As fast_rounding(): (2 * zero point + 1) * 2^(shift - 1).
  const int32_t odd = 2 * params.output_offset + 1;
  do {
    const int32_t twice = shift_left(*sums++, 1);
    const int32_t rounding = wrap_add(shift_left(odd, scale->shift), twice >> 31);
    const int32_t value = dsp::smmlar(twice, scale->multiplier, rounding) >> (scale->shift & 31);
    *y++ = static_cast<int8_t>(dsp::ssat<8>(value >> 1));
    scale += params.per_channel;
  } while (--count != 0);
  return scale;
}

[[gnu::noinline]] const ChannelScale* finish_slowly(const ChannelQuantization& params, const int32_t* sums,
                                                    uint32_t count, const ChannelScale* scale, int8_t* y) {
  for (; count != 0; --count, scale += params.per_channel) {
    *y++ = finish_general(*sums++, *scale, params.output_offset);
  }
  return scale;
}

// The finish only saturates to int8.
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
    const dsp::DotRow row = dsp::dot_row(input.row_as<const int8_t>(r), shape.depth);
    int8_t* const out = output.row_as<int8_t>(r);
    int8_t* y = out;
    const uint32_t* filter = io.constant<uint32_t>(0);
    const int32_t* bias = io.constant<int32_t>(1);
    const ChannelScale* scale = reinterpret_cast<const ChannelScale*>(bias + shape.channels);
    for (uint32_t left = shape.channels; left != 0;) {
      int32_t sums[4];
      const uint32_t count = dsp::dot_group_channels(left);
      if (count == 4 && row.words <= dsp::kMaxDotWords) {
        dsp::dot_quad(sums, bias, filter, row);
      } else {
        dsp::dot_group(count, sums, bias, filter, row);
      }
      scale = quantization.fast ? finish(quantization, sums, count, scale, y)
                                : finish_slowly(quantization, sums, count, scale, y);
      filter += count * row.words;
      bias += count;
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
