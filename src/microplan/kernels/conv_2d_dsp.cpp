// SPDX-License-Identifier: Apache-2.0
// CONV_2D, int8, with the DSP extension: the planner's side. Filters of two channels are packed together and multiplied
// with blocks of four pixels: mac_block_dsp.h.
#include "microplan/kernels/conv_2d_dsp.h"

#include "microplan/kernels.h"
#include "microplan/kernels/dsp.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Scratch of a block of four pixels, and of one.
constexpr uint32_t kMaxBlockPairs = 1024;
constexpr uint32_t kMaxPairs = 8192;

bool small_enough(const Conv2dDspShape& shape) {
  return shape.pairs <= kMaxPairs;
}

bool supports(const void* in, const Target&) {
  return small_enough(Conv2dDspShape(*static_cast<const Conv2dParams*>(in)));
}

uint32_t packed_bytes(const Conv2dDspShape& shape) {
  return shape.groups * (4 * shape.group_words() + (shape.has_single() ? shape.single_bytes() : 0));
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
  if (shape.pointwise) return 4 * shape.pixels * shape.pairs;
  return shape.pixels * (4 * shape.pairs + (shape.gathers ? shape.chunk() : 0)) + shape.run;
}

// The filter of a channel in the order in which its depths are widened.
class PackedOrder {
 public:
  PackedOrder(const Conv2dDspShape& shape, const int8_t* filter, uint32_t elements)
      : shape_(shape), filter_(filter), elements_(elements) {}

  // Half `half` of pair `pair`: 0 where the pair is not full.
  int8_t at(uint32_t channel, uint32_t pair, uint32_t half) const {
    const uint32_t chunk = shape_.chunk();
    const uint32_t chunk_pairs = (chunk + 1) / 2;
    const uint32_t group = pair % chunk_pairs / 2 * 4;
    uint32_t depth = group + pair % chunk_pairs % 2 + 2 * half;
    // The last two bytes make one pair.
    if (chunk - group == 2) depth = group + half;
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
    const dsp::Encoding encoding = all_fit_sums() ? dsp::Encoding::kSum : dsp::Encoding::kBytes;
    for (uint32_t group = 0; group < shape_.groups; ++group) {
      for (uint32_t c = 0; c + 1 < shape_.group_channels; c += 2) append_record(group * shape_.group_channels + c, encoding);
    }
    for (uint32_t group = 1; shape_.has_single() && group <= shape_.groups; ++group) {
      append_single(group * shape_.group_channels - 1);
    }
  }

 private:
  void append_word(int32_t word) { writer_.append(&word, 4); }

  void append_record(uint32_t channel, dsp::Encoding encoding) {
    const ChannelConstants first = constants_.channel(channel);
    const ChannelConstants second = constants_.channel(channel + 1);
    const bool sum = encoding == dsp::Encoding::kSum;
    append_word(first.bias);
    append_word(sum ? wrap_add(wrap_mul(second.bias, 256), first.bias) : second.bias);
    for (uint32_t pair = 0; pair < shape_.pairs; ++pair) {
      int32_t halves[2];
      for (uint32_t half = 0; half < 2; ++half) {
        const int32_t low = order_.at(channel, pair, half);
        const int32_t high = order_.at(channel + 1, pair, half);
        halves[half] = 256 * high + (sum ? low : low & 0xff);
      }
      append_word(static_cast<int32_t>(dsp::join_halves(halves[0], halves[1])));
    }
    append_word(first.rounding);
    append_word(first.multiplier);
    append_word((first.shift & 0xff) | (second.shift & 0xff) << 8 | static_cast<int32_t>(encoding) << 16);
    append_word(second.rounding);
    append_word(second.multiplier);
  }

  void append_single(uint32_t channel) {
    const ChannelConstants constants = constants_.channel(channel);
    append_word(constants.bias);
    append_word(constants.multiplier);
    append_word(constants.rounding);
    const int16_t shift = static_cast<int16_t>(constants.shift);
    writer_.append(&shift, 2);
    for (uint32_t pair = 0; pair < shape_.pairs; pair += 2) {
      const bool two = pair + 1 < shape_.pairs;
      for (uint32_t half = 0; half < 2; ++half) {
        const int8_t bytes[2] = {order_.at(channel, pair, half), two ? order_.at(channel, pair + 1, half) : int8_t{0}};
        writer_.append(bytes, two ? 2 : 1);
      }
    }
  }

  // Whether no second channel of a record exceeds what Encoding::kSum can hold.
  bool all_fit_sums() const {
    if (!quantization_.fast) return false;
    for (uint32_t group = 0; group < shape_.groups; ++group) {
      for (uint32_t c = 0; c + 1 < shape_.group_channels; c += 2) {
        if (!fits_sum(group * shape_.group_channels + c)) return false;
      }
    }
    return true;
  }

  bool fits_sum(uint32_t channel) const {
    int64_t low_sum = constants_.channel(channel + 1).bias;
    int64_t high_sum = low_sum;
    for (uint32_t pair = 0; pair < shape_.pairs; ++pair) {
      for (uint32_t half = 0; half < 2; ++half) {
        const int32_t second = order_.at(channel + 1, pair, half);
        if (256 * second + order_.at(channel, pair, half) < INT16_MIN) return false;
        low_sum += second * (second < 0 ? INT8_MAX : INT8_MIN);
        high_sum += second * (second < 0 ? INT8_MIN : INT8_MAX);
      }
    }
    return low_sum >= -(1 << 23) && high_sum < 1 << 23;
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
  const uint64_t pixels = uint64_t{window.batches} * window.out_h * window.out_w;
  const uint64_t outputs = pixels * window.out_c;
  const uint64_t depth = uint64_t{window.kernel_h} * window.kernel_w * params.filter_c;
  const bool blocks = params.quantization.fast && shape.pixels == dsp::kBlockPixels;
  // In hundredths: of an output, of a pair of depths of it, and of widening one.
  const uint64_t output_cost = blocks ? 950 : params.quantization.fast ? 2200 : 6000;
  const uint64_t pair_cost = blocks ? 156 : 260;
  const uint64_t widen_cost = shape.pointwise ? 220 : 300;
  const uint64_t pixel_cost = 1500 + (shape.pointwise ? 0 : 1000 * shape.chunks) + widen_cost * shape.pairs;
  const uint64_t sum = outputs * (output_cost + pair_cost * shape.pairs) + pixels * shape.groups * pixel_cost;
  const uint32_t model_bytes = static_cast<uint32_t>(window.out_c * (depth + 4));
  const uint32_t bytes = packed_bytes(shape);
  return {outputs * depth, sum / 100, bytes > model_bytes ? bytes - model_bytes : 0};
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
  pixels = pairs <= kMaxBlockPairs ? dsp::kBlockPixels : 1;
  pointwise = window.kernel_h == 1 && window.kernel_w == 1 && window.stride_h == 1 && window.stride_w == 1;
  gathers = !pointwise && params.filter_c % 4 != 0;
}

uint32_t Conv2dDspShape::single_bytes() const { return Conv2dDspSingle::kBytes + 2 * pairs; }

#if defined(__ARM_FEATURE_DSP) || MICROPLAN_EMULATE_DSP

namespace {

// A place in the output.
struct Pixel {
  uint32_t row, x;
};

// The input that outputs are made of, widened. Rows of a pointwise convolution that lie one behind the other are one.
class Patches {
 public:
  Patches(const Conv2dParams& params, const Conv2dDspShape& shape, const View& input, void* scratch)
      : window_(params.window),
        shape_(shape),
        input_(input),
        filter_c_(params.filter_c),
        zero_point_(-params.quantization.input_offset),
        words_(static_cast<uint32_t*>(scratch)),
        padding_(reinterpret_cast<int8_t*>(words_ + shape.pixels * shape.pairs)),
        gathered_(padding_ + shape.run) {
    if (!shape.pointwise) dsp::fill_bytes(padding_, zero_point_, shape.run);
  }

  const uint32_t* words() const { return words_; }

  // Those of `count` pixels from `at` on, 1 or a block, in the order of the output.
  void widen(Pixel at, uint32_t count, uint32_t group) {
    if (shape_.pointwise) {
      const int8_t* from = input_.row_as<const int8_t>(at.row) + at.x * window_.in_c + group * filter_c_;
      widen_run(words_, from, window_.in_c, filter_c_, count);
      return;
    }
    const Corner corner(window_, at);
    const uint32_t end_x = static_cast<uint32_t>(corner.x) + (count - 1) * window_.stride_w +
                           (window_.kernel_w - 1u) * window_.dilation_w;
    if (at.x + count <= window_.out_w && corner.x >= 0 && end_x < window_.in_w && shape_.chunk_runs == 1) {
      widen_inside(corner, count, group);
    } else if (shape_.gathers) {
      widen_gathered(at, count, group);
    } else {
      widen_taps(at, count, group);
    }
  }

 private:
  // The input pixel under the window's first tap.
  struct Corner {
    uint32_t first_row;  // of the batch
    int32_t y, x;

    Corner() = default;
    Corner(const Window& window, Pixel at) {
      const uint32_t batch = at.row / window.out_h;
      first_row = batch * window.in_h;
      y = static_cast<int32_t>((at.row - batch * window.out_h) * window.stride_h) - window.pad_top;
      x = static_cast<int32_t>(at.x * window.stride_w) - window.pad_left;
    }
  };

  void advance(Pixel* pixel) const {
    if (++pixel->x != window_.out_w) return;
    pixel->x = 0;
    ++pixel->row;
  }

  static uint32_t* widen_run(uint32_t* to, const int8_t* from, uint32_t pixel_step, uint32_t bytes, uint32_t pixels) {
    if (pixels == 1) return dsp::widen_pixel(to, from, bytes);
    const int8_t* const second = from + pixel_step;
    const int8_t* const third = second + pixel_step;
    const int8_t* const all[dsp::kBlockPixels] = {from, second, third, third + pixel_step};
    return dsp::widen_block(to, all, bytes);
  }

  // The row of the input under tap row `ky`, nullptr outside.
  const int8_t* row(const Corner& corner, uint32_t ky, uint32_t group) const {
    const uint32_t y = static_cast<uint32_t>(corner.y) + ky * window_.dilation_h;
    return y < window_.in_h ? input_.row_as<const int8_t>(corner.first_row + y) + group * filter_c_ : nullptr;
  }

  // All columns lie inside, in one row of the output.
  [[gnu::noinline]] void widen_inside(const Corner& corner, uint32_t count, uint32_t group) const {
    uint32_t* to = words_;
    for (uint32_t ky = 0; ky < window_.kernel_h; ++ky) {
      const int8_t* from = row(corner, ky, group);
      uint32_t pixel_step = uint32_t{window_.stride_w} * window_.in_c;
      uint32_t run_step = uint32_t{window_.dilation_w} * window_.in_c;
      if (from == nullptr) {
        from = padding_;
        pixel_step = run_step = 0;
      } else {
        from += static_cast<uint32_t>(corner.x) * window_.in_c;
      }
      for (uint32_t i = shape_.row_runs; i != 0; --i, from += run_step) {
        to = widen_run(to, from, pixel_step, shape_.run, count);
      }
    }
  }

  // Each tap of each pixel lies inside or reads the padding.
  [[gnu::noinline]] void widen_taps(Pixel at, uint32_t count, uint32_t group) const {
    Corner corners[dsp::kBlockPixels];
    for (uint32_t p = 0; p < count; ++p, advance(&at)) corners[p] = Corner(window_, at);
    uint32_t* to = words_;
    for (uint32_t ky = 0; ky < window_.kernel_h; ++ky) {
      const int8_t* rows[dsp::kBlockPixels];
      for (uint32_t p = 0; p < count; ++p) rows[p] = row(corners[p], ky, group);
      for (uint32_t kx = 0; kx < window_.kernel_w; ++kx) {
        const int8_t* from[dsp::kBlockPixels];
        for (uint32_t p = 0; p < count; ++p) {
          const uint32_t x = static_cast<uint32_t>(corners[p].x) + kx * window_.dilation_w;
          from[p] = rows[p] != nullptr && x < window_.in_w ? rows[p] + x * window_.in_c : padding_;
        }
        to = count == 1 ? dsp::widen_pixel(to, from[0], filter_c_) : dsp::widen_block(to, from, filter_c_);
      }
    }
  }

  [[gnu::noinline]] void widen_gathered(Pixel at, uint32_t count, uint32_t group) const {
    const uint32_t chunk = shape_.chunk();
    uint32_t* to = words_;
    for (uint32_t first_run = 0; first_run < shape_.chunks * shape_.chunk_runs; first_run += shape_.chunk_runs) {
      int8_t* bytes = gathered_;
      Pixel pixel = at;
      for (uint32_t p = 0; p < count; ++p, advance(&pixel)) {
        const Corner corner(window_, pixel);
        for (uint32_t i = 0; i < shape_.chunk_runs; ++i, bytes += shape_.run) gather(corner, first_run + i, group, bytes);
      }
      to = widen_run(to, gathered_, chunk, chunk, count);
    }
  }

  void gather(const Corner& corner, uint32_t run, uint32_t group, int8_t* to) const {
    const uint32_t ky = run / shape_.row_runs;
    const int8_t* const from = row(corner, ky, group);
    const int32_t taps = shape_.row_runs == 1 ? window_.kernel_w : 1;
    const int32_t x = corner.x + static_cast<int32_t>((run - ky * shape_.row_runs) * window_.dilation_w);
    const int32_t before = from == nullptr ? taps : clamp(-x, 0, taps);
    const int32_t after = from == nullptr ? 0 : clamp(x + taps - window_.in_w, 0, taps);
    const uint32_t before_bytes = static_cast<uint32_t>(before) * filter_c_;
    const uint32_t inside_bytes = static_cast<uint32_t>(taps - before - after) * filter_c_;
    dsp::fill_bytes(to, zero_point_, before_bytes);
    to += before_bytes;
    if (inside_bytes != 0) dsp::copy_bytes(to, from + static_cast<uint32_t>(x + before) * window_.in_c, inside_bytes);
    dsp::fill_bytes(to + inside_bytes, zero_point_, static_cast<uint32_t>(after) * filter_c_);
  }

  const Window& window_;
  const Conv2dDspShape& shape_;
  const View input_;
  const uint32_t filter_c_;
  const int32_t zero_point_;
  uint32_t* const words_;
  int8_t* const padding_;   // a run
  int8_t* const gathered_;  // a chunk of each pixel
};

[[gnu::noinline]] int8_t finish(const ChannelQuantization& quantization, const ChannelConstants& by, int32_t sum) {
  const int32_t value = quantization.fast ? dsp::requantize(sum, by.multiplier, by.rounding, by.shift)
                                          : wrap_add(requantize(sum, Requantize{by.multiplier, by.shift}), by.rounding);
  return static_cast<int8_t>(clamp(value, quantization.act_min, quantization.act_max));
}

// The outputs of one pixel that records make.
template <dsp::Encoding kEncoding>
[[gnu::noinline]] void multiply_pixel(const ChannelQuantization& quantization, const dsp::Block& block, int8_t* y) {
  for (const uint32_t* filter = block.filter; filter != block.filter_end;) {
    int32_t first = static_cast<int32_t>(*filter++);
    int32_t second = static_cast<int32_t>(*filter++);
    for (const uint32_t* x = block.input; x != block.input_end; ++x, ++filter) {
      first = dsp::smlad(dsp::sxtb16(*filter), *x, first);
      second = dsp::smlad(kEncoding == dsp::Encoding::kSum ? *filter : dsp::sxtb16_ror8(*filter), *x, second);
    }
    if (kEncoding == dsp::Encoding::kSum) second = wrap_sub(second, first) >> 8;
    ChannelConstants by;
    by.rounding = static_cast<int32_t>(filter[0]);
    by.multiplier = static_cast<int32_t>(filter[1]);
    by.shift = static_cast<int8_t>(filter[2]);
    *y++ = finish(quantization, by, first);
    by.rounding = static_cast<int32_t>(filter[3]);
    by.multiplier = static_cast<int32_t>(filter[4]);
    by.shift = static_cast<int8_t>(filter[2] >> 8);
    *y++ = finish(quantization, by, second);
    filter += dsp::kRecordWords - 2;
  }
}

// The outputs of a channel without a neighbour.
template <uint32_t kPixels>
[[gnu::noinline]] void multiply_single(const ChannelQuantization& quantization, const uint32_t* x, uint32_t pairs,
                                       const uint8_t* record, int8_t* y, uint32_t pixel_step) {
  ChannelConstants by;
  by.bias = static_cast<int32_t>(dsp::load_word(record));
  by.multiplier = static_cast<int32_t>(dsp::load_word(record + 4));
  by.rounding = static_cast<int32_t>(dsp::load_word(record + 8));
  by.shift = static_cast<int8_t>(record[12]);
  const uint8_t* filter = record + Conv2dDspSingle::kBytes;
  int32_t sum0 = by.bias, sum1 = by.bias, sum2 = by.bias, sum3 = by.bias;
  const auto add = [&](uint32_t both) {
    sum0 = dsp::smlad(both, x[0], sum0);
    if (kPixels == 1) return;
    sum1 = dsp::smlad(both, x[1 % kPixels], sum1);
    sum2 = dsp::smlad(both, x[2 % kPixels], sum2);
    sum3 = dsp::smlad(both, x[3 % kPixels], sum3);
  };
  for (uint32_t i = pairs / 2; i != 0; --i, filter += 4, x += kPixels) {
    const uint32_t word = dsp::load_word(filter);
    add(dsp::sxtb16(word));
    x += kPixels;
    add(dsp::sxtb16_ror8(word));
  }
  if (pairs % 2 != 0) add(dsp::join_halves(static_cast<int8_t>(filter[0]), static_cast<int8_t>(filter[1])));
  y[0] = finish(quantization, by, sum0);
  if (kPixels == 1) return;
  y[pixel_step] = finish(quantization, by, sum1);
  y[2 * pixel_step] = finish(quantization, by, sum2);
  y[3 * pixel_step] = finish(quantization, by, sum3);
}

// Whether rows `rows` of the view, of `row_bytes`, lie one behind the other.
bool adjacent(const View& view, uint32_t row_bytes, Rows rows) {
  return view.row_stride == row_bytes && rows.last <= view.ring_rows;
}

class Convolution {
 public:
  Convolution(const Conv2dParams& params, const Io& io, void* scratch)
      : window_(params.window),
        quantization_(params.quantization),
        shape_(params),
        patches_(params, shape_, io.view(0), scratch),
        input_(io.view(0)),
        output_(io.view(1)),
        records_(io.constant<uint32_t>(0)),
        singles_(reinterpret_cast<const uint8_t*>(records_ + shape_.groups * shape_.group_words())),
        encoding_(dsp::Encoding::kBytes),
        full_range_(quantization_.act_min == INT8_MIN && quantization_.act_max == INT8_MAX) {
    if (shape_.group_channels > 1 && ((records_[shape_.pairs + 4] >> 16) & 1u) == 0) encoding_ = dsp::Encoding::kSum;
  }

  void run(Rows rows) {
    // Blocks of pixels go over the end of a row where the next one follows. Not with groups: a group would write into a
    // row before the next group has read what it needs for the row above.
    const bool joined = shape_.groups == 1 && adjacent(output_, uint32_t{window_.out_w} * window_.out_c, rows) &&
                        (!shape_.pointwise || adjacent(input_, uint32_t{window_.in_w} * window_.in_c, rows));
    const uint32_t height = joined ? 1 : rows.last - rows.first;
    const uint32_t width = joined ? (rows.last - rows.first) * window_.out_w : window_.out_w;
    for (uint32_t i = 0; i < height; ++i) run_pixels(Pixel{rows.first + i, 0}, width);
  }

 private:
  void run_pixels(Pixel at, uint32_t count) {
    const bool blocks = shape_.pixels == dsp::kBlockPixels && quantization_.fast;
    int8_t* y = output_.row_as<int8_t>(at.row);
    while (count != 0) {
      const uint32_t pixels = blocks && count >= dsp::kBlockPixels ? dsp::kBlockPixels : 1;
      for (uint32_t group = 0; group < shape_.groups; ++group) {
        patches_.widen(at, pixels, group);
        multiply(group, pixels, y + group * shape_.group_channels);
      }
      if (pixels != 1 && !full_range_) {
        dsp::clamp_bytes(y, pixels * window_.out_c, quantization_.act_min, quantization_.act_max);
      }
      y += pixels * window_.out_c;
      count -= pixels;
      at.x += pixels;
      // A pointwise convolution takes joined rows as one.
      while (at.x >= window_.out_w && !shape_.pointwise) {
        at.x -= window_.out_w;
        ++at.row;
      }
    }
  }

  void multiply(uint32_t group, uint32_t pixels, int8_t* y) const {
    const uint32_t* const filter = records_ + group * shape_.group_words();
    const uint32_t* const x = patches_.words();
    const dsp::Block block = {x, x + pixels * shape_.pairs, filter, filter + shape_.group_words(), window_.out_c};
    const bool sums = encoding_ == dsp::Encoding::kSum;
    if (block.filter != block.filter_end) {
      if (pixels == 1) {
        (sums ? multiply_pixel<dsp::Encoding::kSum> : multiply_pixel<dsp::Encoding::kBytes>)(quantization_, block, y);
      } else {
        (sums ? dsp::multiply_sums : dsp::multiply_bytes)(block, y);
      }
    }
    if (!shape_.has_single()) return;
    (pixels == 1 ? multiply_single<1> : multiply_single<dsp::kBlockPixels>)(
        quantization_, x, shape_.pairs, singles_ + group * shape_.single_bytes(), y + shape_.group_channels - 1,
        window_.out_c);
  }

  const Window& window_;
  const ChannelQuantization& quantization_;
  const Conv2dDspShape shape_;
  Patches patches_;
  const View input_, output_;
  const uint32_t* const records_;
  const uint8_t* const singles_;
  dsp::Encoding encoding_;
  const bool full_range_;
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
    false, Overlap::kRows, sizeof(Conv2dParams),
    Conv2d<Int8Accumulator>::prepare, supports, footprint, window_input_rows, scratch_bytes, pack, cost,
    kFeatureDsp, true};

}  // namespace kernels

}  // namespace microplan
