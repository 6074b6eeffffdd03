// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV, int8, for Helium: each phase of the strides is a convolution whose filter lies by itself, so that outputs
// are dot products over adjacent bytes. Windows of one row are read where they lie, others are copied together.
#include "microplan/kernels.h"
#include "microplan/kernels/mve_conv.h"
#include "microplan/kernels/mve_windows.h"
#include "microplan/kernels/prepare.h"
#include "microplan/kernels/transpose_conv_phases.h"

namespace microplan {

namespace {

using Shared = TransposeConv<Int8Accumulator>;
using Params = Shared::Params;

// Scratch for the windows of a tile, unless two of them need more.
constexpr uint32_t kCopyBytes = 2048;

// Constant 0: the scales of all channels, then for each phase the biases and filters, in the blocks of mve_conv.h.
struct Shape {
  explicit Shape(const Window& window)
      : rows(phase_rows(window)),
        columns(phase_columns(window)),
        depth(window.out_c),
        channels(window.in_c) {}

  const PhaseAxis rows, columns;
  const uint32_t depth;     // channels of the input
  const uint32_t channels;  // of the output

  // Products of an output; phase 0 has the most.
  uint32_t products(uint32_t phase_y, uint32_t phase_x) const {
    return rows.taps(phase_y) * columns.taps(phase_x) * depth;
  }
  uint32_t filter_bytes(uint32_t phase_y, uint32_t phase_x) const {
    return mve::filter_bytes(channels, products(phase_y, phase_x));
  }
  uint32_t scale_bytes() const { return 8 * channels; }
  uint32_t offset(uint32_t phase_y, uint32_t phase_x) const {
    return scale_bytes() + rows.sum_before(phase_y, row_bytes(rows.taps(0)), row_bytes(rows.kernel / rows.stride)) +
           columns_before(rows.taps(phase_y), phase_x);
  }
  uint32_t packed_bytes() const {
    return offset(rows.phases() - 1, columns.phases() - 1) + filter_bytes(rows.phases() - 1, columns.phases() - 1) +
           padding_bytes();
  }
  // Behind the last phase, which has the fewest products.
  uint32_t padding_bytes() const {
    return mve::padding_bytes(channels, products(rows.phases() - 1, columns.phases() - 1));
  }
  // Each phase has biases, which may be much beside a small filter.
  bool is_worth_it() const {
    const uint64_t elements = uint64_t{rows.kernel} * columns.kernel * depth;
    const uint64_t phases = uint64_t{rows.phases()} * columns.phases();
    // Bounds what packed_bytes() has to hold.
    if (channels * (elements + 7 * phases) > kMaxBytes) return false;
    return 10 * uint64_t{packed_bytes()} <= channels * (11 * (elements + 4) + 120);
  }

  // From one copied window to the next: whole vectors.
  uint32_t copy_step() const { return (products(0, 0) + 15) & ~15u; }
  uint32_t tile_pixels() const {
    const uint32_t pixels = kCopyBytes / copy_step();
    return pixels < 2 ? 2 : pixels > mve::kTilePixels ? mve::kTilePixels : pixels & ~1u;
  }

 private:
  uint32_t columns_before(uint32_t taps_y, uint32_t phase_x) const {
    const uint32_t row_depth = taps_y * depth;
    return columns.sum_before(phase_x, mve::filter_bytes(channels, columns.taps(0) * row_depth),
                              mve::filter_bytes(channels, columns.kernel / columns.stride * row_depth));
  }
  uint32_t row_bytes(uint32_t taps_y) const { return columns_before(taps_y, columns.phases()); }
};

Shape shape_of(const void* in) { return Shape(static_cast<const Params*>(in)->window); }

bool supports(const void* in, const Target&) { return shape_of(in).is_worth_it(); }

bool footprint(const void* in, Footprint* result) {
  if (!Shared::footprint(in, result)) return false;
  const Shape shape = shape_of(in);
  if (!shape.is_worth_it()) return false;
  result->constant_count = 0;
  result->add_constant(shape.packed_bytes(), 4);
  return true;
}

uint32_t scratch_bytes(const void* in, uint32_t) {
  const Shape shape = shape_of(in);
  return mve::sums_bytes(shape.tile_pixels()) + shape.tile_pixels() * shape.copy_step();
}

struct Phase {
  const Window& window;
  uint32_t y, x;
};

uint8_t element(const mve::Filters& filters, uint32_t channel, uint32_t k) {
  const Phase& phase = *static_cast<const Phase*>(filters.params);
  const uint32_t elements = uint32_t{phase.window.kernel_h} * phase.window.kernel_w * phase.window.out_c;
  return filters.data[channel * elements + phase_element(phase.window, phase.y, phase.x, k)];
}

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const Params& params = *static_cast<const Params*>(in);
  const Shape shape(params.window);
  if (!writer.begin(shape.packed_bytes())) return;
  // The input's zero point goes into the biases of each phase.
  ChannelQuantization quantization = params.quantization;
  quantization.input_offset = 0;
  const ChannelPacker packer(context, kTransposeConv, quantization);
  mve::for_each_block(shape.channels, [&](uint32_t first, uint32_t channels) {
    mve::append_scales(mve::BlockConstants(packer, quantization, first, channels), writer);
  });
  for (uint32_t y = 0; y < shape.rows.phases(); ++y) {
    for (uint32_t x = 0; x < shape.columns.phases(); ++x) {
      const Phase phase = {params.window, y, x};
      const mve::Filters filters = {context.input(kTransposeConv.filter).data, 1, shape.channels, shape.products(y, x),
                                    element, &phase};
      mve::for_each_block(shape.channels, [&](uint32_t first, uint32_t channels) {
        mve::BlockConstants block(packer, quantization, first, channels);
        block.add_offset(filters, params.quantization.input_offset);
        mve::append_filter(block, filters, writer);
      });
    }
  }
  mve::append_zeros(shape.padding_bytes(), writer);
}

Cost cost(const void* in, const Target&) {
  const Params& params = *static_cast<const Params*>(in);
  const Window& window = params.window;
  const Shape shape(window);
  const uint32_t fours = shape.channels / mve::kBlock, ones = shape.channels % mve::kBlock;
  const uint64_t instructions = sum_over_groups(window, [&](uint32_t phase_y, const PhaseGroup& group) {
    const uint64_t steps = group.steps();
    const uint64_t tiles = (steps + shape.tile_pixels() - 1) / shape.tile_pixels();
    const uint32_t taps_y = shape.rows.taps(phase_y);
    const uint32_t chunks = (shape.products(phase_y, group.filter) + 15) / 16;
    const uint32_t run_chunks = (group.taps * shape.depth + 15) / 16;
    // Windows of one row are read where they lie, but at the sides.
    const bool copies = taps_y != 1 || group.taps != 1;
    const uint64_t copying = copies ? taps_y * (tiles * 180 + steps * (9 + 3 * run_chunks)) : 0;
    const uint64_t products = fours * (tiles * 70 + steps * (21 + 8 * chunks)) +
                              ones * (tiles * 60 + steps * (14 + 6 * chunks));
    return 180 + tiles * 100 + copying + group.count * (tiles * 60 + products);
  });
  const uint32_t phases = shape.rows.phases() * shape.columns.phases();
  return {transpose_conv_macs(window), instructions, window.in_c * (8 + 4 * phases)};
}

}  // namespace

namespace kernels {

const Variant transpose_conv_int8_mve_variant = {
    transpose_conv_int8_mve, "transpose_conv_int8_mve", "TRANSPOSE_CONV", 67,
    DataType::kInt32, DataType::kInt8, DataType::kInt8, "per tensor and per channel",
    false, Overlap::kRows, sizeof(Params),
    Shared::prepare, supports, footprint, transpose_conv_input_rows, scratch_bytes, pack, cost,
    kFeatureMve, true};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE)

namespace microplan {

namespace {

class TransposedConvolution {
 public:
  TransposedConvolution(const Params& params, const Io& io, void* scratch)
      : window_(params.window),
        quantization_(params.quantization),
        shape_(params.window),
        input_(io.view(0)),
        output_(io.view(1)),
        constants_(io.constant<uint8_t>(0)),
        sums_(static_cast<int32_t*>(scratch)),
        copies_(static_cast<int8_t*>(scratch) + mve::sums_bytes(shape_.tile_pixels())) {}

  void run(Rows rows) const {
    for (uint32_t row = rows.first; row < rows.last; ++row) {
      const PhaseRow at(window_, row);
      for (uint32_t phase = 0; phase < shape_.columns.stride;) {
        const PhaseGroup group = PhaseGroup::at(shape_.columns, phase);
        run_group(at, group, output_.row_as<int8_t>(row));
        phase += group.count;
      }
    }
  }

 private:
  void run_group(const PhaseRow& at, const PhaseGroup& group, int8_t* row) const {
    const uint32_t most = shape_.tile_pixels();
    const uint32_t products = shape_.products(at.phase, group.filter);
    const uint8_t* const first = constants_ + shape_.offset(at.phase, group.filter);
    mve::Tile tile;
    tile.y_step = shape_.columns.stride * shape_.channels;
    for (uint32_t step = group.first_step; step < group.end_step; step += most) {
      const uint32_t left = group.end_step - step;
      tile.pixels = left < most ? left : most;
      place(at, group, step, &tile);
      int8_t* y = row + (step * shape_.columns.stride + group.first - shape_.columns.pad) * shape_.channels;
      const uint8_t* block = first;
      for (uint32_t i = 0; i < group.count; ++i) {
        tile.y = y + i * shape_.channels;
        const uint8_t* const next = mve::run_tile(tile, quantization_, reinterpret_cast<const int32_t*>(constants_),
                                                  block, shape_.channels, products, sums_);
        if (!group.is_outside()) block = next;
      }
    }
  }

  // Where the windows of the tile's pixels lie, the first of which is pixel `step`.
  void place(const PhaseRow& at, const PhaseGroup& group, uint32_t step, mve::Tile* tile) const {
    const uint32_t depth = shape_.depth;
    const uint32_t end = step + tile->pixels;
    const uint32_t inputs = group.is_outside() ? 0 : shape_.columns.inputs;
    // Pixels whose windows are inside: those from `inside` to `beyond`.
    const uint32_t inside = group.taps - 1 > step ? group.taps - 1 : step;
    const uint32_t beyond = end < inputs ? end : inputs;
    const bool all = inside == step && beyond == end;
    if (all && at.taps == 1 && at.input(input_, 0) != nullptr) {
      tile->x = at.input(input_, 0) + (step + 1 - group.taps) * depth;
      tile->x_step = depth;
      return;
    }
    tile->x = copies_;
    tile->x_step = shape_.copy_step();
    if (!all || at.input(input_, 0) == nullptr || at.input(input_, at.taps - 1) == nullptr) {
      mve::fill(copies_, -quantization_.input_offset, tile->pixels * tile->x_step);
    }
    mve::CopyRuns runs = {};
    runs.x_pixel = depth;
    runs.to_pixel = tile->x_step;
    runs.rows = 1;
    for (uint32_t i = 0; i < at.taps; ++i) {
      const int8_t* const row = at.input(input_, i);
      if (row == nullptr) continue;
      int8_t* const to = copies_ + i * group.taps * depth;
      if (inside < beyond) {
        runs.x = row + (inside + 1 - group.taps) * depth;
        runs.to = to + (inside - step) * runs.to_pixel;
        runs.length = group.taps * depth;
        runs.pixels = beyond - inside;
        mve::copy_runs(&runs);
      }
      runs.pixels = 1;
      for (uint32_t pixel = step; pixel < end; ++pixel) {
        if (pixel == inside && inside < beyond) pixel = beyond;
        if (pixel >= end) break;
        const uint32_t before = pixel + 1 < group.taps ? group.taps - 1 - pixel : 0;
        const uint32_t last = pixel < inputs ? pixel + 1 : inputs;
        const uint32_t first = pixel + 1 + before - group.taps;
        if (first >= last) continue;
        runs.x = row + first * depth;
        runs.to = to + (pixel - step) * runs.to_pixel + before * depth;
        runs.length = (last - first) * depth;
        mve::copy_runs(&runs);
      }
    }
  }

  const Window& window_;
  const ChannelQuantization& quantization_;
  const Shape shape_;
  const View input_, output_;
  const uint8_t* const constants_;
  int32_t* const sums_;
  int8_t* const copies_;  // windows
};

}  // namespace

namespace kernels {

Status transpose_conv_int8_mve_run(const void* in, Rows rows, const Io& io, void* scratch) {
  TransposedConvolution(*static_cast<const Params*>(in), io, scratch).run(rows);
  return Status::kOk;
}

}  // namespace kernels
}  // namespace microplan

#endif
