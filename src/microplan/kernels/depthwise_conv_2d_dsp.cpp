// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int8, with the DSP extension: depthwise_conv_2d_dsp.h says how.
#include "microplan/kernels/depthwise_conv_2d_dsp.h"

#include "microplan/kernels.h"
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

}  // namespace

DepthwiseDspShape::DepthwiseDspShape(const DepthwiseConv2dParams& params) {
  const Window& window = params.window;
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
  const uint32_t tiles = (window.out_w + tile - 1) / tile;
  tile = round_up((window.out_w + tiles - 1) / tiles);
  const uint64_t columns = uint64_t{tile} + beyond;
  phase_words = static_cast<uint32_t>(columns);
  scratch_bytes = columns <= UINT16_MAX ? columns * step_bytes + 4 * quads : UINT64_MAX;
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

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  const DepthwiseDspShape shape(params);
  if (!writer.begin(window.out_c * shape.record_bytes())) return;
  const ChannelPacker packer(context, kDepthwiseConv2d, params.quantization);
  const uint8_t* const filter = context.input(kDepthwiseConv2d.filter).data;
  for (uint32_t c = 0; c < window.out_c; ++c) {
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
    const ChannelConstants constants = packer.channel(c);
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
  const uint64_t blocks = (window.out_w + kBlock - 1u) / kBlock;
  const uint64_t tiles = (window.out_w + shape.tile - 1) / shape.tile;
  const uint64_t macs = outputs * window.kernel_h * window.kernel_w;
  const uint64_t widened = rows * tiles * window.in_c * (shape.channel_words() * 5 + shape.planes * shape.phases * 60);
  const uint64_t instructions = widened + rows * window.out_c * (30 + blocks * (20 + 18 * shape.quads)) + outputs * 9;
  const uint32_t model = window.out_c * (window.kernel_h * window.kernel_w + 4u);
  const uint32_t packed = window.out_c * shape.record_bytes();
  return {macs, instructions, packed > model ? packed - model : 0};
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
        words_(offsets_ + shape_.quads),
        padding_(static_cast<uint32_t>(-params.quantization.input_offset & 0xff) * 0x01010101u) {
    fill_offsets();
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

 private:
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
  for (uint32_t row = rows.first; row < rows.last; ++row) depthwise.row(row, output.row_as<int8_t>(row));
  return Status::kOk;
}

const Variant depthwise_conv_2d_int8_dsp_variant = {
    depthwise_conv_2d_int8_dsp, "depthwise_conv_2d_int8_dsp", "DEPTHWISE_CONV_2D", 4,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel, any depth multiplier, dilated",
    false, Overlap::kRows, sizeof(DepthwiseConv2dParams),
    Shared::prepare, supports, footprint, window_input_rows, scratch_bytes, pack, cost,
    kFeatureDsp, true};

}  // namespace kernels

}  // namespace microplan
