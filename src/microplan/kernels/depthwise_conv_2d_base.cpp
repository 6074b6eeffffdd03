// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int8, for cores without SIMD: four channels at a time, of a strip of input that lies in scratch with its
// padding, so that what one output is made of lies side by side.
#include <string.h>

#include "microplan/kernels.h"
#include "microplan/kernels/depthwise_conv_2d.h"
#include "microplan/kernels/mac_base.h"

namespace microplan {

namespace {

// Channels that go together.
constexpr uint32_t kLanes = 4;
// A strip takes no more bytes than that unless one pixel needs them.
constexpr uint32_t kStripBytes = 1024;
constexpr uint32_t kMaxPixels = 32;
constexpr uint32_t kFilterBytes = 2560;

// Input columns side by side in a strip. Taps that dilation separates are taken out one by one, for one pixel at a time.
struct Strip {
  uint32_t pixels;       // outputs made of one strip
  uint32_t columns;
  uint32_t column_step;  // input columns from one to the next
};

Strip strip_of(const Window& window) {
  Strip strip = {1, window.kernel_w, window.dilation_w};
  const uint32_t column_bytes = window.kernel_h * kLanes;
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

// Scratch: constants of all channels, offsets of the window's rows, rearranged filters, a strip, the sums of its pixels.
uint32_t scratch_bytes(const void* in, uint32_t) {
  const Window& window = static_cast<const DepthwiseConv2dParams*>(in)->window;
  return window.out_c * static_cast<uint32_t>(sizeof(ChannelConstants)) +
         (window.kernel_h + filter_words(window) + strip_of(window).columns * window.kernel_h +
          kLanes * kMaxPixels) * static_cast<uint32_t>(sizeof(uint32_t));
}

Cost cost(const void* in, const Target&) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  const Strip strip = strip_of(window);
  // Lanes without a channel take as long as the others.
  const uint64_t lanes = (window.out_c + kLanes - 1) / kLanes * kLanes;
  const uint64_t rows = uint64_t{window.batches} * window.out_h * lanes;
  const uint64_t outputs = rows * window.out_w;
  const uint64_t strips = rows * ((window.out_w + strip.pixels - 1) / strip.pixels);
  // Inputs of four lanes that are neither neighbours nor the same are loaded one by one.
  const uint32_t load = params.depth_multiplier == 1 || params.depth_multiplier % kLanes == 0 ? 2 : 8;
  return {window_outputs(window) * taps_of(window),
          outputs * (3 * taps_of(window) + 20) +
              strips * (10 + load * strip.columns * window.kernel_h + 2 * taps_of(window)),
          constant_bytes(params.quantization, window.out_c)};
}

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

#if defined(__thumb2__)

// sums[c][0] and sums[c][1]: the taps of channel c by those at x and at y.
[[gnu::naked, gnu::noinline]] void multiply_4x2(const int8_t*, const int8_t*, const int8_t*, uint32_t,
                                                uint32_t (*)[kMaxPixels]) {
  asm(".syntax unified\n"
      // r0: filter, r1 and r2: x and y, r3: the filter's end, r4-r7 and r8-r11: sums. Even numbers of taps begin at 1.
      "  push {r4-r11, lr}\n"
      "  lsls r12, r3, #31\n"
      "  add r3, r0, r3, lsl #2\n"
      "  mov r4, #0\n"
      "  mov r5, #0\n"
      "  mov r6, #0\n"
      "  mov r7, #0\n"
      "  mov r8, #0\n"
      "  mov r9, #0\n"
      "  mov r10, #0\n"
      "  mov r11, #0\n"
      "  bne 2f\n"
      "1:\n"
      "  ldrsb r12, [r0, #1]\n"
      "  ldrsb lr, [r1, #1]\n"
      "  mla r5, lr, r12, r5\n"
      "  ldrsb lr, [r2, #1]\n"
      "  mla r9, lr, r12, r9\n"
      "  ldrsb r12, [r0, #2]\n"
      "  ldrsb lr, [r1, #2]\n"
      "  mla r6, lr, r12, r6\n"
      "  ldrsb lr, [r2, #2]\n"
      "  mla r10, lr, r12, r10\n"
      "  ldrsb r12, [r0, #3]\n"
      "  ldrsb lr, [r1, #3]\n"
      "  mla r7, lr, r12, r7\n"
      "  ldrsb lr, [r2, #3]\n"
      "  mla r11, lr, r12, r11\n"
      "  ldrsb r12, [r0], #4\n"
      "  ldrsb lr, [r1], #4\n"
      "  mla r4, lr, r12, r4\n"
      "  ldrsb lr, [r2], #4\n"
      "  mla r8, lr, r12, r8\n"
      "2:\n"
      "  ldrsb r12, [r0, #1]\n"
      "  ldrsb lr, [r1, #1]\n"
      "  mla r5, lr, r12, r5\n"
      "  ldrsb lr, [r2, #1]\n"
      "  mla r9, lr, r12, r9\n"
      "  ldrsb r12, [r0, #2]\n"
      "  ldrsb lr, [r1, #2]\n"
      "  mla r6, lr, r12, r6\n"
      "  ldrsb lr, [r2, #2]\n"
      "  mla r10, lr, r12, r10\n"
      "  ldrsb r12, [r0, #3]\n"
      "  ldrsb lr, [r1, #3]\n"
      "  mla r7, lr, r12, r7\n"
      "  ldrsb lr, [r2, #3]\n"
      "  mla r11, lr, r12, r11\n"
      "  ldrsb r12, [r0], #4\n"
      "  ldrsb lr, [r1], #4\n"
      "  mla r4, lr, r12, r4\n"
      "  ldrsb lr, [r2], #4\n"
      "  mla r8, lr, r12, r8\n"
      "  cmp r0, r3\n"
      "  bne 1b\n"
      "  ldr r12, [sp, #36]\n"
      "  strd r4, r8, [r12]\n"
      "  strd r5, r9, [r12, #128]\n"
      "  strd r6, r10, [r12, #256]\n"
      "  strd r7, r11, [r12, #384]\n"
      "  pop {r4-r11, pc}\n"
      :
      :
      : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

#else

// sums[c][0] and sums[c][1]: the taps of channel c by those at x and at y.
[[gnu::noinline]] void multiply_4x2(const int8_t* filter, const int8_t* x, const int8_t* y, uint32_t taps,
                                    uint32_t (*sums)[kMaxPixels]) {
  uint32_t x0 = 0, x1 = 0, x2 = 0, x3 = 0, y0 = 0, y1 = 0, y2 = 0, y3 = 0;
  for (const int8_t* const end = filter + taps * kLanes; filter != end; filter += kLanes) {
    int32_t f = filter[0];
    add_product(x0, x[0], f);
    add_product(y0, y[0], f);
    f = filter[1];
    add_product(x1, x[1], f);
    add_product(y1, y[1], f);
    f = filter[2];
    add_product(x2, x[2], f);
    add_product(y2, y[2], f);
    f = filter[3];
    add_product(x3, x[3], f);
    add_product(y3, y[3], f);
    x += kLanes;
    y += kLanes;
  }
  sums[0][0] = x0;
  sums[0][1] = y0;
  sums[1][0] = x1;
  sums[1][1] = y1;
  sums[2][0] = x2;
  sums[2][1] = y2;
  sums[3][0] = x3;
  sums[3][1] = y3;
}

#endif

// Three taps of a kernel row, side by side.
struct Taps3 {
  int32_t tap[3];
};

template <int32_t kTap>
inline void add_tap(uint32_t& sum, int32_t x, const Taps3& taps) {
  if constexpr (kTap >= 0 && kTap < 3) add_product(sum, x, taps.tap[kTap]);
}

// The columns from kColumn on of one row of a strip for 3 x 3 taps, added to the sums of kPixels pixels.
template <int32_t kStride, int32_t kPixels, int32_t kColumn>
inline void add_columns(const int8_t* x, const Taps3& taps, uint32_t (&sums)[4]) {
  const int32_t value = x[kColumn * 3 * static_cast<int32_t>(kLanes)];
  add_tap<kColumn>(sums[0], value, taps);
  if constexpr (kPixels > 1) {
    add_tap<kColumn - kStride>(sums[1], value, taps);
    add_tap<kColumn - 2 * kStride>(sums[2], value, taps);
    add_tap<kColumn - 3 * kStride>(sums[3], value, taps);
  }
  if constexpr (kColumn < (kPixels - 1) * kStride + 2) add_columns<kStride, kPixels, kColumn + 1>(x, taps, sums);
}

template <int32_t kStride, int32_t kPixels>
inline void add_row(const int8_t* filter, const int8_t* x, uint32_t (&sums)[4]) {
  const Taps3 taps = {{filter[0], filter[3 * kLanes], filter[6 * kLanes]}};
  add_columns<kStride, kPixels, 0>(x, taps, sums);
}

// The sums of `lanes` channels and kPixels * `blocks` pixels, 1 or 4 in a block, for 3 x 3 taps.
template <int32_t kStride, int32_t kPixels>
[[gnu::noinline]] void multiply_3x3(const int8_t* filter, const int8_t* x, uint32_t lanes, uint32_t blocks,
                                    uint32_t* to) {
  for (; lanes != 0; --lanes) {
    const int8_t* at = x++;
    uint32_t* sum = to;
    for (uint32_t left = blocks; left != 0; --left) {
      uint32_t sums[4] = {};
      add_row<kStride, kPixels>(filter, at, sums);
      add_row<kStride, kPixels>(filter + kLanes, at + kLanes, sums);
      add_row<kStride, kPixels>(filter + 2 * kLanes, at + 2 * kLanes, sums);
      sum[0] = sums[0];
      if constexpr (kPixels > 1) {
        sum[1] = sums[1];
        sum[2] = sums[2];
        sum[3] = sums[3];
      }
      sum += kPixels;
      at += kPixels * kStride * 3 * kLanes;
    }
    ++filter;
    to += kMaxPixels;
  }
}

class Depthwise {
 public:
  Depthwise(const DepthwiseConv2dParams& params, const Io& io, void* scratch)
      : params_(params),
        window_(params.window),
        strip_(strip_of(window_)),
        input_(io.view(0)),
        filter_(io.constant<int8_t>(0)),
        outputs_(params.quantization, io),
        taps_(taps_of(window_)),
        keeps_filters_(filter_words(window_) != taps_),
        constants_(static_cast<ChannelConstants*>(scratch)),
        row_offsets_(reinterpret_cast<uint32_t*>(constants_ + window_.out_c)),
        filters_(row_offsets_ + window_.kernel_h),
        inputs_(filters_ + filter_words(window_)),
        sums_(reinterpret_cast<uint32_t(*)[kMaxPixels]>(inputs_ + strip_.columns * window_.kernel_h)) {
    for (uint32_t c = 0; c < window_.out_c; ++c) constants_[c] = folded_constants(c);
    for (uint32_t quad = 0; keeps_filters_ && quad < quads_of(window_); ++quad) {
      load_filter(first_channel(quad), filters_ + quad * taps_);
    }
  }

  void run_row(uint32_t row, int8_t* y) {
    set_row(row);
    const uint32_t quads = quads_of(window_);
    for (uint32_t first = 0; first < window_.out_w; first += strip_.pixels) {
      set_columns(first);
      const uint32_t pixels = window_.out_w - first < strip_.pixels ? window_.out_w - first : strip_.pixels;
      for (uint32_t quad = 0; quad < quads; ++quad) {
        const uint32_t channel = first_channel(quad);
        uint32_t* const filter = keeps_filters_ ? filters_ + quad * taps_ : filters_;
        if (!keeps_filters_) load_filter(channel, filter);
        load_strip(channel);
        multiply(channel, reinterpret_cast<const int8_t*>(filter), pixels, y + first * window_.out_c + channel);
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
    uint32_t y = (row - batch * window_.out_h) * window_.stride_h - window_.pad_top;
    for (uint32_t ky = 0; ky < window_.kernel_h; ++ky, y += window_.dilation_h) {
      row_offsets_[ky] = y < window_.in_h
                             ? static_cast<uint32_t>(input_.row(batch * window_.in_h + y) - input_.base)
                             : kPadding;
    }
  }

  // Which of a strip's columns lie in the input.
  void set_columns(uint32_t first_pixel) {
    const uint32_t left = first_pixel * window_.stride_w;
    const uint32_t step = strip_.column_step;
    const uint32_t before = left < window_.pad_left ? (window_.pad_left - left + step - 1) / step : 0;
    const uint32_t end = (window_.in_w + window_.pad_left - left + step - 1) / step;
    const uint32_t last = end < strip_.columns ? end : strip_.columns;
    columns_before_ = before < last ? before : last;
    columns_inside_ = last - columns_before_;
    columns_behind_ = strip_.columns - last;
    column_offset_ = columns_inside_ == 0 ? 0 : (left + before * step - window_.pad_left) * window_.in_c;
  }

  [[gnu::noinline]] void load_strip(uint32_t channel) const {
    const uint32_t zero_point = static_cast<uint8_t>(-params_.quantization.input_offset) * 0x01010101u;
    const uint32_t kernel_h = window_.kernel_h;
    const uint32_t multiplier = params_.depth_multiplier;
    Lanes lanes = {multiplier == 1 && window_.out_c >= kLanes, false, {}};
    uint32_t from_channel = channel;
    if (!lanes.adjacent) {
      from_channel = channel / multiplier;
      lanes.equal = multiplier % kLanes == 0;
      // The strip of the input channel is there already.
      if (lanes.equal && from_channel * multiplier != channel) return;
      for (uint32_t i = 0; i < lane_count(); ++i) lanes.offset[i] = (channel + i) / multiplier - from_channel;
    }
    const int8_t* const base = reinterpret_cast<const int8_t*>(input_.base) + column_offset_ + from_channel;
    const uint32_t step = strip_.column_step * window_.in_c;
    const uint32_t before = columns_before_, inside = columns_inside_, behind = columns_behind_;
    const uint32_t* offset = row_offsets_;
    uint32_t* first = inputs_;
    for (const uint32_t* const end = offset + kernel_h; offset != end; ++offset, ++first) {
      const bool padding = *offset == kPadding;
      uint32_t* to = fill(zero_point, padding ? before + inside : before, first, kernel_h);
      if (!padding) to = copy_lanes(base + *offset, step, inside, lanes, to, kernel_h);
      (void)fill(zero_point, behind, to, kernel_h);
    }
  }

  [[gnu::noinline]] void multiply(uint32_t channel, const int8_t* filter, uint32_t pixels, int8_t* y) const {
    const uint32_t lanes = lane_count();
    const uint32_t stride = window_.stride_w;
    if (window_.kernel_h == 3 && window_.kernel_w == 3 && strip_.column_step == 1 && stride <= 2) {
      // A last block may have one pixel more than there are; what lies behind the strip belongs to the scratch as well.
      const uint32_t blocks = (pixels + 1) / 4;
      const int8_t* const x = reinterpret_cast<const int8_t*>(inputs_);
      if (blocks != 0) {
        (stride == 1 ? multiply_3x3<1, 4> : multiply_3x3<2, 4>)(filter, x, lanes, blocks, sums_[0]);
      }
      const uint32_t done = 4 * blocks;
      if (done < pixels) {
        const auto single = stride == 1 ? multiply_3x3<1, 1> : multiply_3x3<2, 1>;
        single(filter, x + done * stride * 3 * kLanes, lanes, pixels - done, sums_[0] + done);
      }
    } else {
      multiply_pairs(filter, pixels);
    }
    outputs_.finish_channels({constants_ + channel, lanes, kMaxPixels}, sums_[0], pixels, y, window_.out_c);
  }

  // A last pixel without a partner is computed with the one before it once more, or alone twice.
  void multiply_pairs(const int8_t* filter, uint32_t pixels) const {
    const int8_t* const x = reinterpret_cast<const int8_t*>(inputs_);
    const uint32_t x_step = window_.stride_w * static_cast<uint32_t>(window_.kernel_h) * kLanes;
    for (uint32_t p = 0; p < pixels; p += 2) {
      const uint32_t left = pixels - p == 1 && p != 0 ? p - 1 : p;
      const int8_t* const at = x + left * x_step;
      multiply_4x2(filter, at, pixels == 1 ? at : at + x_step, taps_,
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
  ChannelConstants* const constants_;
  uint32_t* const row_offsets_;
  uint32_t* const filters_;
  uint32_t* const inputs_;
  uint32_t (*const sums_)[kMaxPixels];
  uint32_t columns_before_ = 0, columns_inside_ = 0, columns_behind_ = 0;
  uint32_t column_offset_ = 0;  // of the first inside, in bytes
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
