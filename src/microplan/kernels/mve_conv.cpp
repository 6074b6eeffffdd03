// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/mve_conv.h"

#include "microplan/kernels/mve.h"

namespace microplan {
namespace mve {

namespace {

constexpr uint32_t filter_words(uint32_t channels, uint32_t depth) { return (channels * depth + 3) / 4; }

}  // namespace

void append_zeros(uint32_t bytes, ConstantWriter& writer) {
  const uint8_t zero = 0;
  for (uint32_t i = 0; i < bytes; ++i) writer.append(&zero, 1);
}

// As requantize_fast() of mve.h takes them. A channel with the multiplier 0 has a constant output that may differ from the
// zero point: without a filter, a sum of 4 v gives v + zero point.
BlockConstants::BlockConstants(const ChannelPacker& packer, const ChannelQuantization& quantization,
                               uint32_t first_channel, uint32_t channel_count)
    : first(first_channel), channels(channel_count) {
  for (uint32_t i = 0; i < channels; ++i) {
    const ChannelConstants packed = packer.channel(first + i);
    constant[i] = quantization.fast && packed.multiplier == 0;
    multiplier[i] = constant[i] ? 1 << 30 : packed.multiplier;
    bias[i] = constant[i] ? 4 * ((packed.rounding >> packed.shift) - quantization.output_offset) : packed.bias;
    shift[i] = constant[i] ? -1 : quantization.fast ? -packed.shift : packed.shift;
  }
}

void BlockConstants::add_offset(const Filters& filters, int32_t input_offset) {
  for (uint32_t i = 0; i < channels; ++i) {
    int32_t sum = 0;
    for (uint32_t k = 0; k < filters.depth; ++k) sum += static_cast<int8_t>(element(filters, i, k));
    bias[i] = wrap_add(bias[i], wrap_mul(input_offset, sum));
  }
}

void append_scales(const BlockConstants& block, ConstantWriter& writer) {
  writer.append(block.multiplier, block.channels * 4);
  writer.append(block.shift, block.channels * 4);
}

void append_filter(const BlockConstants& block, const Filters& filters, ConstantWriter& writer) {
  writer.append(block.bias, block.channels * 4);
  for (uint32_t begin = 0; begin < filters.depth; begin += kChunk) {
    const uint32_t end = begin + kChunk < filters.depth ? begin + kChunk : filters.depth;
    for (uint32_t i = 0; i < block.channels; ++i) {
      for (uint32_t k = begin; k < end; ++k) {
        const uint8_t element = block.element(filters, i, k);
        writer.append(&element, 1);
      }
    }
  }
  append_zeros(4 * filter_words(block.channels, filters.depth) - block.channels * filters.depth, writer);
}

uint32_t filter_bytes(uint32_t channels, uint32_t depth) {
  return 4 * (channels + channels / kBlock * filter_words(kBlock, depth) + channels % kBlock * filter_words(1, depth));
}

uint32_t packed_bytes(uint32_t groups, uint32_t channels_per_group, uint32_t depth) {
  const uint32_t blocks = channels_per_group / kBlock, singles = channels_per_group % kBlock;
  return groups * (blocks * block_bytes(kBlock, depth) + singles * block_bytes(1, depth)) +
         padding_bytes(channels_per_group, depth);
}

void pack_blocks(const ChannelPacker& packer, const ChannelQuantization& quantization, const Filters& filters,
                 ConstantWriter& writer) {
  if (!writer.begin(packed_bytes(filters.groups, filters.channels_per_group, filters.depth))) return;
  for (uint32_t group = 0; group < filters.groups; ++group) {
    for_each_block(filters.channels_per_group, [&](uint32_t first, uint32_t channels) {
      const BlockConstants block(packer, quantization, group * filters.channels_per_group + first, channels);
      append_scales(block, writer);
      append_filter(block, filters, writer);
    });
  }
  append_zeros(padding_bytes(filters.channels_per_group, filters.depth), writer);
}

}  // namespace mve
}  // namespace microplan

#if defined(__ARM_FEATURE_MVE)

namespace microplan {
namespace mve {

namespace {

// What sum_block() reads; the assembly knows the offsets.
struct Sums {
  const int8_t* x;   // the window of the first pixel
  uint32_t x_step;   // 4: to the next
  const int32_t* bias;  // 8: [4], then the filter
  int32_t* sums;     // 12: [pixels][4]
  int32_t* sums_end;  // 16
  uint32_t chunks;   // 20: whole ones, at least 1
  uint32_t tail;     // 24: elements after them
  uint32_t x_next;   // 28: from where a pair of pixels ends to where the next begins
};

// The sums of four channels for pairs of pixels. Eight sums in the even registers that VMLADAVA can add to leave none
// for a hardware loop; for 8 * 16 products there are 6 loads.
[[gnu::naked, gnu::noinline]] void sum_block(const Sums*) {
  asm volatile(
      ".syntax unified\n"
      "  push {r4-r11, lr}\n"
      "  mov r9, r0\n"
      "  ldrd r3, r5, [r9]\n"
      "  add r5, r3\n"
      "  ldr r11, [r9, #12]\n"
      "  ldr r1, [r9, #24]\n"
      "  vctp.8 r1\n"
      "0:\n"
      "  ldr r1, [r9, #8]\n"
      "  ldr r7, [r9, #20]\n"
      "  ldm r1, {r8, r10, r12, lr}\n"
      "  ldm r1!, {r0, r2, r4, r6}\n"
      "1:\n"
      "  vldrb.8 q0, [r3], #16\n"
      "  vldrb.8 q2, [r1], #16\n"
      "  vmladava.s8 r0, q0, q2\n"
      "  vldrb.8 q1, [r5], #16\n"
      "  vmladava.s8 r8, q1, q2\n"
      "  vldrb.8 q3, [r1], #16\n"
      "  vmladava.s8 r2, q0, q3\n"
      "  vldrb.8 q2, [r1], #16\n"
      "  vmladava.s8 r10, q1, q3\n"
      "  vldrb.8 q3, [r1], #16\n"
      "  vmladava.s8 r4, q0, q2\n"
      "  vmladava.s8 r12, q1, q2\n"
      "  vmladava.s8 r6, q0, q3\n"
      "  vmladava.s8 lr, q1, q3\n"
      "  subs r7, #1\n"
      "  bne 1b\n"
      "  ldr r7, [r9, #24]\n"
      "  cbz r7, 2f\n"
      // Zeros of x keep out what the filter's vectors hold of other channels.
      "  vpstt\n"
      "  vldrbt.u8 q0, [r3]\n"
      "  vldrbt.u8 q1, [r5]\n"
      "  vldrb.8 q2, [r1]\n"
      "  add r1, r7\n"
      "  vmladava.s8 r0, q0, q2\n"
      "  vldrb.8 q3, [r1]\n"
      "  add r1, r7\n"
      "  vmladava.s8 r8, q1, q2\n"
      "  vmladava.s8 r2, q0, q3\n"
      "  vldrb.8 q2, [r1]\n"
      "  add r1, r7\n"
      "  vmladava.s8 r10, q1, q3\n"
      "  vldrb.8 q3, [r1]\n"
      "  vmladava.s8 r4, q0, q2\n"
      "  vmladava.s8 r12, q1, q2\n"
      "  vmladava.s8 r6, q0, q3\n"
      "  vmladava.s8 lr, q1, q3\n"
      "2:\n"
      "  ldr r7, [r9, #28]\n"
      "  add r3, r7\n"
      "  add r5, r7\n"
      "  ldr r7, [r9, #16]\n"
      "  stm r11!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
      "  cmp r11, r7\n"
      "  bne 0b\n"
      "  pop {r4-r11, pc}\n");
}

// The same with windows of up to 16 elements: the filter stays in registers. tail is the window's size.
[[gnu::naked, gnu::noinline]] void sum_small_block(const Sums*) {
  asm volatile(
      ".syntax unified\n"
      "  push {r4-r11, lr}\n"
      "  vpush {d8-d11}\n"
      "  ldrd r3, r5, [r0]\n"
      "  ldrd r1, r11, [r0, #8]\n"
      "  ldr r9, [r0, #16]\n"
      "  ldr r7, [r0, #24]\n"
      "  vctp.8 r7\n"
      "  add r2, r1, #16\n"
      "  vldrb.8 q0, [r2]\n"
      "  add r2, r7\n"
      "  vldrb.8 q1, [r2]\n"
      "  add r2, r7\n"
      "  vldrb.8 q2, [r2]\n"
      "  add r2, r7\n"
      "  vldrb.8 q3, [r2]\n"
      "  lsl r7, r5, #1\n"
      "  add r5, r3\n"
      "1:\n"
      "  vpstt\n"
      "  vldrbt.u8 q4, [r3]\n"
      "  vldrbt.u8 q5, [r5]\n"
      "  ldm r1, {r0, r2, r4, r6}\n"
      "  vmladava.s8 r0, q4, q0\n"
      "  vmladava.s8 r2, q4, q1\n"
      "  vmladava.s8 r4, q4, q2\n"
      "  vmladava.s8 r6, q4, q3\n"
      "  ldm r1, {r8, r10, r12, lr}\n"
      "  vmladava.s8 r8, q5, q0\n"
      "  vmladava.s8 r10, q5, q1\n"
      "  vmladava.s8 r12, q5, q2\n"
      "  vmladava.s8 lr, q5, q3\n"
      "  add r3, r7\n"
      "  add r5, r7\n"
      "  stm r11!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
      "  cmp r11, r9\n"
      "  bne 1b\n"
      "  vpop {d8-d11}\n"
      "  pop {r4-r11, pc}\n");
}

// The sums of one channel.
[[gnu::noinline]] void sum_channel(const Tile& tile, const int32_t* bias, uint32_t depth, int32_t* sums) {
  const int8_t* const filter = reinterpret_cast<const int8_t*>(bias + 1);
  const int8_t* x_pixel = tile.x;
  const uint32_t chunks = depth / kChunk;
  const mve_pred16_t tail = vctp8q(depth % kChunk);
  for (uint32_t pixel = 0; pixel < tile.pixels; ++pixel) {
    const int8_t* x = x_pixel;
    const int8_t* f = filter;
    int32_t sum = *bias;
    for (uint32_t i = 0; i < chunks; ++i) {
      sum = vmladavaq_s8(sum, vldrbq_s8(x), vldrbq_s8(f));
      x += kChunk;
      f += kChunk;
    }
    *sums++ = vmladavaq_s8(sum, vldrbq_z_s8(x, tail), vldrbq_z_s8(f, tail));
    x_pixel += tile.x_step;
  }
}

// Which of the requantizations of mve.h a step can take.
enum class Form { kGeneral, kFast, kRectified };

template <Form kForm>
inline int32x4_t requantize_as(int32x4_t value, int32x4_t multiplier, int32x4_t shift) {
  return kForm == Form::kGeneral ? requantize(value, multiplier, shift)
         : kForm == Form::kFast  ? requantize_fast(value, multiplier, shift)
                                 : requantize_rectified(value, multiplier, shift);
}

// Outputs of four channels from the sums of each pixel.
template <Form kForm>
[[gnu::noinline]] void finish_block(const Tile& tile, const ChannelQuantization& quantization, const int32_t* constants,
                                    const int32_t* sums) {
  const int32x4_t multiplier = vldrwq_s32(constants), shift = vldrwq_s32(constants + 4);
  const int32x4_t low = vdupq_n_s32(quantization.act_min), high = vdupq_n_s32(quantization.act_max);
  const int32_t offset = quantization.output_offset;
  const uint32_t step = tile.y_step;
  int8_t* y = tile.y;
  for (uint32_t left = tile.pixels; left != 0; --left) {
    const int32x4_t scaled = requantize_as<kForm>(vldrwq_s32(sums), multiplier, shift);
    vstrbq_s32(y, clamp(vaddq_n_s32(scaled, offset), low, high));
    sums += 4;
    y += step;
  }
}

// Outputs of one channel, four pixels at a time.
template <Form kForm>
[[gnu::noinline]] void finish_channel(const Tile& tile, const ChannelQuantization& quantization,
                                      const int32_t* constants, const int32_t* sums) {
  const int32x4_t multiplier = vdupq_n_s32(constants[0]), shift = vdupq_n_s32(constants[1]);
  const int32x4_t low = vdupq_n_s32(quantization.act_min), high = vdupq_n_s32(quantization.act_max);
  const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), tile.y_step);
  int8_t* y = tile.y;
  for (int32_t left = static_cast<int32_t>(tile.pixels); left > 0; left -= 4) {
    const int32x4_t scaled = requantize_as<kForm>(vldrwq_s32(sums), multiplier, shift);
    const int32x4_t value = clamp(vaddq_n_s32(scaled, quantization.output_offset), low, high);
    vstrbq_scatter_offset_p_s32(y, offsets, value, vctp32q(static_cast<uint32_t>(left)));
    sums += 4;
    y += 4 * tile.y_step;
  }
}

Form form_of(const ChannelQuantization& quantization) {
  if (!quantization.fast) return Form::kGeneral;
  return quantization.act_min >= quantization.output_offset ? Form::kRectified : Form::kFast;
}

}  // namespace

Finish finish_of(const ChannelQuantization& quantization) {
  switch (form_of(quantization)) {
    case Form::kGeneral:
      return {finish_block<Form::kGeneral>, finish_channel<Form::kGeneral>};
    case Form::kFast:
      return {finish_block<Form::kFast>, finish_channel<Form::kFast>};
    default:
      return {finish_block<Form::kRectified>, finish_channel<Form::kFast>};
  }
}

namespace {

// kApart: `scales` are those of all channels; else blocks begin with theirs.
template <bool kApart>
const uint8_t* run_blocks(const Tile& whole, const ChannelQuantization& quantization, const int32_t* scales,
                          const uint8_t* block, uint32_t channels, uint32_t depth, int32_t* sums) {
  const Finish finish = finish_of(quantization);
  Tile tile = whole;
  const bool small = depth <= kChunk;
  const auto sum = small ? sum_small_block : sum_block;
  const uint32_t pairs = tile.pixels & ~1u;
  Sums at;
  at.chunks = depth / kChunk;
  at.tail = small ? depth : depth % kChunk;
  at.x_next = 2 * tile.x_step - at.chunks * kChunk;
  const auto next = [&](uint32_t count) {
    block += block_bytes(count, depth) - (kApart ? 4 * bias_at(count) : 0);
    if (kApart) scales += bias_at(count);
    tile.y += count;
    channels -= count;
  };
  while (channels >= kBlock) {
    const int32_t* const words = reinterpret_cast<const int32_t*>(block);
    at.x = tile.x;
    at.x_step = tile.x_step;
    at.bias = kApart ? words : words + bias_at(kBlock);
    at.sums = sums;
    at.sums_end = sums + 4 * pairs;
    if (pairs != 0) sum(&at);
    if (pairs != tile.pixels) {
      // The last of an odd number of pixels is its own neighbour.
      at.x = tile.x + pairs * tile.x_step;
      at.x_step = 0;
      at.sums = at.sums_end;
      at.sums_end = at.sums + 8;
      sum(&at);
    }
    finish.block(tile, quantization, kApart ? scales : words, sums);
    next(kBlock);
  }
  while (channels != 0) {
    const int32_t* const words = reinterpret_cast<const int32_t*>(block);
    sum_channel(tile, kApart ? words : words + bias_at(1), depth, sums);
    finish.channel(tile, quantization, kApart ? scales : words, sums);
    next(1);
  }
  return block;
}

}  // namespace

const uint8_t* run_tile(const Tile& tile, const ChannelQuantization& quantization, const uint8_t* block,
                        uint32_t channels, uint32_t depth, int32_t* sums) {
  return run_blocks<false>(tile, quantization, nullptr, block, channels, depth, sums);
}

const uint8_t* run_tile(const Tile& tile, const ChannelQuantization& quantization, const int32_t* scales,
                        const uint8_t* block, uint32_t channels, uint32_t depth, int32_t* sums) {
  return run_blocks<true>(tile, quantization, scales, block, channels, depth, sums);
}

}  // namespace mve
}  // namespace microplan

#endif
