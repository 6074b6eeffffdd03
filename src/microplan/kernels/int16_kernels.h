// SPDX-License-Identifier: Apache-2.0
// What the variants of CONV_2D and FULLY_CONNECTED of int16 with int8 filters share: the inputs of some pixels are
// gathered, then multiplied with all channels of their group. `Pixels` is the variant's class, which says
//   kLeastDepth: what it takes; together(depth): so many pixels are multiplied together, the last ones of a row alone;
//   kSpareRescales: behind the last channel's, which are read and not used;
//   bytes(depth, pixels) of 4-aligned memory, row_bytes(depth, channels) for take(); Pixels(memory, depth);
//   begin(pixel, pixels), copy(x, count), zeros(count), end(): fill one of the pixels from the first to the last input;
//   take(x): one pixel whose inputs lie side by side;
//   multiply(outputs, rescales, channel, channels, y, y_pixel): the outputs of channels for all pixels, those of a
//   pixel `y_pixel` elements behind those of the one before. rescales: of the channels, nullptr when they have none.
#ifndef MICROPLAN_KERNELS_INT16_KERNELS_H_
#define MICROPLAN_KERNELS_INT16_KERNELS_H_

#include <stdint.h>

#include "microplan/kernels/conv_2d.h"
#include "microplan/kernels/fully_connected.h"
#include "microplan/kernels/int16_outputs.h"

namespace microplan {

template <typename Pixels>
struct Conv2dInt16 {
  using Shared = Conv2d<Int16Accumulator>;

  // Of a filter.
  static uint32_t depth_of(const Shared::Params& params) {
    return params.window.kernel_h * uint32_t{params.window.kernel_w} * params.filter_c;
  }

  static bool supports(const void* in, const Target&) {
    return depth_of(*static_cast<const Shared::Params*>(in)) >= Pixels::kLeastDepth;
  }

  static uint32_t scratch_bytes(const void* in, uint32_t) {
    const Shared::Params& params = *static_cast<const Shared::Params*>(in);
    const uint32_t depth = depth_of(params);
    return Pixels::bytes(depth, Pixels::together(depth)) +
           (params.window.out_c + Pixels::kSpareRescales) * static_cast<uint32_t>(sizeof(Int16Rescale));
  }

  // kMac16: instructions for 16 products; kOutput for an output, kGather2 for two elements gathered, kRun for a run of
  // them.
  template <uint32_t kMac16, uint32_t kOutput, uint32_t kGather2, uint32_t kRun>
  static Cost cost(const void* in, const Target&) {
    const Shared::Params& params = *static_cast<const Shared::Params*>(in);
    const Window& window = params.window;
    const uint64_t outputs = window_outputs(window);
    const uint32_t groups = window.in_c / params.filter_c;
    const uint64_t macs = outputs * depth_of(params);
    // Pixels and their groups; short runs are slow to gather.
    const uint64_t gathers = outputs / window.out_c * groups;
    const uint64_t runs = gathers * window.kernel_h * (groups == 1 && window.dilation_w == 1 ? 1 : window.kernel_w);
    const uint64_t gathering = runs * kRun + gathers * (depth_of(params) * kGather2 / 2 + 80);
    return {macs, macs * kMac16 / 16 + outputs * kOutput + gathering,
            constant_bytes(params.quantization, window.out_c)};
  }

  // The window at `at` of the input channels from `channel` on. Out of line for the sake of the stack.
  [[gnu::noinline]] static void gather(const Shared::Params& params, const WindowPosition& at, uint32_t channel,
                                       Pixels* pixels) {
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

  static Status run(const void* in, Rows rows, const Io& io, void* scratch) {
    const Shared::Params& params = *static_cast<const Shared::Params*>(in);
    const Window& window = params.window;
    const View output = io.view(1);
    const uint32_t out_c = window.out_c;
    const uint32_t filter_c = params.filter_c;
    const uint32_t group_channels = out_c / (window.in_c / filter_c);
    const uint32_t depth = depth_of(params);
    const uint32_t together = Pixels::together(depth);
    const Int16Outputs outputs(params.quantization, io, depth);
    Int16Rescale* const made =
        reinterpret_cast<Int16Rescale*>(static_cast<uint8_t*>(scratch) + Pixels::bytes(depth, together));
    const Int16Rescale* const rescales = outputs.rescale(0, out_c, made) ? made : nullptr;
    Pixels pixels(scratch, depth);
    WindowPosition at(window, io.view(0), sizeof(int16_t));
    for (uint32_t row = rows.first; row < rows.last; ++row) {
      at.set_row(row);
      int16_t* const y = output.row_as<int16_t>(row);
      for (uint32_t out_x = 0; out_x < window.out_w;) {
        const uint32_t count = out_x + together <= window.out_w ? together : 1;
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

  static constexpr Variant variant(const Kernel& kernel, const char* name, const char* note,
                                   Cost (*cost_of)(const void*, const Target&), uint32_t features) {
    return {kernel, name, "CONV_2D", 3,
            DataType::kInt16, DataType::kInt8, DataType::kInt16, note,
            false, Overlap::kPixels, sizeof(Shared::Params),
            Shared::prepare, supports, Shared::footprint, window_input_rows, scratch_bytes, Shared::pack, cost_of,
            features};
  }
};

template <typename Pixels>
struct FullyConnectedInt16 {
  using Shared = FullyConnected<Int16Accumulator>;

  static bool supports(const void* in, const Target&) {
    return static_cast<const Shared::Params*>(in)->shape.depth >= Pixels::kLeastDepth;
  }

  static uint32_t scratch_bytes(const void* in, uint32_t) {
    const FullyConnectedShape& shape = static_cast<const Shared::Params*>(in)->shape;
    return Pixels::row_bytes(shape.depth, shape.channels);
  }

  // As that of Conv2dInt16.
  template <uint32_t kMac16, uint32_t kOutput, uint32_t kGather2>
  static Cost cost(const void* in, const Target&) {
    const Shared::Params& params = *static_cast<const Shared::Params*>(in);
    const FullyConnectedShape& shape = params.shape;
    const uint64_t outputs = uint64_t{shape.rows} * shape.channels;
    const uint64_t macs = outputs * shape.depth;
    return {macs, macs * kMac16 / 16 + outputs * kOutput + uint64_t{shape.rows} * (shape.depth * kGather2 / 2 + 60),
            constant_bytes(params.quantization, shape.channels)};
  }

  static Status run(const void* in, Rows rows, const Io& io, void* scratch) {
    const Shared::Params& params = *static_cast<const Shared::Params*>(in);
    const FullyConnectedShape& shape = params.shape;
    const View input = io.view(0);
    const View output = io.view(1);
    const Int16Outputs outputs(params.quantization, io, shape.depth);
    Pixels pixels(scratch, shape.depth);
    for (uint32_t row = rows.first; row < rows.last; ++row) {
      pixels.take(input.row_as<const int16_t>(row));
      pixels.multiply(outputs, nullptr, 0, shape.channels, output.row_as<int16_t>(row), 0);
    }
    return Status::kOk;
  }

  static constexpr Variant variant(const Kernel& kernel, const char* name, const char* note,
                                   Cost (*cost_of)(const void*, const Target&), uint32_t features) {
    return {kernel, name, "FULLY_CONNECTED", 9,
            DataType::kInt16, DataType::kInt8, DataType::kInt16, note,
            false, Overlap::kRows, sizeof(Shared::Params),
            Shared::prepare, supports, Shared::footprint, fully_connected_input_rows, scratch_bytes, Shared::pack,
            cost_of, features};
  }
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_INT16_KERNELS_H_
