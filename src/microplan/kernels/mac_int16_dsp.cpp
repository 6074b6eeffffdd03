// SPDX-License-Identifier: Apache-2.0
// Blocks of two channels by two pixels, and of four channels by one: 1.06 and 1.44 instructions per product in the inner
// loops. A sum of at most kInt16MaxProducts has 32 bits, so that SMLAD makes it; longer ones are added up in 64 bits.
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

Int16Outputs::Int16Outputs(const Int16Quantization& params, const Io& io, uint32_t depth)
    : params_(params),
      general_(params, io, Batch{1, 1, 1}, nullptr),
      bias_(io.constant<uint8_t>(1)),
      requantize_(io.constant<Requantize>(2)),
      depth_(depth) {}

bool Int16Outputs::rescale(uint32_t channel, Int16Rescale* result) const {
  if (depth_ > kInt16MaxProducts || params_.bias_bytes != sizeof(int64_t)) return false;
  const int64_t bias = bias_ == nullptr ? 0 : reinterpret_cast<const int64_t*>(bias_)[channel];
  const int32_t limit = INT32_MAX - static_cast<int32_t>(depth_ << 22);
  const Requantize by = requantize_[channel * params_.per_channel];
  if (bias > limit || bias < -limit || by.shift > -1 || by.shift < -17) return false;
  result->bias = static_cast<int32_t>(bias);
  const int32_t reduced = by.multiplier < 0x7fff0000 ? (by.multiplier + (1 << 15)) >> 16 : 0x7fff;
  result->multiplier = shift_left(reduced, 17 + by.shift);
  return true;
}

bool Int16Outputs::rescale_all(uint32_t channels, Int16Rescale* results) const {
  for (uint32_t c = 0; c < channels; ++c) {
    if (!rescale(c, &results[c])) return false;
  }
  return true;
}

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

void Int16Pixels::multiply(const Int16Outputs& outputs, const Int16Rescale* rescales, uint32_t channel,
                           uint32_t channels, int16_t* y, uint32_t y_pixel) const {
  const uint32_t pixels = pixels_;
  const uint32_t block_channels = pixels == 2 ? 2 : 4;
  const uint32_t back = (0u - depth_) & 3;
  const int8_t* filter = outputs.filter() + channel * depth_;
  Block block;
  while (channels != 0) {
    const uint32_t count = channels < block_channels ? channels : block_channels;
    // Channels beyond the last repeat it, and their sums are not used.
    const int8_t* from = filter;
    for (uint32_t c = 0; c < block_channels; ++c) {
      block.filter[c] = from;
      if (c + 1 < count) from += depth_;
    }
    filter = from + depth_;
    block.x = halves_;
    if (depth_ <= kInt16MaxProducts) {
      block.groups = depth_ / 4;
      block.back = back;
      pixels == 2 ? dot_2x2(&block) : dot_4x1(&block);
      const int32_t* sum = block.sum;
      for (uint32_t c = channel; c < channel + count; ++c) {
        Int16Rescale by;
        const bool fast = rescales != nullptr || outputs.rescale(c, &by);
        if (rescales != nullptr) by = rescales[c];
        int16_t* y_channel = y++;
        for (uint32_t p = 0; p < pixels; ++p) {
          const int32_t value = *sum++;
          *y_channel = fast ? outputs.finish(value, by)
                            : outputs.finish(c, static_cast<uint64_t>(static_cast<int64_t>(value)));
          y_channel += y_pixel;
        }
      }
    } else {
      uint64_t sums[4] = {0, 0, 0, 0};
      for (uint32_t left = depth_ / 4; left != 0;) {
        block.groups = left < kInt16MaxProducts / 4 ? left : kInt16MaxProducts / 4;
        left -= block.groups;
        block.back = left == 0 ? back : 0;
        pixels == 2 ? dot_2x2(&block) : dot_4x1(&block);
        for (uint32_t i = 0; i < 4; ++i) sums[i] += static_cast<uint64_t>(static_cast<int64_t>(block.sum[i]));
        block.x += 4 * pixels * block.groups;
        for (const int8_t*& taps : block.filter) taps += 4 * block.groups;
      }
      for (uint32_t i = 0; i < count * pixels; ++i) {
        const uint32_t c = pixels == 2 ? i / 2 : i;
        y[c + (i & (pixels - 1)) * y_pixel] = outputs.finish(channel + c, sums[i]);
      }
      y += count;
    }
    channel += count;
    channels -= count;
  }
}

}  // namespace dsp
}  // namespace microplan

#endif
