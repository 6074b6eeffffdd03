// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/dsp_dot.h"

#include <stddef.h>

#include "microplan/kernels/dsp.h"

namespace microplan {
namespace dsp {

namespace {

// The depth of byte `byte` of word `word`, as DotQuads has the input; `depth` when it is a zero.
uint32_t depth_of(uint32_t word, uint32_t byte, uint32_t depth) {
  const uint32_t rest = depth % 4;
  if (rest == 0) return 4 * word + byte;
  if (word != 0) return 4 * (word - 1) + byte;
  return byte < rest ? depth - rest + byte : depth;
}

}  // namespace

void dot_input(DotQuads& quads, const int8_t* x, uint32_t depth) {
  const int8_t* end = x + depth;
  uint32_t word = 0;
  if (depth % 4 == 0) {
    word = load_word(x);
    x += 4;
  } else {
    for (uint32_t i = depth % 4; i != 0; --i) word = word << 8 | static_cast<uint8_t>(*--end);
  }
  quads.first = word;
  quads.rest = x;
  quads.words = dot_words(depth);
  int32_t sum = 0;
  for (;;) {
    sum = smlad(sxtab16_ror8(sxtb16(word), word), 0x00010001, sum);
    if (x == end) break;
    word = load_word(x);
    x += 4;
  }
  quads.low_start = wrap_mul(-128, sum);
}

#if defined(__ARM_FEATURE_DSP)

static_assert(offsetof(DotQuads, low_start) == 8 && offsetof(DotQuads, scale) == 16 &&
              offsetof(DotQuads, output) == 20 && offsetof(DotQuads, scale_step) == 24 &&
              offsetof(DotQuads, odd_zero_point) == 28 && offsetof(DotQuads, end) == 32 &&
              offsetof(DotQuads, start) == 36, "assembly knows the offsets");

// In assembly, because compilers keep a part of what the inner loop needs in memory. S and T of the two pairs are r4, r5 and
// r6, r7; r8: input word; r9: where the next lies; r10: turns left; r2: filter; lr: words left before this loop.
#define MICROPLAN_DOT_WORD             \
  "  sxtb16 r11, r8\n"                 \
  "  sxtb16 r8, r8, ror #8\n"          \
  "  ldmia r2!, {r0, r1, r3, r12}\n"   \
  "  smlad r4, r0, r11, r4\n"          \
  "  uxtb16 r0, r0\n"                  \
  "  smlad r6, r3, r11, r6\n"          \
  "  uxtb16 r3, r3\n"                  \
  "  smlad r5, r0, r11, r5\n"          \
  "  smlad r7, r3, r11, r7\n"          \
  "  smlad r4, r1, r8, r4\n"           \
  "  uxtb16 r1, r1\n"                  \
  "  smlad r6, r12, r8, r6\n"          \
  "  uxtb16 r12, r12\n"                \
  "  smlad r5, r1, r8, r5\n"           \
  "  smlad r7, r12, r8, r7\n"

// r8: scale, r9: output, r10: scale_step, r11: odd_zero_point, r12: end. The rounding is (odd_zero_point << shift) + (sum >> 31).
#define MICROPLAN_DOT_FINISH(sum, bits, store, bytes) \
  "  ldrd r0, r1, [r8]\n"                             \
  "  add r8, r8, r10\n"                               \
  "  lsl r3, r11, r1\n"                               \
  "  add r3, r3, " sum ", asr #31\n"                  \
  "  lsl " sum ", " sum ", #1\n"                      \
  "  smmlar r0, " sum ", r0, r3\n"                    \
  "  asr r0, r0, r1\n"                                \
  "  ssat r0, #" bits ", r0, asr #1\n"                \
  "  " store " r0, [r9], #" bytes "\n"

// The same with one scale: r0: multiplier, r1: shift, r10: the rounding without the sign.
#define MICROPLAN_DOT_FINISH_ONE(sum, bits, store, bytes) \
  "  add r3, r10, " sum ", asr #31\n"                     \
  "  lsl " sum ", " sum ", #1\n"                          \
  "  smmlar r3, " sum ", r0, r3\n"                        \
  "  asr r3, r3, r1\n"                                    \
  "  ssat r3, #" bits ", r3, asr #1\n"                    \
  "  " store " r3, [r9], #" bytes "\n"

// r0: DotQuads, r1: filter. On the stack: sums of the first channels of both pairs, DotQuads's scale, to which lr points
// outside the inner loop. An odd number of words
// enters the loop in its middle. A branch to a word-aligned instruction is a fetch shorter.
#define MICROPLAN_DOT_QUADS(bits, store, bytes, keep_scale)   \
  "  adds r0, r0, #16\n"                                      \
  "  push {r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"       \
  "  sub sp, sp, #8\n"                                        \
  "  mov lr, r0\n"                                            \
  "  mov r2, r1\n"                                            \
  "1:\n"                                                      \
  "  ldr r0, [lr, #20]\n"                                     \
  "  ldmia r0!, {r4, r5, r6, r7}\n"                           \
  "  str r0, [lr, #20]\n"                                     \
  "  ldmdb lr, {r8, r9, r11, lr}\n"                           \
  "  strd r4, r6, [sp]\n"                                     \
  "  add r5, r5, r11\n"                                       \
  "  add r7, r7, r11\n"                                       \
  "2:\n"                                                      \
  "  usat r0, #7, lr\n"                                       \
  "  mov r4, r5\n"                                            \
  "  mov r6, r7\n"                                            \
  "  lsrs r10, r0, #1\n"                                      \
  "  bcs 5f\n"                                                \
  "  sub r10, r10, #1\n"                                      \
  "  b 4f\n"                                                  \
  "  .balign 4\n"                                             \
  "3:\n"                                                      \
  "  ldr r8, [r9], #4\n"                                      \
  "4:\n"                                                      \
  MICROPLAN_DOT_WORD                                          \
  "  ldr r8, [r9], #4\n"                                      \
  "5:\n"                                                      \
  MICROPLAN_DOT_WORD                                          \
  "  subs r10, r10, #1\n"                                     \
  "  bpl 3b\n"                                                \
  "  ldrd r0, r3, [sp]\n"                                     \
  "  sub r4, r4, r5\n"                                        \
  "  sub r6, r6, r7\n"                                        \
  "  add r4, r0, r4, asr #8\n"                                \
  "  add r6, r3, r6, asr #8\n"                                \
  "  subs lr, lr, #127\n"                                     \
  "  bls 6f\n"                                                \
  "  strd r4, r6, [sp]\n"                                     \
  "  ldr r8, [r9], #4\n"                                      \
  "  b 2b\n"                                                  \
  "6:\n"                                                      \
  "  ldr lr, [sp, #8]\n"                                      \
  "  ldmia lr, {r8, r9, r10, r11, r12}\n"                     \
  "  cmp r10, #0\n"                                           \
  "  bne 8f\n"                                                \
  "  ldrd r0, r1, [r8]\n"                                     \
  "  lsl r10, r11, r1\n"                                      \
  MICROPLAN_DOT_FINISH_ONE("r4", bits, store, bytes)          \
  MICROPLAN_DOT_FINISH_ONE("r5", bits, store, bytes)          \
  MICROPLAN_DOT_FINISH_ONE("r6", bits, store, bytes)          \
  MICROPLAN_DOT_FINISH_ONE("r7", bits, store, bytes)          \
  "7:\n"                                                      \
  "  str r9, [lr, #4]\n"                                      \
  "  cmp r9, r12\n"                                           \
  "  bne 1b\n"                                                \
  "  mov r0, r2\n"                                            \
  "  add sp, sp, #12\n"                                       \
  "  pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"            \
  "8:\n"                                                      \
  "  blt 9f\n"                                                \
  MICROPLAN_DOT_FINISH("r4", bits, store, bytes)              \
  MICROPLAN_DOT_FINISH("r5", bits, store, bytes)              \
  MICROPLAN_DOT_FINISH("r6", bits, store, bytes)              \
  MICROPLAN_DOT_FINISH("r7", bits, store, bytes)              \
  keep_scale                                                  \
  "  b 7b\n"                                                  \
  "9:\n"                                                      \
  "  stmia r9!, {r4, r5, r6, r7}\n"                           \
  "  b 7b\n"

[[gnu::naked]] const uint32_t* dot_quads(DotQuads&, const uint32_t*) {
  asm volatile(MICROPLAN_DOT_QUADS("8", "strb", "1", "  str r8, [lr]\n"));
}

[[gnu::naked]] const uint32_t* dot_quads_int16(DotQuads&, const uint32_t*) {
  asm volatile(MICROPLAN_DOT_QUADS("16", "strh", "2", ""));
}

#undef MICROPLAN_DOT_WORD
#undef MICROPLAN_DOT_FINISH
#undef MICROPLAN_DOT_FINISH_ONE
#undef MICROPLAN_DOT_QUADS

#else

namespace {

void quad_sums(const DotQuads& quads, const uint32_t* filter, int32_t* sums) {
  for (uint32_t pair = 0; pair < 2; ++pair, sums += 2) {
    sums[0] = quads.start[2 * pair];
    int32_t low = wrap_add(quads.start[2 * pair + 1], quads.low_start);
    int32_t both = low;
    uint32_t x = quads.first;
    for (uint32_t word = 0; word < quads.words; ++word) {
      if (word != 0) x = load_word(quads.rest + 4 * (word - 1));
      for (uint32_t half = 0; half < 2; ++half) {
        const uint32_t w = filter[4 * word + 2 * pair + half];
        const uint32_t inputs = half == 0 ? sxtb16(x) : sxtb16_ror8(x);
        both = smlad(w, inputs, both);
        low = smlad(w & 0x00ff00ffu, inputs, low);
      }
      if (word % 127 != 126 && word + 1 != quads.words) continue;
      sums[0] = wrap_add(sums[0], wrap_sub(both, low) >> 8);
      both = low;
    }
    sums[1] = low;
  }
}

template <typename T>
const uint32_t* dot_quads_of(DotQuads& quads, const uint32_t* filter) {
  T* out = static_cast<T*>(quads.output);
  for (; out != quads.end; quads.start += 4, filter += 4 * quads.words) {
    int32_t sums[4];
    quad_sums(quads, filter, sums);
    if (quads.scale_step < 0) {
      memcpy(out, sums, sizeof sums);
      out += 16 / sizeof(T);
      continue;
    }
    const DotScale* scale = quads.scale;
    for (const int32_t sum : sums) {
      const int32_t rounding = shift_left(quads.odd_zero_point, scale->shift);
      *out++ = static_cast<T>(ssat<8 * sizeof(T)>(requantize(sum, scale->multiplier, rounding, scale->shift) >> 1));
      scale += quads.scale_step / static_cast<int32_t>(sizeof(DotScale));
    }
    if (sizeof(T) == 1) quads.scale = scale;
  }
  quads.output = out;
  return filter;
}

}  // namespace

const uint32_t* dot_quads(DotQuads& quads, const uint32_t* filter) { return dot_quads_of<int8_t>(quads, filter); }
const uint32_t* dot_quads_int16(DotQuads& quads, const uint32_t* filter) {
  return dot_quads_of<int16_t>(quads, filter);
}

#endif

const uint32_t* dot_rest(DotQuads& quads, const uint32_t* filter, uint32_t channels, int32_t* sums) {
  const int8_t* x = quads.rest;
  const int32_t* const start = quads.start;
  const bool pair = channels == 2;
  quads.start = start + channels;
  int32_t a = start[0];
  int32_t b = quads.start[-1];
  uint32_t word = quads.first;
  for (uint32_t left = quads.words;;) {
    const uint32_t even = sxtb16(word);
    const uint32_t odd = sxtb16_ror8(word);
    const uint32_t w = *filter++;
    if (pair) {
      b = smlad(sxtb16(w), even, b);
      a = smlad(sxtb16_ror8(w), even, a);
      const uint32_t v = *filter++;
      b = smlad(sxtb16(v), odd, b);
      a = smlad(sxtb16_ror8(v), odd, a);
    } else {
      a = smlad(sxtb16(w), even, a);
      a = smlad(sxtb16_ror8(w), odd, a);
    }
    if (--left == 0) break;
    word = load_word(x);
    x += 4;
  }
  sums[channels - 1] = b;
  sums[0] = a;
  return filter;
}

void pack_dot_group(ConstantWriter& writer, const uint8_t* const* rows, uint32_t channels, uint32_t depth) {
  const uint8_t excess = channels == 4 ? 0x80 : 0;
  for (uint32_t word = 0; word < dot_words(depth); ++word) {
    for (uint32_t part = 0; part < channels; ++part) {
      uint8_t bytes[4] = {};
      for (uint32_t i = 0; i < 4; ++i) {
        // A pair's two words have depths 0 and 2, then 1 and 3, as SXTB16 takes the inputs apart.
        const uint32_t at = depth_of(word, channels == 1 ? i : part % 2 + i / 2 * 2, depth);
        if (at == depth) continue;
        const bool low = channels != 1 && i % 2 == 0;
        bytes[i] = static_cast<uint8_t>(rows[part / 2 * 2 + low][at] ^ (low ? excess : 0));
      }
      writer.append(bytes, sizeof bytes);
    }
  }
}

}  // namespace dsp
}  // namespace microplan
