// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int8, with the DSP extension: depthwise_conv_2d_dsp.h says how.
#include "microplan/kernels/depthwise_conv_2d_dsp.h"

#include "microplan/kernels.h"
#include "microplan/kernels/depthwise_3x3_dsp.h"
#include "microplan/kernels/dsp.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

using Shared = DepthwiseConv2d<Int8Accumulator>;

// Tiles are made smaller until the scratch is; what the smallest tile may need.
constexpr uint32_t kScratchWanted = 2048;
constexpr uint32_t kScratchLimit = 32768;

constexpr uint32_t kBlock = 4;
constexpr uint32_t round_up(uint32_t value) { return (value + kBlock - 1) & ~(kBlock - 1); }

// The tile that makes a row of as many tiles as `largest`, but more alike.
uint32_t even_tile(uint32_t row, uint32_t largest) {
  const uint32_t tiles = (row + largest - 1) / largest;
  return (row + tiles - 1) / tiles;
}

constexpr uint32_t k3x3ColumnBytes = 4 * dsp::kColumnWords;

uint32_t columns_3x3(const Window& window, uint32_t outputs) { return (outputs - 1) * window.stride_w + 3; }

}  // namespace

DepthwiseDspShape::DepthwiseDspShape(const DepthwiseConv2dParams& params) {
  const Window& window = params.window;
  is_3x3 = window.kernel_h == 3 && window.kernel_w == 3 && window.dilation_h == 1 && window.dilation_w == 1 &&
           window.stride_w <= 2 && window.in_c >= 4 && params.depth_multiplier == 1 && params.quantization.fast;
  in_pairs = is_3x3 && window.stride_h == 1 && window.stride_w == 1;
  if (is_3x3) {
    set_3x3(window);
  } else {
    set_general(window);
  }
}

void DepthwiseDspShape::set_general(const Window& window) {
  const uint32_t last_tap = (window.kernel_w - 1u) * window.dilation_w;
  const uint32_t beyond = last_tap / window.stride_w;
  const uint32_t words = window.kernel_h / 2u * window.kernel_w + window.kernel_h % 2u * ((window.kernel_w + 1u) / 2);
  planes = (window.kernel_h + 1u) / 2;
  quads = (words + 1) / 2;
  group = window.in_c < 4 ? window.in_c : 4;
  phases = last_tap < window.stride_w ? last_tap + 1 : window.stride_w;
  const uint64_t step_bytes = uint64_t{4} * group * planes * phases;
  const uint64_t wanted = kScratchWanted / step_bytes;
  tile = wanted < uint64_t{beyond} + 2 * kBlock ? kBlock : (static_cast<uint32_t>(wanted) - beyond) & ~(kBlock - 1);
  tile = round_up(even_tile(window.out_w, tile));
  const uint64_t columns = uint64_t{tile} + beyond;
  phase_words = static_cast<uint32_t>(columns);
  scratch_bytes = columns <= UINT16_MAX ? columns * step_bytes + 4 * quads : UINT64_MAX;
}

void DepthwiseDspShape::set_3x3(const Window& window) {
  quads = 3;
  group = 4;
  tile = even_tile(window.out_w, (kScratchWanted / k3x3ColumnBytes - 3) / window.stride_w + 1);
  scratch_bytes = columns_3x3(window, tile) * k3x3ColumnBytes;
}

namespace {

bool supports(const void* in, const Target&) {
  return DepthwiseDspShape(*static_cast<const DepthwiseConv2dParams*>(in)).scratch_bytes <= kScratchLimit;
}

bool footprint(const void* in, Footprint* result) {
  if (!Shared::footprint(in, result) || !supports(in, Target{})) return false;
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  uint32_t bytes = params.window.out_c;
  if (!multiply_checked(DepthwiseDspShape(params).record_bytes(), &bytes)) return false;
  result->constant_count = 0;
  result->add_constant(bytes, 4);
  return true;
}

uint32_t scratch_bytes(const void* in, uint32_t) {
  return static_cast<uint32_t>(DepthwiseDspShape(*static_cast<const DepthwiseConv2dParams*>(in)).scratch_bytes);
}

// Calls word(plane, kx, second_y, second_x) for every word of filter taps, in the order of packing and of running: taps
// (2 * plane, kx) and (second_y, second_x).
template <typename Word>
void for_each_word(const Window& window, Word word) {
  for (uint32_t plane = 0; plane < window.kernel_h / 2u; ++plane) {
    for (uint32_t kx = 0; kx < window.kernel_w; ++kx) word(plane, kx, 2 * plane + 1, kx);
  }
  if (window.kernel_h % 2 == 0) return;
  const uint32_t plane = window.kernel_h / 2u;
  for (uint32_t kx = 0; kx < window.kernel_w; kx += 2) word(plane, kx, 2 * plane, kx + 1);
}

// The first row of a pair reads and the second is written at the same time.
Rows input_rows(const void* in, uint32_t view, Rows rows) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  if (DepthwiseDspShape(params).in_pairs) rows.first -= rows.first % params.window.out_h % 2;
  return window_input_rows(in, view, rows);
}

dsp::Depthwise3x3Record record_3x3(const uint8_t* filter, uint32_t channels, const ChannelConstants& constants) {
  dsp::Depthwise3x3Record record;
  for (uint32_t kx = 0; kx < 3; ++kx, filter += channels) {
    for (uint32_t i = 0; i < 4; ++i) record.filter[kx][i] = static_cast<int8_t>(filter[(i + 1) / 2 * 3 * channels]);
  }
  record.twice_bias = shift_left(constants.bias, 1);
  record.multiplier = constants.multiplier;
  record.shift = constants.shift - 1;
  return record;
}

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  const DepthwiseDspShape shape(params);
  if (!writer.begin(window.out_c * shape.record_bytes())) return;
  const ChannelPacker packer(context, kDepthwiseConv2d, params.quantization);
  const uint8_t* const filter = context.input(kDepthwiseConv2d.filter).data;
  for (uint32_t c = 0; c < window.out_c; ++c) {
    const ChannelConstants constants = packer.channel(c);
    if (shape.is_3x3) {
      const dsp::Depthwise3x3Record record = record_3x3(filter + c, window.out_c, constants);
      writer.append(&record, sizeof record);
      continue;
    }
    const auto tap = [&](uint32_t ky, uint32_t kx) {
      return kx < window.kernel_w ? filter[(ky * window.kernel_w + kx) * window.out_c + c] : uint8_t{0};
    };
    // Bytes 0 and 2 are one word, 1 and 3 the next.
    uint8_t quad[4] = {};
    bool odd = false;
    for_each_word(window, [&](uint32_t plane, uint32_t kx, uint32_t second_y, uint32_t second_x) {
      quad[odd] = tap(2 * plane, kx);
      quad[odd + 2] = tap(second_y, second_x);
      if (odd) writer.append(quad, sizeof quad);
      odd = !odd;
    });
    if (odd) {
      quad[1] = quad[3] = 0;
      writer.append(quad, sizeof quad);
    }
    const DepthwiseDspScale scale = {constants.bias, constants.multiplier, constants.shift};
    writer.append(&scale, sizeof scale);
  }
}

Cost cost(const void* in, const Target&) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  const DepthwiseDspShape shape(params);
  const uint64_t outputs = window_outputs(window);
  const uint64_t rows = uint64_t{window.batches} * window.out_h;
  const uint32_t model = window.out_c * (window.kernel_h * window.kernel_w + 4u);
  const uint32_t packed = window.out_c * shape.record_bytes();
  const uint32_t constant_bytes = packed > model ? packed - model : 0;
  if (shape.is_3x3) {
    const uint64_t calls = (shape.in_pairs ? rows / 2 + rows % 2 : rows) * ((window.out_w + shape.tile - 1) / shape.tile);
    const uint64_t instructions = shape.in_pairs ? calls * window.out_c * (60 + window.out_w * 36u)
                                                 : calls * window.out_c * (60 + window.out_w * 30u);
    return {outputs * 9, instructions, constant_bytes};
  }
  const uint64_t blocks = (window.out_w + kBlock - 1u) / kBlock;
  const uint64_t tiles = (window.out_w + shape.tile - 1) / shape.tile;
  const uint64_t macs = outputs * window.kernel_h * window.kernel_w;
  const uint64_t widened = rows * tiles * window.in_c * (shape.channel_words() * 5 + shape.planes * shape.phases * 60);
  const uint64_t instructions = widened + rows * window.out_c * (30 + blocks * (20 + 18 * shape.quads)) + outputs * 9;
  return {macs, instructions, constant_bytes};
}

// A row of the input from channel c on, or the padding.
struct Source {
  const uint8_t* at;
  uint32_t step;  // bytes from one column of a phase to the next
};

// Widens `count` columns of two sources: words of `group` channels go to `to`, which are `channel` words apart.
[[gnu::noinline]] void widen_quads(Source a, Source b, uint32_t count, uint32_t channel, uint32_t* to) {
  uint32_t* to2 = to + 2 * channel;
  for (uint32_t* const end = to + count; to != end; ++to, ++to2) {
    const uint32_t first = dsp::load_word(a.at);
    const uint32_t second = dsp::load_word(b.at);
    const uint32_t low = dsp::pkhbt(first, second);
    const uint32_t high = dsp::pkhtb(second, first);
    to[0] = dsp::sxtb16(low);
    to[channel] = dsp::sxtb16_ror8(low);
    to2[0] = dsp::sxtb16(high);
    to2[channel] = dsp::sxtb16_ror8(high);
    a.at += a.step;
    b.at += b.step;
  }
}

// The same into columns of dsp::widen_columns(), of which two sources are half.
[[gnu::noinline]] void widen_half_columns(Source a, Source b, uint32_t count, uint32_t* to) {
  for (; count != 0; --count, to += dsp::kColumnWords) {
    const uint32_t first = dsp::load_word(a.at);
    const uint32_t second = dsp::load_word(b.at);
    const uint32_t low = dsp::pkhbt(first, second);
    const uint32_t high = dsp::pkhtb(second, first);
    to[0] = dsp::sxtb16(low);
    to[2] = dsp::sxtb16_ror8(low);
    to[4] = dsp::sxtb16(high);
    to[6] = dsp::sxtb16_ror8(high);
    a.at += a.step;
    b.at += b.step;
  }
}

// The same for fewer channels than a word has.
[[gnu::noinline]] void widen_bytes(Source a, Source b, uint32_t count, uint32_t channel, uint32_t* to, uint32_t group) {
  for (uint32_t c = 0; c < group; ++c, ++a.at, ++b.at, to += channel) {
    const uint8_t* first = a.at;
    const uint8_t* second = b.at;
    for (uint32_t i = 0; i < count; ++i, first += a.step, second += b.step) {
      to[i] = dsp::join_halves(static_cast<int8_t>(*first), static_cast<int8_t>(*second));
    }
  }
}

// The sums of four outputs. `offsets` are bytes from `base` on, two a word.
[[gnu::noinline]] void sum_block(const uint32_t* filter, const uint8_t* base, const uint32_t* offsets, uint32_t quads,
                                 int32_t bias, int32_t* sums) {
  int32_t sum0 = bias, sum1 = bias, sum2 = bias, sum3 = bias;
  const uint32_t* const end = filter + quads;
  do {
    const uint32_t quad = *filter++;
    const uint32_t offset = *offsets++;
    const uint32_t first = dsp::sxtb16(quad);
    const uint32_t* x = reinterpret_cast<const uint32_t*>(base + (offset & 0xffff));
    sum0 = dsp::smlad(x[0], first, sum0);
    sum1 = dsp::smlad(x[1], first, sum1);
    sum2 = dsp::smlad(x[2], first, sum2);
    sum3 = dsp::smlad(x[3], first, sum3);
    const uint32_t second = dsp::sxtb16_ror8(quad);
    x = reinterpret_cast<const uint32_t*>(base + (offset >> 16));
    sum0 = dsp::smlad(x[0], second, sum0);
    sum1 = dsp::smlad(x[1], second, sum1);
    sum2 = dsp::smlad(x[2], second, sum2);
    sum3 = dsp::smlad(x[3], second, sum3);
  } while (filter != end);
  sums[0] = sum0;
  sums[1] = sum1;
  sums[2] = sum2;
  sums[3] = sum3;
}

// What run() keeps while it walks over the rows.
class DepthwiseDsp {
 public:
  DepthwiseDsp(const DepthwiseConv2dParams& params, const Io& io, void* scratch)
      : params_(params),
        window_(params.window),
        shape_(params),
        input_(io.view(0)),
        filter_(io.constant<uint32_t>(0)),
        offsets_(static_cast<uint32_t*>(scratch)),
        words_(offsets_ + (shape_.is_3x3 ? 0 : shape_.quads)),
        padding_(static_cast<uint32_t>(-params.quantization.input_offset & 0xff) * 0x01010101u) {
    if (!shape_.is_3x3) fill_offsets();
  }

  // Rows from `row` on, as many as it returns.
  uint32_t some_rows(Rows rows, const View& output) {
    int8_t* const y = output.row_as<int8_t>(rows.first);
    if (!shape_.is_3x3) {
      row(rows.first, y);
      return 1;
    }
    set_row(rows.first);
    const uint32_t in_batch = rows.first % window_.out_h;
    const bool two = shape_.in_pairs && in_batch % 2 == 0 && in_batch + 1 < window_.out_h && rows.first + 1 < rows.last;
    rows_3x3(y, two ? output.row_as<int8_t>(rows.first + 1) : y);
    return two ? 2 : 1;
  }

 private:
  void rows_3x3(int8_t* y, int8_t* second) {
    const uint8_t* rows[4];
    for (uint32_t ky = 0; ky < 3; ++ky) rows[ky] = tap_row(ky);
    rows[3] = second == y ? rows[2] : tap_row(3);
    dsp::Depthwise3x3 work;
    work.out_step = window_.out_c;
    work.second = static_cast<int32_t>(second - y);
    work.odd_zero_point = 2 * params_.quantization.output_offset + 1;
    for (uint32_t x = 0; x < window_.out_w; x += shape_.tile) {
      work.count = window_.out_w - x < shape_.tile ? window_.out_w - x : shape_.tile;
      const uint32_t columns = columns_3x3(window_, work.count);
      work.span = columns * k3x3ColumnBytes;
      work.rest = work.count % (window_.stride_w == 1 ? 3 : 2);
      work.record = reinterpret_cast<const dsp::Depthwise3x3Record*>(filter_);
      const uint32_t left = x * window_.stride_w;
      const uint32_t before = left < window_.pad_left ? window_.pad_left - left : 0;
      const uint32_t column = left + before - window_.pad_left;
      const uint32_t inside = window_.in_w - column < columns - before ? window_.in_w - column : columns - before;
      pad(0, before);
      pad(before + inside, columns);
      for (uint32_t c = 0; c < window_.in_c; c += 4) {
        const uint32_t first = window_.in_c - c < 4 ? window_.in_c - 4 : c;
        widen_3x3(rows, column * window_.in_c + first, inside, words_ + before * dsp::kColumnWords);
        work.columns = words_ + 2 * (c - first);
        work.out = y + x * window_.out_c + c;
        work.channels = 4 - (c - first);
        if (window_.stride_w == 1) {
          dsp::depthwise_3x3(work);
        } else {
          dsp::depthwise_3x3_stride_2(work);
        }
      }
    }
    clamp_row(y);
    if (second != y) clamp_row(second);
  }

  void pad(uint32_t from, uint32_t to) {
    const uint32_t zero = dsp::sxtb16(padding_);
    for (uint32_t i = from * dsp::kColumnWords; i < to * dsp::kColumnWords; ++i) words_[i] = zero;
  }

  void widen_3x3(const uint8_t* const* rows, uint32_t offset, uint32_t count, uint32_t* to) const {
    if (rows[0] != nullptr && rows[1] != nullptr && rows[2] != nullptr && rows[3] != nullptr) {
      return dsp::widen_columns(rows, offset, window_.in_c, count, to);
    }
    for (uint32_t i = 0; i < 4; i += 2) {
      widen_half_columns(source_3x3(rows[i], offset), source_3x3(rows[i + 1], offset), count, to + i / 2);
    }
  }

  Source source_3x3(const uint8_t* row, uint32_t offset) const {
    if (row == nullptr) return {reinterpret_cast<const uint8_t*>(&padding_), 0};
    return {row + offset, window_.in_c};
  }

  void row(uint32_t row, int8_t* y) {
    set_row(row);
    for (uint32_t x = 0; x < window_.out_w; x += shape_.tile) {
      const uint32_t count = window_.out_w - x < shape_.tile ? window_.out_w - x : shape_.tile;
      for (uint32_t c = 0; c < window_.in_c; c += shape_.group) {
        // Channels that are no full group are widened together with some of those before them.
        const uint32_t first = window_.in_c - c < shape_.group ? window_.in_c - shape_.group : c;
        widen(x, first);
        multiply(c - first, first, y + x * window_.out_c, count);
      }
    }
    clamp_row(y);
  }

  void fill_offsets() {
    uint32_t* to = offsets_;
    uint32_t low = 0;
    bool odd = false;
    for_each_word(window_, [&](uint32_t plane, uint32_t kx, uint32_t, uint32_t) {
      const uint32_t column = kx * window_.dilation_w;
      const uint32_t offset = 4 * (plane * shape_.plane_words() + column % window_.stride_w * shape_.phase_words +
                                   column / window_.stride_w);
      if (odd) {
        *to++ = low | offset << 16;
      } else {
        low = offset;
      }
      odd = !odd;
    });
    if (odd) *to = low;
  }

  void set_row(uint32_t row) {
    const uint32_t batch = row / window_.out_h;
    first_row_ = batch * window_.in_h;
    top_ = static_cast<int32_t>((row - batch * window_.out_h) * window_.stride_h) - window_.pad_top;
  }

  // The input row of kernel row ky; nullptr for padding.
  const uint8_t* tap_row(uint32_t ky) const {
    const int32_t y = top_ + static_cast<int32_t>(ky * window_.dilation_h);
    if (y < 0 || y >= window_.in_h) return nullptr;
    return input_.row(first_row_ + static_cast<uint32_t>(y));
  }

  // Widens what the outputs from x on need of the channels from c on.
  void widen(uint32_t x, uint32_t c) {
    const int32_t left = static_cast<int32_t>(x * window_.stride_w) - window_.pad_left;
    uint32_t* to = words_;
    for (uint32_t ky = 0; ky < window_.kernel_h; ky += 2) {
      const bool last = ky + 1u == window_.kernel_h;
      const uint8_t* const a = tap_row(ky);
      const uint8_t* const b = last ? a : tap_row(ky + 1);
      for (uint32_t phase = 0; phase < shape_.phases; ++phase, to += shape_.phase_words) {
        widen_phase(a, b, last ? window_.dilation_w : 0, left + static_cast<int32_t>(phase), c, to);
      }
    }
  }

  // Columns left, left + stride and so on of row a, with the columns `ahead` further of row b.
  void widen_phase(const uint8_t* a, const uint8_t* b, uint32_t ahead, int32_t left, uint32_t c, uint32_t* to) const {
    for (uint32_t done = 0; done < shape_.phase_words;) {
      uint32_t count = shape_.phase_words - done;
      const Source first = source(a, left, c, &count);
      const Source second = source(b, left + static_cast<int32_t>(ahead), c, &count);
      if (window_.in_c < 4) {
        widen_bytes(first, second, count, shape_.channel_words(), to + done, shape_.group);
      } else {
        widen_quads(first, second, count, shape_.channel_words(), to + done);
      }
      done += count;
      left += static_cast<int32_t>(count * window_.stride_w);
    }
  }

  // Column `column` of `row` and at most *count that follow: all inside the input, or all outside.
  Source source(const uint8_t* row, int32_t column, uint32_t c, uint32_t* count) const {
    const bool outside = row == nullptr || column < 0 || column >= window_.in_w;
    if (row != nullptr && column < window_.in_w) {
      const uint32_t to_go = static_cast<uint32_t>((column < 0 ? 0 : window_.in_w) - column);
      const uint32_t steps = (to_go + window_.stride_w - 1) / window_.stride_w;
      if (steps < *count) *count = steps;
    }
    if (outside) return {reinterpret_cast<const uint8_t*>(&padding_), 0};
    return {row + static_cast<uint32_t>(column) * window_.in_c + c, uint32_t{window_.stride_w} * window_.in_c};
  }

  // The outputs of the widened channels from `from` on; channel 0 of them is channel `first` of the input.
  void multiply(uint32_t from, uint32_t first, int8_t* y, uint32_t count) const {
    for (uint32_t local = from; local < shape_.group; ++local) {
      const uint8_t* const base = reinterpret_cast<const uint8_t*>(words_ + local * shape_.channel_words());
      uint32_t c = (first + local) * params_.depth_multiplier;
      for (uint32_t m = 0; m < params_.depth_multiplier; ++m, ++c) {
        const uint32_t* const filter = filter_ + c * (shape_.record_bytes() / 4);
        const auto& scale = *reinterpret_cast<const DepthwiseDspScale*>(filter + shape_.quads);
        for (uint32_t x = 0; x < count; x += kBlock) {
          int32_t sums[kBlock];
          sum_block(filter, base + 4 * x, offsets_, shape_.quads, scale.bias, sums);
          const uint32_t n = count - x < kBlock ? count - x : kBlock;
          finish(scale, sums, n, y + x * window_.out_c + c);
        }
      }
    }
  }

  void finish(const DepthwiseDspScale& scale, const int32_t* sums, uint32_t count, int8_t* y) const {
    const ChannelQuantization& quantization = params_.quantization;
    const int32_t rounding = fast_rounding(quantization.output_offset, scale.shift);
    for (uint32_t i = 0; i < count; ++i, y += window_.out_c) {
      const int32_t value = quantization.fast
                                ? dsp::requantize(sums[i], scale.multiplier, rounding, scale.shift)
                                : wrap_add(requantize(sums[i], Requantize{scale.multiplier, scale.shift}),
                                           quantization.output_offset);
      *y = static_cast<int8_t>(dsp::ssat<8>(value));
    }
  }

  void clamp_row(int8_t* y) const {
    const ChannelQuantization& quantization = params_.quantization;
    if (quantization.act_min == INT8_MIN && quantization.act_max == INT8_MAX) return;
    for (uint32_t left = uint32_t{window_.out_w} * window_.out_c; left != 0; --left, ++y) {
      *y = static_cast<int8_t>(clamp(*y, quantization.act_min, quantization.act_max));
    }
  }

  const DepthwiseConv2dParams& params_;
  const Window& window_;
  const DepthwiseDspShape shape_;
  const View input_;
  const uint32_t* const filter_;
  uint32_t* const offsets_;
  uint32_t* const words_;
  const uint32_t padding_;
  uint32_t first_row_ = 0;
  int32_t top_ = 0;
};

}  // namespace

namespace kernels {

Status depthwise_conv_2d_int8_dsp_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  DepthwiseDsp depthwise(params, io, scratch);
  const View output = io.view(1);
  while (rows.first < rows.last) rows.first += depthwise.some_rows(rows, output);
  return Status::kOk;
}

const Variant depthwise_conv_2d_int8_dsp_variant = {
    depthwise_conv_2d_int8_dsp, "depthwise_conv_2d_int8_dsp", "DEPTHWISE_CONV_2D", 4,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel, any depth multiplier, dilated",
    false, Overlap::kRows, sizeof(DepthwiseConv2dParams),
    Shared::prepare, supports, footprint, input_rows, scratch_bytes, pack, cost,
    kFeatureDsp, true};

}  // namespace kernels

}  // namespace microplan
