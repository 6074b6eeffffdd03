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

// Registers: r0 input, r1 filter, r2 and r3 two pixels, r4 to r7 the first channel's sums, r8 to r11 the second's, r12 a
// filter word, lr its first channel. On the stack: the output, then the Block, then the way into the loop, then
// where a BlockApart has its constants.
#define MICROPLAN_AT_OUTPUT "[sp, #0]"
#define MICROPLAN_AT_INPUT "[sp, #4]"
#define MICROPLAN_AT_INPUT_END "[sp, #8]"
#define MICROPLAN_AT_FILTER_END "[sp, #16]"
#define MICROPLAN_AT_STEP "[sp, #20]"
#define MICROPLAN_AT_ENTRY "[sp, #24]"
#define MICROPLAN_AT_CONSTANTS "[sp, #28]"

// The products of a pair of depths; the sums are added to `a` to `h`.
#define MICROPLAN_PAIR(a, b, c, d, e, f, g, h) \
  "ldr r12, [r1], #4\n"                        \
  "ldrd r2, r3, [r0], #8\n"                    \
  "sxtb16 lr, r12\n"                           \
  "smlad r4, lr, r2, " a "\n"                  \
  "smlad r8, r12, r2, " e "\n"                 \
  "smlad r5, lr, r3, " b "\n"                  \
  "smlad r9, r12, r3, " f "\n"                 \
  "ldrd r2, r3, [r0], #8\n"                    \
  "smlad r6, lr, r2, " c "\n"                  \
  "smlad r10, r12, r2, " g "\n"                \
  "smlad r7, lr, r3, " d "\n"                  \
  "smlad r11, r12, r3, " h "\n"

// The output of the doubled sum `x`, in place; `t` is free.
#define MICROPLAN_REQUANTIZE(x, t)     \
  "add " t ", r0, " x ", asr #31\n"    \
  "smmlar " x ", " x ", r2, " t "\n"   \
  "asr " x ", " x ", r3\n"             \
  "ssat " x ", #8, " x "\n"

// What loads the constants: `biases` into r7 and r11, using r2; `first`, the first channel's rounding and multiplier and the
// shifts, into r0, r2 and r3, using lr; `second`, the second channel's, into r0 and r2, using r4. `block` are the registers
// that take the Block's words, `all` those, r1 and r7, `bytes` their size.
//
// The loop has eight pairs in a row and begins in its middle: a pair is 16 bytes of input and 48 of code. The second sums
// less the first are 256 times the second channel's.
#define MICROPLAN_MULTIPLY_BLOCK(block, all, bytes, biases, first, second) \
  ".syntax unified\n"                                                \
  "push {r4-r11, lr}\n"                                              \
  "ldmia r0, {" block "}\n"                                          \
  "subs r7, r3, r2\n"                                                \
  "subs r7, r7, #16\n"                                               \
  "and r7, r7, #112\n"                                               \
  "add r7, r7, r7, lsl #1\n"                                         \
  "adr.w r0, 3f\n"                                                   \
  "subs r7, r0, r7\n"                                                \
  "orr r7, r7, #1\n"                                                 \
  "push {" all "}\n"                                                 \
  "mov r1, r4\n"                                                     \
  "1:\n"                                                             \
  "ldr r0, " MICROPLAN_AT_INPUT "\n"                                 \
  biases                                                             \
  MICROPLAN_PAIR("r7", "r7", "r7", "r7", "r11", "r11", "r11", "r11") \
  "ldr.w pc, " MICROPLAN_AT_ENTRY "\n"                               \
  "2:\n"                                                             \
  ".rept 8\n"                                                        \
  MICROPLAN_PAIR("r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11")   \
  ".endr\n"                                                          \
  "3:\n"                                                             \
  "ldr r2, " MICROPLAN_AT_INPUT_END "\n"                             \
  "cmp r0, r2\n"                                                     \
  "bne.w 2b\n"                                                       \
  "sub r8, r8, r4\n"                                                 \
  "sub r9, r9, r5\n"                                                 \
  "sub r10, r10, r6\n"                                               \
  "sub r11, r11, r7\n"                                               \
  "asr r8, r8, #7\n"                                                 \
  "asr r9, r9, #7\n"                                                 \
  "asr r10, r10, #7\n"                                               \
  "asr r11, r11, #7\n"                                               \
  first                                                              \
  "ldr.w lr, " MICROPLAN_AT_OUTPUT "\n"                              \
  "lsls r4, r4, #1\n"                                                \
  MICROPLAN_REQUANTIZE("r4", "r12")                                  \
  "lsls r6, r6, #1\n"                                                \
  MICROPLAN_REQUANTIZE("r6", "r12")                                  \
  "ldr.w r12, " MICROPLAN_AT_STEP "\n"                               \
  "strb.w r6, [lr, r12, lsl #1]\n"                                   \
  "add.w r6, lr, r12\n"                                              \
  "strb r4, [lr], #1\n"                                              \
  "lsls r5, r5, #1\n"                                                \
  MICROPLAN_REQUANTIZE("r5", "r4")                                   \
  "lsls r7, r7, #1\n"                                                \
  MICROPLAN_REQUANTIZE("r7", "r4")                                   \
  "strb.w r7, [r6, r12, lsl #1]\n"                                   \
  "strb r5, [r6], #1\n"                                              \
  "lsrs r3, r3, #8\n"                                                \
  second                                                             \
  MICROPLAN_REQUANTIZE("r8", "r4")                                   \
  MICROPLAN_REQUANTIZE("r9", "r4")                                   \
  MICROPLAN_REQUANTIZE("r10", "r4")                                  \
  MICROPLAN_REQUANTIZE("r11", "r4")                                  \
  "strb.w r10, [lr, r12, lsl #1]\n"                                  \
  "strb r8, [lr], #1\n"                                              \
  "strb.w r11, [r6, r12, lsl #1]\n"                                  \
  "strb.w r9, [r6]\n"                                                \
  "str.w lr, " MICROPLAN_AT_OUTPUT "\n"                              \
  "ldr r2, " MICROPLAN_AT_FILTER_END "\n"                            \
  "cmp r1, r2\n"                                                     \
  "bne.w 1b\n"                                                       \
  "add sp, sp, #" bytes "\n"                                         \
  "pop {r4-r11, pc}\n"

[[gnu::naked, gnu::noinline]] void multiply_block(const Block&, int8_t*) {
  asm(MICROPLAN_MULTIPLY_BLOCK("r2-r6", "r1-r7", "28",
                               "ldrd r7, r11, [r1], #8\n",
                               "ldmia r1!, {r0, r2, r3}\n",
                               "ldmia r1!, {r0, r2}\n"));
}

[[gnu::naked, gnu::noinline]] void multiply_block(const BlockApart&, int8_t*) {
  asm(MICROPLAN_MULTIPLY_BLOCK("r2-r6, r8", "r1-r8", "32",
                               "ldr r2, " MICROPLAN_AT_CONSTANTS "\n"
                               "ldrd r7, r11, [r2], #8\n"
                               "str r2, " MICROPLAN_AT_CONSTANTS "\n",
                               "ldr.w lr, " MICROPLAN_AT_CONSTANTS "\n"
                               "ldmia lr!, {r0, r2, r3}\n"
                               "str.w lr, " MICROPLAN_AT_CONSTANTS "\n",
                               "ldr r4, " MICROPLAN_AT_CONSTANTS "\n"
                               "ldmia r4!, {r0, r2}\n"
                               "str r4, " MICROPLAN_AT_CONSTANTS "\n"));
}

// r0 to; the pixels r1, r2, r3 and r12; groups of four bytes in lr, or the offset, the end of what groups make being on the
// stack; the count there, too. What comes behind them: a half of a pair, whose other half does not matter; a pair; a pair
// and a half. `extend` and `added` go around an instruction's first operand, `one` adds the offset to r4 to r7.
#define MICROPLAN_WIDEN(saved, start, step, again, extend, added, one) \
  ".syntax unified\n"                \
  "push {" saved ", lr}\n"           \
  "lsrs r4, r2, #2\n"                \
  start                              \
  "ldmia.w r1, {r1, r2, r3, r12}\n"  \
  "beq.n 2f\n"                       \
  "1:\n"                             \
  "ldr r4, [r1], #4\n"               \
  "ldr r5, [r2], #4\n"               \
  "ldr r6, [r3], #4\n"               \
  "ldr r7, [r12], #4\n"              \
  step                               \
  extend "r8, " added "r4\n"         \
  extend "r9, " added "r5\n"         \
  extend "r10, " added "r6\n"        \
  extend "r11, " added "r7\n"        \
  "stmia r0!, {r8-r11}\n"            \
  extend "r4, " added "r4, ror #8\n" \
  extend "r5, " added "r5, ror #8\n" \
  extend "r6, " added "r6, ror #8\n" \
  extend "r7, " added "r7, ror #8\n" \
  "stmia r0!, {r4-r7}\n"             \
  again                              \
  "bne.n 1b\n"                       \
  "2:\n"                             \
  "ldr r8, [sp]\n"                   \
  "ands r8, r8, #3\n"                \
  "beq.n 5f\n"                       \
  "cmp r8, #2\n"                     \
  "bhs.n 3f\n"                       \
  "ldrsb r4, [r1]\n"                 \
  "ldrsb r5, [r2]\n"                 \
  "ldrsb r6, [r3]\n"                 \
  "ldrsb r7, [r12]\n"                \
  one                                \
  "b.n 4f\n"                         \
  "3:\n"                             \
  "ldrh r4, [r1]\n"                  \
  "ldrh r5, [r2]\n"                  \
  "ldrh r6, [r3]\n"                  \
  "ldrh r7, [r12]\n"                 \
  "bne.n 6f\n"                       \
  "orr r4, r4, r4, lsl #8\n"         \
  "orr r5, r5, r5, lsl #8\n"         \
  "orr r6, r6, r6, lsl #8\n"         \
  "orr r7, r7, r7, lsl #8\n"         \
  extend "r4, " added "r4\n"         \
  extend "r5, " added "r5\n"         \
  extend "r6, " added "r6\n"         \
  extend "r7, " added "r7\n"         \
  "4:\n"                             \
  "stmia r0!, {r4-r7}\n"             \
  "5:\n"                             \
  "pop {" saved ", pc}\n"            \
  "6:\n"                             \
  "ldrb r8, [r1, #2]\n"              \
  "ldrb r9, [r2, #2]\n"              \
  "ldrb r10, [r3, #2]\n"             \
  "ldrb r11, [r12, #2]\n"            \
  "orr r8, r4, r8, lsl #16\n"        \
  "orr r9, r5, r9, lsl #16\n"        \
  "orr r10, r6, r10, lsl #16\n"      \
  "orr r11, r7, r11, lsl #16\n"      \
  extend "r8, " added "r8\n"         \
  extend "r9, " added "r9\n"         \
  extend "r10, " added "r10\n"       \
  extend "r11, " added "r11\n"       \
  "stmia r0!, {r8-r11}\n"            \
  extend "r4, " added "r4, ror #8\n" \
  extend "r5, " added "r5, ror #8\n" \
  extend "r6, " added "r6, ror #8\n" \
  extend "r7, " added "r7, ror #8\n" \
  "b.n 4b\n"

[[gnu::naked, gnu::noinline]] uint32_t* widen_block(uint32_t*, const int8_t* const*, uint32_t) {
  asm(MICROPLAN_WIDEN("r2, r4-r11", "mov lr, r4\n", "subs lr, lr, #1\n", "", "sxtb16 ", "", ""));
}

[[gnu::naked, gnu::noinline]] uint32_t* widen_block(uint32_t*, const int8_t* const*, uint32_t, uint32_t) {
  asm(MICROPLAN_WIDEN("r2-r11",
                      "mov lr, r3\n"
                      "add.w r4, r0, r4, lsl #5\n"
                      "str r4, [sp, #4]\n",
                      "",
                      "ldr.w r8, [sp, #4]\n"
                      "cmp r0, r8\n",
                      "sxtab16 ", "lr, ",
                      "sadd16 r4, r4, lr\n"
                      "sadd16 r5, r5, lr\n"
                      "sadd16 r6, r6, lr\n"
                      "sadd16 r7, r7, lr\n"));
}

#else

namespace {

// `records`: the constants lie around each record's filter.
void multiply_block(const Block& block, const uint32_t* constants, bool records, int8_t* output) {
  const uint32_t* filter = block.filter;
  while (filter != block.filter_end) {
    const uint32_t*& from = records ? filter : constants;
    int32_t sums[2][kBlockPixels];
    for (uint32_t p = 0; p < kBlockPixels; ++p) {
      sums[0][p] = static_cast<int32_t>(from[0]);
      sums[1][p] = static_cast<int32_t>(from[1]);
    }
    from += 2;
    for (const uint32_t* x = block.input; x != block.input_end; x += kBlockPixels, ++filter) {
      for (uint32_t p = 0; p < kBlockPixels; ++p) {
        sums[0][p] = smlad(sxtb16(*filter), x[p], sums[0][p]);
        sums[1][p] = smlad(*filter, x[p], sums[1][p]);
      }
    }
    const int32_t rounding[2] = {static_cast<int32_t>(from[0]), static_cast<int32_t>(from[3])};
    const int32_t multiplier[2] = {static_cast<int32_t>(from[1]), static_cast<int32_t>(from[4])};
    for (uint32_t p = 0; p < kBlockPixels; ++p) {
      sums[1][p] = wrap_sub(sums[1][p], sums[0][p]) >> 8;
      for (uint32_t c = 0; c < 2; ++c) {
        const int32_t shift = static_cast<int32_t>(from[2] >> (8 * c) & 0xffu);
        output[p * block.pixel_step + c] =
            static_cast<int8_t>(ssat<8>(requantize(sums[c][p], multiplier[c], rounding[c], shift)));
      }
    }
    from += kRecordWords - 2;
    output += 2;
  }
}

}  // namespace

void multiply_block(const Block& block, int8_t* output) { multiply_block(block, nullptr, true, output); }
void multiply_block(const BlockApart& block, int8_t* output) {
  multiply_block(block.block, block.constants, false, output);
}

uint32_t* widen_block(uint32_t* to, const int8_t* const from[kBlockPixels], uint32_t count) {
  return widen_block(to, from, count, 0);
}

uint32_t* widen_block(uint32_t* to, const int8_t* const from[kBlockPixels], uint32_t count, uint32_t offsets) {
  const uint32_t pairs = (count + 1) / 2;
  for (uint32_t p = 0; p < kBlockPixels; ++p) {
    for (uint32_t i = 0; i < pairs; ++i) {
      const uint32_t group = i / 2 * 4;
      const bool last_two = count - group == 2;
      const uint32_t first = group + i % 2;
      const uint32_t second = last_two ? first + 1 : first + 2;
      to[i * kBlockPixels + p] = join_halves(from[p][first] + low_half(offsets),
                                             (second < count ? from[p][second] : 0) + high_half(offsets));
    }
  }
  return to + pairs * kBlockPixels;
}

#endif

[[gnu::noinline]] int8_t finish(const ChannelQuantization& quantization, const void* by, int32_t shift, int32_t sum) {
  const int32_t rounding = static_cast<int32_t>(load_word(by));
  const int32_t multiplier = static_cast<int32_t>(load_word(static_cast<const uint8_t*>(by) + 4));
  const int32_t value = quantization.fast ? requantize(sum, multiplier, rounding, shift)
                                          : wrap_add(microplan::requantize(sum, Requantize{multiplier, shift}), rounding);
  return static_cast<int8_t>(clamp(value, quantization.act_min, quantization.act_max));
}

// Sums in variables of their own stay in registers; those of an array do not when loops are not unrolled.
[[gnu::noinline]] void multiply_single(const ChannelQuantization& quantization, const Block& block,
                                       const uint8_t* constants, const uint8_t* filter, uint32_t pixels, int8_t* y) {
  const uint32_t* x = block.input;
  int32_t sum0 = static_cast<int32_t>(load_word(constants));
  int32_t sum1 = sum0, sum2 = sum0, sum3 = sum0;
  const auto add = [&](uint32_t both) {
    sum0 = smlad(both, x[0], sum0);
    sum1 = smlad(both, x[1], sum1);
    sum2 = smlad(both, x[2], sum2);
    sum3 = smlad(both, x[3], sum3);
    x += kBlockPixels;
  };
  const uint32_t pairs = static_cast<uint32_t>(block.input_end - block.input) / kBlockPixels;
  for (uint32_t i = pairs / 2; i != 0; --i, filter += 4) {
    const uint32_t word = load_word(filter);
    add(sxtb16(word));
    add(sxtb16_ror8(word));
  }
  if (pairs % 2 != 0) add(join_halves(static_cast<int8_t>(filter[0]), static_cast<int8_t>(filter[1])));
  const int32_t sums[kBlockPixels] = {sum0, sum1, sum2, sum3};
  for (uint32_t p = 0; p < pixels; ++p, y += block.pixel_step) {
    *y = finish(quantization, constants + 4, static_cast<int8_t>(constants[12]), sums[p]);
  }
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
  const uint32_t lows = static_cast<uint32_t>(low & 0xff) * 0x01010101u;
  const uint32_t highs = static_cast<uint32_t>(high & 0xff) * 0x01010101u;
  for (; count >= 4; count -= 4, bytes += 4) {
    store_word(bytes, min_bytes(max_bytes(load_word(bytes), lows), highs));
  }
  for (; count != 0; --count, ++bytes) *bytes = static_cast<int8_t>(clamp(*bytes, low, high));
}

}  // namespace dsp
}  // namespace microplan

#endif
