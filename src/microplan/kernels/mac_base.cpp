// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/mac_base.h"

namespace microplan {

namespace {

#if defined(__thumb2__)

constexpr uint32_t kChannels = 4;

// sums[c] += sum over k of filter[c * filter_stride + k] * x[k], for kChannels channels. The loop is entered where the count
// leaves a multiple of the steps in it; every instruction of a step has 4 bytes. The clobbered registers are named for the
// callers, which else keep values in those that a function of this file leaves alone.
[[gnu::naked, gnu::noinline]] void add_channel_products(const int8_t*, uint32_t, const int32_t*, uint32_t, uint32_t*) {
  asm(".syntax unified\n"
      // r0, r11: filters of channels 0 and 3, r1: from one to the next, r2: x, r4-r7: sums
      "  push {r4-r11, lr}\n"
      "  ldr r12, [sp, #36]\n"
      "  add r11, r0, r1\n"
      "  add r11, r11, r1, lsl #1\n"
      "  ldm r12, {r4-r7}\n"
      "  tst r3, #1\n"
      "  beq 1f\n"
      "  ldr r8, [r2], #4\n"
      "  ldrsb r10, [r0, r1]\n"
      "  ldrsb lr, [r0, r1, lsl #1]\n"
      "  mla r5, r8, r10, r5\n"
      "  mla r6, r8, lr, r6\n"
      "  ldrsb r10, [r0], #1\n"
      "  ldrsb lr, [r11], #1\n"
      "  mla r4, r8, r10, r4\n"
      "  mla r7, r8, lr, r7\n"
      "1:\n"
      "  lsrs r3, r3, #1\n"
      "  beq 3f\n"
      "  rsb r9, r3, #0\n"
      "  add r3, r2, r3, lsl #3\n"
      "  and r9, r9, #7\n"
      "  add r9, r9, r9, lsl #4\n"
      "  adr r10, 2f\n"
      "  add r10, r10, r9, lsl #2\n"
      "  mov pc, r10\n"
      "  .balign 4\n"
      "2:\n"
      "  .rept 8\n"
      "  ldrd r8, r9, [r2], #8\n"
      "  ldrsb.w r10, [r0, r1]\n"
      "  ldrsb.w lr, [r0, r1, lsl #1]\n"
      "  mla r5, r8, r10, r5\n"
      "  mla r6, r8, lr, r6\n"
      "  ldrsb r10, [r0], #1\n"
      "  ldrsb lr, [r11], #1\n"
      "  mla r4, r8, r10, r4\n"
      "  mla r7, r8, lr, r7\n"
      "  ldrsb.w r10, [r0, r1]\n"
      "  ldrsb.w lr, [r0, r1, lsl #1]\n"
      "  mla r5, r9, r10, r5\n"
      "  mla r6, r9, lr, r6\n"
      "  ldrsb r10, [r0], #1\n"
      "  ldrsb lr, [r11], #1\n"
      "  mla r4, r9, r10, r4\n"
      "  mla r7, r9, lr, r7\n"
      "  .endr\n"
      "  cmp r2, r3\n"
      "  bne 2b\n"
      "3:\n"
      "  stm r12, {r4-r7}\n"
      "  pop {r4-r11, pc}\n"
      :
      :
      : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

#elif defined(__ARM_ARCH_6M__)

// Eight registers are too few for more than two sums.
constexpr uint32_t kChannels = 2;

// sums[c] += sum over k of filter[c * filter_stride + k] * x[k], for kChannels channels; `count` is not 0.
[[gnu::naked, gnu::noinline]] void add_channel_products(const int8_t*, uint32_t, const int32_t*, uint32_t, uint32_t*) {
  asm(".syntax unified\n"
      // r0, r1: the ends of the filters, r2: x, r3: from there to a filter's element, r5, r6: sums
      "  push {r4-r7, lr}\n"
      "  adds r0, r0, r3\n"
      "  adds r1, r0, r1\n"
      "  rsbs r3, r3, #0\n"
      "  ldr r7, [sp, #20]\n"
      "  ldm r7!, {r5, r6}\n"
      "1:\n"
      "  ldm r2!, {r4}\n"
      "  ldrsb r7, [r0, r3]\n"
      "  muls r7, r4, r7\n"
      "  adds r5, r5, r7\n"
      "  ldrsb r7, [r1, r3]\n"
      "  muls r7, r4, r7\n"
      "  adds r6, r6, r7\n"
      "  adds r3, r3, #1\n"
      "  bne 1b\n"
      "  ldr r7, [sp, #20]\n"
      "  stm r7!, {r5, r6}\n"
      "  pop {r4-r7, pc}\n"
      :
      :
      : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

#else

constexpr uint32_t kChannels = 4;

// sums[c] += sum over k of filter[c * filter_stride + k] * x[k], for kChannels channels.
[[gnu::noinline]] void add_channel_products(const int8_t* filter, uint32_t filter_stride, const int32_t* x, uint32_t count,
                                      uint32_t* sums) {
  const int8_t* filter1 = filter + filter_stride;
  const int8_t* filter2 = filter1 + filter_stride;
  const int8_t* filter3 = filter2 + filter_stride;
  uint32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
  const auto step = [&](uint32_t k) {
    const int32_t value = x[k];
    add_product(sum0, value, filter[k]);
    add_product(sum1, value, filter1[k]);
    add_product(sum2, value, filter2[k]);
    add_product(sum3, value, filter3[k]);
  };
  const auto advance = [&](uint32_t steps) {
    x += steps;
    filter += steps;
    filter1 += steps;
    filter2 += steps;
    filter3 += steps;
  };
  const int32_t* end = x + (count & 3);
  while (x != end) {
    step(0);
    advance(1);
  }
  end += count & ~3u;
  while (x != end) {
    step(0);
    step(1);
    step(2);
    step(3);
    advance(4);
  }
  sums[0] = sum0;
  sums[1] = sum1;
  sums[2] = sum2;
  sums[3] = sum3;
}

#endif

[[gnu::noinline]] uint32_t add_products_1(const int8_t* filter, const int32_t* x, uint32_t count, uint32_t sum) {
  const int32_t* end = x + (count & 3);
  while (x != end) add_product(sum, *x++, *filter++);
  end += count & ~3u;
  while (x != end) {
    add_product(sum, x[0], filter[0]);
    add_product(sum, x[1], filter[1]);
    add_product(sum, x[2], filter[2]);
    add_product(sum, x[3], filter[3]);
    x += 4;
    filter += 4;
  }
  return sum;
}

}  // namespace

[[gnu::noinline]] void BaseOutput::limit(uint32_t count, int8_t* to, uint32_t step) const {
  for (; count != 0; --count, to += step) *to = static_cast<int8_t>(clamp(*to, params_.act_min, params_.act_max));
}

[[gnu::noinline]] int8_t BaseOutput::finish(const ChannelConstants& channel, uint32_t sum) const {
  const Requantize by = {channel.multiplier, channel.shift};
  const int32_t scaled = requantize(static_cast<int32_t>(sum + static_cast<uint32_t>(channel.bias)), by);
  return static_cast<int8_t>(clamp(wrap_add(scaled, channel.rounding), params_.act_min, params_.act_max));
}

[[gnu::noinline]] ChannelConstants BaseOutput::constants(uint32_t channel) const {
  const Requantize by = requantize_[channel * params_.per_channel];
  ChannelConstants result = {bias_ == nullptr ? 0 : bias_[channel], by.multiplier, params_.output_offset, by.shift};
  if (!fast()) return result;
  // What requantize_fast() is not exact for always makes one output, that of the bias: factors that round every sum to 0,
  // filters of 0, biases that saturate the output.
  const uint32_t bias = static_cast<uint32_t>(result.bias);
  const uint32_t magnitude = result.bias < 0 ? 0u - bias : bias;
  const uint32_t less_one = ~static_cast<uint32_t>(by.shift);
  if (less_one <= 21 && largest_products_ + magnitude < (1u << 30)) {
    result.shift = static_cast<int32_t>(less_one + 1);
    result.rounding = fast_rounding(params_.output_offset, result.shift);
    return result;
  }
  const int32_t output = finish(result, 0);
  return {0, 0, fast_rounding(output, 1), 1};
}

void BaseOutput::finish_channels(const Channels& channels, const uint32_t* sums, uint32_t count, int8_t* to,
                                 uint32_t step) const {
  const ChannelConstants* constants = channels.constants;
  const uint32_t between = channels.sum_step - count;
  const bool is_fast = fast();
  for (uint32_t left = channels.count; left != 0; --left, ++constants, ++to, sums += between) {
    int8_t* y = to;
    const uint32_t* const end = sums + count;
    if (is_fast) {
      const FastChannel channel(*constants);
      for (; sums != end; y += step) *y = requantize(channel, *sums++);
    } else {
      for (; sums != end; y += step) *y = finish(*constants, *sums++);
    }
  }
  if (!limited()) return;
  to -= channels.count;
  for (; count != 0; --count, to += step) limit(channels.count, to, 1);
}

void BaseOutput::finish_pixel(uint32_t first, uint32_t channels, const uint32_t* sums, int8_t* to) const {
  if (!fast()) {
    for (uint32_t c = 0; c < channels; ++c) to[c] = finish(constants(first + c), sums[c]);
    return;
  }
  // Channels with one factor differ in the bias alone.
  const bool one_factor = params_.per_channel == 0 && params_.fast == 1;
  FastChannel channel(constants(first));
  for (uint32_t c = 0;;) {
    to[c] = requantize(channel, sums[c]);
    if (++c == channels) break;
    if (!one_factor) {
      channel = FastChannel(constants(first + c));
    } else if (bias_ != nullptr) {
      channel.twice_bias = static_cast<uint32_t>(bias_[first + c]) << 1;
    }
  }
  if (limited()) limit(channels, to, 1);
}

template <typename T, uint32_t kStep>
[[gnu::noinline]] T* widen(const int8_t* from, uint32_t count, int32_t offset, T* x) {
  constexpr int32_t kFactor = kStep == kBlockPixels ? 2 : 1;
  offset *= kFactor;
  const auto step = [&](uint32_t i) { x[i * kStep] = static_cast<T>(from[i] * kFactor + offset); };
  const int8_t* end = from + (count & ~7u);
  while (from != end) {
    step(0);
    step(1);
    step(2);
    step(3);
    step(4);
    step(5);
    step(6);
    step(7);
    from += 8;
    x += 8 * kStep;
  }
  // Rows of a window are often short.
  if ((count & 4) != 0) {
    step(0);
    step(1);
    step(2);
    step(3);
    from += 4;
    x += 4 * kStep;
  }
  end += count & 7;
  while (from != end) {
    step(0);
    ++from;
    x += kStep;
  }
  return x;
}

template int32_t* widen<int32_t, 1>(const int8_t* from, uint32_t count, int32_t offset, int32_t* x);
template int16_t* widen<int16_t, kBlockPixels>(const int8_t* from, uint32_t count, int32_t offset, int16_t* x);

void add_products(const int8_t* filter, uint32_t filter_stride, uint32_t channels, const int32_t* x, uint32_t count,
                  uint32_t* sums) {
  for (; channels >= kChannels; channels -= kChannels) {
    add_channel_products(filter, filter_stride, x, count, sums);
    filter += kChannels * filter_stride;
    sums += kChannels;
  }
  for (; channels != 0; --channels) {
    *sums = add_products_1(filter, x, count, *sums);
    filter += filter_stride;
    ++sums;
  }
}

}  // namespace microplan
