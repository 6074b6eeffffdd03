// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/mve_windows.h"

#include "microplan/kernels/mve.h"
#include "microplan/kernels/mve_conv.h"

namespace microplan {
namespace mve {

namespace {

// Scratch for the windows of a tile, unless two of them need more.
constexpr uint32_t kCopyBytes = 2048;

}  // namespace

bool Windows::in_place() const {
  const uint32_t end = (window_.out_w - 1u) * window_.stride_w + window_.kernel_w;
  return window_.kernel_h == 1 &&
         (window_.kernel_w == 1 || (window_.dilation_w == 1 && filter_c_ == window_.in_c && window_.pad_left == 0 &&
                                    end <= window_.in_w));
}

uint32_t Windows::tile_pixels() const {
  uint32_t pixels = in_place() ? kTilePixels : kCopyBytes / copy_step();
  if (pixels > kTilePixels) pixels = kTilePixels;
  const uint32_t all = uint32_t{window_.out_h} * window_.out_w;
  if (pixels > all) pixels = all;
  return pixels < 2 ? 2 : pixels & ~1u;
}

uint32_t Windows::scratch_bytes() const {
  return sums_bytes(tile_pixels()) + (in_place() ? 0 : tile_pixels() * copy_step());
}

uint32_t Windows::packed_bytes() const { return mve::packed_bytes(groups(), channels_per_group(), depth()); }

Cost Windows::cost() const {
  const uint64_t pixels = uint64_t{window_.batches} * window_.out_h * window_.out_w;
  const uint64_t outputs = pixels * window_.out_c;
  // For 8 outputs 16 instructions for each 16 products, and 40 for the rest; a window is copied in vectors.
  const uint32_t chunks = (depth() + 15) / 16;
  const uint64_t products = outputs * (2 * chunks + 5);
  const uint64_t copies =
      in_place() ? 0 : pixels * groups() * (40 + window_.kernel_h * (15 + uint64_t{window_.kernel_w} * filter_c_ / 5));
  return {outputs * depth(), products + copies, window_.out_c * 12u};
}

}  // namespace mve
}  // namespace microplan

#if defined(__ARM_FEATURE_MVE)

namespace microplan {
namespace mve {

void fill(int8_t* to, int32_t value, uint32_t count) {
  asm volatile(
      "  vdup.8 q0, %1\n"
      "  wlstp.8 lr, %2, 2f\n"
      "1:\n"
      "  vstrb.8 q0, [%0], #16\n"
      "  letp lr, 1b\n"
      "2:\n"
      : "+r"(to)
      : "r"(value), "r"(count)
      : "q0", "lr", "memory");
}

uint32_t rows_together(const View& view, uint32_t row, uint32_t row_bytes) {
  return view.row_stride == row_bytes ? view.ring_rows - row % view.ring_rows : 1;
}

bool disjoint(const View& a, const View& b) {
  return a.base + a.ring_rows * a.row_stride <= b.base || b.base + b.ring_rows * b.row_stride <= a.base;
}

namespace {

void copy(int8_t* to, const int8_t* from, uint32_t count) {
  asm volatile(
      "  wlstp.8 lr, %2, 2f\n"
      "1:\n"
      "  vldrb.8 q0, [%1], #16\n"
      "  vstrb.8 q0, [%0], #16\n"
      "  letp lr, 1b\n"
      "2:\n"
      : "+r"(to), "+r"(from)
      : "r"(count)
      : "q0", "lr", "memory");
}

// Copies windows, one pixel after the other.
class Copier {
 public:
  Copier(const Windows& windows, const View& input, int32_t zero_point)
      : windows_(windows), window_(windows.window()), at_(window_, input, 1), zero_point_(zero_point) {
    extent_ = (window_.kernel_w - 1u) * window_.dilation_w;
    x_step_ = uint32_t{window_.dilation_w} * window_.in_c;
    adjacent_ = x_step_ == windows.filter_c();
  }

  // Begins at a pixel.
  void seek(uint32_t row, uint32_t column) {
    row_ = row;
    column_ = column;
    at_.set_row(row);
    inside_ = false;
  }

  // The next `pixels` windows, of the channels from `channel` on.
  void copy_windows(uint32_t pixels, uint32_t channel, int8_t* to) {
    for (; pixels != 0; --pixels) {
      if (column_ == window_.out_w) seek(row_ + 1, 0);
      const uint32_t start = column_ * window_.stride_w;
      const bool inside = start >= window_.pad_left && start + extent_ < uint32_t{window_.in_w} + window_.pad_left;
      if (inside && inside_) {
        x_ += uint32_t{window_.stride_w} * window_.in_c;
      } else {
        at_.set_column(column_);
        x_ = static_cast<const int8_t*>(at_.x);
      }
      inside_ = inside;
      copy_window(x_ + channel, to);
      to += windows_.copy_step();
      ++column_;
    }
  }

 private:
  void copy_window(const int8_t* x, int8_t* to) {
    const uint32_t filter_c = windows_.filter_c();
    if (at_.taps_h * at_.taps_w != uint32_t{window_.kernel_h} * window_.kernel_w) {
      fill(to, zero_point_, windows_.depth());
      if (at_.taps_w == 0) return;
    }
    to += at_.first_tap * filter_c;
    const uint32_t length = (adjacent_ ? at_.taps_w : 1) * filter_c;
    for (uint32_t left = at_.taps_h; left != 0;) {
      copy(to, x, length);
      if (!adjacent_) {
        for (uint32_t tap = 1; tap < at_.taps_w; ++tap) copy(to + tap * filter_c, x + tap * x_step_, filter_c);
      }
      if (--left == 0) break;
      x = at_.below(x);
      to += window_.kernel_w * filter_c;
    }
  }

  const Windows& windows_;
  const Window& window_;
  WindowPosition at_;
  const int32_t zero_point_;
  uint32_t extent_, x_step_;
  uint32_t row_, column_;
  const int8_t* x_;
  bool adjacent_;  // taps side by side are one run
  bool inside_;    // the last window did not reach over the sides
};

uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

// Output rows from `row` on, up to `most`, whose pixels can be taken as those of one long row. A window that is not copied
// is read for each block of channels, so an output that lies over the input must not run ahead.
uint32_t rows_at_once(const Windows& windows, const View& input, const View& output, uint32_t row, uint32_t most) {
  const Window& window = windows.window();
  const uint32_t rows = smaller(most, rows_together(output, row, uint32_t{window.out_w} * window.out_c));
  if (!windows.in_place()) return windows.groups() == 1 ? rows : 1;
  const bool one_image = windows.pointwise() && window.stride_h == 1 && window.stride_w == 1;
  if (!one_image || !disjoint(input, output)) return 1;
  return smaller(rows, rows_together(input, row, uint32_t{window.in_w} * window.in_c));
}

}  // namespace

void convolve(const Windows& windows, const ChannelQuantization& quantization, Rows rows, const Io& io, void* scratch) {
  const Window& window = windows.window();
  const View input = io.view(0), output = io.view(1);
  const uint32_t tile_pixels = windows.tile_pixels();
  const uint32_t depth = windows.depth(), groups = windows.groups(), channels = windows.channels_per_group();
  const bool in_place = windows.in_place();
  int32_t* const sums = static_cast<int32_t*>(scratch);
  int8_t* const copies = static_cast<int8_t*>(scratch) + sums_bytes(tile_pixels);
  Copier copier(windows, input, -quantization.input_offset);
  Tile tile;
  tile.x_step = in_place ? uint32_t{window.stride_w} * window.in_c : windows.copy_step();
  tile.y_step = window.out_c;
  for (uint32_t row = rows.first; row < rows.last;) {
    const uint32_t together = rows_at_once(windows, input, output, row, rows.last - row);
    const uint32_t batch = row / window.out_h;
    const uint32_t in_row = batch * window.in_h + (row - batch * window.out_h) * window.stride_h;
    const int8_t* const x = in_place ? input.row_as<int8_t>(in_row) : copies;
    int8_t* const y = output.row_as<int8_t>(row);
    const uint32_t pixels = together * window.out_w;
    for (uint32_t pixel = 0; pixel < pixels; pixel += tile.pixels) {
      tile.pixels = smaller(tile_pixels, pixels - pixel);
      tile.x = in_place ? x + pixel * tile.x_step : copies;
      tile.y = y + pixel * window.out_c;
      const uint8_t* block = io.constant<uint8_t>(0);
      for (uint32_t group = 0; group < groups; ++group) {
        if (!in_place) {
          // Several groups go row by row.
          if (pixel == 0 || group != 0 || groups != 1) copier.seek(row, pixel);
          copier.copy_windows(tile.pixels, group * windows.filter_c(), copies);
        }
        block = run_tile(tile, quantization, block, channels, depth, sums);
        if (in_place) tile.x += windows.filter_c();
        tile.y += channels;
      }
    }
    row += together;
  }
}

}  // namespace mve
}  // namespace microplan

#endif
