// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV, int8, for cores without SIMD: each phase of the strides is a convolution whose filter lies by itself; the
// inputs of some pixels are gathered in scratch, then multiplied with all filters.
#include "microplan/kernels.h"
#include "microplan/kernels/pixel_tile_base.h"
#include "microplan/kernels/transpose_conv_phases.h"

namespace microplan {

namespace {

using Shared = TransposeConv<Int8Accumulator>;
using Params = Shared::Params;

// Products of an output of phase 0, which has the most.
uint32_t largest_depth(const Window& window) {
  return phase_rows(window).taps(0) * phase_columns(window).taps(0) * window.out_c;
}

PixelTile::Shape tile_shape(const Params& params) {
  const uint32_t channels = params.window.in_c;
  return {largest_depth(params.window), channels, channels, params.quantization.fast != 0};
}

uint32_t scratch_bytes(const void* in, uint32_t) {
  return tile_shape(*static_cast<const Params*>(in)).scratch_bytes();
}

// Constant 0: the filter of each phase, [phase][channel], in the order of its window.
void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const Params& params = *static_cast<const Params*>(in);
  const Window& window = params.window;
  const PhaseAxis rows = phase_rows(window), columns = phase_columns(window);
  const TensorInfo filter = context.input(kTransposeConv.filter);
  const uint32_t elements = filter.elements / window.in_c;
  if (writer.begin(filter.elements)) {
    for (uint32_t y = 0; y < rows.phases(); ++y) {
      for (uint32_t x = 0; x < columns.phases(); ++x) {
        const uint32_t depth = rows.taps(y) * columns.taps(x) * window.out_c;
        for (uint32_t i = 0; i < window.in_c * depth; ++i) {
          writer.append(filter.data + i / depth * elements + phase_element(window, y, x, i % depth), 1);
        }
      }
    }
  }
  pack_bias_and_scales(context, kTransposeConv, writer);
}

Cost cost(const void* in, const Target&) {
  const Params& params = *static_cast<const Params*>(in);
  const Window& window = params.window;
  const uint32_t channels = window.in_c;
  const bool blocks = tile_shape(params).capacity() != 1;
  const uint32_t output_cost = params.quantization.fast ? 20 : 60;
  const uint64_t instructions = sum_over_groups(window, [&](uint32_t phase_y, const PhaseGroup& group) {
    const uint32_t taps_y = phase_rows(window).taps(phase_y);
    const uint64_t depth = taps_y * group.taps * uint64_t{window.out_c};
    const uint64_t together = blocks ? group.steps() & ~(kBlockPixels - 1) : 0;
    const uint64_t alone = group.steps() - together;
    const uint64_t gathering = group.steps() * (30 + taps_y * uint64_t{70} + 5 * depth);
    // In halves.
    const uint64_t products = together * channels * (2 * output_cost + 7 * depth / 2) +
                              alone * (100 + channels * (2 * output_cost + 20 + 5 * depth));
    return 200 + gathering + group.count * (60 + products / 2);
  });
  return {transpose_conv_macs(window), instructions, constant_bytes(params.quantization, channels)};
}

template <typename T, uint32_t kStep>
T* zero(uint32_t count, T* to) {
  for (; count != 0; --count, to += kStep) *to = 0;
  return to;
}

class TransposedConvolution {
 public:
  TransposedConvolution(const Params& params, const Io& io, void* scratch)
      : window_(params.window),
        offset_(params.quantization.input_offset),
        columns_(phase_columns(params.window)),
        input_(io.view(0)),
        output_(io.view(1)),
        filter_(io.constant<int8_t>(0)),
        outputs_(params.quantization, io, uint32_t{window_.kernel_h} * window_.kernel_w * window_.out_c),
        tile_(tile_shape(params), outputs_, scratch) {}

  void run(Rows rows) {
    for (uint32_t row = rows.first; row < rows.last; ++row) {
      const PhaseRow at(window_, row);
      for (uint32_t phase = 0; phase < columns_.stride;) {
        const PhaseGroup group = PhaseGroup::at(columns_, phase);
        run_group(at, group, output_.row_as<int8_t>(row));
        phase += group.count;
      }
    }
  }

 private:
  void run_group(const PhaseRow& at, const PhaseGroup& group, int8_t* row) {
    const uint32_t channels = window_.in_c;
    const uint32_t taps = phase_rows(window_).taps_before(at.phase) * columns_.kernel +
                          at.taps * columns_.taps_before(group.filter);
    const uint32_t depth = at.taps * group.taps * window_.out_c;
    const int8_t* const first = filter_ + taps * channels * window_.out_c;
    tile_.set_depth(depth);
    for (uint32_t step = group.first_step; step < group.end_step;) {
      const uint32_t pixels = tile_.begin(group.end_step - step);
      for (uint32_t p = 0; p < pixels; ++p, ++step) {
        tile_.set_offset(p, (step * columns_.stride + group.first - columns_.pad) * channels);
        if (tile_.single()) {
          gather<int32_t, 1>(at, group, step, tile_.single_input());
        } else {
          gather<int16_t, kBlockPixels>(at, group, step, tile_.block_input(p));
        }
      }
      const int8_t* filter = first;
      for (uint32_t i = 0; i < group.count; ++i) {
        tile_.multiply(filter, 0, row + i * channels);
        filter += group.filter_step * channels * depth;
      }
    }
  }

  // The window of an output, without the input's zero point.
  template <typename T, uint32_t kStep>
  void gather(const PhaseRow& at, const PhaseGroup& group, uint32_t step, T* to) const {
    const uint32_t depth = window_.out_c;
    const uint32_t begin = step + 1 < group.taps ? group.taps - step - 1 : 0;
    const uint32_t beyond = step < columns_.inputs ? 0 : step + 1 - columns_.inputs;
    const uint32_t end = group.taps - (beyond < group.taps ? beyond : group.taps);
    for (uint32_t i = 0; i < at.taps; ++i) {
      const int8_t* const row = begin < end && !group.is_outside() ? at.input(input_, i) : nullptr;
      if (row == nullptr) {
        to = zero<T, kStep>(group.taps * depth, to);
        continue;
      }
      to = zero<T, kStep>(begin * depth, to);
      to = widen<T, kStep>(row + (step + 1 + begin - group.taps) * depth, (end - begin) * depth, offset_, to);
      to = zero<T, kStep>((group.taps - end) * depth, to);
    }
  }

  const Window& window_;
  const int32_t offset_;
  const PhaseAxis columns_;
  const View input_, output_;
  const int8_t* const filter_;
  const BaseOutput outputs_;
  PixelTile tile_;
};

}  // namespace

namespace kernels {

Status transpose_conv_int8_base_run(const void* in, Rows rows, const Io& io, void* scratch) {
  TransposedConvolution(*static_cast<const Params*>(in), io, scratch).run(rows);
  return Status::kOk;
}

const Variant transpose_conv_int8_base_variant = {
    transpose_conv_int8_base, "transpose_conv_int8_base", "TRANSPOSE_CONV", 67,
    DataType::kInt32, DataType::kInt8, DataType::kInt8, "as transpose_conv_int8",
    false, Overlap::kRows, sizeof(Params),
    Shared::prepare, nullptr, Shared::footprint, transpose_conv_input_rows, scratch_bytes, pack, cost,
    0, true};

}  // namespace kernels

}  // namespace microplan
