// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int8, with the DSP extension: how rows are made with the loops of depthwise_loops_dsp.h.
#include "microplan/kernels.h"
#include "microplan/kernels/depthwise_conv_2d_dsp.h"
#include "microplan/kernels/dsp.h"

namespace microplan {

namespace {

// Tiles are made smaller until the scratch is; what the smallest tile may need.
constexpr uint32_t kScratchWanted = 2048;
constexpr uint32_t kScratchLimit = 16384;

constexpr uint32_t kBlock = 4;
constexpr uint32_t round_up(uint32_t value) { return (value + kBlock - 1) & ~(kBlock - 1); }

// The tile that makes a row of as many tiles as `largest`, but more alike.
uint32_t even_tile(uint32_t row, uint32_t largest) {
  const uint32_t tiles = (row + largest - 1) / largest;
  return (row + tiles - 1) / tiles;
}

}  // namespace

DepthwiseDspShape::DepthwiseDspShape(const DepthwiseConv2dParams& params) {
  const Window& window = params.window;
  const bool fast_groups = window.in_c >= 4 && params.depth_multiplier == 1 && params.quantization.fast;
  in_pairs = false;
  if (fast_groups && window.kernel_h == 3 && window.kernel_w == 3 && window.dilation_h == 1 && window.dilation_w == 1 &&
      window.stride_w <= 2) {
    set_3x3(window);
    return;
  }
  set_planes(window);
  if (fast_groups) set_pixels(window);
}

void DepthwiseDspShape::set_3x3(const Window& window) {
  way = DepthwiseWay::k3x3;
  in_pairs = window.stride_h == 1 && window.stride_w == 1;
  tile = even_tile(window.out_w, (kScratchWanted / kDepthwiseColumnBytes - 3) / window.stride_w + 1);
  scratch_bytes = depthwise_columns(window, tile) * kDepthwiseColumnBytes;
  record_bytes = sizeof(dsp::Depthwise3x3Record);
}

void DepthwiseDspShape::set_planes(const Window& window) {
  way = DepthwiseWay::kPlanes;
  scratch_bytes = UINT32_MAX;
  const uint32_t last_tap = (window.kernel_w - 1u) * window.dilation_w;
  const uint32_t beyond = last_tap / window.stride_w;
  const uint32_t words = window.kernel_h / 2u * window.kernel_w + window.kernel_h % 2u * ((window.kernel_w + 1u) / 2);
  planes = (window.kernel_h + 1u) / 2;
  quads = (words + 1) / 2;
  group = window.in_c < 4 ? window.in_c : 4;
  phases = last_tap < window.stride_w ? last_tap + 1 : window.stride_w;
  record_bytes = 4 * quads + static_cast<uint32_t>(sizeof(dsp::DepthwiseScale));
  if (quads > kScratchLimit / 8 || planes * phases > kScratchLimit / 16 || beyond > kScratchLimit) return;
  const uint32_t step_bytes = 4 * group * planes * phases;
  const uint32_t wanted = kScratchWanted / step_bytes;
  tile = wanted < beyond + 2 * kBlock ? kBlock : (wanted - beyond) & ~(kBlock - 1);
  tile = round_up(even_tile(window.out_w, tile));
  phase_words = tile + beyond;
  if (phase_words > (kScratchLimit - 4 * quads) / step_bytes) return;
  scratch_bytes = phase_words * step_bytes + 4 * quads;
}

// Only where planes take longer, and where groups of four channels leave little over.
void DepthwiseDspShape::set_pixels(const Window& window) {
  taps = window.kernel_h * window.kernel_w;
  if (taps > kScratchLimit / sizeof(dsp::DepthwiseTap)) return;
  const uint32_t groups = (window.out_c + 3u) / 4;
  if (groups * 40 * (taps + 12) > window.out_c * (11 * taps + 164)) return;
  // Instructions for four channels of a row.
  const uint32_t pixels = window.out_w * (60 + 13 * taps + (100 + 8 * taps) / groups);
  if (scratch_bytes != UINT32_MAX &&
      pixels > 140 + planes * phases * (200 + 17 * phase_words) + (window.out_w + 3u) / 4 * (228 + 72 * quads)) {
    return;
  }
  way = DepthwiseWay::kPixels;
  record_bytes = 4 * (taps + static_cast<uint32_t>(sizeof(dsp::DepthwiseScale)));
  scratch_bytes = taps * static_cast<uint32_t>(sizeof(dsp::DepthwiseTap));
}

namespace {

// A row of the input from channel c on, or the padding.
struct Source {
  const uint8_t* at;
  uint32_t step;  // bytes from one column of a phase to the next
};

// Widens `count` columns of two sources for four channels. Words of a channel are `next` words apart, those of one
// column `channel` words.
[[gnu::noinline]] void widen_quads(Source a, Source b, uint32_t count, uint32_t next, uint32_t channel, uint32_t* to) {
  uint32_t* to2 = to + 2 * channel;
  for (; count != 0; --count, to += next, to2 += next) {
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

// What run() keeps while it walks over the rows.
class DepthwiseDsp {
 public:
  DepthwiseDsp(const DepthwiseConv2dParams& params, const Io& io, void* scratch)
      : params_(params),
        window_(params.window),
        shape_(params),
        input_(io.view(0)),
        filter_(io.constant<uint8_t>(0)),
        scratch_(static_cast<uint32_t*>(scratch)),
        words_(scratch_ + (shape_.way == DepthwiseWay::kPlanes ? shape_.quads : 0)),
        padding_(static_cast<uint32_t>(-params.quantization.input_offset & 0xff) * 0x01010101u) {
    if (shape_.way == DepthwiseWay::kPlanes) fill_offsets();
  }

  // Computes rows from rows.first on, as many as it returns.
  uint32_t some_rows(Rows rows, const View& output) {
    int8_t* const y = output.row_as<int8_t>(rows.first);
    const uint32_t batch = rows.first / window_.out_h;
    const uint32_t row = rows.first - batch * window_.out_h;
    first_row_ = batch * window_.in_h;
    top_ = static_cast<int32_t>(row * window_.stride_h) - window_.pad_top;
    if (shape_.way == DepthwiseWay::k3x3) {
      const bool two = shape_.in_pairs && row % 2 == 0 && row + 1 < window_.out_h && rows.first + 1 < rows.last;
      int8_t* const second = two ? output.row_as<int8_t>(rows.first + 1) : y;
      rows_3x3(y, second);
      if (two) {
        clamp_row(second);
        clamp_row(y);
        return 2;
      }
    } else if (shape_.way == DepthwiseWay::kPlanes) {
      row_of_planes(y);
    } else {
      row_of_pixels(y);
    }
    clamp_row(y);
    return 1;
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
      const uint32_t columns = depthwise_columns(window_, work.count);
      work.span = columns * kDepthwiseColumnBytes;
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
  }

  [[gnu::noinline]] void pad(uint32_t from, uint32_t to) {
    const uint32_t zero = dsp::sxtb16(padding_);
    for (uint32_t i = from * dsp::kColumnWords; i < to * dsp::kColumnWords; ++i) words_[i] = zero;
  }

  void widen_3x3(const uint8_t* const* rows, uint32_t offset, uint32_t count, uint32_t* to) const {
    if (rows[0] != nullptr && rows[1] != nullptr && rows[2] != nullptr && rows[3] != nullptr) {
      return dsp::widen_columns(rows, offset, window_.in_c, count, to);
    }
    for (uint32_t i = 0; i < 4; i += 2) {
      widen_quads(source_3x3(rows[i], offset), source_3x3(rows[i + 1], offset), count, dsp::kColumnWords, 2,
                  to + i / 2);
    }
  }

  Source source_3x3(const uint8_t* row, uint32_t offset) const {
    if (row == nullptr) return {reinterpret_cast<const uint8_t*>(&padding_), 0};
    return {row + offset, window_.in_c};
  }

  void row_of_planes(int8_t* y) {
    for (uint32_t x = 0; x < window_.out_w; x += shape_.tile) {
      const uint32_t count = window_.out_w - x < shape_.tile ? window_.out_w - x : shape_.tile;
      for (uint32_t c = 0; c < window_.in_c; c += shape_.group) {
        // Channels that are no full group are widened together with some of those before them.
        const uint32_t first = window_.in_c - c < shape_.group ? window_.in_c - shape_.group : c;
        widen(x, first);
        multiply(c - first, first, y + x * window_.out_c, count);
      }
    }
  }

  void fill_offsets() {
    uint32_t* to = scratch_;
    uint32_t low = 0;
    bool odd = false;
    for_each_tap_word(window_, [&](uint32_t plane, uint32_t kx, uint32_t, uint32_t) {
      const uint32_t column = kx * window_.dilation_w;
      const uint32_t offset = 4 * (plane * shape_.plane_words() + column % window_.stride_w * shape_.phase_words +
                                   column / window_.stride_w);
      if (odd) {
        *to = dsp::depthwise_offsets(low, offset, to + 1 == words_);
        ++to;
      }
      low = offset;
      odd = !odd;
    });
    if (odd) *to = dsp::depthwise_offsets(low, 0, true);
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
        widen_quads(first, second, count, 1, shape_.channel_words(), to + done);
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
      uint32_t c = (first + local) * params_.depth_multiplier;
      for (uint32_t m = 0; m < params_.depth_multiplier; ++m, ++c) {
        dsp::DepthwiseBlocks work;
        work.filter = reinterpret_cast<const uint32_t*>(filter_ + c * shape_.record_bytes);
        work.offsets = scratch_;
        work.base = reinterpret_cast<const uint8_t*>(words_ + local * shape_.channel_words());
        work.out = y + c;
        work.out_step = window_.out_c;
        work.odd_zero_point = 2 * params_.quantization.output_offset + 1;
        work.count = count;
        if (params_.quantization.fast) {
          dsp::depthwise_blocks(work);
        } else {
          general_blocks(work);
        }
      }
    }
  }

  // The same where requantization is not fast.
  [[gnu::noinline]] void general_blocks(const dsp::DepthwiseBlocks& work) const {
    const auto& scale = *reinterpret_cast<const dsp::DepthwiseScale*>(work.filter + shape_.quads);
    int32_t sums[4];
    for (uint32_t x = 0; x < work.count; ++x) {
      if (x % 4 == 0) dsp::depthwise_sums(work, work.base + 4 * x, sums);
      const int32_t sum = wrap_add(scale.twice_bias, sums[x % 4]);
      const int32_t value = wrap_add(requantize(sum, Requantize{scale.multiplier, scale.shift}),
                                     params_.quantization.output_offset);
      work.out[x * work.out_step] = static_cast<int8_t>(clamp(value, INT8_MIN, INT8_MAX));
    }
  }

  void row_of_pixels(int8_t* y) {
    dsp::DepthwisePixel work;
    work.padding = dsp::sxtb16(padding_);
    work.scales = 4 * shape_.taps;
    work.odd_zero_point = 2 * params_.quantization.output_offset + 1;
    work.taps = reinterpret_cast<const dsp::DepthwiseTap*>(scratch_);
    const uint32_t rest = window_.out_c % 4;
    for (uint32_t x = 0; x < window_.out_w; ++x, y += window_.out_c) {
      work.input = set_window(static_cast<int32_t>(x * window_.stride_w) - window_.pad_left);
      work.inside = inside_;
      work.outside = shape_.taps - inside_;
      work.filter = filter_;
      work.out = y;
      work.groups = window_.out_c / 4;
      dsp::depthwise_pixel(work);
      if (rest == 0) continue;
      // Channels that are no full group are computed together with some of those before them.
      work.input += rest;
      work.input -= 4;
      work.out += rest;
      work.out -= 4;
      work.groups = 1;
      dsp::depthwise_pixel(work);
    }
  }

  // Lists the taps of the output whose window begins at column `left`, and returns what they are relative to. The list
  // stays from one window to the next when both lie inside the input and do not go around the end of a ring.
  const uint8_t* set_window(int32_t left) {
    const int32_t height = (window_.kernel_h - 1) * window_.dilation_h;
    const int32_t width = (window_.kernel_w - 1) * window_.dilation_w;
    if (top_ >= 0 && left >= 0 && height < window_.in_h - top_ && width < window_.in_w - left) {
      const uint8_t* const first = input_.row(first_row_ + static_cast<uint32_t>(top_));
      const uint8_t* const last = input_.row(first_row_ + static_cast<uint32_t>(top_ + height));
      if (last - first == static_cast<int32_t>(static_cast<uint32_t>(height) * input_.row_stride)) {
        if (!listed_) fill_taps(first, 0, static_cast<uint32_t>(left));
        listed_ = true;
        return first + static_cast<uint32_t>(left) * window_.in_c;
      }
    }
    fill_taps(input_.base, left, 0);
    listed_ = false;
    return input_.base;
  }

  // Taps inside the input and how far they lie from column `origin_column` of row `origin`, then the others.
  [[gnu::noinline]] void fill_taps(const uint8_t* origin, int32_t left, uint32_t origin_column) {
    dsp::DepthwiseTap* const taps = reinterpret_cast<dsp::DepthwiseTap*>(scratch_);
    dsp::DepthwiseTap* inside = taps;
    dsp::DepthwiseTap* outside = taps + shape_.taps;
    uint32_t filter = 0;
    for (uint32_t ky = 0; ky < window_.kernel_h; ++ky) {
      const uint8_t* const row = tap_row(ky);
      int32_t column = left;
      for (uint32_t kx = 0; kx < window_.kernel_w; ++kx, column += window_.dilation_w, filter += 4) {
        if (row == nullptr || column < 0 || column + static_cast<int32_t>(origin_column) >= window_.in_w) {
          *--outside = {0, filter};
        } else {
          *inside++ = {static_cast<uint32_t>(row - origin) + static_cast<uint32_t>(column) * window_.in_c, filter};
        }
      }
    }
    inside_ = static_cast<uint32_t>(inside - taps);
  }

  [[gnu::noinline]] void clamp_row(int8_t* y) const {
    const ChannelQuantization& quantization = params_.quantization;
    if (quantization.act_min == INT8_MIN && quantization.act_max == INT8_MAX) return;
    dsp::clamp_outputs(y, uint32_t{window_.out_w} * window_.out_c, quantization.act_min, quantization.act_max);
  }

  const DepthwiseConv2dParams& params_;
  const Window& window_;
  const DepthwiseDspShape shape_;
  const View input_;
  const uint8_t* const filter_;
  uint32_t* const scratch_;
  uint32_t* const words_;  // widened
  const uint32_t padding_;
  uint32_t first_row_ = 0;
  int32_t top_ = 0;
  uint32_t inside_ = 0;  // taps
  bool listed_ = false;
};

}  // namespace

namespace kernels {

Status depthwise_conv_2d_int8_dsp_run(const void* in, Rows rows, const Io& io, void* scratch) {
  DepthwiseDsp depthwise(*static_cast<const DepthwiseConv2dParams*>(in), io, scratch);
  const View output = io.view(1);
  while (rows.first < rows.last) rows.first += depthwise.some_rows(rows, output);
  return Status::kOk;
}

}  // namespace kernels

}  // namespace microplan
