// SPDX-License-Identifier: Apache-2.0
// Blocks of four channels by two pixels, 16 instructions for 64 products, and by one pixel, 10 for 32.
#include "microplan/kernels/mac_int16_mve.h"

#if defined(__ARM_FEATURE_MVE)

#include <arm_mve.h>
#include <stddef.h>

#include "microplan/kernels/mve.h"

namespace microplan {
namespace mve {

namespace {

constexpr uint32_t kLanes = 4;

// What the assembly reads and writes.
struct Pair {
  const int16_t* x;
  const int8_t* filter[kLanes];
  const int16_t* x_end;  // 20: of whole vectors
  uint32_t tail;         // 24: inputs of a pixel behind them
  int32_t sums[2 * kLanes];  // 28: of the first pixel, then of the second
};
struct Single {
  const int16_t* x;
  const int8_t* filter[kLanes];
  uint32_t depth;        // 20
  const int64_t* start;  // 24: of the sums
  int64_t sums[kLanes];  // 32
};
static_assert(offsetof(Pair, x_end) == 20 && offsetof(Pair, tail) == 24 && offsetof(Pair, sums) == 28 &&
                  offsetof(Single, depth) == 20 && offsetof(Single, start) == 24 && offsetof(Single, sums) == 32,
              "assembly knows the offsets");

// Loads that widen take addresses in r0 to r7 only, and VMLADAVA adds to even registers: eight sums leave none for a
// hardware loop.
[[gnu::naked, gnu::noinline]] void sum_pair(Pair*) {
  asm volatile(
      ".syntax unified\n"
      "  push {r0, r4-r11, lr}\n"
      "  mov r12, r0\n"
      "  ldrd r9, r1, [r12]\n"
      "  ldrd r3, r5, [r12, #8]\n"
      "  ldrd r7, r11, [r12, #16]\n"
      "  ldr r0, [r12, #24]\n"
      "  vctp.16 r0\n"
      "  mov r0, #0\n"
      "  mov r2, r0\n"
      "  mov r4, r0\n"
      "  mov r6, r0\n"
      "  mov r8, r0\n"
      "  mov r10, r0\n"
      "  mov r12, r0\n"
      "  mov lr, r0\n"
      "  cmp r9, r11\n"
      "  beq 2f\n"
      "1:\n"
      "  vldrh.u16 q0, [r9], #16\n"
      "  vldrb.s16 q2, [r1], #8\n"
      "  vmladava.s16 r0, q0, q2\n"
      "  vldrh.u16 q1, [r9], #16\n"
      "  vmladava.s16 r8, q1, q2\n"
      "  vldrb.s16 q3, [r3], #8\n"
      "  vmladava.s16 r2, q0, q3\n"
      "  vldrb.s16 q2, [r5], #8\n"
      "  vmladava.s16 r10, q1, q3\n"
      "  vldrb.s16 q3, [r7], #8\n"
      "  vmladava.s16 r4, q0, q2\n"
      "  vmladava.s16 r12, q1, q2\n"
      "  vmladava.s16 r6, q0, q3\n"
      "  vmladava.s16 lr, q1, q3\n"
      "  cmp r9, r11\n"
      "  bne 1b\n"
      "2:\n"
      "  ldr r11, [sp]\n"
      "  ldr r11, [r11, #24]\n"
      "  cmp r11, #0\n"
      "  beq 3f\n"
      // Zeros of the filter keep out what lies behind the inputs.
      "  vldrh.u16 q0, [r9]\n"
      "  vldrh.u16 q1, [r9, #16]\n"
      "  vpstt\n"
      "  vldrbt.s16 q2, [r1]\n"
      "  vldrbt.s16 q3, [r3]\n"
      "  vmladava.s16 r0, q0, q2\n"
      "  vmladava.s16 r8, q1, q2\n"
      "  vmladava.s16 r2, q0, q3\n"
      "  vmladava.s16 r10, q1, q3\n"
      "  vpstt\n"
      "  vldrbt.s16 q2, [r5]\n"
      "  vldrbt.s16 q3, [r7]\n"
      "  vmladava.s16 r4, q0, q2\n"
      "  vmladava.s16 r12, q1, q2\n"
      "  vmladava.s16 r6, q0, q3\n"
      "  vmladava.s16 lr, q1, q3\n"
      "3:\n"
      "  ldr r11, [sp]\n"
      "  add r11, #28\n"
      "  stm r11, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
      "  pop {r0, r4-r11, pc}\n");
}

[[gnu::naked, gnu::noinline]] void sum_single(Single*) {
  asm volatile(
      ".syntax unified\n"
      "  push {r0, r4-r11, lr}\n"
      "  ldr r1, [r0, #24]\n"
      "  ldm r1, {r4-r11}\n"
      "  ldr lr, [r0, #20]\n"
      // r12 the inputs; r1, r2, r3 and r0 the filters.
      "  ldm r0, {r0-r3, r12}\n"
      "  eor r0, r12\n"
      "  eor r12, r0\n"
      "  eor r0, r12\n"
      "  wlstp.16 lr, lr, 2f\n"
      "1:\n"
      "  vldrh.u16 q0, [r12], #16\n"
      "  vldrb.s16 q1, [r1], #8\n"
      "  vmlaldava.s16 r4, r5, q0, q1\n"
      "  vldrb.s16 q2, [r2], #8\n"
      "  vmlaldava.s16 r6, r7, q0, q2\n"
      "  vldrb.s16 q1, [r3], #8\n"
      "  vmlaldava.s16 r8, r9, q0, q1\n"
      "  vldrb.s16 q2, [r0], #8\n"
      "  vmlaldava.s16 r10, r11, q0, q2\n"
      "  letp lr, 1b\n"
      "2:\n"
      "  ldr r0, [sp]\n"
      "  add r0, #32\n"
      "  stm r0, {r4-r11}\n"
      "  pop {r0, r4-r11, pc}\n");
}

// Channels beyond the last repeat the first, and their sums are not used.
inline void set_filters(const int8_t** filters, const int8_t* filter, uint32_t depth, uint32_t count) {
  for (uint32_t c = 0; c < kLanes; ++c) filters[c] = c < count ? filter + c * depth : filter;
}

inline int32x4_t limit(int32x4_t value, const Int16Quantization& quantization) {
  return clamp(value, vdupq_n_s32(quantization.act_min), vdupq_n_s32(quantization.act_max));
}

// Outputs from sums with their biases. False when they do not have 32 bits, or one of them no Int16Rescale.
bool finish_wide(const Int16Outputs& outputs, uint32_t channel, const int64_t* sums, int16_t* y) {
  const Int16Quantization& quantization = outputs.quantization();
  const int32x4x2_t sum = vld2q_s32(reinterpret_cast<const int32_t*>(sums));
  const int32_t* const by = &outputs.requantize()[channel * quantization.per_channel].multiplier;
  int32x4x2_t scale;
  if (quantization.per_channel) {
    scale = vld2q_s32(by);
  } else {
    scale.val[0] = vdupq_n_s32(by[0]);
    scale.val[1] = vdupq_n_s32(by[1]);
  }
  // Int16Rescale::is_possible() and multiplier_of().
  const int32x4_t shift = vaddq_n_s32(scale.val[1], 17);
  const mve_pred16_t differ = vcmpneq_s32(sum.val[1], vshrq_n_s32(sum.val[0], 31));
  if ((differ | vcmphiq_n_u32(vreinterpretq_u32_s32(shift), 16)) != 0) return false;
  const int32x4_t reduced = vminq_s32(vrshrq_n_s32(scale.val[0], 16), vdupq_n_s32(0x7fff));
  const int32x4_t value = vrmulhq_s32(sum.val[0], vshlq_s32(reduced, shift));
  vstrhq_s32(y, limit(value, quantization));
  return true;
}

void multiply_single(const Int16Outputs& outputs, const int16_t* x, uint32_t depth, uint32_t channel, uint32_t channels,
                     int16_t* y) {
  static constexpr int64_t kZeros[kLanes] = {};
  const bool wide = outputs.wide();
  const int8_t* filter = outputs.filter() + channel * depth;
  Single block;
  block.x = x;
  block.depth = depth;
  for (const uint32_t end = channel + channels; channel < end; channel += kLanes) {
    const uint32_t count = end - channel < kLanes ? end - channel : kLanes;
    set_filters(block.filter, filter, depth, count);
    const bool whole = wide && count == kLanes;
    block.start = whole && outputs.bias() != nullptr ? outputs.bias() + channel : kZeros;
    sum_single(&block);
    if (!whole || !finish_wide(outputs, channel, block.sums, y)) {
      for (uint32_t c = 0; c < count; ++c) {
        const uint64_t sum = static_cast<uint64_t>(block.sums[c]) - static_cast<uint64_t>(block.start[c]);
        y[c] = outputs.finish(channel + c, sum);
      }
    }
    filter += kLanes * depth;
    y += kLanes;
  }
}

void multiply_pair(const Int16Outputs& outputs, const Int16Rescale* rescales, const int16_t* x, uint32_t depth,
                   uint32_t channel, uint32_t channels, int16_t* y, uint32_t y_pixel) {
  const int8_t* filter = outputs.filter() + channel * depth;
  Pair block;
  block.x = x;
  block.x_end = x + (depth & ~7u) * 2;
  block.tail = depth & 7;
  for (const uint32_t end = channel + channels; channel < end; channel += kLanes) {
    const uint32_t count = end - channel < kLanes ? end - channel : kLanes;
    set_filters(block.filter, filter, depth, count);
    sum_pair(&block);
    if (rescales != nullptr) {
      const int32x4x2_t by = vld2q_s32(&rescales->bias);
      const mve_pred16_t used = vctp32q(count);
      for (uint32_t p = 0; p < 2; ++p) {
        const int32x4_t sum = vaddq_s32(vldrwq_s32(block.sums + kLanes * p), by.val[0]);
        vstrhq_p_s32(y + p * y_pixel, limit(vrmulhq_s32(sum, by.val[1]), outputs.quantization()), used);
      }
      rescales += kLanes;
    } else {
      for (uint32_t i = 0; i < 2 * count; ++i) {
        const uint64_t sum = static_cast<uint64_t>(int64_t{block.sums[i / 2 + kLanes * (i & 1)]});
        y[i / 2 + (i & 1) * y_pixel] = outputs.finish(channel + i / 2, sum);
      }
    }
    filter += kLanes * depth;
    y += kLanes;
  }
}

// Where eight inputs go from input `done` on, in bytes from that one's vector on.
inline uint16x8_t places(uint32_t done, uint32_t pixels) {
  const uint16x8_t input = vidupq_n_u16(done & 7, 1);
  const uint16x8_t lane = vandq_u16(input, vdupq_n_u16(7));
  return vmlaq_n_u16(vshlq_n_u16(lane, 1), vshrq_n_u16(input, 3), static_cast<uint16_t>(16 * pixels));
}

}  // namespace

void Int16Pixels::copy(const int16_t* x, uint32_t count) {
  int16_t* to = memory_ + (done_ / 8 * pixels_ + pixel_) * 8;
  const uint16x8_t at = places(done_, pixels_);
  done_ += count;
  asm volatile(
      "  wlstp.16 lr, %[count], 2f\n"
      "1:\n"
      "  vldrh.u16 q0, [%[x]], #16\n"
      "  vstrh.16 q0, [%[to], %q[at]]\n"
      "  add %[to], %[step]\n"
      "  letp lr, 1b\n"
      "2:\n"
      : [x] "+r"(x), [to] "+r"(to)
      : [count] "r"(count), [at] "w"(at), [step] "r"(16 * pixels_)
      : "q0", "lr", "memory");
}

void Int16Pixels::zeros(uint32_t count) {
  int16_t* to = memory_ + (done_ / 8 * pixels_ + pixel_) * 8;
  const uint16x8_t at = places(done_, pixels_);
  done_ += count;
  for (int32_t left = static_cast<int32_t>(count); left > 0; left -= 8) {
    vstrhq_scatter_offset_p_u16(reinterpret_cast<uint16_t*>(to), at, vdupq_n_u16(0),
                                vctp16q(static_cast<uint32_t>(left)));
    to += 8 * pixels_;
  }
}

void Int16Pixels::multiply(const Int16Outputs& outputs, const Int16Rescale* rescales, uint32_t channel,
                           uint32_t channels, int16_t* y, uint32_t y_pixel) const {
  if (pixels_ == 2) {
    multiply_pair(outputs, rescales, x_, depth_, channel, channels, y, y_pixel);
  } else {
    multiply_single(outputs, x_, depth_, channel, channels, y);
  }
}

}  // namespace mve
}  // namespace microplan

#endif
