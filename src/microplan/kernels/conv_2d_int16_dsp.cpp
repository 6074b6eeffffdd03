// SPDX-License-Identifier: Apache-2.0
// CONV_2D, int16 with int8 filters, for the DSP extension: windows of two pixels are gathered, then multiplied with all
// channels of their group.
#include "microplan/kernels.h"
#include "microplan/kernels/conv_2d.h"
#include "microplan/kernels/mac_int16_dsp.h"

namespace microplan {

namespace {

using Shared = Conv2d<Int16Accumulator>;

// Of a filter.
uint32_t depth_of(const Shared::Params& params) {
  return params.window.kernel_h * uint32_t{params.window.kernel_w} * params.filter_c;
}

bool supports(const void* in, const Target&) { return depth_of(*static_cast<const Shared::Params*>(in)) >= 4; }

uint32_t scratch_bytes(const void* in, uint32_t) {
  const Shared::Params& params = *static_cast<const Shared::Params*>(in);
  return dsp::Int16Pixels::bytes(depth_of(params), 2) +
         params.window.out_c * static_cast<uint32_t>(sizeof(dsp::Int16Rescale));
}

Cost cost(const void* in, const Target&) {
  const Shared::Params& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  const uint32_t groups = window.in_c / params.filter_c;
  const uint64_t macs = outputs * depth_of(params);
  // Pixels and their groups; runs shorter than 4 inputs are slow to gather.
  const uint64_t gathers = outputs / window.out_c * groups;
  const uint64_t runs = gathers * window.kernel_h * (groups == 1 && window.dilation_w == 1 ? 1 : window.kernel_w);
  return {macs, macs * 17 / 16 + outputs * 28 + runs * 40 + gathers * (depth_of(params) * 5 / 2 + 80),
          constant_bytes(params.quantization, window.out_c)};
}

}  // namespace

namespace kernels {

const Variant conv_2d_int16_dsp_variant = {
    conv_2d_int16_dsp, "conv_2d_int16_dsp", "CONV_2D", 3,
    DataType::kInt16, DataType::kInt8, DataType::kInt16,
    "bias int64 or int32, per tensor and per channel, grouped, dilated, filters of 4 elements and more",
    false, Overlap::kRows, sizeof(Shared::Params),
    Shared::prepare, supports, Shared::footprint, window_input_rows, scratch_bytes, Shared::pack, cost,
    kFeatureDsp};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_DSP) || MICROPLAN_EMULATE_DSP

namespace microplan {

namespace {

// The window at `at` of the input channels from `channel` on.
void gather(const Shared::Params& params, const WindowPosition& at, uint32_t channel, dsp::Int16Pixels* pixels) {
  const Window& window = params.window;
  const uint32_t filter_c = params.filter_c;
  const uint32_t depth = depth_of(params);
  if (at.taps_h == 0 || at.taps_w == 0) return pixels->zeros(depth);
  const uint32_t x_step = window.dilation_w * uint32_t{window.in_c};
  // Taps side by side are one run when nothing lies between them.
  const bool adjacent = x_step == filter_c;
  const uint32_t length = adjacent ? at.taps_w * filter_c : filter_c;
  const uint32_t border = (window.kernel_w - at.taps_w) * filter_c;
  uint32_t done = at.first_tap * filter_c;
  pixels->zeros(done);
  const int16_t* x_row = static_cast<const int16_t*>(at.x) + channel;
  for (uint32_t left = at.taps_h;;) {
    const int16_t* x = x_row;
    for (uint32_t run = adjacent ? 1 : at.taps_w; run != 0; --run) {
      pixels->copy(x, length);
      if (run != 1) x += x_step;
    }
    done += at.taps_w * filter_c;
    if (--left == 0) break;
    pixels->zeros(border);
    done += border;
    x_row = at.below(x_row);
  }
  pixels->zeros(depth - done);
}

}  // namespace

namespace kernels {

Status conv_2d_int16_dsp_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const Shared::Params& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const View output = io.view(1);
  const uint32_t out_c = window.out_c;
  const uint32_t filter_c = params.filter_c;
  const uint32_t group_channels = out_c / (window.in_c / filter_c);
  const uint32_t depth = depth_of(params);
  const dsp::Int16Outputs outputs(params.quantization, io, depth);
  dsp::Int16Rescale* const made = reinterpret_cast<dsp::Int16Rescale*>(static_cast<uint8_t*>(scratch) +
                                                                       dsp::Int16Pixels::bytes(depth, 2));
  const dsp::Int16Rescale* const rescales = outputs.rescale(0, out_c, made) ? made : nullptr;
  dsp::Int16Pixels pixels(scratch, depth);
  WindowPosition at(window, io.view(0), sizeof(int16_t));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    int16_t* const y = output.row_as<int16_t>(row);
    for (uint32_t out_x = 0; out_x < window.out_w;) {
      const uint32_t count = out_x + 1 < window.out_w ? 2 : 1;
      uint32_t in_channel = 0;
      for (uint32_t channel = 0; channel < out_c; channel += group_channels) {
        for (uint32_t pixel = 0; pixel < count; ++pixel) {
          at.set_column(out_x + pixel);
          pixels.begin(pixel, count);
          gather(params, at, in_channel, &pixels);
          pixels.end();
        }
        pixels.multiply(outputs, rescales == nullptr ? nullptr : rescales + channel, channel, group_channels,
                        y + out_x * out_c + channel, out_c);
        in_channel += filter_c;
      }
      out_x += count;
    }
  }
  return Status::kOk;
}

}  // namespace kernels

}  // namespace microplan

#endif
