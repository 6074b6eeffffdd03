// SPDX-License-Identifier: Apache-2.0
// CONV_2D, int8, for cores without SIMD: the inputs of some pixels are gathered in scratch, then multiplied with all filters.
#include "microplan/kernels.h"
#include "microplan/kernels/conv_2d.h"
#include "microplan/kernels/mac_base.h"
#include "microplan/kernels/pixel_tile_base.h"

namespace microplan {

namespace {

uint32_t depth_of(const Conv2dParams& params) {
  return static_cast<uint32_t>(params.window.kernel_h) * params.window.kernel_w * params.filter_c;
}

uint32_t group_channels(const Conv2dParams& params) {
  return params.window.out_c / (params.window.in_c / static_cast<uint32_t>(params.filter_c));
}

PixelTile::Shape tile_shape(const Conv2dParams& params) {
  return {depth_of(params), group_channels(params), params.window.out_c, params.quantization.fast != 0};
}

uint32_t scratch_bytes(const void* in, uint32_t) {
  return tile_shape(*static_cast<const Conv2dParams*>(in)).scratch_bytes();
}

Cost cost(const void* in, const Target&) {
  const Conv2dParams& params = *static_cast<const Conv2dParams*>(in);
  const Window& window = params.window;
  const uint32_t depth = depth_of(params);
  const uint64_t pixels = uint64_t{window.batches} * window.out_h * window.out_w;
  const uint64_t outputs = window_outputs(window);
  const uint64_t macs = outputs * depth;
  const uint32_t groups = window.in_c / static_cast<uint32_t>(params.filter_c);
  // What is gathered run by run.
  const uint64_t taps = window.kernel_h * uint64_t{groups == 1 && window.dilation_w == 1 ? 1u : window.kernel_w};
  const uint64_t pixel_cost = 90 + 7 * uint64_t{depth} + (depth == params.filter_c ? 0 : 28 * taps);
  const uint32_t output_cost = params.quantization.fast ? 20 : 60;
  return {macs, macs * 2 + outputs * output_cost + pixels * groups * pixel_cost,
          constant_bytes(params.quantization, window.out_c)};
}

template <typename T, uint32_t kStep>
T* zero(uint32_t count, T* to) {
  for (; count != 0; --count, to += kStep) *to = 0;
  return to;
}

// The inputs of one pixel and group, `at` being on the pixel's window and `x` on the group's first channel there.
template <typename T, uint32_t kStep>
void gather(const Conv2dParams& params, const WindowPosition& at, const int8_t* x, T* to) {
  const Window& window = params.window;
  const uint32_t filter_c = params.filter_c;
  const int32_t offset = params.quantization.input_offset;
  uint32_t left = depth_of(params);
  if (at.taps_h != 0 && at.taps_w != 0) {
    const uint32_t before = at.first_tap * filter_c;
    to = zero<T, kStep>(before, to);
    const uint32_t inside = at.taps_w * filter_c;
    const uint32_t between = window.kernel_w * filter_c - inside;
    const uint32_t step = window.dilation_w * static_cast<uint32_t>(window.in_c);
    left -= before + inside;
    for (uint32_t rows_left = at.taps_h;;) {
      if (step == filter_c) {
        to = widen<T, kStep>(x, inside, offset, to);
      } else {
        const int8_t* tap = x;
        for (uint32_t i = at.taps_w;;) {
          to = widen<T, kStep>(tap, filter_c, offset, to);
          if (--i == 0) break;
          tap += step;
        }
      }
      if (--rows_left == 0) break;
      to = zero<T, kStep>(between, to);
      left -= between + inside;
      x = at.below(x);
    }
  }
  (void)zero<T, kStep>(left, to);
}

}  // namespace

namespace kernels {

Status conv_2d_int8_base_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const Conv2dParams& params = *static_cast<const Conv2dParams*>(in);
  const Window& window = params.window;
  const BaseOutput outputs(params.quantization, io, depth_of(params));
  const View output = io.view(1);
  const int8_t* const filter = io.constant<int8_t>(0);
  const uint32_t depth = depth_of(params);
  const uint32_t channels = group_channels(params);
  WindowPosition at(window, io.view(0), 1);
  PixelTile tile(tile_shape(params), outputs, scratch);
  uint32_t row = rows.first;
  uint32_t column = 0;
  for (uint32_t left = (rows.last - rows.first) * window.out_w; left != 0;) {
    // All groups read a row's inputs before the next row's outputs, which may lie over them, are written.
    const uint32_t pixels = tile.begin(channels == window.out_c ? left : window.out_w - column);
    left -= pixels;
    uint32_t next_row = row;
    uint32_t next_column = column;
    for (uint32_t group_c = 0, first = 0; first < window.out_c; group_c += params.filter_c, first += channels) {
      next_row = row;
      next_column = column;
      at.set_row(row);
      for (uint32_t p = 0; p < pixels; ++p) {
        if (next_column == window.out_w) {
          next_column = 0;
          at.set_row(++next_row);
        }
        at.set_column(next_column);
        const uint8_t* const y = output.row(next_row) + next_column * window.out_c;
        tile.set_offset(p, static_cast<uint32_t>(y - output.base));
        const int8_t* const x = static_cast<const int8_t*>(at.x) + group_c;
        if (tile.single()) {
          gather<int32_t, 1>(params, at, x, tile.single_input());
        } else if (depth == params.filter_c) {
          (void)widen<int16_t, kBlockPixels>(x, depth, params.quantization.input_offset, tile.block_input(p));
        } else {
          gather<int16_t, kBlockPixels>(params, at, x, tile.block_input(p));
        }
        ++next_column;
      }
      tile.multiply(filter + first * depth, first, reinterpret_cast<int8_t*>(output.base));
    }
    row = next_row;
    column = next_column;
    if (column == window.out_w) {
      column = 0;
      ++row;
    }
  }
  return Status::kOk;
}

const Variant conv_2d_int8_base_variant = {
    conv_2d_int8_base, "conv_2d_int8_base", "CONV_2D", 3,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "as conv_2d_int8",
    false, Overlap::kPixels, sizeof(Conv2dParams),
    Conv2d<Int8Accumulator>::prepare, nullptr, Conv2d<Int8Accumulator>::footprint, window_input_rows, scratch_bytes,
    Conv2d<Int8Accumulator>::pack, cost};

}  // namespace kernels

}  // namespace microplan
