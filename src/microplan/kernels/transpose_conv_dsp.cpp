// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV, int8, with the DSP extension: each phase of the strides is a convolution of blocks of four pixels with
// filters of two channels packed together, mac_block_dsp.h. The input's zero point goes when the input is widened, so that
// all phases share the channels' constants.
#include "microplan/kernels.h"
#include "microplan/kernels/dsp.h"
#include "microplan/kernels/mac_block_dsp.h"
#include "microplan/kernels/mac_pack_dsp.h"
#include "microplan/kernels/prepare.h"
#include "microplan/kernels/transpose_conv_phases.h"

namespace microplan {

namespace {

using Shared = TransposeConv<Int8Accumulator>;
using Params = Shared::Params;

// Bounds scratch: a block of deeper outputs would take too much.
constexpr uint32_t kMaxPairs = 1024;

// The taps of a row of a window are one run of the input, whose bytes make pairs of depths as widen_block() does. Constant
// 0: a word; the constants of all pairs of channels, their filters, phase by phase; then the same of each channel that is
// by itself. The word is 1 when every channel is by itself, for filters and sums that
// records cannot hold, and for a requantization that their block does not know.
struct Shape {
  explicit Shape(const Params& params)
      : rows(phase_rows(params.window)),
        columns(phase_columns(params.window)),
        depth(params.window.out_c),
        channels(params.window.in_c) {}

  const PhaseAxis rows, columns;
  const uint32_t depth;     // channels of the input
  const uint32_t channels;  // of the output

  uint32_t run_pairs(uint32_t taps) const { return (taps * depth + 1) / 2; }
  // Of one output; phase 0 has the most.
  uint32_t pairs(uint32_t phase_y, uint32_t phase_x) const {
    return rows.taps(phase_y) * run_pairs(columns.taps(phase_x));
  }
  // In the order in which phases are packed.
  uint32_t pairs_before(uint32_t phase_y, uint32_t phase_x) const {
    return rows.taps_before(phase_y) * row_pairs(columns.phases()) + rows.taps(phase_y) * row_pairs(phase_x);
  }
  uint32_t all_pairs() const { return pairs_before(rows.phases(), 0); }
  uint32_t longest_run() const { return columns.taps(0) * depth; }

  // 64 bits for Params of no model.
  uint64_t packed_bytes() const { return 4 + channels * (dsp::kSingleBytes + 2 * uint64_t{all_pairs()}); }
  // Short runs of odd lengths would make the filter much longer.
  bool is_worth_it() const {
    const uint64_t elements = uint64_t{rows.kernel} * columns.kernel * depth;
    return pairs(0, 0) <= kMaxPairs && 10 * packed_bytes() <= channels * (11 * (elements + 4) + 120);
  }

 private:
  uint32_t row_pairs(uint32_t phase_x) const {
    return columns.sum_before(phase_x, run_pairs(columns.taps(0)), run_pairs(columns.kernel / columns.stride));
  }
};

bool supports(const void* in, const Target&) { return Shape(*static_cast<const Params*>(in)).is_worth_it(); }

bool footprint(const void* in, Footprint* result) {
  if (!Shared::footprint(in, result)) return false;
  const Shape shape(*static_cast<const Params*>(in));
  if (!shape.is_worth_it() || shape.packed_bytes() > kMaxBytes) return false;
  result->constant_count = 0;
  result->add_constant(static_cast<uint32_t>(shape.packed_bytes()), 4);
  return true;
}

// Words of a block; a run of zeros and one of each pixel; the outputs of a block.
uint32_t scratch_bytes(const void* in, uint32_t) {
  const Shape shape(*static_cast<const Params*>(in));
  return dsp::kBlockPixels * (4 * shape.pairs(0, 0) + shape.channels) +
         (1 + dsp::kBlockPixels) * shape.longest_run();
}

// The filters of one phase.
class PhaseFilter final : public dsp::FilterPairs {
 public:
  PhaseFilter(const Window& window, const Shape& shape, const uint8_t* filter, uint32_t phase_y, uint32_t phase_x)
      : window_(window),
        filter_(reinterpret_cast<const int8_t*>(filter)),
        elements_(uint32_t{window.kernel_h} * window.kernel_w * window.out_c),
        run_(shape.columns.taps(phase_x) * shape.depth),
        phase_y_(phase_y),
        phase_x_(phase_x) {}

  int8_t at(uint32_t channel, uint32_t pair, uint32_t half) const override {
    const uint32_t run_pairs = (run_ + 1) / 2;
    const uint32_t k = dsp::pair_depth(run_, pair % run_pairs, half);
    if (k >= run_) return 0;
    return filter_[channel * elements_ + phase_element(window_, phase_y_, phase_x_, pair / run_pairs * run_ + k)];
  }

 private:
  const Window& window_;
  const int8_t* const filter_;
  const uint32_t elements_;  // of a channel
  const uint32_t run_;
  const uint32_t phase_y_, phase_x_;
};

class Packer {
 public:
  Packer(const OperatorContext& context, const Params& params, ConstantWriter& writer)
      : window_(params.window),
        shape_(params),
        quantization_(without_offset(params.quantization)),
        input_{INT8_MIN + params.quantization.input_offset, INT8_MAX + params.quantization.input_offset},
        constants_(context, kTransposeConv, quantization_),
        filter_(context.input(kTransposeConv.filter).data),
        writer_(writer) {}

  void pack() {
    if (!writer_.begin(static_cast<uint32_t>(shape_.packed_bytes()))) return;
    const uint32_t singles = !fits_records();
    const uint32_t paired = singles ? 0 : shape_.channels & ~1u;
    writer_.append(&singles, 4);
    for (uint32_t c = 0; c < paired; c += 2) {
      const ChannelConstants first = constants_.channel(c), second = constants_.channel(c + 1);
      dsp::append_record_biases(first, second, writer_);
      dsp::append_record_scales(first, second, writer_);
    }
    for_each_phase([&](const PhaseFilter& filter, uint32_t pairs) {
      for (uint32_t c = 0; c < paired; c += 2) dsp::append_record_pairs(filter, c, pairs, writer_);
    });
    for (uint32_t c = paired; c < shape_.channels; ++c) dsp::append_single_constants(constants_.channel(c), writer_);
    for_each_phase([&](const PhaseFilter& filter, uint32_t pairs) {
      for (uint32_t c = paired; c < shape_.channels; ++c) dsp::append_single_pairs(filter, c, pairs, writer_);
    });
  }

 private:
  // The biases stay as they are.
  static ChannelQuantization without_offset(ChannelQuantization quantization) {
    quantization.input_offset = 0;
    return quantization;
  }

  template <typename Function>
  void for_each_phase(const Function& function) const {
    for (uint32_t y = 0; y < shape_.rows.phases(); ++y) {
      for (uint32_t x = 0; x < shape_.columns.phases(); ++x) {
        function(PhaseFilter(window_, shape_, filter_, y, x), shape_.pairs(y, x));
      }
    }
  }

  bool fits_records() const {
    bool fits = quantization_.fast != 0;
    for_each_phase([&](const PhaseFilter& filter, uint32_t pairs) {
      for (uint32_t c = 0; fits && c + 1 < shape_.channels; c += 2) {
        fits = dsp::fits_record(filter, c, pairs, constants_.channel(c + 1).bias, input_);
      }
    });
    return fits;
  }

  const Window& window_;
  const Shape shape_;
  const ChannelQuantization quantization_;
  const dsp::InputRange input_;
  const ChannelPacker constants_;
  const uint8_t* const filter_;
  ConstantWriter& writer_;
};

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  Packer(context, *static_cast<const Params*>(in), writer).pack();
}

Cost cost(const void* in, const Target&) {
  const auto& params = *static_cast<const Params*>(in);
  const Window& window = params.window;
  const Shape shape(params);
  const bool fast = params.quantization.fast != 0;
  const uint32_t singles = fast ? shape.channels % 2 : shape.channels;
  const uint32_t finish = fast ? 38 : 80;
  const uint64_t instructions = sum_over_groups(window, [&](uint32_t phase_y, const PhaseGroup& group) {
    const uint64_t blocks = (group.steps() + dsp::kBlockPixels - 1) / dsp::kBlockPixels;
    const uint32_t pairs = shape.pairs(phase_y, group.filter);
    const uint32_t widening = 40 + shape.rows.taps(phase_y) * (100 + 9 * shape.run_pairs(group.taps));
    const uint32_t records = (shape.channels - singles) / 2 * (66 + 12 * pairs);
    const uint32_t others = singles * (70 + 4 * finish + 12 * pairs);
    return 190 + blocks * (widening + uint64_t{group.count} * (75 + records + others));
  });
  const uint64_t model_bytes = window.in_c * (uint64_t{window.kernel_h} * window.kernel_w * window.out_c + 4);
  const uint64_t bytes = shape.packed_bytes();
  return {transpose_conv_macs(window), instructions,
          static_cast<uint32_t>(bytes > model_bytes ? bytes - model_bytes : 0)};
}

}  // namespace

namespace kernels {

const Variant transpose_conv_int8_dsp_variant = {
    transpose_conv_int8_dsp, "transpose_conv_int8_dsp", "TRANSPOSE_CONV", 67,
    DataType::kInt32, DataType::kInt8, DataType::kInt8, "per tensor and per channel",
    false, Overlap::kRows, sizeof(Params),
    Shared::prepare, supports, footprint, transpose_conv_input_rows, scratch_bytes, pack, cost,
    kFeatureDsp, true};

}  // namespace kernels

#if defined(__ARM_FEATURE_DSP) || MICROPLAN_EMULATE_DSP

namespace {

class TransposedConvolution {
 public:
  TransposedConvolution(const Params& params, const Io& io, void* scratch)
      : window_(params.window),
        quantization_(params.quantization),
        shape_(params),
        input_(io.view(0)),
        output_(io.view(1)),
        paired_(*io.constant<uint32_t>(0) != 0 ? 0 : shape_.channels & ~1u),
        record_constants_(io.constant<uint32_t>(0) + 1),
        records_(record_constants_ + paired_ / 2 * dsp::kRecordWords),
        singles_(shape_.channels - paired_),
        single_constants_(reinterpret_cast<const uint8_t*>(records_ + paired_ / 2 * shape_.all_pairs())),
        words_(static_cast<uint32_t*>(scratch)),
        padding_(reinterpret_cast<int8_t*>(words_ + dsp::kBlockPixels * shape_.pairs(0, 0))),
        gathered_(padding_ + shape_.longest_run()),
        outputs_(gathered_ + dsp::kBlockPixels * shape_.longest_run()) {
    dsp::fill_bytes(padding_, -quantization_.input_offset, shape_.longest_run());
  }

  void run(Rows rows) const {
    const bool clamps = quantization_.act_min != INT8_MIN || quantization_.act_max != INT8_MAX;
    for (uint32_t row = rows.first; row < rows.last; ++row) {
      const PhaseRow at(window_, row);
      int8_t* const y = output_.row_as<int8_t>(row);
      for (uint32_t phase = 0; phase < shape_.columns.stride;) {
        const PhaseGroup group = PhaseGroup::at(shape_.columns, phase);
        run_group(at, group, y);
        phase += group.count;
      }
      if (!clamps) continue;
      dsp::clamp_bytes(y, shape_.columns.outputs * shape_.channels, quantization_.act_min, quantization_.act_max);
    }
  }

 private:
  // The filters of a phase.
  struct Filters {
    const uint32_t* records;
    const uint8_t* singles;
    uint32_t pairs;
  };

  [[gnu::noinline]] void run_group(const PhaseRow& at, const PhaseGroup& group, int8_t* row) const {
    const uint32_t pairs = shape_.pairs(at.phase, group.filter);
    const uint32_t before = shape_.pairs_before(at.phase, group.filter);
    const Filters first = {records_ + paired_ / 2 * before,
                           single_constants_ + singles_ * (dsp::kSingleBytes + 2 * before), pairs};
    int8_t* y = row + (group.first_step * shape_.columns.stride + group.first - shape_.columns.pad) * shape_.channels;
    for (uint32_t step = group.first_step; step < group.end_step; step += dsp::kBlockPixels) {
      const uint32_t left = group.end_step - step;
      const uint32_t pixels = left < dsp::kBlockPixels ? left : dsp::kBlockPixels;
      widen(at, group, step, pixels);
      Filters filters = first;
      for (uint32_t i = 0; i < group.count; ++i) {
        multiply(filters, pixels, y + i * shape_.channels);
        filters.records += group.filter_step * paired_ / 2 * pairs;
        filters.singles += group.filter_step * singles_ * 2 * pairs;
      }
      y += dsp::kBlockPixels * shape_.columns.stride * shape_.channels;
    }
  }

  // The windows of pixels `step` to `step` + pixels, of which the last is repeated when they are less than a block.
  void widen(const PhaseRow& at, const PhaseGroup& group, uint32_t step, uint32_t pixels) const {
    const uint32_t offset = static_cast<uint32_t>(quantization_.input_offset);
    const uint32_t offsets = (offset & 0xffffu) | offset << 16;
    const uint32_t run = group.taps * shape_.depth;
    const uint32_t x = step + 1 - group.taps;
    // Columns where a run can begin that is inside.
    const bool fits = group.taps <= shape_.columns.inputs && !group.is_outside();
    const uint32_t begins = fits ? shape_.columns.inputs - group.taps + 1 : 0;
    uint32_t* to = words_;
    for (uint32_t i = 0; i < at.taps; ++i) {
      const int8_t* const row = group.is_outside() ? nullptr : at.input(input_, i);
      const uint32_t row_begins = row == nullptr ? 0 : begins;
      const int8_t* from[dsp::kBlockPixels];
      for (uint32_t p = 0; p < dsp::kBlockPixels; ++p) {
        if (p >= pixels) {
          from[p] = from[p - 1];
        } else if (x + p < row_begins) {
          from[p] = row + (x + p) * shape_.depth;
        } else {
          from[p] = gather(row, static_cast<int32_t>(x + p), group.taps, gathered_ + p * run);
        }
      }
      to = dsp::widen_block(to, from, run, offsets);
    }
  }

  // A run whose first tap is column `x` of the input's row: as it lies there, or put together at `to`.
  [[gnu::noinline]] const int8_t* gather(const int8_t* row, int32_t x, uint32_t taps, int8_t* to) const {
    const int32_t count = static_cast<int32_t>(taps);
    const int32_t columns = static_cast<int32_t>(shape_.columns.inputs);
    if (row == nullptr || x <= -count || x >= columns) return padding_;
    if (x >= 0 && x + count <= columns) return row + static_cast<uint32_t>(x) * shape_.depth;
    const int32_t before = clamp(-x, 0, count);
    const int32_t after = clamp(x + count - columns, 0, count);
    dsp::copy_bytes(to, padding_, taps * shape_.depth);
    dsp::copy_bytes(to + static_cast<uint32_t>(before) * shape_.depth,
                    row + static_cast<uint32_t>(x + before) * shape_.depth,
                    static_cast<uint32_t>(count - before - after) * shape_.depth);
    return to;
  }

  // The outputs of a phase.
  [[gnu::noinline]] void multiply(const Filters& filters, uint32_t pixels, int8_t* y) const {
    const uint32_t pixel_step = shape_.columns.stride * shape_.channels;
    const bool whole = pixels == dsp::kBlockPixels;
    const uint32_t* const records_end = filters.records + paired_ / 2 * filters.pairs;
    const dsp::BlockApart block = {{words_, words_ + dsp::kBlockPixels * filters.pairs, filters.records, records_end,
                                    whole ? pixel_step : shape_.channels},
                                   record_constants_};
    int8_t* const to = whole ? y : outputs_;
    if (paired_ != 0) dsp::multiply_block(block, to);
    const uint8_t* single = filters.singles;
    const uint8_t* constants = single_constants_;
    for (uint32_t c = paired_; c < shape_.channels; ++c) {
      dsp::multiply_single(quantization_, block.block, constants, single, pixels, to + c);
      constants += dsp::kSingleBytes;
      single += 2 * filters.pairs;
    }
    for (uint32_t p = 0; !whole && p < pixels; ++p) {
      dsp::copy_bytes(y + p * pixel_step, to + p * shape_.channels, shape_.channels);
    }
  }

  const Window& window_;
  const ChannelQuantization& quantization_;
  const Shape shape_;
  const View input_, output_;
  const uint32_t paired_;  // channels that are in records
  const uint32_t* const record_constants_;
  const uint32_t* const records_;
  const uint32_t singles_;  // the other channels
  const uint8_t* const single_constants_;
  uint32_t* const words_;   // the widened input
  int8_t* const padding_;   // a run
  int8_t* const gathered_;  // a run of each pixel
  int8_t* const outputs_;   // of less than a block
};

}  // namespace

namespace kernels {

Status transpose_conv_int8_dsp_run(const void* in, Rows rows, const Io& io, void* scratch) {
  TransposedConvolution(*static_cast<const Params*>(in), io, scratch).run(rows);
  return Status::kOk;
}

}  // namespace kernels

#endif

}  // namespace microplan
