// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int16 with int8 filters, for cores without SIMD.
#include "microplan/kernels/depthwise_int16.h"
#include "microplan/kernels/mac_base.h"

namespace microplan {

namespace {

// The sums of four channels.
[[gnu::noinline]] void sum_channels(const Int16DepthwisePixel& pixel, uint32_t* sums) {
  uint32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
  const int8_t* filter = pixel.filter;
  const uint32_t x_step = pixel.x_step / sizeof(int16_t), filter_step = pixel.filter_step;
  for (const int16_t* const* row = pixel.rows; row != pixel.rows_end;) {
    const int16_t* x = *row++ + pixel.x_offset / sizeof(int16_t);
    uint32_t taps = pixel.taps_w;
    do {
      add_product(sum0, x[0], filter[0]);
      add_product(sum1, x[1], filter[1]);
      add_product(sum2, x[2], filter[2]);
      add_product(sum3, x[3], filter[3]);
      x += x_step;
      filter += filter_step;
    } while (--taps != 0);
    filter += pixel.filter_row;
  }
  sums[0] = sum0;
  sums[1] = sum1;
  sums[2] = sum2;
  sums[3] = sum3;
}

void run_pixel(Int16DepthwisePixel* pixel) {
  const int32_t low = dsp::low_half(pixel->act_min), high = dsp::low_half(pixel->act_max);
  const Int16Rescale* rescale = pixel->rescales;
  int16_t* y = pixel->y;
  for (uint32_t block = pixel->blocks; block != 0; --block) {
    uint32_t sums[4];
    sum_channels(*pixel, sums);
    for (const uint32_t sum : sums) {
      *y++ = static_cast<int16_t>(clamp((rescale++)->apply(static_cast<int32_t>(sum)), low, high));
    }
    pixel->filter += 4;
    pixel->x_offset += 4 * static_cast<uint32_t>(sizeof(int16_t));
  }
}

}  // namespace

namespace kernels {

using Depthwise = DepthwiseInt16<run_pixel>;

Status depthwise_conv_2d_int16_base_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return Depthwise::run(in, rows, io, scratch);
}

const Variant depthwise_conv_2d_int16_base_variant = Depthwise::variant(
    depthwise_conv_2d_int16_base, "depthwise_conv_2d_int16_base", Depthwise::cost<18, 90>, 0);

}  // namespace kernels

}  // namespace microplan
