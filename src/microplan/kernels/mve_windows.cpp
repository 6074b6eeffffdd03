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
      in_place() ? 0 : pixels * groups() * (20 + window_.kernel_h * (8 + uint64_t{window_.kernel_w} * filter_c_ / 5));
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

[[gnu::naked, gnu::noinline]] void copy_runs(const CopyRuns*) {
  asm volatile(
      ".syntax unified\n"
      "  push {r4-r11, lr}\n"
      "  mov r9, r0\n"
      "  ldrd r0, r1, [r9]\n"
      "  ldrd r5, r6, [r9, #8]\n"
      "  ldrd r7, r8, [r9, #16]\n"
      "0:\n"
      "  mov r10, r0\n"
      "  mov r11, r1\n"
      "  ldr r2, [r9, #24]\n"
      "1:\n"
      "  mov r3, r10\n"
      "  mov r4, r11\n"
      "  wlstp.8 lr, r5, 3f\n"
      "2:\n"
      "  vldrb.8 q0, [r3], #16\n"
      "  vstrb.8 q0, [r4], #16\n"
      "  letp lr, 2b\n"
      "3:\n"
      "  add r10, r6\n"
      "  add r11, r7\n"
      "  subs r2, #1\n"
      "  bne 1b\n"
      "  ldrd r3, r4, [r9, #28]\n"
      "  add r0, r3\n"
      "  add r1, r4\n"
      "  ldrd r3, r4, [r9, #36]\n"
      "  cmp r0, r3\n"
      "  it hs\n"
      "  subhs r0, r4\n"
      "  subs r8, #1\n"
      "  bne 0b\n"
      "  pop {r4-r11, pc}\n");
}

namespace {

uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

// Copies windows, one pixel after the other.
class Copier {
 public:
  Copier(const Windows& windows, const View& input, int32_t zero_point)
      : windows_(windows), window_(windows.window()), at_(window_, input, 1), zero_point_(zero_point) {
    const uint32_t extent = (window_.kernel_w - 1u) * window_.dilation_w;
    const uint32_t width = uint32_t{window_.in_w} + window_.pad_left;
    first_inside_ = (window_.pad_left + window_.stride_w - 1u) / window_.stride_w;
    end_inside_ = extent < width ? (width - extent - 1) / window_.stride_w + 1 : 0;
    x_step_ = uint32_t{window_.dilation_w} * window_.in_c;
    runs_.x_pixel = uint32_t{window_.stride_w} * window_.in_c;
    runs_.to_pixel = windows.copy_step();
    runs_.x_row = window_.dilation_h * input.row_stride;
    runs_.to_row = window_.kernel_w * windows.filter_c();
    runs_.ring_bytes = input.ring_rows * input.row_stride;
    runs_.ring_end = input.base + runs_.ring_bytes;
  }

  // Begins at a pixel.
  void seek(uint32_t row, uint32_t column) {
    row_ = row;
    column_ = column;
    at_.set_row(row);
  }

  // The next `pixels` windows, of the channels from `channel` on.
  [[gnu::noinline]] void copy_windows(uint32_t pixels, uint32_t channel, int8_t* to) {
    while (pixels != 0) {
      if (column_ == window_.out_w) seek(row_ + 1, 0);
      // Windows that reach over neither side go together.
      uint32_t together = 1;
      if (column_ >= first_inside_ && column_ < end_inside_) {
        together = smaller(pixels, smaller(end_inside_, window_.out_w) - column_);
      }
      at_.set_column(column_);
      copy_together(together, channel, to);
      to += together * windows_.copy_step();
      column_ += together;
      pixels -= together;
    }
  }

 private:
  void copy_together(uint32_t pixels, uint32_t channel, int8_t* to) {
    const uint32_t filter_c = windows_.filter_c();
    if (at_.taps_h * at_.taps_w != uint32_t{window_.kernel_h} * window_.kernel_w) {
      fill(to, zero_point_, pixels * windows_.copy_step());
      if (at_.taps_h * at_.taps_w == 0) return;
    }
    // Taps side by side are one run.
    const bool adjacent = x_step_ == filter_c;
    runs_.x = static_cast<const int8_t*>(at_.x) + channel;
    runs_.to = to + at_.first_tap * filter_c;
    runs_.length = (adjacent ? at_.taps_w : 1) * filter_c;
    runs_.rows = at_.taps_h;
    runs_.pixels = pixels;
    for (uint32_t left = adjacent ? 1 : at_.taps_w;;) {
      copy_runs(&runs_);
      if (--left == 0) break;
      runs_.x += x_step_;
      runs_.to += filter_c;
    }
  }

  const Windows& windows_;
  const Window& window_;
  WindowPosition at_;
  const int32_t zero_point_;
  uint32_t first_inside_, end_inside_;  // columns of windows that reach over neither side
  uint32_t x_step_;
  uint32_t row_, column_;
  CopyRuns runs_;
};

// Output rows from `row` on, up to `most`, whose pixels can be taken as those of one long row. A window that is not
// copied is read for each block of channels, so an output that lies over the input must not run ahead.
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
