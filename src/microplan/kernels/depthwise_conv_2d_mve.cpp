// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int8, for Helium: each output is a dot product, too. VST4 interleaves four rows of the input
// into words of one channel, one column and four rows in scratch; a window of a channel is then a few words, which a
// vector gathers. Neighbouring windows share the words. With a depth multiplier an operator is a grouped convolution
// of single channels.
#include "microplan/kernels.h"
#include "microplan/kernels/depthwise_conv_2d.h"
#include "microplan/kernels/mve_conv.h"
#include "microplan/kernels/mve_windows.h"
#include "microplan/kernels/mve_words.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

using Shared = DepthwiseConv2d<Int8Accumulator>;

// Channels that VST4 interleaves at once.
constexpr uint32_t kLanes = 16;
// Scratch for words, unless one pixel needs more.
constexpr uint32_t kWordBytes = 3072;
constexpr uint64_t kMaxWordBytes = 1 << 20;

// How the words of a tile lie: [rows of the output][columns of the input][planes][lanes] of four rows each; for
// kernels of one row, of four taps of the row from the column on.
struct Layout {
  bool one_row;           // the kernel has one row of several taps
  uint32_t planes;        // words of a column: the kernel's rows by fours
  uint32_t words;         // of a window
  uint32_t lanes;         // channels of a tile
  uint32_t column_bytes;
  uint32_t word_step;     // from one word of a window to the next
  uint32_t row_bytes;
  uint32_t pixels, rows;  // of the output in a tile; rows is 1 unless pixels is all of a row
};

uint64_t columns_of(const Window& window, const Layout& layout, uint32_t pixels) {
  const uint64_t taps = layout.one_row ? 4 * (layout.words - 1) : window.kernel_w - 1u;
  return (pixels - 1) * uint64_t{window.stride_w} + taps * window.dilation_w + 1;
}

// False where windows are better copied.
bool layout_of(const Window& window, Layout* result) {
  if (window.in_c != window.out_c) return false;
  const uint32_t taps = uint32_t{window.kernel_h} * window.kernel_w;
  Layout& layout = *result;
  layout.one_row = window.kernel_h == 1 && window.kernel_w > 1;
  layout.planes = (window.kernel_h + 3u) / 4;
  layout.words = layout.one_row ? (window.kernel_w + 3u) / 4 : layout.planes * window.kernel_w;
  // The bound for packed constants: a tenth more than filter and bias, and 12 bytes a channel.
  if (10 * (4 * uint64_t{layout.words}) > 11 * (uint64_t{taps} + 4)) return false;
  if (layout.planes > 1 && window.kernel_w > 1 && window.dilation_w > 1) return false;
  // VST4 always writes 16 lanes, which would reach into the next column's first words.
  layout.lanes = window.out_c < kLanes && layout.planes == 1 ? window.out_c : kLanes;
  layout.column_bytes = layout.planes * layout.lanes * 4;
  const uint64_t word_step = layout.planes > 1 ? layout.lanes * 4
                             : layout.one_row  ? uint64_t{layout.column_bytes} * window.dilation_w * 4
                                               : uint64_t{layout.column_bytes} * window.dilation_w;
  layout.pixels = window.out_w < mve::kTilePixels ? window.out_w : mve::kTilePixels;
  const uint64_t most = kWordBytes / layout.column_bytes;
  const uint64_t first = columns_of(window, layout, 1);
  if (columns_of(window, layout, layout.pixels) > most) {
    layout.pixels = most > first ? static_cast<uint32_t>((most - first) / window.stride_w) + 1 : 1;
  }
  const uint64_t row_bytes = columns_of(window, layout, layout.pixels) * layout.column_bytes;
  if (row_bytes > kMaxWordBytes || word_step > kMaxWordBytes) return false;
  layout.word_step = static_cast<uint32_t>(word_step);
  layout.row_bytes = static_cast<uint32_t>(row_bytes);
  layout.rows = 1;
  if (layout.pixels == window.out_w) {
    layout.rows = mve::kTilePixels / layout.pixels;
    if (layout.rows * layout.row_bytes > kWordBytes) layout.rows = kWordBytes / layout.row_bytes;
    if (layout.rows > window.out_h) layout.rows = window.out_h;
    if (layout.rows == 0) layout.rows = 1;
  }
  return true;
}

// An image of one column is also one row, whose windows share words.
bool is_column(const Window& window) { return window.in_w == 1 && window.out_w == 1 && window.kernel_w == 1; }

void turn_sideways(const Window& window, Window* sideways) {
  Window& result = *sideways;
  result = window;
  result.in_w = window.in_h;
  result.out_w = window.out_h;
  result.kernel_w = window.kernel_h;
  result.stride_w = window.stride_h;
  result.dilation_w = window.dilation_h;
  result.pad_left = window.pad_top;
  result.in_h = result.out_h = result.kernel_h = result.stride_h = result.dilation_h = 1;
  result.pad_top = 0;
}

mve::Windows windows_of(const void* in) { return {static_cast<const DepthwiseConv2dParams*>(in)->window, 1}; }

uint32_t sums_bytes(const Layout& layout) { return mve::sums_bytes(layout.pixels * layout.rows); }

// Behind the words: a vector of the input's zero point, and what the last gathers and stores reach beyond.
uint32_t scratch_of(const Layout& layout) {
  return sums_bytes(layout) + 16 + layout.rows * layout.row_bytes + 3 * layout.word_step + 64;
}

// A turned image, which lies before the scratch of its layout: it would be a tenth of the stack.
struct Turned {
  Window window;
  Layout layout;
};
constexpr uint32_t kTurnedBytes = (sizeof(Turned) + 15) & ~15u;

uint32_t scratch_bytes(const void* in, uint32_t) {
  const Window& window = static_cast<const DepthwiseConv2dParams*>(in)->window;
  Layout layout, row;
  if (!layout_of(window, &layout)) return windows_of(in).scratch_bytes();
  const uint32_t bytes = scratch_of(layout);
  Window sideways;
  turn_sideways(window, &sideways);
  if (!is_column(window) || !layout_of(sideways, &row)) return bytes;
  return scratch_of(row) + kTurnedBytes > bytes ? scratch_of(row) + kTurnedBytes : bytes;
}

bool footprint(const void* in, Footprint* result) {
  if (!Shared::footprint(in, result)) return false;
  const auto& params = *static_cast<const DepthwiseConv2dParams*>(in);
  Layout layout;
  uint32_t bytes;
  if (layout_of(params.window, &layout)) {
    bytes = mve::packed_bytes(1, params.window.out_c, 4 * layout.words);
  } else {
    bytes = windows_of(in).packed_bytes();
  }
  if (bytes > kMaxBytes) return false;
  result->constant_count = 0;
  result->add_constant(bytes, 4);
  return true;
}

// Element k of a channel is row 4 * plane + k % 4 of a column: words go by column, then by plane. Kernels of one row
// or one column are as they are.
uint8_t word_element(const mve::Filters& filters, uint32_t channel, uint32_t k) {
  const Window& window = static_cast<const DepthwiseConv2dParams*>(filters.params)->window;
  const uint32_t planes = (window.kernel_h + 3u) / 4;
  const uint32_t taps = uint32_t{window.kernel_h} * window.kernel_w;
  if (window.kernel_h == 1) return k < taps ? filters.data[k * window.out_c + channel] : uint8_t{0};
  const uint32_t column = k / 4 / planes, row = k / 4 % planes * 4 + k % 4;
  return row < window.kernel_h ? filters.data[(row * window.kernel_w + column) * window.out_c + channel] : uint8_t{0};
}

uint8_t tap_element(const mve::Filters& filters, uint32_t channel, uint32_t k) {
  return filters.data[k * filters.groups * filters.channels_per_group + channel];
}

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const auto& params = *static_cast<const DepthwiseConv2dParams*>(in);
  mve::Filters filters = {};
  filters.data = context.input(kDepthwiseConv2d.filter).data;
  filters.params = in;
  Layout layout;
  if (layout_of(params.window, &layout)) {
    filters.groups = 1;
    filters.channels_per_group = params.window.out_c;
    filters.depth = 4 * layout.words;
    filters.element = word_element;
  } else {
    const mve::Windows windows = windows_of(in);
    filters.groups = windows.groups();
    filters.channels_per_group = windows.channels_per_group();
    filters.depth = windows.depth();
    filters.element = tap_element;
  }
  mve::pack_blocks(ChannelPacker(context, kDepthwiseConv2d, params.quantization), params.quantization, filters, writer);
}

Cost cost(const void* in, const Target&) {
  const auto& params = *static_cast<const DepthwiseConv2dParams*>(in);
  Layout layout;
  if (!layout_of(params.window, &layout)) return windows_of(in).cost();
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  return {outputs * window.kernel_h * window.kernel_w, outputs * (6 + 3 * ((layout.words + 3) / 4)),
          window.out_c * 12u};
}

}  // namespace

namespace kernels {

const Variant depthwise_conv_2d_int8_mve_variant = {
    depthwise_conv_2d_int8_mve, "depthwise_conv_2d_int8_mve", "DEPTHWISE_CONV_2D", 4,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel, any depth multiplier, dilated",
    false, Overlap::kRows, sizeof(DepthwiseConv2dParams),
    Shared::prepare, nullptr, footprint, window_input_rows, scratch_bytes, pack, cost,
    kFeatureMve, true};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE)

namespace microplan {

namespace {

uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

// Makes words from rows of the input.
class WordMaker {
 public:
  WordMaker(const Window& window, const Layout& layout, const View& input, const int8_t* zero)
      : window_(window), layout_(layout), input_(input), zero_(zero) {}

  // The words under output pixels from `column` on in one row, of channels from `channel` on.
  [[gnu::noinline]] void make(uint32_t row, uint32_t column, uint32_t columns, uint32_t channel, uint32_t lanes,
                              int8_t* to) const {
    const uint32_t start = column * window_.stride_w;
    if (layout_.one_row) {
      make_row(row, static_cast<int32_t>(start) - window_.pad_left, columns, channel, lanes, to);
      return;
    }
    const uint32_t left = start < window_.pad_left ? smaller(window_.pad_left - start, columns) : 0;
    const uint32_t x = start + left - window_.pad_left;
    const uint32_t inside = x < window_.in_w ? smaller(window_.in_w - x, columns - left) : 0;
    const uint32_t column_bytes = layout_.column_bytes;
    const bool sides = channel == 0;  // those of the first channels serve all
    if (sides && left != 0) mve::fill(to, *zero_, left * column_bytes);
    if (inside != 0) make_inside(row, x, inside, channel, lanes, to + left * column_bytes);
    const uint32_t right = columns - left - inside;
    if (sides && right != 0) mve::fill(to + (left + inside) * column_bytes, *zero_, right * column_bytes);
  }

 private:
  void make_inside(uint32_t row, uint32_t x, uint32_t columns, uint32_t channel, uint32_t lanes, int8_t* to) const {
    const uint32_t batch = row / window_.out_h;
    // Wraps for rows above the input, as for those below.
    uint32_t y = (row - batch * window_.out_h) * window_.stride_h - window_.pad_top;
    // When all channels go together, the columns of a row are one run.
    const bool run = layout_.planes == 1 && window_.in_c == layout_.lanes;
    const uint32_t elements = columns * window_.in_c;
    mve::Interleave rows;
    rows.to_step = run ? 4 * kLanes : layout_.column_bytes;
    for (uint32_t plane = 0; plane < layout_.planes; ++plane) {
      for (uint32_t i = 0; i < 4; ++i, y += window_.dilation_h) {
        const bool inside = y < window_.in_h && 4 * plane + i < window_.kernel_h;
        rows.row[i] = inside ? input_.row_as<int8_t>(batch * window_.in_h + y) + x * window_.in_c + channel : zero_;
        rows.row_step[i] = inside ? (run ? kLanes : window_.in_c) : 0;
      }
      rows.to = to + plane * layout_.lanes * 4;
      rows.count = run ? elements / kLanes : columns;
      rows.lanes = run ? kLanes : lanes;
      if (rows.count != 0) mve::interleave(&rows);
      if (!run || elements % kLanes == 0) continue;
      for (uint32_t i = 0; i < 4; ++i) rows.row[i] += rows.count * rows.row_step[i];
      rows.to += rows.count * rows.to_step;
      rows.count = 1;
      rows.lanes = elements % kLanes;
      mve::interleave(&rows);
    }
  }

  // Words of four taps of a row.
  void make_row(uint32_t row, int32_t x, uint32_t columns, uint32_t channel, uint32_t lanes, int8_t* to) const {
    const uint32_t batch = row / window_.out_h;
    const uint32_t y = batch * window_.in_h + (row - batch * window_.out_h) * window_.stride_h;
    const int8_t* const line = input_.row_as<int8_t>(y) + channel;
    const int32_t width = window_.in_w, dilation = window_.dilation_w;
    mve::Interleave taps;
    taps.to = to;
    taps.to_step = layout_.column_bytes;
    taps.lanes = lanes;
    for (; columns != 0; columns -= taps.count) {
      // Words with all taps inside go together.
      const int32_t inside = x >= 0 ? width - 3 * dilation - x : 0;
      taps.count = inside > 1 ? smaller(static_cast<uint32_t>(inside), columns) : 1;
      for (int32_t i = 0; i < 4; ++i) {
        const int32_t at = x + i * dilation;
        const bool valid = at >= 0 && at < width;
        taps.row[i] = valid ? line + at * window_.in_c : zero_;
        taps.row_step[i] = valid ? window_.in_c : 0u;
      }
      mve::interleave(&taps);
      taps.to += taps.count * taps.to_step;
      x += static_cast<int32_t>(taps.count);
    }
  }

  const Window& window_;
  const Layout& layout_;
  const View& input_;
  const int8_t* const zero_;
};

// Pixels of the output from a column on, in one row or several, and the words under them.
struct Area {
  int8_t* y;  // the first channel of the first pixel
  uint32_t pixels, rows;
  const int8_t* words;
};

// `lanes` channels of an area, from their blocks on; returns the next block.
[[gnu::noinline]] const uint8_t* run_lanes(const Window& window, const ChannelQuantization& quantization,
                                           const Layout& layout, const Area& area, const uint8_t* block, uint32_t lanes,
                                           int32_t* sums) {
  const uint32_t depth = 4 * layout.words;
  const bool few = layout.words <= 4;
  const auto sum = few ? mve::sum_few_words : mve::sum_many_words;
  const mve::Finish finish = mve::finish_of(quantization);
  mve::WordSums at;
  for (uint32_t i = 0; i < 4; ++i) {
    at.address[i] = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(area.words)) + i * layout.word_step;
  }
  at.x_step = window.stride_w * layout.column_bytes;
  at.sums = sums;
  at.pixels = area.pixels;
  at.row_step = layout.row_bytes - area.pixels * at.x_step;
  at.rows = area.rows;
  at.chunks = few ? 0 : depth / mve::kChunk;
  at.filter_bytes = few ? depth : depth % mve::kChunk;
  at.chunk_step = 4 * layout.word_step;
  mve::Tile tile = {nullptr, 0, area.y, window.out_c, area.pixels * area.rows};
  while (lanes != 0) {
    const uint32_t count = lanes >= mve::kBlock ? mve::kBlock : 1;
    const int32_t* const constants = reinterpret_cast<const int32_t*>(block);
    at.bias = constants + mve::bias_at(count);
    if (count == mve::kBlock) {
      sum(&at);
      finish.block(tile, quantization, constants, sums);
    } else {
      mve::sum_channel(at);
      finish.channel(tile, quantization, constants, sums);
    }
    block += mve::block_bytes(count, depth);
    for (uint32_t& address : at.address) address += 4 * count;
    tile.y += count;
    lanes -= count;
  }
  return block;
}

// What the pixels of an image are made from.
struct Part {
  const Window& window;
  const Layout& layout;
  const View& input;
  const View& output;
};

// Pixels of the output rows [row, row + rows), from `first` to `last`. Several rows lie one after the other, and have
// no more pixels than a tile.
[[gnu::noinline]] void run_area(const Part& part, const ChannelQuantization& quantization, uint32_t row, uint32_t rows,
                                Rows pixels, const uint8_t* blocks, void* scratch) {
  const Window& window = part.window;
  const Layout& layout = part.layout;
  int32_t* const sums = static_cast<int32_t*>(scratch);
  int8_t* const zero = static_cast<int8_t*>(scratch) + sums_bytes(layout);
  int8_t* const words = zero + 16;
  mve::fill(zero, -quantization.input_offset, 16);
  const WordMaker maker(window, layout, part.input, zero);
  Area area;
  area.rows = rows;
  area.words = words;
  for (uint32_t column = pixels.first; column < pixels.last; column += area.pixels) {
    area.pixels = smaller(layout.pixels, pixels.last - column);
    area.y = part.output.row_as<int8_t>(row) + column * window.out_c;
    const uint32_t columns = static_cast<uint32_t>(columns_of(window, layout, area.pixels));
    const uint8_t* block = blocks;
    for (uint32_t channel = 0; channel < window.out_c; channel += layout.lanes) {
      const uint32_t lanes = smaller(layout.lanes, window.out_c - channel);
      for (uint32_t i = 0; i < rows; ++i) {
        maker.make(row + i, column, columns, channel, lanes, words + i * layout.row_bytes);
      }
      block = run_lanes(window, quantization, layout, area, block, lanes, sums);
      area.y += lanes;
    }
  }
}

// The functions that follow compute output rows from rows.first on and return how many; 0: none, it cannot be done
// this way. They are out of line, so that no frame holds what another needs.

// An image of one column, as far as the rows and the input under them lie in one piece.
[[gnu::noinline]] uint32_t run_sideways(const DepthwiseConv2dParams& params, Rows rows, const Io& io, void* scratch) {
  const Window& upright = params.window;
  View input = io.view(0), output = io.view(1);
  Turned& turned = *static_cast<Turned*>(scratch);
  // Channels that come later read the input again, so an output that lies over it must not run ahead by rows. The
  // filters are packed as words where there is an upright layout.
  if (!is_column(upright) || !mve::disjoint(input, output) || !layout_of(upright, &turned.layout)) return 0;
  const uint32_t batch = rows.first / upright.out_h, first = rows.first - batch * upright.out_h;
  uint32_t count = smaller(rows.last - rows.first, upright.out_h - first);
  count = smaller(count, mve::rows_together(output, rows.first, upright.out_c));
  const Rows read = window_input_rows(&params, 0, Rows{rows.first, rows.first + count});
  if (mve::rows_together(input, read.first, upright.in_c) < read.last - read.first) return 0;
  turn_sideways(upright, &turned.window);
  if (!layout_of(turned.window, &turned.layout)) return 0;
  // Taps behind what the last pixel needs have no filter; they are not read.
  const uint32_t image = batch * upright.in_h;
  turned.window.in_w = static_cast<uint16_t>(read.last - image);
  input = {input.row(read.first) - (read.first - image) * upright.in_c, 0, 1};
  output = {output.row(rows.first) - first * upright.out_c, 0, 1};
  run_area({turned.window, turned.layout, input, output}, params.quantization, 0, 1, Rows{first, first + count},
           io.constant<uint8_t>(0), static_cast<uint8_t*>(scratch) + kTurnedBytes);
  return count;
}

[[gnu::noinline]] uint32_t run_upright(const DepthwiseConv2dParams& params, Rows rows, const Io& io, void* scratch) {
  const Window& window = params.window;
  const View input = io.view(0), output = io.view(1);
  Layout layout;
  if (!layout_of(window, &layout)) return 0;
  // As above.
  const uint32_t most = mve::disjoint(input, output) ? layout.rows : 1;
  const uint32_t together = mve::rows_together(output, rows.first, uint32_t{window.out_w} * window.out_c);
  const uint32_t count = smaller(smaller(most, rows.last - rows.first), together);
  run_area({window, layout, input, output}, params.quantization, rows.first, count, Rows{0, window.out_w},
           io.constant<uint8_t>(0), scratch);
  return count;
}

[[gnu::noinline]] uint32_t run_copied(const DepthwiseConv2dParams& params, Rows rows, const Io& io, void* scratch) {
  mve::convolve(windows_of(&params), params.quantization, rows, io, scratch);
  return rows.last - rows.first;
}

}  // namespace

namespace kernels {

Status depthwise_conv_2d_int8_mve_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const auto& params = *static_cast<const DepthwiseConv2dParams*>(in);
  while (rows.first < rows.last) {
    uint32_t count = run_sideways(params, rows, io, scratch);
    if (count == 0) count = run_upright(params, rows, io, scratch);
    if (count == 0) count = run_copied(params, rows, io, scratch);
    rows.first += count;
  }
  return Status::kOk;
}

}  // namespace kernels

}  // namespace microplan

#endif
