// SPDX-License-Identifier: Apache-2.0
// Blocks of two channels by two pixels, and of four channels by one: 1.06 and 1.44 instructions per product in the
// inner loops. A sum of at most kInt16MaxProducts has 32 bits, so that SMLAD makes it; longer ones are added
// up in 64 bits.
#include "microplan/kernels/mac_int16_dsp.h"

#if defined(__ARM_FEATURE_DSP) || MICROPLAN_EMULATE_DSP

namespace microplan {
namespace dsp {

namespace {

// All fields are read by assembly: their order matters.
struct Block {
  const int16_t* x;
  const int8_t* filter[4];
  uint32_t groups;  // of four inputs; at least one
  uint32_t back;    // not 0: one group more, for which the filters go back by so many bytes. Written.
  int32_t sum[4];
};

}  // namespace

#if defined(__ARM_FEATURE_DSP)

// r0 inputs, r1-r2 filters, r3 the last group's end, r4-r7 inputs of both pixels, r8-r9 filter, r10-r12 and lr the sums
// of the first channel's two pixels, then of the second's.
__attribute__((naked, noinline)) static void dot_2x2(Block*) {
  asm volatile(
      "push {r0, r4-r11, lr}\n"
      "ldr r3, [r0, #20]\n"
      "ldr r2, [r0, #8]\n"
      "ldr r1, [r0, #4]\n"
      "ldr r0, [r0]\n"
      "add r3, r0, r3, lsl #4\n"
      "mov r10, #0\n"
      "mov r11, #0\n"
      "mov r12, #0\n"
      "mov lr, #0\n"
      "1:\n"
      "ldmia r0!, {r4-r7}\n"
      "ldr r8, [r1], #4\n"
      "sxtb16 r9, r8\n"
      "sxtb16 r8, r8, ror #8\n"
      "smlad r10, r4, r9, r10\n"
      "smlad r11, r6, r9, r11\n"
      "smlad r10, r5, r8, r10\n"
      "smlad r11, r7, r8, r11\n"
      "ldr r8, [r2], #4\n"
      "sxtb16 r9, r8\n"
      "sxtb16 r8, r8, ror #8\n"
      "smlad r12, r4, r9, r12\n"
      "smlad lr, r6, r9, lr\n"
      "smlad r12, r5, r8, r12\n"
      "smlad lr, r7, r8, lr\n"
      "cmp r0, r3\n"
      "bne 1b\n"
      "ldr r4, [sp]\n"
      "ldr r5, [r4, #24]\n"
      "cmp r5, #0\n"
      "beq 2f\n"
      "mov r6, #0\n"
      "str r6, [r4, #24]\n"
      "sub r1, r1, r5\n"
      "sub r2, r2, r5\n"
      "add r3, r3, #16\n"
      "b 1b\n"
      "2:\n"
      "add r4, r4, #28\n"
      "stmia r4, {r10-r12, lr}\n"
      "pop {r0, r4-r11, pc}\n");
}

// r0 inputs, r1-r4 filters, r5 the last group's end, r6-r7 inputs, r8-r9 filter, r10-r12 and lr the sums.
__attribute__((naked, noinline)) static void dot_4x1(Block*) {
  asm volatile(
      "push {r0, r4-r11, lr}\n"
      "ldmia r0, {r0-r5}\n"
      "add r5, r0, r5, lsl #3\n"
      "mov r10, #0\n"
      "mov r11, #0\n"
      "mov r12, #0\n"
      "mov lr, #0\n"
      "1:\n"
      "ldrd r6, r7, [r0], #8\n"
      "ldr r8, [r1], #4\n"
      "sxtb16 r9, r8\n"
      "sxtb16 r8, r8, ror #8\n"
      "smlad r10, r6, r9, r10\n"
      "smlad r10, r7, r8, r10\n"
      "ldr r8, [r2], #4\n"
      "sxtb16 r9, r8\n"
      "sxtb16 r8, r8, ror #8\n"
      "smlad r11, r6, r9, r11\n"
      "smlad r11, r7, r8, r11\n"
      "ldr r8, [r3], #4\n"
      "sxtb16 r9, r8\n"
      "sxtb16 r8, r8, ror #8\n"
      "smlad r12, r6, r9, r12\n"
      "smlad r12, r7, r8, r12\n"
      "ldr r8, [r4], #4\n"
      "sxtb16 r9, r8\n"
      "sxtb16 r8, r8, ror #8\n"
      "smlad lr, r6, r9, lr\n"
      "smlad lr, r7, r8, lr\n"
      "cmp r0, r5\n"
      "bne 1b\n"
      "ldr r6, [sp]\n"
      "ldr r7, [r6, #24]\n"
      "cmp r7, #0\n"
      "beq 2f\n"
      "mov r8, #0\n"
      "str r8, [r6, #24]\n"
      "sub r1, r1, r7\n"
      "sub r2, r2, r7\n"
      "sub r3, r3, r7\n"
      "sub r4, r4, r7\n"
      "add r5, r5, #8\n"
      "b 1b\n"
      "2:\n"
      "add r6, r6, #28\n"
      "stmia r6, {r10-r12, lr}\n"
      "pop {r0, r4-r11, pc}\n");
}

#else

namespace {

void dot(Block* block, uint32_t channels, uint32_t pixels) {
  for (uint32_t i = 0; i < 4; ++i) block->sum[i] = 0;
  const uint32_t groups = block->groups + (block->back != 0 ? 1 : 0);
  for (uint32_t group = 0; group < groups; ++group) {
    const uint32_t back = group == block->groups ? block->back : 0;
    for (uint32_t c = 0; c < channels; ++c) {
      const uint32_t filter = load_word(block->filter[c] + 4 * group - back);
      for (uint32_t p = 0; p < pixels; ++p) {
        const int16_t* const x = block->x + 4 * (group * pixels + p);
        int32_t* const sum = &block->sum[c * pixels + p];
        *sum = smlad(load_word(x), sxtb16(filter), *sum);
        *sum = smlad(load_word(x + 2), sxtb16_ror8(filter), *sum);
      }
    }
  }
}

void dot_2x2(Block* block) { dot(block, 2, 2); }
void dot_4x1(Block* block) { dot(block, 4, 1); }

}  // namespace

#endif

void Int16Pixels::begin(uint32_t pixel, uint32_t pixels) {
  pixels_ = pixels;
  group_ = halves_ + 4 * pixel;
  slot_ = 0;
}

void Int16Pixels::put(int32_t value) {
  const uint32_t half = slot_ == 1 ? 2 : slot_ == 2 ? 1 : slot_;
  group_[half] = static_cast<int16_t>(value);
  if (++slot_ == 4) {
    slot_ = 0;
    group_ += 4 * pixels_;
  }
}

void Int16Pixels::copy(const int16_t* x, uint32_t count) {
  while (slot_ != 0 && count != 0) {
    put(*x++);
    --count;
  }
  int16_t* group = group_;
  const uint32_t step = 4 * pixels_;
  for (; count >= 4; count -= 4) {
    const uint32_t first = load_word(x);
    const uint32_t second = load_word(x + 2);
    store_word(group, pkhbt(first, second));
    store_word(group + 2, pkhtb(second, first));
    x += 4;
    group += step;
  }
  group_ = group;
  for (; count != 0; --count) put(*x++);
}

void Int16Pixels::zeros(uint32_t count) {
  for (; count != 0; --count) put(0);
}

void Int16Pixels::end() {
  const uint32_t rest = slot_;
  if (rest == 0) return;
  zeros(4 - rest);
  int16_t* const group = group_ - 4 * pixels_;
  const int16_t inputs[4] = {group[0], group[2], group[1], 0};
  group_ = group;
  zeros(4 - rest);
  for (uint32_t i = 0; i < rest; ++i) put(inputs[i]);
}

namespace {

template <uint32_t kPixels>
inline void dot(Block* block) {
  if constexpr (kPixels == 2) {
    dot_2x2(block);
  } else {
    dot_4x1(block);
  }
}

// Outputs of `count` channels from `channel` on.
struct Place {
  const Int16Outputs& outputs;
  uint32_t channel, count;
  int16_t* y;
  uint32_t y_pixel;
};

// Filters of more than kInt16MaxProducts.
template <uint32_t kPixels>
[[gnu::noinline]] void finish_long(const Place& place, uint32_t depth, Block* block) {
  uint64_t sums[4] = {0, 0, 0, 0};
  for (uint32_t left = depth / 4; left != 0;) {
    block->groups = left < kInt16MaxProducts / 4 ? left : kInt16MaxProducts / 4;
    left -= block->groups;
    block->back = left == 0 ? (0u - depth) & 3 : 0;
    dot<kPixels>(block);
    for (uint32_t i = 0; i < 4; ++i) sums[i] += static_cast<uint64_t>(static_cast<int64_t>(block->sum[i]));
    block->x += 4 * kPixels * block->groups;
    for (uint32_t c = 0; c < 4 / kPixels; ++c) block->filter[c] += 4 * block->groups;
  }
  for (uint32_t i = 0; i < place.count * kPixels; ++i) {
    place.y[i / kPixels + i % kPixels * place.y_pixel] = place.outputs.finish(place.channel + i / kPixels, sums[i]);
  }
}

// Channels without a rescaling, and the last ones.
template <uint32_t kPixels>
[[gnu::noinline]] void finish_some(const Place& place, const Int16Rescale* by, const int32_t* sum) {
  for (uint32_t i = 0; i < place.count * kPixels; ++i) {
    const uint32_t c = i / kPixels;
    const uint64_t wide = static_cast<uint64_t>(static_cast<int64_t>(sum[i]));
    place.y[c + i % kPixels * place.y_pixel] =
        by != nullptr ? place.outputs.finish(sum[i], by[c]) : place.outputs.finish(place.channel + c, wide);
  }
}

template <uint32_t kPixels>
void multiply_pixels(Place place, const Int16Rescale* rescales, const int16_t* x, uint32_t depth) {
  constexpr uint32_t kChannels = 4 / kPixels;
  const Int16Outputs& outputs = place.outputs;
  const uint32_t end = place.channel + place.count;
  const int8_t* filter = outputs.filter() + place.channel * depth;
  Block block;
  while (place.channel != end) {
    place.count = end - place.channel < kChannels ? end - place.channel : kChannels;
    block.x = x;
    // Channels beyond the last repeat the first, and their sums are not used.
    block.filter[0] = filter;
    block.filter[1] = place.count > 1 ? filter + depth : filter;
    if constexpr (kPixels == 1) {
      block.filter[2] = place.count > 2 ? filter + 2 * depth : filter;
      block.filter[3] = place.count > 3 ? filter + 3 * depth : filter;
    }
    filter += kChannels * depth;
    if (depth > kInt16MaxProducts) {
      finish_long<kPixels>(place, depth, &block);
    } else {
      block.groups = depth / 4;
      block.back = (0u - depth) & 3;
      dot<kPixels>(&block);
      Int16Rescale made[kChannels];
      const Int16Rescale* by = rescales;
      if (by == nullptr && outputs.rescale(place.channel, place.count, made)) by = made;
      if (by != nullptr && place.count == kChannels) {
        int16_t* const y = place.y;
        // Compilers do not unroll a loop here.
        int16_t* const y_last = y + (kPixels - 1) * place.y_pixel;
        y[0] = outputs.finish(block.sum[0], by[0]);
        y_last[2 - kPixels] = outputs.finish(block.sum[1], by[1 / kPixels]);
        y[2 / kPixels] = outputs.finish(block.sum[2], by[2 / kPixels]);
        y_last[4 / kPixels - 1] = outputs.finish(block.sum[3], by[3 / kPixels]);
      } else {
        finish_some<kPixels>(place, by, block.sum);
      }
    }
    place.y += kChannels;
    place.channel += kChannels < place.count ? kChannels : place.count;
    if (rescales != nullptr) rescales += kChannels;
  }
}

}  // namespace

void Int16Pixels::multiply(const Int16Outputs& outputs, const Int16Rescale* rescales, uint32_t channel,
                           uint32_t channels, int16_t* y, uint32_t y_pixel) const {
  const Place place = {outputs, channel, channels, y, y_pixel};
  if (pixels_ == 2) {
    multiply_pixels<2>(place, rescales, halves_, depth_);
  } else {
    multiply_pixels<1>(place, rescales, halves_, depth_);
  }
}

}  // namespace dsp
}  // namespace microplan

#endif
