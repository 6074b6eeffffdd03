// SPDX-License-Identifier: Apache-2.0
// The inner block of int8 matrix products with the DSP extension. Compilers spill when eight accumulators, two pointers and
// two operands of each kind are to stay in fourteen registers, so the block is assembly; its twin for other machines says
// what it computes.
#include "microplan/kernels/mac_block_dsp.h"

#include "microplan/kernels/dsp.h"

#if defined(__ARM_FEATURE_DSP) || MICROPLAN_EMULATE_DSP

namespace microplan {
namespace dsp {

#if defined(__ARM_FEATURE_DSP)

namespace {

// Registers: r0 input, r1 filter, r2 and r3 two pixels, r4 to r7 the first channel's sums, r8 to r11 the second's, r12 a
// filter word, lr its first channel. On the stack: the input at 0, the output at 8, the step at 12, the input's end at 52,
// the filter's at 56, the way into the loop at 60.

// The products of a pair of depths; the sums are added to `a` to `h`.
#define MICROPLAN_PAIR(unpack, a, b, c, d, e, f, g, h) \
  "ldr.w r12, [r1], #4\n"                              \
  "ldrd r2, r3, [r0], #8\n"                            \
  "sxtb16 lr, r12\n"                                   \
  unpack                                               \
  "smlad r4, lr, r2, " a "\n"                          \
  "smlad r8, r12, r2, " e "\n"                         \
  "smlad r5, lr, r3, " b "\n"                          \
  "smlad r9, r12, r3, " f "\n"                         \
  "ldrd r2, r3, [r0], #8\n"                            \
  "smlad r6, lr, r2, " c "\n"                          \
  "smlad r10, r12, r2, " g "\n"                        \
  "smlad r7, lr, r3, " d "\n"                          \
  "smlad r11, r12, r3, " h "\n"

// The output of the doubled sum `x`, in place; `t` is free.
#define MICROPLAN_REQUANTIZE(x, t)     \
  "add " t ", r0, " x ", asr #31\n"    \
  "smmlar " x ", " x ", r2, " t "\n"   \
  "asr " x ", " x ", r3\n"             \
  "ssat " x ", #8, " x "\n"

// The block: `unroll` times a pair of `pair_bytes` of code, `entry` of which from the end on makes the loop begin in its
// middle; `second` doubles the second channel's sums.
#define MICROPLAN_BLOCK(unpack, unroll, entry, second)                       \
  ".syntax unified\n"                                                        \
  "push {r0-r11, lr}\n"                                                      \
  "ldr r4, [sp, #52]\n"                                                      \
  "subs r4, r4, r0\n"                                                        \
  "subs r4, r4, #16\n"                                                       \
  entry                                                                      \
  "adr.w r6, 3f\n"                                                           \
  "subs r6, r6, r4\n"                                                        \
  "orr r6, r6, #1\n"                                                         \
  "str r6, [sp, #60]\n"                                                      \
  "1:\n"                                                                     \
  "ldrd r7, r11, [r1], #8\n"                                                 \
  MICROPLAN_PAIR(unpack, "r7", "r7", "r7", "r7", "r11", "r11", "r11", "r11") \
  "ldr.w pc, [sp, #60]\n"                                                    \
  "2:\n"                                                                     \
  ".rept " unroll "\n"                                                       \
  MICROPLAN_PAIR(unpack, "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11")   \
  ".endr\n"                                                                  \
  "3:\n"                                                                     \
  "ldr r2, [sp, #52]\n"                                                      \
  "cmp r0, r2\n"                                                             \
  "bne.w 2b\n"                                                               \
  second                                                                     \
  "ldmia r1!, {r0, r2, r3}\n"                                                \
  "ldr.w lr, [sp, #8]\n"                                                     \
  "lsls r4, r4, #1\n"                                                        \
  MICROPLAN_REQUANTIZE("r4", "r12")                                          \
  "lsls r6, r6, #1\n"                                                        \
  MICROPLAN_REQUANTIZE("r6", "r12")                                          \
  "ldr.w r12, [sp, #12]\n"                                                   \
  "strb.w r6, [lr, r12, lsl #1]\n"                                           \
  "add.w r6, lr, r12\n"                                                      \
  "strb.w r4, [lr], #1\n"                                                    \
  "lsls r5, r5, #1\n"                                                        \
  MICROPLAN_REQUANTIZE("r5", "r4")                                           \
  "lsls r7, r7, #1\n"                                                        \
  MICROPLAN_REQUANTIZE("r7", "r4")                                           \
  "strb.w r7, [r6, r12, lsl #1]\n"                                           \
  "strb.w r5, [r6], #1\n"                                                    \
  "lsrs r3, r3, #8\n"                                                        \
  "ldmia r1!, {r0, r2}\n"                                                    \
  MICROPLAN_REQUANTIZE("r8", "r4")                                           \
  MICROPLAN_REQUANTIZE("r9", "r4")                                           \
  MICROPLAN_REQUANTIZE("r10", "r4")                                          \
  MICROPLAN_REQUANTIZE("r11", "r4")                                          \
  "strb.w r10, [lr, r12, lsl #1]\n"                                          \
  "strb.w r8, [lr], #1\n"                                                    \
  "strb.w r11, [r6, r12, lsl #1]\n"                                          \
  "strb.w r9, [r6]\n"                                                        \
  "str.w lr, [sp, #8]\n"                                                     \
  "ldr r0, [sp, #0]\n"                                                       \
  "ldr r2, [sp, #56]\n"                                                      \
  "cmp r1, r2\n"                                                             \
  "bne.w 1b\n"                                                               \
  "add sp, sp, #16\n"                                                        \
  "pop {r4-r11, pc}\n"

// For Encoding::kSum: 48 bytes a pair, 16 of the input. The second sums less the first are 256 times the second channel's.
[[gnu::naked, gnu::noinline]] void multiply_sums(const uint32_t*, const uint32_t*, int8_t*, uint32_t, const uint32_t*,
                                                 const uint32_t*, uint32_t) {
  asm(MICROPLAN_BLOCK("", "8",
                      "and r4, r4, #112\n"
                      "add r4, r4, r4, lsl #1\n",
                      "sub r8, r8, r4\n"
                      "sub r9, r9, r5\n"
                      "sub r10, r10, r6\n"
                      "sub r11, r11, r7\n"
                      "asr r8, r8, #7\n"
                      "asr r9, r9, #7\n"
                      "asr r10, r10, #7\n"
                      "asr r11, r11, #7\n"));
}

// For Encoding::kBytes: 52 bytes a pair, 16 of the input.
[[gnu::naked, gnu::noinline]] void multiply_bytes(const uint32_t*, const uint32_t*, int8_t*, uint32_t, const uint32_t*,
                                                  const uint32_t*, uint32_t) {
  asm(MICROPLAN_BLOCK("sxtb16 r12, r12, ror #8\n", "4",
                      "and r4, r4, #48\n"
                      "add r5, r4, r4, lsl #1\n"
                      "add r4, r5, r4, lsr #2\n",
                      "lsl r8, r8, #1\n"
                      "lsl r9, r9, #1\n"
                      "lsl r10, r10, #1\n"
                      "lsl r11, r11, #1\n"));
}

// Groups of four bytes of four pixels. r0 to, r1 from, r2 step, r3 groups.
[[gnu::naked, gnu::noinline]] uint32_t* widen_groups(uint32_t*, const int8_t*, uint32_t, uint32_t) {
  asm(".syntax unified\n"
      "push {r4-r11, lr}\n"
      "add r12, r2, r2, lsl #1\n"
      "1:\n"
      "ldr.w r5, [r1, r2]\n"
      "ldr.w r6, [r1, r2, lsl #1]\n"
      "ldr.w r7, [r1, r12]\n"
      "ldr.w r4, [r1], #4\n"
      "subs r3, r3, #1\n"
      "sxtb16 r8, r4\n"
      "sxtb16 r9, r5\n"
      "sxtb16 r10, r6\n"
      "sxtb16 r11, r7\n"
      "stmia r0!, {r8-r11}\n"
      "sxtb16 r4, r4, ror #8\n"
      "sxtb16 r5, r5, ror #8\n"
      "sxtb16 r6, r6, ror #8\n"
      "sxtb16 r7, r7, ror #8\n"
      "stmia r0!, {r4-r7}\n"
      "bne.n 1b\n"
      "pop {r4-r11, pc}\n");
}

#undef MICROPLAN_BLOCK
#undef MICROPLAN_REQUANTIZE
#undef MICROPLAN_PAIR

}  // namespace

void multiply_block(const uint32_t* input, const uint32_t* filter, int8_t* output, uint32_t pixel_step, PairsEnd end,
                    Encoding encoding) {
  const auto multiply = encoding == Encoding::kSum ? multiply_sums : multiply_bytes;
  multiply(input, filter, output, pixel_step, end.input, end.filter, 0);
}

#else

namespace {

uint32_t* widen_groups(uint32_t* to, const int8_t* from, uint32_t pixel_step, uint32_t groups) {
  for (; groups != 0; --groups, from += 4, to += 2 * kBlockPixels) {
    for (uint32_t p = 0; p < kBlockPixels; ++p) {
      const uint32_t word = load_word(from + p * pixel_step);
      to[p] = sxtb16(word);
      to[kBlockPixels + p] = sxtb16_ror8(word);
    }
  }
  return to;
}

}  // namespace

void multiply_block(const uint32_t* input, const uint32_t* filter, int8_t* output, uint32_t pixel_step, PairsEnd end,
                    Encoding encoding) {
  while (filter != end.filter) {
    int32_t sums[2][kBlockPixels];
    for (uint32_t p = 0; p < kBlockPixels; ++p) {
      sums[0][p] = static_cast<int32_t>(filter[0]);
      sums[1][p] = static_cast<int32_t>(filter[1]);
    }
    filter += 2;
    for (const uint32_t* x = input; x != end.input; x += kBlockPixels, ++filter) {
      const uint32_t second = encoding == Encoding::kSum ? *filter : sxtb16_ror8(*filter);
      for (uint32_t p = 0; p < kBlockPixels; ++p) {
        sums[0][p] = smlad(sxtb16(*filter), x[p], sums[0][p]);
        sums[1][p] = smlad(second, x[p], sums[1][p]);
      }
    }
    const int32_t rounding[2] = {static_cast<int32_t>(filter[0]), static_cast<int32_t>(filter[3])};
    const int32_t multiplier[2] = {static_cast<int32_t>(filter[1]), static_cast<int32_t>(filter[4])};
    for (uint32_t p = 0; p < kBlockPixels; ++p) {
      if (encoding == Encoding::kSum) sums[1][p] = wrap_sub(sums[1][p], sums[0][p]) >> 8;
      for (uint32_t c = 0; c < 2; ++c) {
        const int32_t shift = static_cast<int32_t>(filter[2] >> (8 * c) & 0xffu);
        output[p * pixel_step + c] =
            static_cast<int8_t>(ssat<8>(requantize(sums[c][p], multiplier[c], rounding[c], shift)));
      }
    }
    filter += kRecordWords - 2;
    output += 2;
  }
}

#endif

uint32_t* widen(uint32_t* to, const int8_t* from, uint32_t pixel_step, uint32_t count, uint32_t pixels) {
  const uint32_t groups = count / 4;
  if (pixels == kBlockPixels) {
    if (groups != 0) to = widen_groups(to, from, pixel_step, groups);
    from += 4 * groups;
  } else {
    for (uint32_t i = groups; i != 0; --i, from += 4) {
      const uint32_t word = load_word(from);
      *to++ = sxtb16(word);
      *to++ = sxtb16_ror8(word);
    }
  }
  const uint32_t rest = count % 4;
  if (rest == 0) return to;
  for (uint32_t p = 0; p < pixels; ++p, from += pixel_step) {
    to[p] = join_halves(from[0], rest == 1 ? 0 : from[rest - 1]);
    if (rest == 3) to[pixels + p] = join_halves(from[1], 0);
  }
  return to + (rest == 3 ? 2 * pixels : pixels);
}

void copy_bytes(int8_t* to, const int8_t* from, uint32_t count) {
  if (count < 4) {
    for (; count != 0; --count) *to++ = *from++;
    return;
  }
  // The last word overlaps the one before where the count is no multiple of four.
  const uint32_t last = load_word(from + count - 4);
  int8_t* const to_last = to + count - 4;
  for (; to < to_last; to += 4, from += 4) store_word(to, load_word(from));
  store_word(to_last, last);
}

void fill_bytes(int8_t* to, int32_t value, uint32_t count) {
  for (; count != 0; --count) *to++ = static_cast<int8_t>(value);
}

void clamp_bytes(int8_t* bytes, uint32_t count, int32_t low, int32_t high) {
  for (; count != 0; --count, ++bytes) *bytes = static_cast<int8_t>(clamp(*bytes, low, high));
}

}  // namespace dsp
}  // namespace microplan

#endif
