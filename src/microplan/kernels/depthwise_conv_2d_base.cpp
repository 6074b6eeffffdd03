// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int8, for cores without SIMD: four channels at a time, of a strip of input that lies in scratch with its
// padding, so that what one output is made of lies side by side.
#include <string.h>

#include "microplan/kernels.h"
#include "microplan/kernels/depthwise_conv_2d.h"
#include "microplan/kernels/depthwise_conv_2d_base.h"
#include "microplan/kernels/mac_base.h"

namespace microplan {

namespace {

using depthwise_base::kLanes;
using depthwise_base::kMaxPixels;
using depthwise_base::kSweepWords;
using depthwise_base::Sweep;

// A strip takes no more bytes than that unless one pixel needs them.
constexpr uint32_t kStripBytes = 1024;
// The filters of all channels are rearranged beforehand when they take no more.
constexpr uint32_t kFilterBytes = 2560;
// The strips of all channels are kept from row to row when they take no more.
constexpr uint32_t kKeptBytes = 4096;

// Input columns side by side in a strip. Taps that dilation separates are taken out one by one, for one pixel at a time.
struct Strip {
  uint32_t pixels;       // outputs made of one strip
  uint32_t columns;
  uint32_t column_step;  // input columns from one to the next
  bool sweeps;           // sweep_3x3() takes it
  uint32_t column_words;

  uint32_t words() const { return columns * column_words + 1; }
};

Strip strip_of(const DepthwiseConv2dParams& params) {
  const Window& window = params.window;
  Strip strip = {1, window.kernel_w, window.dilation_w, false, window.kernel_h};
  strip.sweeps = window.kernel_h == 3 && window.kernel_w == 3 && window.dilation_w == 1 && window.stride_w <= 2 &&
                 params.quantization.fast != 0;
  if (strip.sweeps) strip.column_words = kSweepWords;
  const uint32_t column_bytes = strip.column_words * kLanes;
  const uint32_t columns = kStripBytes / column_bytes;
  if (window.dilation_w != 1 || columns < uint32_t{window.kernel_w} + window.stride_w) return strip;
  strip.pixels = (columns - window.kernel_w) / window.stride_w + 1;
  if (strip.pixels > kMaxPixels) strip.pixels = kMaxPixels;
  if (strip.pixels > window.out_w) strip.pixels = window.out_w;
  strip.columns = (strip.pixels - 1) * window.stride_w + window.kernel_w;
  return strip;
}

uint32_t taps_of(const Window& window) { return static_cast<uint32_t>(window.kernel_h) * window.kernel_w; }

uint32_t quads_of(const Window& window) { return (window.out_c + kLanes - 1u) / kLanes; }

// All filters are rearranged at once unless they are many.
uint32_t filter_words(const Window& window) {
  const uint32_t quads = quads_of(window);
  return taps_of(window) * (quads > kFilterBytes / kLanes / taps_of(window) ? 1 : quads);
}

// Whether every four channels have a strip of their own, which is a whole row: only rows that the row before does not need
// are loaded then.
bool keeps_strips(const Window& window, const Strip& strip) {
  return strip.sweeps && window.dilation_h == 1 && window.stride_h <= 2 && strip.pixels == window.out_w &&
         quads_of(window) <= kKeptBytes / (strip.words() * kLanes);
}

uint32_t strip_words(const Window& window, const Strip& strip) {
  return strip.words() * (keeps_strips(window, strip) ? quads_of(window) : 1);
}

// Scratch: constants of all channels, offsets of the window's rows, rearranged filters, strips, the sums of a strip's pixels.
uint32_t scratch_bytes(const void* in, uint32_t) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  const Strip strip = strip_of(params);
  return window.out_c * static_cast<uint32_t>(sizeof(ChannelConstants)) +
         (window.kernel_h + filter_words(window) + strip_words(window, strip) +
          (strip.sweeps ? 0 : kLanes * kMaxPixels)) * static_cast<uint32_t>(sizeof(uint32_t));
}

Cost cost(const void* in, const Target&) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  const Strip strip = strip_of(params);
  // Lanes without a channel take as long as the others.
  const uint64_t lanes = (window.out_c + kLanes - 1) / kLanes * kLanes;
  const uint64_t rows = uint64_t{window.batches} * window.out_h * lanes;
  const uint64_t outputs = rows * window.out_w;
  const uint64_t strips = rows * ((window.out_w + strip.pixels - 1) / strip.pixels);
  // Inputs of four lanes that are neither neighbours nor the same are loaded one by one.
  const uint32_t load = params.depth_multiplier == 1 || params.depth_multiplier % kLanes == 0 ? 2 : 8;
  // A strip that no sweep takes is loaded, multiplied and requantized in three calls.
  const uint32_t calls = strip.sweeps ? 10 : 110;
  return {window_outputs(window) * taps_of(window),
          outputs * (3 * taps_of(window) + 20) +
              strips * (calls + load * strip.columns * window.kernel_h + 2 * taps_of(window)),
          constant_bytes(params.quantization, window.out_c)};
}

static_assert(sizeof(FastChannel) == sizeof(ChannelConstants), "either lies in the same place");

// Offsets of the input channels of four output channels.
struct Lanes {
  bool adjacent;  // they lie side by side
  bool equal;     // they are one
  uint32_t offset[kLanes];
};

inline uint32_t load_lanes(const int8_t* from, const Lanes& lanes) {
  uint32_t word = 0;
  for (uint32_t i = kLanes; i-- != 0;) word = word << 8 | static_cast<uint8_t>(from[lanes.offset[i]]);
  return word;
}

inline uint32_t load_word(const int8_t* from) {
  uint32_t word;
  memcpy(&word, from, sizeof word);
  return word;
}

// to[i * to_step] = the lanes at from[i * from_step]; the result is what comes behind them.
inline uint32_t* copy_lanes(const int8_t* from, uint32_t from_step, uint32_t count, const Lanes& lanes, uint32_t* to,
                            uint32_t to_step) {
  if (lanes.adjacent) {
    for (; count != 0; --count, from += from_step, to += to_step) *to = load_word(from);
  } else if (lanes.equal) {
    for (; count != 0; --count, from += from_step, to += to_step) *to = static_cast<uint8_t>(*from) * 0x01010101u;
  } else {
    for (; count != 0; --count, from += from_step, to += to_step) *to = load_lanes(from, lanes);
  }
  return to;
}

inline uint32_t* fill(uint32_t word, uint32_t count, uint32_t* to, uint32_t to_step) {
  for (; count != 0; --count, to += to_step) *to = word;
  return to;
}

class Depthwise {
 public:
  Depthwise(const DepthwiseConv2dParams& params, const Io& io, void* scratch)
      : params_(params),
        window_(params.window),
        strip_(strip_of(params)),
        input_(io.view(0)),
        filter_(io.constant<int8_t>(0)),
        outputs_(params.quantization, io, taps_of(window_)),
        taps_(taps_of(window_)),
        keeps_filters_(filter_words(window_) != taps_),
        keeps_strips_(keeps_strips(window_, strip_)),
        constants_(static_cast<ChannelConstants*>(scratch)),
        fast_constants_(static_cast<FastChannel*>(scratch)),
        row_offsets_(reinterpret_cast<uint32_t*>(constants_ + window_.out_c)),
        filters_(row_offsets_ + window_.kernel_h),
        inputs_(filters_ + filter_words(window_)),
        sums_(reinterpret_cast<uint32_t(*)[kMaxPixels]>(inputs_ + strip_words(window_, strip_))) {
    for (uint32_t c = 0; c < window_.out_c; ++c) {
      if (strip_.sweeps) {
        fast_constants_[c] = FastChannel(folded_constants(c));
      } else {
        constants_[c] = folded_constants(c);
      }
    }
    for (uint32_t quad = 0; keeps_filters_ && quad < quads_of(window_); ++quad) {
      load_filter(first_channel(quad), filters_ + quad * taps_);
    }
  }

  void run_row(uint32_t row, int8_t* y) {
    set_row(row);
    const uint32_t quads = quads_of(window_);
    for (uint32_t first = 0; first < window_.out_w; first += strip_.pixels) {
      const uint32_t pixels = window_.out_w - first < strip_.pixels ? window_.out_w - first : strip_.pixels;
      if (!keeps_strips_ || !continues_) set_columns(first, pixels);
      uint32_t* strip = inputs_;
      for (uint32_t quad = 0; quad < quads; ++quad) {
        const uint32_t channel = first_channel(quad);
        uint32_t* const filter = keeps_filters_ ? filters_ + quad * taps_ : filters_;
        if (!keeps_filters_) load_filter(channel, filter);
        if (one_row_) {
          load_last_row(channel, strip);
        } else {
          load_strip(channel, strip);
        }
        int8_t* const to = y + first * window_.out_c + channel;
        if (strip_.sweeps) {
          sweep(channel, filter, strip, pixels, to);
        } else {
          multiply_pairs(reinterpret_cast<const int8_t*>(filter), pixels);
          outputs_.finish_channels({constants_ + channel, lane_count(), kMaxPixels}, sums_[0], pixels, to, window_.out_c);
        }
        if (keeps_strips_) strip += strip_.words();
      }
    }
  }

 private:
  // The last channels are computed with those before them once more, so that there are four.
  uint32_t first_channel(uint32_t quad) const {
    const uint32_t channel = quad * kLanes;
    if (channel + kLanes <= window_.out_c) return channel;
    return window_.out_c < kLanes ? 0 : window_.out_c - kLanes;
  }
  uint32_t lane_count() const { return window_.out_c < kLanes ? window_.out_c : kLanes; }

  // The input's zero point goes into the bias; padding is filled with it.
  ChannelConstants folded_constants(uint32_t channel) const {
    ChannelConstants result = outputs_.constants(channel);
    const int8_t* tap = filter_ + channel;
    int32_t sum = 0;
    for (uint32_t i = taps_; i != 0; --i, tap += window_.out_c) sum += *tap;
    result.bias = wrap_add(result.bias, wrap_mul(sum, params_.quantization.input_offset));
    return result;
  }

  // Columns of taps, as the strip has them.
  [[gnu::noinline]] void load_filter(uint32_t channel, uint32_t* to) const {
    Lanes lanes = {window_.out_c >= kLanes, false, {}};
    for (uint32_t i = 0; i < lane_count(); ++i) lanes.offset[i] = i;
    const uint32_t tap_row = static_cast<uint32_t>(window_.kernel_w) * window_.out_c;
    const int8_t* from = filter_ + channel;
    for (uint32_t x = 0; x < window_.kernel_w; ++x, from += window_.out_c) {
      to = copy_lanes(from, tap_row, window_.kernel_h, lanes, to, 1);
    }
  }

  void set_row(uint32_t row) {
    const uint32_t batch = row / window_.out_h;
    const uint32_t out_y = row - batch * window_.out_h;
    uint32_t y = out_y * window_.stride_h - window_.pad_top;
    for (uint32_t ky = 0; ky < window_.kernel_h; ++ky, y += window_.dilation_h) {
      row_offsets_[ky] = y < window_.in_h
                             ? static_cast<uint32_t>(input_.row(batch * window_.in_h + y) - input_.base)
                             : kPadding;
    }
    continues_ = keeps_strips_ && out_y != 0 && row == next_row_;
    one_row_ = continues_ && window_.stride_h == 1 && params_.depth_multiplier == 1 && window_.out_c >= kLanes;
    next_row_ = row + 1;
    first_slot_ = continues_ ? (first_slot_ + window_.stride_h) % window_.kernel_h : 0;
  }

  // Which of a strip's columns lie in the input.
  void set_columns(uint32_t first_pixel, uint32_t pixels) {
    const uint32_t left = first_pixel * window_.stride_w;
    const uint32_t step = strip_.column_step;
    const uint32_t before = left < window_.pad_left ? (window_.pad_left - left + step - 1) / step : 0;
    const uint32_t end = (window_.in_w + window_.pad_left - left + step - 1) / step;
    // A row's last strip may be shorter; what lies behind its last column is the sweep's.
    const uint32_t columns = strip_.sweeps ? (pixels - 1) * window_.stride_w + window_.kernel_w : strip_.columns;
    const uint32_t last = end < columns ? end : columns;
    columns_before_ = before < last ? before : last;
    columns_inside_ = last - columns_before_;
    columns_behind_ = columns - last;
    column_offset_ = columns_inside_ == 0 ? 0 : (left + before * step - window_.pad_left) * window_.in_c;
    if (!strip_.sweeps) return;
    sweep_entry_ = depthwise_base::sweep_entry(window_.stride_w, columns);
    uint32_t* strip = inputs_;
    for (uint32_t left_quads = keeps_strips_ ? quads_of(window_) : 1; left_quads != 0; --left_quads) {
      uint32_t* const mark = fill(0, columns - 1, strip + 3, kSweepWords);
      *mark = 0x01010101;
      depthwise_base::set_sweep(mark + 1, &sweep_);
      strip += strip_.words();
    }
  }

  [[gnu::noinline]] void load_strip(uint32_t channel, uint32_t* strip) const {
    const uint32_t zero_point = static_cast<uint8_t>(-params_.quantization.input_offset) * 0x01010101u;
    const uint32_t multiplier = params_.depth_multiplier;
    Lanes lanes = {multiplier == 1 && window_.out_c >= kLanes, false, {}};
    uint32_t from_channel = channel;
    if (!lanes.adjacent) {
      from_channel = channel / multiplier;
      lanes.equal = multiplier % kLanes == 0;
      // The strip of the input channel is there already.
      if (lanes.equal && !keeps_strips_ && from_channel * multiplier != channel) return;
      for (uint32_t i = 0; i < lane_count(); ++i) lanes.offset[i] = (channel + i) / multiplier - from_channel;
    }
    const int8_t* const base = reinterpret_cast<const int8_t*>(input_.base) + column_offset_ + from_channel;
    const uint32_t step = strip_.column_step * window_.in_c;
    const uint32_t inside = columns_inside_;
    const uint32_t words = strip_.column_words;
    const uint32_t kernel_h = window_.kernel_h;
    uint32_t ky = 0;
    uint32_t slot = first_slot_;
    if (continues_) {
      ky = kernel_h - window_.stride_h;
      slot = (slot + ky) % kernel_h;
    }
    for (; ky < kernel_h; ++ky) {
      const uint32_t offset = row_offsets_[ky];
      uint32_t* to = strip + slot;
      if (++slot == kernel_h) slot = 0;
      // The padding beside rows is there already when the strip was kept.
      to = continues_ ? to + columns_before_ * words : fill(zero_point, columns_before_, to, words);
      to = offset == kPadding ? fill(zero_point, inside, to, words)
                              : copy_lanes(base + offset, step, inside, lanes, to, words);
      if (!continues_) (void)fill(zero_point, columns_behind_, to, words);
    }
  }

  // The only row that the strip does not hold yet, which most rows of a stride of 1 are; as load_strip() does.
  [[gnu::noinline]] void load_last_row(uint32_t channel, uint32_t* strip) const {
    const uint32_t offset = row_offsets_[2];
    const uint32_t inside = columns_inside_;
    uint32_t* const to = strip + (first_slot_ == 0 ? 2 : first_slot_ - 1) + columns_before_ * kSweepWords;
    if (offset == kPadding) {
      const uint32_t zero_point = static_cast<uint8_t>(-params_.quantization.input_offset) * 0x01010101u;
      (void)fill(zero_point, inside, to, kSweepWords);
    } else {
      const int8_t* const from = reinterpret_cast<const int8_t*>(input_.base) + column_offset_ + channel + offset;
      (void)copy_lanes(from, window_.in_c, inside, {true, false, {}}, to, kSweepWords);
    }
  }

  // Rows of taps lie in the filter as the rows of the input do in the strip: each begins where the other does.
  void sweep(uint32_t channel, const uint32_t* filter, const uint32_t* strip, uint32_t pixels, int8_t* y) {
    const uint32_t lanes = lane_count();
    uint32_t turned[9];
    if (first_slot_ != 0) {
      const uint32_t slot1 = first_slot_ == 2 ? 0 : 2;
      for (uint32_t* to = turned; to != turned + 9; to += 3, filter += 3) {
        to[first_slot_] = filter[0];
        to[slot1] = filter[1];
        to[3 - first_slot_ - slot1] = filter[2];
      }
      filter = turned;
    }
    sweep_ = {reinterpret_cast<const int8_t*>(filter), reinterpret_cast<const int8_t*>(strip),
              fast_constants_ + channel, y + (pixels - 1) * window_.out_c,
              window_.out_c, pixels, lanes, sweep_entry_};
    depthwise_base::sweep_3x3(&sweep_);
    if (!outputs_.limited()) return;
    for (; pixels != 0; --pixels, y += window_.out_c) outputs_.limit(lanes, y, 1);
  }

  // A last pixel without a partner is computed with the one before it once more, or alone twice.
  void multiply_pairs(const int8_t* filter, uint32_t pixels) const {
    const int8_t* const x = reinterpret_cast<const int8_t*>(inputs_);
    const uint32_t x_step = window_.stride_w * static_cast<uint32_t>(window_.kernel_h) * kLanes;
    for (uint32_t p = 0; p < pixels; p += 2) {
      const uint32_t left = pixels - p == 1 && p != 0 ? p - 1 : p;
      const int8_t* const at = x + left * x_step;
      depthwise_base::multiply_4x2(filter, at, pixels == 1 ? at : at + x_step, taps_,
                   reinterpret_cast<uint32_t(*)[kMaxPixels]>(&sums_[0][left]));
    }
  }

  static constexpr uint32_t kPadding = UINT32_MAX;

  const DepthwiseConv2dParams& params_;
  const Window& window_;
  const Strip strip_;
  const View input_;
  const int8_t* const filter_;
  const BaseOutput outputs_;
  const uint32_t taps_;
  const bool keeps_filters_;
  const bool keeps_strips_;
  // Of all channels; sweeps take FastChannels.
  ChannelConstants* const constants_;
  FastChannel* const fast_constants_;
  uint32_t* const row_offsets_;
  uint32_t* const filters_;
  uint32_t* const inputs_;
  uint32_t (*const sums_)[kMaxPixels];
  uint32_t columns_before_ = 0, columns_inside_ = 0, columns_behind_ = 0;
  uint32_t column_offset_ = 0;  // of the first inside, in bytes
  uint32_t sweep_entry_ = 0;
  Sweep sweep_ = {};
  uint32_t next_row_ = 0;
  uint32_t first_slot_ = 0;  // where the first row of taps lies in a column
  bool continues_ = false;   // the strips hold what the row before had
  bool one_row_ = false;     // load_last_row() is enough
};

}  // namespace

namespace kernels {

Status depthwise_conv_2d_int8_base_run(const void* in, Rows rows, const Io& io, void* scratch) {
  Depthwise depthwise(*static_cast<const DepthwiseConv2dParams*>(in), io, scratch);
  const View output = io.view(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) depthwise.run_row(row, output.row_as<int8_t>(row));
  return Status::kOk;
}

const Variant depthwise_conv_2d_int8_base_variant = {
    depthwise_conv_2d_int8_base, "depthwise_conv_2d_int8_base", "DEPTHWISE_CONV_2D", 4,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "as depthwise_conv_2d_int8",
    false, Overlap::kRows, sizeof(DepthwiseConv2dParams),
    DepthwiseConv2d<Int8Accumulator>::prepare, nullptr, DepthwiseConv2d<Int8Accumulator>::footprint,
    window_input_rows, scratch_bytes, DepthwiseConv2d<Int8Accumulator>::pack, cost};

}  // namespace kernels

}  // namespace microplan
