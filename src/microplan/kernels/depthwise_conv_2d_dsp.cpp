// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int8, with the DSP extension: the planner's side. depthwise_rows_dsp.cpp runs it.
#include "microplan/kernels/depthwise_conv_2d_dsp.h"

#include "microplan/kernels.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

using Shared = DepthwiseConv2d<Int8Accumulator>;

uint32_t record_count(const DepthwiseConv2dParams& params, const DepthwiseDspShape& shape) {
  return shape.way == DepthwiseWay::kPixels ? (params.window.out_c + 3u) / 4 : params.window.out_c;
}

bool supports(const void* in, const Target&) {
  return DepthwiseDspShape(*static_cast<const DepthwiseConv2dParams*>(in)).scratch_bytes != UINT32_MAX;
}

bool footprint(const void* in, Footprint* result) {
  if (!Shared::footprint(in, result) || !supports(in, Target{})) return false;
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const DepthwiseDspShape shape(params);
  uint32_t bytes = record_count(params, shape);
  if (!multiply_checked(shape.record_bytes, &bytes)) return false;
  result->constant_count = 0;
  result->add_constant(bytes, 4);
  return true;
}

uint32_t scratch_bytes(const void* in, uint32_t) {
  return DepthwiseDspShape(*static_cast<const DepthwiseConv2dParams*>(in)).scratch_bytes;
}

// The first row of a pair reads and the second is written at the same time.
Rows input_rows(const void* in, uint32_t view, Rows rows) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  if (DepthwiseDspShape(params).in_pairs) rows.first -= rows.first % params.window.out_h % 2;
  return window_input_rows(in, view, rows);
}

// Packs the records of one operator.
class Packer {
 public:
  Packer(const OperatorContext& context, const DepthwiseConv2dParams& params, ConstantWriter& writer)
      : window_(params.window),
        shape_(params),
        fast_(params.quantization.fast),
        constants_(context, kDepthwiseConv2d, params.quantization),
        filter_(context.input(kDepthwiseConv2d.filter).data),
        writer_(writer) {}

  void channel(uint32_t c) {
    if (shape_.way == DepthwiseWay::k3x3) {
      append_3x3(c);
    } else {
      append_words(c);
    }
    append_scale(c);
  }

  void four_channels(uint32_t c) {
    for (uint32_t tap = 0; tap < shape_.taps; ++tap) writer_.append(filter_ + tap * window_.out_c + c, 4);
    for (uint32_t i = 0; i < 4; ++i) append_scale(c + i);
  }

 private:
  // Tap (ky, kx); 0 where kernel row ky has ended.
  uint8_t tap(uint32_t c, uint32_t ky, uint32_t kx) const {
    return kx < window_.kernel_w ? filter_[(ky * window_.kernel_w + kx) * window_.out_c + c] : uint8_t{0};
  }

  void append_3x3(uint32_t c) {
    for (uint32_t kx = 0; kx < 3; ++kx) {
      const uint8_t taps[4] = {tap(c, 0, kx), tap(c, 1, kx), tap(c, 1, kx), tap(c, 2, kx)};
      writer_.append(taps, sizeof taps);
    }
  }

  void append_words(uint32_t c) {
    uint8_t quad[4] = {};
    bool odd = false;
    for_each_tap_word(window_, [&](uint32_t plane, uint32_t kx, uint32_t second_y, uint32_t second_x) {
      quad[odd] = tap(c, 2 * plane, kx);
      quad[odd + 2] = tap(c, second_y, second_x);
      if (odd) writer_.append(quad, sizeof quad);
      odd = !odd;
    });
    if (!odd) return;
    quad[1] = quad[3] = 0;
    writer_.append(quad, sizeof quad);
  }

  void append_scale(uint32_t c) {
    const ChannelConstants constants = constants_.channel(c);
    const dsp::DepthwiseScale fast = {shift_left(constants.bias, 1), constants.multiplier, constants.shift - 1};
    const dsp::DepthwiseScale general = {constants.bias, constants.multiplier, constants.shift};
    writer_.append(fast_ ? &fast : &general, sizeof fast);
  }

  const Window& window_;
  const DepthwiseDspShape shape_;
  const bool fast_;
  const ChannelPacker constants_;
  const uint8_t* const filter_;
  ConstantWriter& writer_;
};

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const uint32_t channels = params.window.out_c;
  const DepthwiseDspShape shape(params);
  if (!writer.begin(record_count(params, shape) * shape.record_bytes)) return;
  Packer packer(context, params, writer);
  if (shape.way == DepthwiseWay::kPixels) {
    // Channels that are no full group are packed with some of those before them.
    for (uint32_t c = 0; c < channels; c += 4) packer.four_channels(channels - c < 4 ? channels - 4 : c);
  } else {
    for (uint32_t c = 0; c < channels; ++c) packer.channel(c);
  }
}

// Instructions of one row, from measurements.
uint64_t row_instructions(const Window& window, const DepthwiseDspShape& shape) {
  const uint64_t width = window.out_w;
  const uint64_t channels = window.out_c;
  if (shape.way == DepthwiseWay::kPixels) {
    return 40 + width * (110 + shape.taps * uint64_t{8} + (channels + 3) / 4 * (60 + 13 * uint64_t{shape.taps}));
  }
  const uint64_t tiles = (width + shape.tile - 1) / shape.tile;
  if (shape.way == DepthwiseWay::k3x3) {
    return 150 + (shape.in_pairs ? channels * (30 * tiles + width * 18) : channels * (60 * tiles + width * 30));
  }
  const uint64_t widening = (window.in_c + 3u) / 4 * (window.in_c < 4 ? shape.group : 1);
  const uint64_t widened = tiles * widening * (shape.planes * shape.phases * (200 + shape.phase_words * uint64_t{17}));
  return 60 + widened + channels * (35 * tiles + (width + 3) / 4 * (57 + 18 * uint64_t{shape.quads}));
}

Cost cost(const void* in, const Target&) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  const DepthwiseDspShape shape(params);
  const uint64_t rows = uint64_t{window.batches} * window.out_h;
  const uint32_t model = window.out_c * (window.kernel_h * window.kernel_w + 4u);
  const uint32_t packed = record_count(params, shape) * shape.record_bytes;
  return {window_outputs(window) * window.kernel_h * window.kernel_w, rows * row_instructions(window, shape),
          packed > model ? packed - model : 0};
}

}  // namespace

namespace kernels {

const Variant depthwise_conv_2d_int8_dsp_variant = {
    depthwise_conv_2d_int8_dsp, "depthwise_conv_2d_int8_dsp", "DEPTHWISE_CONV_2D", 4,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel, any depth multiplier, dilated",
    false, Overlap::kRows, sizeof(DepthwiseConv2dParams),
    Shared::prepare, supports, footprint, input_rows, scratch_bytes, pack, cost,
    kFeatureDsp, true};

}  // namespace kernels

}  // namespace microplan
