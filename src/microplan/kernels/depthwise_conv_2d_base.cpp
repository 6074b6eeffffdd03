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
  if (strip.pixels > window.out_w) strip.pixels = window.out_w;
  strip.columns = (strip.pixels - 1) * window.stride_w + window.kernel_w;
  return strip;
}

uint32_t taps_of(const Window& window) { return static_cast<uint32_t>(window.kernel_h) * window.kernel_w; }

// Scratch: constants of all channels, the filter of kLanes channels, the strip.
uint32_t scratch_bytes(const void* in, uint32_t) {
  const Window& window = static_cast<const DepthwiseConv2dParams*>(in)->window;
  return window.out_c * static_cast<uint32_t>(sizeof(ChannelConstants)) +
         (taps_of(window) + strip_of(window).columns * window.kernel_h) * kLanes;
}

Cost cost(const void* in, const Target&) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  const Strip strip = strip_of(window);
  const uint64_t outputs = window_outputs(window);
  const uint64_t macs = outputs * taps_of(window);
  const uint64_t strips = outputs / window.out_w * ((window.out_w + strip.pixels - 1) / strip.pixels);
  return {macs, macs * 3 + outputs * 20 + strips * (10 + 2 * (strip.columns * window.kernel_h + taps_of(window))),
          constant_bytes(params.quantization, window.out_c)};
}

// Where the four channels from `first` on come from.
struct Lanes {
  uint32_t first;
  uint32_t input;              // input channel of the first
  bool adjacent;               // the input channels lie side by side
  uint32_t offset[kLanes];     // else: input channel of each, from `input`
};

inline uint32_t load_lanes(const int8_t* from, const Lanes& lanes) {
  uint32_t word;
  if (lanes.adjacent) {
    memcpy(&word, from, sizeof word);
    return word;
  }
  word = 0;
  for (uint32_t i = kLanes; i-- != 0;) word = word << 8 | static_cast<uint8_t>(from[lanes.offset[i]]);
  return word;
}

// to[i * to_step] = the lanes at from[i * from_step].
[[gnu::noinline]] void copy_lanes(const int8_t* from, uint32_t from_step, uint32_t count, const Lanes& lanes,
                                  uint32_t* to, uint32_t to_step) {
  for (; count != 0; --count) {
    *to = load_lanes(from, lanes);
    from += from_step;
    to += to_step;
  }
}

void fill(uint32_t word, uint32_t count, uint32_t* to, uint32_t to_step) {
  for (; count != 0; --count, to += to_step) *to = word;
}

template <typename T>
inline void keep(T& value) {
  asm volatile("" : "+r"(value));
}

inline void add_product(uint32_t& sum, int32_t x, int32_t filter) {
  sum += static_cast<uint32_t>(x * filter);
  keep(sum);
}

// The sums of kLanes channels of two pixels.
[[gnu::noinline]] void multiply_4x2(const int8_t* filter, const int8_t* x, const int8_t* y, uint32_t taps,
                                    uint32_t* sums) {
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
  sums[0] = x0;
  sums[1] = x1;
  sums[2] = x2;
  sums[3] = x3;
  sums[4] = y0;
  sums[5] = y1;
  sums[6] = y2;
  sums[7] = y3;
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
        constants_(static_cast<ChannelConstants*>(scratch)),
        lane_filter_(reinterpret_cast<uint32_t*>(constants_ + window_.out_c)),
        inputs_(lane_filter_ + taps_of(window_)) {
    for (uint32_t c = 0; c < window_.out_c; ++c) constants_[c] = folded_constants(c);
  }

  void run_row(uint32_t row, int8_t* y) {
    const uint32_t multiplier = params_.depth_multiplier;
    for (uint32_t c = 0; c < window_.out_c; c += kLanes) {
      // What is left of the channels is computed with those before it once more.
      Lanes lanes = {c, 0, false, {}};
      const bool few = window_.out_c < kLanes;
      if (few) lanes.first = 0;
      if (!few && c + kLanes > window_.out_c) lanes.first = window_.out_c - kLanes;
      lanes.input = lanes.first / multiplier;
      lanes.adjacent = multiplier == 1 && !few;
      for (uint32_t i = 0; i < kLanes && lanes.first + i < window_.out_c; ++i) {
        lanes.offset[i] = (lanes.first + i) / multiplier - lanes.input;
      }
      const uint32_t count = few ? window_.out_c : kLanes;
      load_filter(lanes, count);
      for (uint32_t first = 0; first < window_.out_w; first += strip_.pixels) {
        const uint32_t pixels = window_.out_w - first < strip_.pixels ? window_.out_w - first : strip_.pixels;
        load_strip(row, first, lanes);
        multiply(lanes.first, count, pixels, y + first * window_.out_c + lanes.first);
      }
    }
  }

 private:
  // The input's zero point goes into the bias; padding is filled with it.
  ChannelConstants folded_constants(uint32_t channel) const {
    ChannelConstants result = outputs_.constants(channel);
    const int8_t* tap = filter_ + channel;
    int32_t sum = 0;
    for (uint32_t i = taps_of(window_); i != 0; --i, tap += window_.out_c) sum += *tap;
    result.bias = wrap_add(result.bias, wrap_mul(sum, params_.quantization.input_offset));
    return result;
  }

  // Columns of taps, as the strip has them.
  void load_filter(const Lanes& lanes, uint32_t count) {
    Lanes filter_lanes = {0, 0, count == kLanes, {}};
    for (uint32_t i = 0; i < count; ++i) filter_lanes.offset[i] = i;
    const int8_t* from = filter_ + lanes.first;
    const uint32_t tap_row = static_cast<uint32_t>(window_.kernel_w) * window_.out_c;
    uint32_t* to = lane_filter_;
    for (uint32_t x = 0; x < window_.kernel_w; ++x) {
      copy_lanes(from, tap_row, window_.kernel_h, filter_lanes, to, 1);
      from += window_.out_c;
      to += window_.kernel_h;
    }
  }

  void load_strip(uint32_t row, uint32_t first_pixel, const Lanes& lanes) {
    const uint32_t zero_point = static_cast<uint8_t>(-params_.quantization.input_offset) * 0x01010101u;
    const uint32_t kernel_h = window_.kernel_h;
    const uint32_t batch = row / window_.out_h;
    const uint32_t top = (row - batch * window_.out_h) * window_.stride_h;
    const uint32_t left = first_pixel * window_.stride_w;
    const uint32_t step = strip_.column_step;
    const uint32_t before = left < window_.pad_left ? (window_.pad_left - left + step - 1) / step : 0;
    const uint32_t end = (window_.in_w + window_.pad_left - left + step - 1) / step;
    const uint32_t last = end < strip_.columns ? end : strip_.columns;
    const uint32_t skipped = before < last ? before : last;
    const uint32_t column = left + before * step - window_.pad_left;
    for (uint32_t ky = 0; ky < kernel_h; ++ky) {
      uint32_t* const to = inputs_ + ky;
      const uint32_t y = top + ky * window_.dilation_h - window_.pad_top;
      if (y >= window_.in_h) {
        fill(zero_point, strip_.columns, to, kernel_h);
        continue;
      }
      const int8_t* const from = input_.row_as<const int8_t>(batch * window_.in_h + y) + lanes.input;
      fill(zero_point, skipped, to, kernel_h);
      copy_lanes(from + column * window_.in_c, step * window_.in_c, last - skipped, lanes, to + skipped * kernel_h,
                 kernel_h);
      fill(zero_point, strip_.columns - last, to + last * kernel_h, kernel_h);
    }
  }

  void multiply(uint32_t channel, uint32_t count, uint32_t pixels, int8_t* y) const {
    const int8_t* const filter = reinterpret_cast<const int8_t*>(lane_filter_);
    const int8_t* const x = reinterpret_cast<const int8_t*>(inputs_);
    const uint32_t x_step = window_.stride_w * static_cast<uint32_t>(window_.kernel_h) * kLanes;
    for (uint32_t p = 0; p < pixels; p += 2) {
      const uint32_t first = pixels - p == 1 && p != 0 ? p - 1 : p;
      const uint32_t second = pixels == 1 ? first : first + 1;
      uint32_t sums[2 * kLanes];
      multiply_4x2(filter, x + first * x_step, x + second * x_step, taps_of(window_), sums);
      for (uint32_t i = 0; i < count; ++i) {
        y[first * window_.out_c + i] = outputs_.finish(constants_[channel + i], sums[i]);
        y[second * window_.out_c + i] = outputs_.finish(constants_[channel + i], sums[kLanes + i]);
      }
    }
  }

  const DepthwiseConv2dParams& params_;
  const Window& window_;
  const Strip strip_;
  const View input_;
  const int8_t* const filter_;
  const BaseOutput outputs_;
  ChannelConstants* const constants_;
  uint32_t* const lane_filter_;
  uint32_t* const inputs_;
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
