// SPDX-License-Identifier: Apache-2.0
// Blocks of two channels by four pixels, and of four channels by one.
#include "microplan/kernels/mac_int16_base.h"

#include "microplan/kernels/mac_base.h"

namespace microplan {

namespace {

constexpr uint32_t kPixels = BaseInt16Pixels::kBlockPixels;
constexpr uint32_t kSums = 8;

// Products that are added up in 32 bits at a time: whole rounds of the loops.
constexpr uint32_t kMostProducts = kInt16MaxProducts & ~7u;

// sums[4 * c + p] is that of channel c and pixel p.
struct Pair {
  const int8_t* filter[2];
  const int16_t* x;
  uint32_t entry;        // where the loop begins
  const int16_t* x_end;  // not x
  uint32_t sums[kSums];
};

#if defined(__thumb2__)

// The loop is entered where the depth leaves a multiple of the 8 steps in it, each of 56 bytes; the lowest bit is that
// of Thumb.
uint32_t pair_entry(uint32_t depth) { return (0u - depth) % 8 * 56 + 1; }

// r0, r1: filters, r2: x, r4-r7 and r8-r11: sums
[[gnu::naked, gnu::noinline]] void sum_pair(Pair*) {
  asm(".syntax unified\n"
      "  push {r0, r4-r11, lr}\n"
      "  ldm r0, {r0-r3}\n"
      "  adr r12, 2f\n"
      "  add r3, r3, r12\n"
      "  mov r4, #0\n"
      "  mov r5, r4\n"
      "  mov r6, r4\n"
      "  mov r7, r4\n"
      "  mov r8, r4\n"
      "  mov r9, r4\n"
      "  mov r10, r4\n"
      "  mov r11, r4\n"
      "  bx r3\n"
      "  .balign 4\n"
      "2:\n"
      "  .rept 8\n"
      "  ldrsb r3, [r0], #1\n"
      "  ldrsb r12, [r1], #1\n"
      "  ldrsh lr, [r2], #2\n"
      "  mla r4, lr, r3, r4\n"
      "  mla r8, lr, r12, r8\n"
      "  ldrsh lr, [r2], #2\n"
      "  mla r5, lr, r3, r5\n"
      "  mla r9, lr, r12, r9\n"
      "  ldrsh lr, [r2], #2\n"
      "  mla r6, lr, r3, r6\n"
      "  mla r10, lr, r12, r10\n"
      "  ldrsh lr, [r2], #2\n"
      "  mla r7, lr, r3, r7\n"
      "  mla r11, lr, r12, r11\n"
      "  .endr\n"
      "  ldr r3, [sp]\n"
      "  ldr r12, [r3, #16]\n"
      "  cmp r2, r12\n"
      "  bne 2b\n"
      "  add r3, r3, #20\n"
      "  stm r3, {r4-r11}\n"
      "  pop {r0, r4-r11, pc}\n"
      :
      :
      : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

#else

uint32_t pair_entry(uint32_t) { return 0; }

[[gnu::noinline]] void sum_pair(Pair* pair) {
  const int8_t* filter = pair->filter[0];
  const int8_t* filter1 = pair->filter[1];
  const int16_t* x = pair->x;
  const int16_t* const end = pair->x_end;
  uint32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
  do {
    const int32_t a = *filter++;
    const int32_t b = *filter1++;
    add_product(a0, x[0], a);
    add_product(b0, x[0], b);
    add_product(a1, x[1], a);
    add_product(b1, x[1], b);
    add_product(a2, x[2], a);
    add_product(b2, x[2], b);
    add_product(a3, x[3], a);
    add_product(b3, x[3], b);
    x += kPixels;
  } while (x != end);
  const uint32_t sums[kSums] = {a0, a1, a2, a3, b0, b1, b2, b3};
  for (uint32_t i = 0; i < kSums; ++i) pair->sums[i] = sums[i];
}

#endif

// sums[c] = sum over k of filter[c][first + k] * x[k], for four channels.
[[gnu::noinline]] void sum_quad(const int8_t* const* filters, const int16_t* x, uint32_t count, uint32_t first,
                                uint32_t* sums) {
  const int8_t* filter0 = filters[0] + first;
  const int8_t* filter1 = filters[1] + first;
  const int8_t* filter2 = filters[2] + first;
  const int8_t* filter3 = filters[3] + first;
  uint32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
  const auto step = [&](uint32_t k) {
    const int32_t value = x[k];
    add_product(sum0, value, filter0[k]);
    add_product(sum1, value, filter1[k]);
    add_product(sum2, value, filter2[k]);
    add_product(sum3, value, filter3[k]);
  };
  const auto advance = [&](uint32_t steps) {
    x += steps;
    filter0 += steps;
    filter1 += steps;
    filter2 += steps;
    filter3 += steps;
  };
  const int16_t* end = x + (count & 7);
  while (x != end) {
    step(0);
    advance(1);
  }
  end += count & ~7u;
  while (x != end) {
    step(0);
    step(1);
    step(2);
    step(3);
    step(4);
    step(5);
    step(6);
    step(7);
    advance(8);
  }
  sums[0] = sum0;
  sums[1] = sum1;
  sums[2] = sum2;
  sums[3] = sum3;
}

uint64_t widened(uint32_t sum) { return static_cast<uint64_t>(int64_t{static_cast<int32_t>(sum)}); }

// Some channels of one pixel, or of kPixels.
struct Block {
  const Int16Outputs& outputs;
  const Int16Rescale* rescales;
  uint32_t channel, count;
  uint32_t pixels;
  int16_t* y;
  uint32_t y_pixel;

  int16_t& output(uint32_t i) const { return y[i / pixels + i % pixels * y_pixel]; }

  // Outputs from sums[c * pixels + p], whose products are all.
  [[gnu::noinline]] void finish(const uint32_t* sums) const {
    if (rescales == nullptr) {
      for (uint32_t i = 0; i < count * pixels; ++i) output(i) = outputs.finish(channel + i / pixels, widened(sums[i]));
      return;
    }
    int16_t* to = y;
    for (uint32_t c = 0; c < count; ++c) {
      const Int16Rescale by = rescales[c];
      int16_t* at = to++;
      for (uint32_t p = pixels; p != 0; --p) {
        *at = outputs.finish(static_cast<int32_t>(*sums++), by);
        at += y_pixel;
      }
    }
  }
  void finish(const uint64_t* sums) const {
    for (uint32_t i = 0; i < count * pixels; ++i) output(i) = outputs.finish(channel + i / pixels, sums[i]);
  }
};

// The inputs and filters of a block; sums[c * pixels + p].
struct Products {
  const int8_t* filter[4];
  const int16_t* x;
  uint32_t pixels;
  Pair pair;

  // Of products [first, first + count).
  [[gnu::noinline]] const uint32_t* sum(uint32_t first, uint32_t count) {
    if (pixels == 1) {
      sum_quad(filter, x + first, count, first, pair.sums);
      return pair.sums;
    }
    for (uint32_t c = 0; c < 2; ++c) pair.filter[c] = filter[c] + first;
    pair.x = x + kPixels * first;
    pair.entry = pair_entry(count);
    pair.x_end = pair.x + kPixels * count;
    sum_pair(&pair);
    return pair.sums;
  }
};

// More products than 32 bits hold.
[[gnu::noinline]] void run_long(const Block& block, uint32_t depth, Products* products) {
  uint64_t totals[kSums] = {};
  for (uint32_t first = 0; first < depth; first += kMostProducts) {
    const uint32_t* const sums =
        products->sum(first, depth - first < kMostProducts ? depth - first : kMostProducts);
    for (uint32_t i = 0; i < block.count * block.pixels; ++i) totals[i] += widened(sums[i]);
  }
  block.finish(totals);
}

}  // namespace

[[gnu::noinline]] void BaseInt16Pixels::copy(const int16_t* x, uint32_t count) {
  const uint32_t step = pixels_;
  int16_t* to = to_;
  const int16_t* end = x + (count & 3);
  for (; x != end; to += step) *to = *x++;
  end += count & ~3u;
  while (x != end) {
    const int16_t x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3];
    x += 4;
    *to = x0;
    to += step;
    *to = x1;
    to += step;
    *to = x2;
    to += step;
    *to = x3;
    to += step;
  }
  to_ = to;
}

[[gnu::noinline]] void BaseInt16Pixels::zeros(uint32_t count) {
  for (; count != 0; --count, to_ += pixels_) *to_ = 0;
}

void BaseInt16Pixels::multiply(const Int16Outputs& outputs, const Int16Rescale* rescales, uint32_t channel,
                               uint32_t channels, int16_t* y, uint32_t y_pixel) const {
  const uint32_t depth = depth_;
  const uint32_t step = pixels_ == 1 ? 4 : 2;
  const int8_t* filter = outputs.filter() + channel * depth;
  Products products;
  products.x = x_;
  products.pixels = pixels_;
  for (uint32_t c = 0; c < channels; c += step, filter += step * depth) {
    const uint32_t count = channels - c < step ? channels - c : step;
    const Int16Rescale* const by = rescales == nullptr ? nullptr : rescales + c;
    const Block block = {outputs, by, channel + c, count, pixels_, y + c, y_pixel};
    // Channels beyond the last repeat the first, and their sums are not used.
    for (uint32_t i = 0; i < step; ++i) products.filter[i] = i < count ? filter + i * depth : filter;
    if (depth <= kMostProducts) {
      block.finish(products.sum(0, depth));
    } else {
      run_long(block, depth, &products);
    }
  }
}

}  // namespace microplan
