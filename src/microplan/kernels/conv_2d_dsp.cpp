// SPDX-License-Identifier: Apache-2.0
// CONV_2D, int8, with the DSP extension: the planner's side. Filters of two channels are packed together and multiplied
// with blocks of four pixels: mac_block_dsp.h.
#include "microplan/kernels/conv_2d_dsp.h"

#include "microplan/kernels.h"
#include "microplan/kernels/dsp.h"
#include "microplan/kernels/mac_pack_dsp.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Bounds scratch: a block of deeper outputs would take too much.
constexpr uint32_t kMaxPairs = 1024;

bool small_enough(const Conv2dDspShape& shape) {
  return shape.pairs <= kMaxPairs;
}

bool supports(const void* in, const Target&) {
  return small_enough(Conv2dDspShape(*static_cast<const Conv2dParams*>(in)));
}

uint32_t packed_bytes(const Conv2dDspShape& shape) {
  return 4 + shape.groups * shape.group_channels * shape.single_bytes();
}

bool footprint(const void* in, Footprint* result) {
  if (!Conv2d<Int8Accumulator>::footprint(in, result)) return false;
  const Conv2dDspShape shape(*static_cast<const Conv2dParams*>(in));
  // The filter's bytes are bounded, and packing does not make them more than seven words longer for each channel.
  if (!small_enough(shape) || packed_bytes(shape) > kMaxBytes) return false;
  result->constant_count = 0;
  result->add_constant(packed_bytes(shape), 4);
  return true;
}

uint32_t scratch_bytes(const void* in, uint32_t) {
  const Conv2dDspShape shape(*static_cast<const Conv2dParams*>(in));
  const uint32_t outside = shape.pointwise ? 0 : shape.run + dsp::kBlockPixels * shape.chunk();
  return 4 * dsp::kBlockPixels * shape.pairs + outside;
}

// The filter of a channel in the order in which its depths are widened.
class PackedOrder final : public dsp::FilterPairs {
 public:
  PackedOrder(const Conv2dDspShape& shape, const int8_t* filter, uint32_t elements)
      : shape_(shape), filter_(filter), elements_(elements) {}

  int8_t at(uint32_t channel, uint32_t pair, uint32_t half) const override {
    const uint32_t chunk = shape_.chunk();
    const uint32_t chunk_pairs = (chunk + 1) / 2;
    const uint32_t depth = dsp::pair_depth(chunk, pair % chunk_pairs, half);
    return depth < chunk ? filter_[channel * elements_ + pair / chunk_pairs * chunk + depth] : int8_t{0};
  }

 private:
  const Conv2dDspShape& shape_;
  const int8_t* const filter_;
  const uint32_t elements_;
};

// Packs the records of one operator.
class Packer {
 public:
  Packer(const OperatorContext& context, const Conv2dParams& params, ConstantWriter& writer)
      : shape_(params),
        quantization_(params.quantization),
        constants_(context, kConv2d, params.quantization),
        order_(shape_, reinterpret_cast<const int8_t*>(context.input(1).data),
               context.input(1).elements / params.window.out_c),
        writer_(writer) {}

  void pack() {
    if (!writer_.begin(packed_bytes(shape_))) return;
    const bool singles = !fits_records();
    const uint32_t paired = singles ? 0 : shape_.group_channels & ~1u;
    const uint32_t head = singles;
    writer_.append(&head, 4);
    for (uint32_t group = 0; group < shape_.groups; ++group) {
      for (uint32_t c = 0; c < paired; c += 2) append_record(group * shape_.group_channels + c);
    }
    for (uint32_t group = 0; group < shape_.groups; ++group) {
      for (uint32_t c = paired; c < shape_.group_channels; ++c) append_single(group * shape_.group_channels + c);
    }
  }

 private:
  void append_record(uint32_t channel) {
    const ChannelConstants first = constants_.channel(channel);
    const ChannelConstants second = constants_.channel(channel + 1);
    dsp::append_record_biases(first, second, writer_);
    dsp::append_record_pairs(order_, channel, shape_.pairs, writer_);
    dsp::append_record_scales(first, second, writer_);
  }

  void append_single(uint32_t channel) {
    dsp::append_single_constants(constants_.channel(channel), writer_);
    dsp::append_single_pairs(order_, channel, shape_.pairs, writer_);
  }

  // The block of records knows requantize_fast() only.
  bool fits_records() const {
    if (!quantization_.fast) return false;
    for (uint32_t group = 0; group < shape_.groups; ++group) {
      for (uint32_t c = 0; c + 1 < shape_.group_channels; c += 2) {
        if (!fits_record(group * shape_.group_channels + c)) return false;
      }
    }
    return true;
  }

  bool fits_record(uint32_t channel) const {
    return dsp::fits_record(order_, channel, shape_.pairs, constants_.channel(channel + 1).bias, {INT8_MIN, INT8_MAX});
  }

  const Conv2dDspShape shape_;
  const ChannelQuantization& quantization_;
  const ChannelPacker constants_;
  const PackedOrder order_;
  ConstantWriter& writer_;
};

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  Packer(context, *static_cast<const Conv2dParams*>(in), writer).pack();
}

Cost cost(const void* in, const Target&) {
  const auto& params = *static_cast<const Conv2dParams*>(in);
  const Window& window = params.window;
  const Conv2dDspShape shape(params);
  // A pixel that is left over by blocks takes as long as about two and a half in one.
  const uint64_t all_pixels = uint64_t{window.batches} * window.out_h * window.out_w;
  const uint64_t pixels = all_pixels + all_pixels % dsp::kBlockPixels * 3 / 2;
  const uint64_t outputs = pixels * window.out_c;
  const uint64_t depth = uint64_t{window.kernel_h} * window.kernel_w * params.filter_c;
  // Blocks at a border or over the end of a row, of all.
  const uint32_t border_pixels = window.kernel_w == 1 ? 0 : 2 * dsp::kBlockPixels;
  const uint64_t border_percent = border_pixels < window.out_w ? 100 * border_pixels / window.out_w : 100;
  // In hundredths: of an output, of a pair of depths of it, of a run, and of widening a pair.
  const uint64_t output_cost = params.quantization.fast ? 950 : 6000;
  const uint64_t pair_cost = params.quantization.fast ? 156 : 260;
  const uint64_t run_cost = 900 + 50 * border_percent + (shape.chunk_runs == 1 ? 0 : 5000);
  const uint64_t widen_cost = shape.pointwise ? 220 : 300;
  const uint64_t runs = shape.pointwise ? 0 : uint64_t{shape.chunks} * shape.chunk_runs;
  const uint64_t pixel_cost = 1500 + run_cost * runs + widen_cost * shape.pairs;
  const uint64_t sum = outputs * (output_cost + pair_cost * shape.pairs) + pixels * shape.groups * pixel_cost;
  const uint32_t model_bytes = static_cast<uint32_t>(window.out_c * (depth + 4));
  const uint32_t bytes = packed_bytes(shape);
  return {window_outputs(window) * depth, sum / 100, bytes > model_bytes ? bytes - model_bytes : 0};
}

}  // namespace

Conv2dDspShape::Conv2dDspShape(const Conv2dParams& params) {
  const Window& window = params.window;
  groups = window.in_c / params.filter_c;
  group_channels = window.out_c / groups;
  const bool side_by_side = groups == 1 && (window.dilation_w == 1 || window.kernel_w == 1);
  run = side_by_side ? window.kernel_w * uint32_t{params.filter_c} : params.filter_c;
  row_runs = side_by_side ? 1 : window.kernel_w;
  chunk_runs = 1;
  chunks = window.kernel_h * row_runs;
  // A chunk of an odd run is longer by one byte: not more often than the packed constants may grow.
  if (run % 2 != 0 && 10 * chunks > 12 + chunks * run) {
    chunk_runs = chunks;
    chunks = 1;
  }
  pairs = chunks * ((chunk() + 1) / 2);
  pointwise = window.kernel_h == 1 && window.kernel_w == 1 && window.stride_h == 1 && window.stride_w == 1;
}

uint32_t Conv2dDspShape::single_bytes() const { return dsp::kSingleBytes + 2 * pairs; }

#if defined(__ARM_FEATURE_DSP) || MICROPLAN_EMULATE_DSP

namespace {

// A place in the output.
struct Pixel {
  uint32_t row, x;
};

// The input pixel under the first tap of an output.
struct Corner {
  uint32_t first_row;  // of the batch
  int32_t y, x;
};

[[gnu::noinline]] void find_corner(const Window& window, Pixel at, Corner* corner) {
  const uint32_t batch = at.row / window.out_h;
  corner->first_row = batch * window.in_h;
  corner->y = static_cast<int32_t>((at.row - batch * window.out_h) * window.stride_h) - window.pad_top;
  corner->x = static_cast<int32_t>(at.x * window.stride_w) - window.pad_left;
}

void advance(const Window& window, Pixel* at, uint32_t pixels) {
  at->x += pixels;
  while (at->x >= window.out_w) {
    at->x -= window.out_w;
    ++at->row;
  }
}

// Of less than a block of pixels, the last one is repeated.
uint32_t* widen_pixels(uint32_t* to, const int8_t* from, uint32_t pixel_step, uint32_t bytes, uint32_t pixels) {
  const int8_t* all[dsp::kBlockPixels];
  for (uint32_t p = 0; p < dsp::kBlockPixels; ++p) {
    all[p] = from;
    if (p + 1 < pixels) from += pixel_step;
  }
  return dsp::widen_block(to, all, bytes);
}

// The outputs of one pixel of a block that records make.
[[gnu::noinline]] void multiply_pixel(const ChannelQuantization& quantization, const dsp::Block& block, uint32_t pixel,
                                      int8_t* y) {
  y += pixel * block.pixel_step;
  for (const uint32_t* filter = block.filter; filter != block.filter_end; filter += dsp::kRecordWords - 2) {
    int32_t first = static_cast<int32_t>(*filter++);
    int32_t second = static_cast<int32_t>(*filter++);
    for (const uint32_t* x = block.input; x != block.input_end; x += dsp::kBlockPixels, ++filter) {
      first = dsp::smlad(dsp::sxtb16(*filter), x[pixel], first);
      second = dsp::smlad(*filter, x[pixel], second);
    }
    *y++ = dsp::finish(quantization, filter, static_cast<int8_t>(filter[2]), first);
    *y++ = dsp::finish(quantization, filter + 3, static_cast<int8_t>(filter[2] >> 8), wrap_sub(second, first) >> 8);
  }
}

// Out of line: the code is not small.
[[gnu::noinline]] View view_of(const Io& io, uint32_t index) { return io.view(index); }

// Whether rows `rows` of the view, of `row_bytes`, lie one behind the other.
bool adjacent(const View& view, uint32_t row_bytes, Rows rows) {
  return view.row_stride == row_bytes && rows.last <= view.ring_rows;
}

class Convolution {
 public:
  Convolution(const Conv2dParams& params, const Io& io, void* scratch)
      : window_(params.window),
        filter_c_(params.filter_c),
        quantization_(params.quantization),
        shape_(params),
        input_(view_of(io, 0)),
        output_(view_of(io, 1)),
        constants_(io.constant<uint8_t>(0)),
        paired_(dsp::load_word(constants_) != 0 ? 0 : shape_.group_channels & ~1u),
        channel_bytes_(shape_.single_bytes()),
        words_(static_cast<uint32_t*>(scratch)),
        padding_(reinterpret_cast<int8_t*>(words_ + dsp::kBlockPixels * shape_.pairs)),
        gathered_(padding_ + shape_.run) {
    if (!shape_.pointwise) dsp::fill_bytes(padding_, -quantization_.input_offset, shape_.run);
  }

  void run(Rows rows) const {
    // Blocks of pixels go over the end of a row where the next one follows. Not with groups: a group would write into a
    // row before the next group has read what it needs for the row above.
    const bool joined = shape_.groups == 1 && adjacent(output_, uint32_t{window_.out_w} * window_.out_c, rows) &&
                        (!shape_.pointwise || adjacent(input_, uint32_t{window_.in_w} * window_.in_c, rows));
    uint32_t width = window_.out_w;
    if (joined) {
      width *= rows.last - rows.first;
      rows.last = rows.first + (width != 0);
    }
    for (; rows.first < rows.last; ++rows.first) run_pixels(Pixel{rows.first, 0}, width);
  }

 private:
  [[gnu::noinline]] void run_pixels(Pixel at, uint32_t count) const {
    const bool clamps = quantization_.act_min != INT8_MIN || quantization_.act_max != INT8_MAX;
    int8_t* y = output_.row_as<int8_t>(at.row);
    while (count != 0) {
      const bool whole = count >= dsp::kBlockPixels;
      const uint32_t pixels = whole ? dsp::kBlockPixels : count;
      const uint32_t bytes = pixels * window_.out_c;
      const uint8_t* records = constants_ + 4;
      const uint8_t* singles = records + shape_.groups * paired_ * channel_bytes_;
      for (uint32_t group = 0; group < shape_.groups; ++group) {
        widen(at, pixels, group * filter_c_);
        int8_t* const to = y + group * shape_.group_channels;
        const uint32_t* const filter = reinterpret_cast<const uint32_t*>(records);
        records += paired_ * channel_bytes_;
        const dsp::Block block = {words_, words_ + dsp::kBlockPixels * shape_.pairs, filter,
                                  reinterpret_cast<const uint32_t*>(records), window_.out_c};
        if (paired_ != 0) {
          if (whole) {
            dsp::multiply_block(block, to);
          } else {
            for (uint32_t p = 0; p < pixels; ++p) multiply_pixel(quantization_, block, p, to);
          }
        }
        for (uint32_t c = paired_; c < shape_.group_channels; ++c, singles += channel_bytes_) {
          dsp::multiply_single(quantization_, block, singles, singles + dsp::kSingleBytes, pixels, to + c);
        }
      }
      if (clamps && whole) dsp::clamp_bytes(y, bytes, quantization_.act_min, quantization_.act_max);
      y += bytes;
      count -= pixels;
      // A pointwise convolution takes joined rows as one.
      if (shape_.pointwise) {
        at.x += pixels;
      } else {
        advance(window_, &at, pixels);
      }
    }
  }

  // The input that `pixels` outputs from `at` on are made of, in the order of the output.
  void widen(Pixel at, uint32_t pixels, uint32_t channel) const {
    if (shape_.pointwise) {
      const int8_t* const from = input_.row_as<const int8_t>(at.row) + at.x * window_.in_c + channel;
      widen_pixels(words_, from, window_.in_c, filter_c_, pixels);
    } else {
      widen_window(at, pixels, channel);
    }
  }

  // The row of the input under tap row `ky`, nullptr outside.
  const int8_t* row(const Corner& corner, uint32_t ky, uint32_t channel) const {
    const uint32_t y = static_cast<uint32_t>(corner.y) + ky * window_.dilation_h;
    return y < window_.in_h ? input_.row_as<const int8_t>(corner.first_row + y) + channel : nullptr;
  }

  // Where taps lie beside the input, or the pixels in several rows, each run is looked for by itself.
  [[gnu::noinline]] void widen_window(Pixel at, uint32_t pixels, uint32_t channel) const {
    Corner corners[dsp::kBlockPixels];
    find_corner(window_, at, &corners[0]);
    const uint32_t pixel_step = uint32_t{window_.stride_w} * window_.in_c;
    const uint32_t run_step = uint32_t{window_.dilation_w} * window_.in_c;
    const uint32_t end_x = static_cast<uint32_t>(corners[0].x) + (pixels - 1) * window_.stride_w +
                           (window_.kernel_w - 1u) * window_.dilation_w;
    const bool inside = pixels == dsp::kBlockPixels && at.x + pixels <= window_.out_w && corners[0].x >= 0 &&
                        end_x < window_.in_w;
    for (uint32_t p = 1; !inside && p < pixels; ++p) {
      advance(window_, &at, 1);
      find_corner(window_, at, &corners[p]);
    }
    const uint32_t chunk = shape_.chunk();
    uint32_t* to = words_;
    int8_t* gathered = gathered_;
    for (uint32_t ky = 0; ky < window_.kernel_h; ++ky) {
      const int8_t* first = inside ? row(corners[0], ky, channel) : nullptr;
      if (first != nullptr) first += static_cast<uint32_t>(corners[0].x) * window_.in_c;
      for (uint32_t i = 0; i < shape_.row_runs; ++i) {
        const int8_t* from[dsp::kBlockPixels];
        if (first != nullptr) {
          from[0] = first;
          for (uint32_t p = 1; p < dsp::kBlockPixels; ++p) from[p] = from[p - 1] + pixel_step;
          first += run_step;
        } else {
          for (uint32_t p = 0; p < pixels; ++p) {
            const Corner& corner = corners[inside ? 0 : p];
            from[p] = gather(row(corner, ky, channel), corner.x + static_cast<int32_t>(i * window_.dilation_w),
                             gathered + p * chunk);
          }
          for (uint32_t p = pixels; p < dsp::kBlockPixels; ++p) from[p] = from[p - 1];
        }
        if (shape_.chunk_runs == 1) {
          to = dsp::widen_block(to, from, chunk);
          continue;
        }
        for (uint32_t p = 0; p < dsp::kBlockPixels; ++p) {
          int8_t* const place = gathered + p * chunk;
          if (from[p] != place) dsp::copy_bytes(place, from[p], shape_.run);
        }
        gathered += shape_.run;
      }
    }
    if (shape_.chunk_runs != 1) widen_pixels(to, gathered_, chunk, chunk, dsp::kBlockPixels);
  }

  // A run whose first tap is column `x` of the input's row: as it lies there, or put together at `to`.
  [[gnu::noinline]] const int8_t* gather(const int8_t* input_row, int32_t x, int8_t* to) const {
    const int32_t taps = shape_.row_runs == 1 ? window_.kernel_w : 1;
    if (input_row == nullptr || x <= -taps || x >= window_.in_w) return padding_;
    if (x >= 0 && x + taps <= window_.in_w) return input_row + static_cast<uint32_t>(x) * window_.in_c;
    const int32_t before = clamp(-x, 0, taps);
    const int32_t after = clamp(x + taps - window_.in_w, 0, taps);
    dsp::copy_bytes(to, padding_, shape_.run);
    dsp::copy_bytes(to + static_cast<uint32_t>(before) * filter_c_,
                    input_row + static_cast<uint32_t>(x + before) * window_.in_c,
                    static_cast<uint32_t>(taps - before - after) * filter_c_);
    return to;
  }

  const Window& window_;
  const uint32_t filter_c_;
  const ChannelQuantization& quantization_;
  const Conv2dDspShape shape_;
  const View input_, output_;
  const uint8_t* const constants_;
  const uint32_t paired_;  // channels of a group that are in records
  const uint32_t channel_bytes_;
  uint32_t* const words_;   // the widened input
  int8_t* const padding_;   // a run
  int8_t* const gathered_;  // a chunk of each pixel
};

}  // namespace

namespace kernels {

Status conv_2d_int8_dsp_run(const void* in, Rows rows, const Io& io, void* scratch) {
  Convolution(*static_cast<const Conv2dParams*>(in), io, scratch).run(rows);
  return Status::kOk;
}

}  // namespace kernels

#endif

namespace kernels {

const Variant conv_2d_int8_dsp_variant = {
    conv_2d_int8_dsp, "conv_2d_int8_dsp", "CONV_2D", 3,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel, grouped, dilated",
    false, Overlap::kPixels, sizeof(Conv2dParams),
    Conv2d<Int8Accumulator>::prepare, supports, footprint, window_input_rows, scratch_bytes, pack, cost,
    kFeatureDsp, true};

}  // namespace kernels

}  // namespace microplan
