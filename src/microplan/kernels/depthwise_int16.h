// SPDX-License-Identifier: Apache-2.0
// What the base and dsp variants of DEPTHWISE_CONV_2D of int16 with int8 filters share: 4 channels at a time, where
// output channels are as many as input channels.
#ifndef MICROPLAN_KERNELS_DEPTHWISE_INT16_H_
#define MICROPLAN_KERNELS_DEPTHWISE_INT16_H_

#include <stdint.h>

#include "microplan/kernels.h"
#include "microplan/kernels/depthwise_conv_2d.h"
#include "microplan/kernels/int16_outputs.h"

namespace microplan {

// The outputs of one pixel. Assembly reads the fields: their order matters. Steps and offsets are in bytes.
struct Int16DepthwisePixel {
  const int16_t* const* rows;  // the first tap of each row
  const int16_t* const* rows_end;
  const int8_t* filter;
  uint32_t taps_w;
  uint32_t x_step, filter_step;  // from tap to tap
  uint32_t filter_row;           // from behind a row's last tap to the next one's first
  uint32_t x_offset;             // of the first channel
  const Int16Rescale* rescales;
  int16_t* y;
  uint32_t blocks;  // of 4 channels; at least one
  uint32_t act_min, act_max;  // twice in each word
};

// kRun computes a pixel.
template <void (*kRun)(Int16DepthwisePixel*)>
struct DepthwiseInt16 {
  using Shared = DepthwiseConv2d<Int16Accumulator>;
  static constexpr uint32_t kLanes = 4;

  static bool supports(const void* in, const Target&) {
    const Shared::Params& params = *static_cast<const Shared::Params*>(in);
    return params.depth_multiplier == 1 && params.window.out_c >= kLanes &&
           params.window.kernel_h * uint32_t{params.window.kernel_w} <= kInt16MaxProducts;
  }

  // Rescalings of the channels, then pointers to the window's rows.
  static uint32_t rescale_bytes(const Window& window) {
    return window.out_c * static_cast<uint32_t>(sizeof(Int16Rescale));
  }
  static uint32_t scratch_bytes(const void* in, uint32_t) {
    const Window& window = static_cast<const Shared::Params*>(in)->window;
    // As large as on any machine, so that plans are alike.
    return rescale_bytes(window) + window.kernel_h * 8u;
  }

  // Instructions of a tap and of the outputs of a block.
  template <uint32_t kTap, uint32_t kBlock>
  static Cost cost(const void* in, const Target&) {
    const Shared::Params& params = *static_cast<const Shared::Params*>(in);
    const Window& window = params.window;
    const uint64_t outputs = window_outputs(window);
    const uint64_t macs = outputs * window.kernel_h * window.kernel_w;
    const uint64_t pixels = outputs / window.out_c;
    const uint64_t blocks = pixels * ((window.out_c + kLanes - 1) / kLanes);
    return {macs,
            blocks * (window.kernel_h * (window.kernel_w * kTap + 9) + kBlock) + pixels * (70 + 10u * window.kernel_h),
            constant_bytes(params.quantization, window.out_c)};
  }

  static Status run(const void* in, Rows rows, const Io& io, void* scratch) {
    const Shared::Params& params = *static_cast<const Shared::Params*>(in);
    const Window& window = params.window;
    const uint32_t channels = window.out_c;
    const Int16Outputs outputs(params.quantization, io, window.kernel_h * uint32_t{window.kernel_w});
    auto* const rescales = static_cast<Int16Rescale*>(scratch);
    // Multipliers of 1/2 and more, or huge biases.
    if (!outputs.rescale(0, channels, rescales)) return kernels::depthwise_conv_2d_int16_run(in, rows, io, scratch);
    auto** const taps = reinterpret_cast<const int16_t**>(static_cast<uint8_t*>(scratch) + rescale_bytes(window));
    Int16DepthwisePixel pixel;
    pixel.rows = taps;
    pixel.x_step = window.dilation_w * channels * static_cast<uint32_t>(sizeof(int16_t));
    pixel.filter_step = channels;
    pixel.act_min = dsp::join_halves(params.quantization.act_min, params.quantization.act_min);
    pixel.act_max = dsp::join_halves(params.quantization.act_max, params.quantization.act_max);
    const View output = io.view(1);
    WindowPosition at(window, io.view(0), sizeof(int16_t));
    for (uint32_t row = rows.first; row < rows.last; ++row) {
      at.set_row(row);
      int16_t* y = output.row_as<int16_t>(row);
      for (uint32_t out_x = 0; out_x < window.out_w; ++out_x) {
        at.set_column(out_x);
        const int16_t* x = static_cast<const int16_t*>(at.x);
        const uint32_t taps_h = at.taps_w != 0 ? at.taps_h : 0;
        for (uint32_t i = 0; i < taps_h; ++i) {
          taps[i] = x;
          if (i + 1 < taps_h) x = at.below(x);
        }
        pixel.rows_end = taps + taps_h;
        pixel.taps_w = at.taps_w;
        pixel.filter_row = (window.kernel_w - at.taps_w) * channels;
        // The last channels are computed together with ones before them.
        uint32_t channel = 0;
        for (uint32_t blocks = channels / kLanes; channel < channels; blocks = 1) {
          if (channel + kLanes > channels) channel = channels - kLanes;
          pixel.filter = outputs.filter() + at.first_tap * channels + channel;
          pixel.x_offset = channel * static_cast<uint32_t>(sizeof(int16_t));
          pixel.rescales = rescales + channel;
          pixel.y = y + channel;
          pixel.blocks = blocks;
          channel += blocks * kLanes;
          if (taps_h != 0) {
            kRun(&pixel);
          } else {
            for (uint32_t c = 0; c < blocks * kLanes; ++c) pixel.y[c] = outputs.finish(0, pixel.rescales[c]);
          }
        }
        y += channels;
      }
    }
    return Status::kOk;
  }

  static constexpr Variant variant(const Kernel& kernel, const char* name,
                                   Cost (*cost_of)(const void*, const Target&), uint32_t features) {
    return {kernel, name, "DEPTHWISE_CONV_2D", 4,
            DataType::kInt16, DataType::kInt8, DataType::kInt16,
            "bias int64, per tensor and per channel, depth multiplier 1, 4 channels and more, dilated",
            false, Overlap::kRows, sizeof(Shared::Params),
            Shared::prepare, supports, Shared::footprint, window_input_rows, scratch_bytes, Shared::pack, cost_of,
            features};
  }
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DEPTHWISE_INT16_H_
