// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/depthwise_loops_dsp.h"

#include <stddef.h>

#include "microplan/kernels/dsp.h"

namespace microplan {
namespace dsp {

#if defined(__ARM_FEATURE_DSP)

static_assert(offsetof(Depthwise3x3, columns) == 0 && offsetof(Depthwise3x3, out) == 4 &&
              offsetof(Depthwise3x3, out_step) == 8 && offsetof(Depthwise3x3, second) == 12 &&
              offsetof(Depthwise3x3, odd_zero_point) == 16 && offsetof(Depthwise3x3, count) == 20 &&
              offsetof(Depthwise3x3, record) == 24 && offsetof(Depthwise3x3, span) == 28 &&
              offsetof(Depthwise3x3, rest) == 32 && offsetof(Depthwise3x3, channels) == 36 &&
              sizeof(Depthwise3x3Record) == 24, "assembly knows the offsets");
static_assert(offsetof(DepthwiseBlocks, base) == 8 && offsetof(DepthwiseBlocks, out) == 12 &&
              offsetof(DepthwiseBlocks, out_step) == 16 && offsetof(DepthwiseBlocks, odd_zero_point) == 20 &&
              offsetof(DepthwiseBlocks, count) == 24, "assembly knows the offsets");
static_assert(offsetof(DepthwisePixel, input) == 4 && offsetof(DepthwisePixel, inside) == 12 &&
              offsetof(DepthwisePixel, padding) == 20 && offsetof(DepthwisePixel, scales) == 24 &&
              offsetof(DepthwisePixel, out) == 28 && offsetof(DepthwisePixel, odd_zero_point) == 32 &&
              offsetof(DepthwisePixel, groups) == 36, "assembly knows the offsets");

// The scale is in registers, and r12 is free.
#define MICROPLAN_DEPTHWISE_FINISH(sum, twice_bias, multiplier, rounding, shift) \
  "  add " sum ", " twice_bias ", " sum ", lsl #1\n"                             \
  "  add r12, " rounding ", " sum ", asr #31\n"                                 \
  "  smmlar " sum ", " sum ", " multiplier ", r12\n"                            \
  "  asr " sum ", " sum ", " shift "\n"                                         \
  "  ssat " sum ", #8, " sum ", asr #1\n"

#define MICROPLAN_DEPTHWISE_FINISH_3X3(sum) MICROPLAN_DEPTHWISE_FINISH(sum, "r4", "r5", "r6", "r7")

// r0 to r3: rows, r4: offset, r5: step, r6: to, lr: columns left.
[[gnu::naked]] void widen_columns(const uint8_t* const*, uint32_t, uint32_t, uint32_t, uint32_t*) {
  asm volatile(
      "  push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
      "  mov r4, r1\n"
      "  mov r5, r2\n"
      "  mov lr, r3\n"
      "  ldr r6, [sp, #36]\n"
      "  ldm r0, {r0, r1, r2, r3}\n"
      "1:\n"
      "  ldr r7, [r0, r4]\n"
      "  ldr r8, [r1, r4]\n"
      "  ldr r9, [r2, r4]\n"
      "  ldr r10, [r3, r4]\n"
      "  add r4, r4, r5\n"
      "  pkhtb r11, r8, r7, asr #16\n"
      "  pkhbt r7, r7, r8, lsl #16\n"
      "  pkhtb r12, r10, r9, asr #16\n"
      "  pkhbt r8, r9, r10, lsl #16\n"
      "  sxtb16 r9, r7, ror #8\n"
      "  sxtb16 r10, r8, ror #8\n"
      "  sxtb16 r7, r7\n"
      "  sxtb16 r8, r8\n"
      "  stmia r6!, {r7, r8, r9, r10}\n"
      "  sxtb16 r7, r11\n"
      "  sxtb16 r8, r12\n"
      "  sxtb16 r9, r11, ror #8\n"
      "  sxtb16 r10, r12, ror #8\n"
      "  stmia r6!, {r7, r8, r9, r10}\n"
      "  subs lr, lr, #1\n"
      "  bne 1b\n"
      "  pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}\n");
}

// On the stack: where the columns to read end, work. Filter words are (taps 0, 1) in r8, r10, r12 and (taps 1, 2) in
// r9, r11, lr.
#define MICROPLAN_DEPTHWISE_BEGIN                               \
  "  push {r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"         \
  "  sub sp, sp, #8\n"                                          \
  "1:\n"                                                        \
  "  ldr r4, [r0, #24]\n"                                       \
  "  ldrd r1, r2, [r0, #28]\n"                                  \
  "  ldr r0, [r0]\n"                                            \
  "  ldmia r4, {r4, r5, r6}\n"                                  \
  "  add r1, r1, r0\n"                                          \
  "  str r1, [sp]\n"                                            \
  "  sxtb16 r8, r4\n"                                           \
  "  sxtb16 r9, r4, ror #8\n"                                   \
  "  sxtb16 r10, r5\n"                                          \
  "  sxtb16 r11, r5, ror #8\n"                                  \
  "  sxtb16 r12, r6\n"                                          \
  "  sxtb16 lr, r6, ror #8\n"                                   \
  "  cmp r2, #1\n"

// r0: past the columns that were read; (a0, b0) becomes the sums and goes where column 1 of the three was.
#define MICROPLAN_DEPTHWISE_PAIR(a0, b0, a1, b1, a2, b2) \
  "  ldrd " a2 ", " b2 ", [r0], #32\n"                   \
  "  smuad r1, " a0 ", r8\n"                             \
  "  smlabt r1, " b0 ", r9, r1\n"                        \
  "  smuad " b0 ", " b0 ", r9\n"                         \
  "  smlatb " b0 ", " a0 ", r8, " b0 "\n"                \
  "  smlad r1, " a1 ", r10, r1\n"                        \
  "  smlabt r1, " b1 ", r11, r1\n"                       \
  "  smlad " b0 ", " b1 ", r11, " b0 "\n"                \
  "  smlatb " b0 ", " a1 ", r10, " b0 "\n"               \
  "  smlad r1, " a2 ", r12, r1\n"                        \
  "  smlabt r1, " b2 ", lr, r1\n"                        \
  "  smlad " b0 ", " b2 ", lr, " b0 "\n"                 \
  "  smlatb " b0 ", " a2 ", r12, " b0 "\n"               \
  "  strd r1, " b0 ", [r0, #-64]\n"

// One row, of two columns more; r1: where the sum goes.
#define MICROPLAN_DEPTHWISE_SINGLE(a0, b0, a1, b1, a2, b2) \
  "  ldrd " a1 ", " b1 ", [r0], #32\n"                     \
  "  ldrd " a2 ", " b2 ", [r0], #32\n"                     \
  "  smuad " a0 ", " a0 ", r8\n"                           \
  "  smlabt " a0 ", " b0 ", r9, " a0 "\n"                  \
  "  smlad " a0 ", " a1 ", r10, " a0 "\n"                  \
  "  smlabt " a0 ", " b1 ", r11, " a0 "\n"                 \
  "  smlad " a0 ", " a2 ", r12, " a0 "\n"                  \
  "  smlabt " a0 ", " b2 ", lr, " a0 "\n"                  \
  "  str " a0 ", [r1], #32\n"

// r0: sums, r1: out, r2: out_step, r3: second, r4: twice_bias, r5: multiplier, r6: rounding, r7: shift, lr: outputs
// left.
#define MICROPLAN_DEPTHWISE_SCALE   \
  "  ldr r12, [sp, #8]\n"           \
  "  ldmia r12, {r0, r1, r2, r3, r6, lr}\n" \
  "  ldr r8, [r12, #24]\n"          \
  "  ldrd r4, r5, [r8, #12]\n"      \
  "  ldr r7, [r8, #20]\n"           \
  "  add r8, r8, #24\n"             \
  "  str r8, [r12, #24]\n"          \
  "  add r8, r0, #8\n"              \
  "  add r9, r1, #1\n"              \
  "  strd r8, r9, [r12]\n"          \
  "  add r0, r0, #32\n"             \
  "  lsl r6, r6, r7\n"

// The second row first: where there is none, its output is overwritten.
#define MICROPLAN_DEPTHWISE_STORE_PAIR(a, b) \
  "  strb " b ", [r1, r3]\n"                 \
  "  strb " a ", [r1]\n"                     \
  "  add r1, r1, r2\n"

#define MICROPLAN_DEPTHWISE_END          \
  "  ldr r0, [sp, #8]\n"                 \
  "  ldr r1, [r0, #36]\n"                \
  "  subs r1, r1, #1\n"                  \
  "  str r1, [r0, #36]\n"                \
  "  bne 1b\n"                           \
  "  add sp, sp, #12\n"                  \
  "  pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"

// The columns take turns in three pairs of registers; an output row that is no multiple of three enters in between.
[[gnu::naked]] void depthwise_3x3(Depthwise3x3&) {
  asm volatile(
      MICROPLAN_DEPTHWISE_BEGIN
      "  blo 2f\n"
      "  beq 3f\n"
      "  ldrd r4, r5, [r0], #32\n"
      "  ldrd r6, r7, [r0], #32\n"
      "  b 5f\n"
      "2:\n"
      "  ldrd r2, r3, [r0], #32\n"
      "  ldrd r4, r5, [r0], #32\n"
      "  b 4f\n"
      "3:\n"
      "  ldrd r6, r7, [r0], #32\n"
      "  ldrd r2, r3, [r0], #32\n"
      "  b 6f\n"
      "4:\n"
      MICROPLAN_DEPTHWISE_PAIR("r2", "r3", "r4", "r5", "r6", "r7")
      "5:\n"
      MICROPLAN_DEPTHWISE_PAIR("r4", "r5", "r6", "r7", "r2", "r3")
      "6:\n"
      MICROPLAN_DEPTHWISE_PAIR("r6", "r7", "r2", "r3", "r4", "r5")
      "  ldr r1, [sp]\n"
      "  cmp r0, r1\n"
      "  bne 4b\n"
      MICROPLAN_DEPTHWISE_SCALE
      "  lsrs lr, lr, #1\n"
      "  bcc 7f\n"
      "  ldrd r10, r11, [r0], #32\n"
      "  add lr, lr, #1\n"
      "  b 8f\n"
      "7:\n"
      "  ldrd r8, r9, [r0], #32\n"
      "  ldrd r10, r11, [r0], #32\n"
      MICROPLAN_DEPTHWISE_FINISH_3X3("r8")
      MICROPLAN_DEPTHWISE_FINISH_3X3("r9")
      MICROPLAN_DEPTHWISE_STORE_PAIR("r8", "r9")
      "8:\n"
      MICROPLAN_DEPTHWISE_FINISH_3X3("r10")
      MICROPLAN_DEPTHWISE_FINISH_3X3("r11")
      MICROPLAN_DEPTHWISE_STORE_PAIR("r10", "r11")
      "  subs lr, lr, #1\n"
      "  bne 7b\n"
      MICROPLAN_DEPTHWISE_END);
}

[[gnu::naked]] void depthwise_3x3_stride_2(Depthwise3x3&) {
  asm volatile(
      MICROPLAN_DEPTHWISE_BEGIN
      "  add r1, r0, #32\n"
      "  beq 2f\n"
      "  ldrd r2, r3, [r0], #32\n"
      "  b 3f\n"
      "2:\n"
      "  ldrd r6, r7, [r0], #32\n"
      "  b 4f\n"
      "3:\n"
      MICROPLAN_DEPTHWISE_SINGLE("r2", "r3", "r4", "r5", "r6", "r7")
      "4:\n"
      MICROPLAN_DEPTHWISE_SINGLE("r6", "r7", "r4", "r5", "r2", "r3")
      "  ldr r4, [sp]\n"
      "  cmp r0, r4\n"
      "  bne 3b\n"
      MICROPLAN_DEPTHWISE_SCALE
      "  lsrs lr, lr, #1\n"
      "  bcc 7f\n"
      "  ldr r9, [r0], #32\n"
      "  add lr, lr, #1\n"
      "  b 8f\n"
      "7:\n"
      "  ldr r8, [r0], #32\n"
      "  ldr r9, [r0], #32\n"
      MICROPLAN_DEPTHWISE_FINISH_3X3("r8")
      "  strb r8, [r1]\n"
      "  add r1, r1, r2\n"
      "8:\n"
      MICROPLAN_DEPTHWISE_FINISH_3X3("r9")
      "  strb r9, [r1]\n"
      "  add r1, r1, r2\n"
      "  subs lr, lr, #1\n"
      "  bne 7b\n"
      MICROPLAN_DEPTHWISE_END);
}

// r0: filter, r1: offsets, r2: base, r4 to r7: sums. r3 and lr: words of taps, r8 to r11: of the input, r12: two
// offsets.
[[gnu::naked]] void depthwise_blocks(DepthwiseBlocks&) {
  asm volatile(
      "  push {r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
      "1:\n"
      "  ldmia r0, {r0, r1, r2}\n"
      "  mov r4, #0\n"
      "  mov r5, #0\n"
      "  mov r6, #0\n"
      "  mov r7, #0\n"
      "2:\n"
      "  ldr r3, [r0], #4\n"
      "  ldr r12, [r1], #4\n"
      "  sxtb16 lr, r3\n"
      "  uxtah r8, r2, r12\n"
      "  ldmia r8, {r8, r9, r10, r11}\n"
      "  smlad r4, r8, lr, r4\n"
      "  smlad r5, r9, lr, r5\n"
      "  smlad r6, r10, lr, r6\n"
      "  smlad r7, r11, lr, r7\n"
      "  sxtb16 lr, r3, ror #8\n"
      "  add r8, r2, r12, lsr #17\n"
      "  ldmia r8, {r8, r9, r10, r11}\n"
      "  smlad r4, r8, lr, r4\n"
      "  smlad r5, r9, lr, r5\n"
      "  smlad r6, r10, lr, r6\n"
      "  smlad r7, r11, lr, r7\n"
      "  lsls r12, r12, #16\n"
      "  bcc 2b\n"
      "  ldr r3, [sp]\n"
      "  ldmia r0, {r8, r9, r10}\n"
      "  add r2, r2, #16\n"
      "  ldr r11, [r3, #20]\n"
      "  str r2, [r3, #8]\n"
      "  ldrd r0, r1, [r3, #12]\n"
      "  ldr r2, [r3, #24]\n"
      "  lsl r11, r11, r10\n"
      MICROPLAN_DEPTHWISE_FINISH("r4", "r8", "r9", "r11", "r10")
      MICROPLAN_DEPTHWISE_FINISH("r5", "r8", "r9", "r11", "r10")
      MICROPLAN_DEPTHWISE_FINISH("r6", "r8", "r9", "r11", "r10")
      MICROPLAN_DEPTHWISE_FINISH("r7", "r8", "r9", "r11", "r10")
      "  strb r4, [r0]\n"
      "  subs r2, r2, #1\n"
      "  beq 3f\n"
      "  strb r5, [r0, r1]\n"
      "  subs r2, r2, #1\n"
      "  beq 3f\n"
      "  add r0, r0, r1, lsl #1\n"
      "  strb r6, [r0]\n"
      "  subs r2, r2, #1\n"
      "  beq 3f\n"
      "  strb r7, [r0, r1]\n"
      "  add r0, r0, r1, lsl #1\n"
      "  subs r2, r2, #1\n"
      "  str r0, [r3, #12]\n"
      "  str r2, [r3, #24]\n"
      "  mov r0, r3\n"
      "  bne 1b\n"
      "3:\n"
      "  pop {r0, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n");
}

// r0: taps, r1: input, r2: filter, r3: taps left, r4 to r7: sums.
[[gnu::naked]] void depthwise_pixel(DepthwisePixel&) {
  asm volatile(
      "  push {r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
      "1:\n"
      "  ldrd r3, lr, [r0, #12]\n"
      "  ldr r12, [r0, #20]\n"
      "  ldmia r0, {r0, r1, r2}\n"
      "  mov r4, #0\n"
      "  mov r5, #0\n"
      "  mov r6, #0\n"
      "  mov r7, #0\n"
      "  cbz r3, 3f\n"
      "2:\n"
      "  ldrd r8, r9, [r0], #8\n"
      "  ldr r8, [r1, r8]\n"
      "  ldr r9, [r2, r9]\n"
      "  sxtb16 r10, r8\n"
      "  sxtb16 r8, r8, ror #8\n"
      "  sxtb16 r11, r9\n"
      "  sxtb16 r9, r9, ror #8\n"
      "  smlabb r4, r10, r11, r4\n"
      "  smlabb r5, r8, r9, r5\n"
      "  smlatt r6, r10, r11, r6\n"
      "  smlatt r7, r8, r9, r7\n"
      "  subs r3, r3, #1\n"
      "  bne 2b\n"
      "3:\n"
      "  cmp lr, #0\n"
      "  beq 5f\n"
      "4:\n"
      "  ldr r9, [r0, #4]\n"
      "  add r0, r0, #8\n"
      "  ldr r9, [r2, r9]\n"
      "  sxtb16 r11, r9\n"
      "  sxtb16 r9, r9, ror #8\n"
      "  smlabb r4, r12, r11, r4\n"
      "  smlabb r5, r12, r9, r5\n"
      "  smlatt r6, r12, r11, r6\n"
      "  smlatt r7, r12, r9, r7\n"
      "  subs lr, lr, #1\n"
      "  bne 4b\n"
      "5:\n"
      "  ldr r0, [sp]\n"
      "  add r1, r1, #4\n"
      "  ldrd r8, r3, [r0, #24]\n"
      "  ldr lr, [r0, #32]\n"
      "  add r2, r2, r8\n"
      "  ldmia r2!, {r8, r9, r10}\n"
      "  lsl r11, lr, r10\n"
      MICROPLAN_DEPTHWISE_FINISH("r4", "r8", "r9", "r11", "r10")
      "  strb r4, [r3], #1\n"
      "  ldmia r2!, {r8, r9, r10}\n"
      "  lsl r11, lr, r10\n"
      MICROPLAN_DEPTHWISE_FINISH("r5", "r8", "r9", "r11", "r10")
      "  strb r5, [r3], #1\n"
      "  ldmia r2!, {r8, r9, r10}\n"
      "  lsl r11, lr, r10\n"
      MICROPLAN_DEPTHWISE_FINISH("r6", "r8", "r9", "r11", "r10")
      "  strb r6, [r3], #1\n"
      "  ldmia r2!, {r8, r9, r10}\n"
      "  lsl r11, lr, r10\n"
      MICROPLAN_DEPTHWISE_FINISH("r7", "r8", "r9", "r11", "r10")
      "  strb r7, [r3], #1\n"
      "  strd r1, r2, [r0, #4]\n"
      "  str r3, [r0, #28]\n"
      "  ldr r1, [r0, #36]\n"
      "  subs r1, r1, #1\n"
      "  str r1, [r0, #36]\n"
      "  bne 1b\n"
      "  pop {r0, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n");
}

// Whole words first, then bytes as words of which only the lowest is stored.
[[gnu::naked]] void clamp_outputs(int8_t*, uint32_t, int32_t, int32_t) {
  asm volatile(
      "  push {r4, lr}\n"
      "  uxtb r2, r2\n"
      "  uxtb r3, r3\n"
      "  orr r2, r2, r2, lsl #8\n"
      "  orr r3, r3, r3, lsl #8\n"
      "  orr r2, r2, r2, lsl #16\n"
      "  orr r3, r3, r3, lsl #16\n"
      "  subs r1, r1, #4\n"
      "  blo 2f\n"
      "1:\n"
      "  ldr r4, [r0]\n"
      "  ssub8 r12, r4, r2\n"
      "  sel r4, r4, r2\n"
      "  ssub8 r12, r3, r4\n"
      "  sel r4, r4, r3\n"
      "  str r4, [r0], #4\n"
      "  subs r1, r1, #4\n"
      "  bhs 1b\n"
      "2:\n"
      "  adds r1, r1, #4\n"
      "  beq 4f\n"
      "3:\n"
      "  ldrb r4, [r0]\n"
      "  ssub8 r12, r4, r2\n"
      "  sel r4, r4, r2\n"
      "  ssub8 r12, r3, r4\n"
      "  sel r4, r4, r3\n"
      "  strb r4, [r0], #1\n"
      "  subs r1, r1, #1\n"
      "  bne 3b\n"
      "4:\n"
      "  pop {r4, pc}\n");
}

#undef MICROPLAN_DEPTHWISE_BEGIN
#undef MICROPLAN_DEPTHWISE_PAIR
#undef MICROPLAN_DEPTHWISE_SINGLE
#undef MICROPLAN_DEPTHWISE_SCALE
#undef MICROPLAN_DEPTHWISE_FINISH
#undef MICROPLAN_DEPTHWISE_FINISH_3X3
#undef MICROPLAN_DEPTHWISE_STORE_PAIR
#undef MICROPLAN_DEPTHWISE_END

#else

void widen_columns(const uint8_t* const* rows, uint32_t offset, uint32_t step, uint32_t count, uint32_t* to) {
  for (; count != 0; --count, offset += step) {
    const uint32_t x0 = load_word(rows[0] + offset);
    const uint32_t x1 = load_word(rows[1] + offset);
    const uint32_t x2 = load_word(rows[2] + offset);
    const uint32_t x3 = load_word(rows[3] + offset);
    for (uint32_t half = 0; half < 2; ++half) {
      const uint32_t upper = half == 0 ? pkhbt(x0, x1) : pkhtb(x1, x0);
      const uint32_t lower = half == 0 ? pkhbt(x2, x3) : pkhtb(x3, x2);
      *to++ = sxtb16(upper);
      *to++ = sxtb16(lower);
      *to++ = sxtb16_ror8(upper);
      *to++ = sxtb16_ror8(lower);
    }
  }
}

namespace {

int8_t finish(const DepthwiseScale& scale, int32_t odd_zero_point, int32_t sum) {
  const int32_t twice = wrap_add(scale.twice_bias, shift_left(sum, 1));
  const int32_t rounding = wrap_add(shift_left(odd_zero_point, scale.shift), twice >> 31);
  return static_cast<int8_t>(ssat<8>(smmlar(twice, scale.multiplier, rounding) >> (scale.shift & 31) >> 1));
}

void depthwise(Depthwise3x3& work, uint32_t stride, bool two_rows) {
  for (; work.channels != 0; --work.channels, ++work.record, work.columns += 2, ++work.out) {
    const uint32_t* column = work.columns;
    int8_t* out = work.out;
    for (uint32_t i = 0; i < work.count; ++i, column += stride * kColumnWords, out += work.out_step) {
      int32_t first = 0, second = 0;
      for (uint32_t kx = 0; kx < 3; ++kx) {
        const uint32_t upper = column[kx * kColumnWords];
        const uint32_t lower = column[kx * kColumnWords + 1];
        const uint32_t taps = load_word(work.record->filter[kx]);
        first = smlabt(lower, sxtb16_ror8(taps), smlad(upper, sxtb16(taps), first));
        second = smlatb(upper, sxtb16(taps), smlad(lower, sxtb16_ror8(taps), second));
      }
      if (two_rows) out[work.second] = finish(work.record->scale, work.odd_zero_point, second);
      *out = finish(work.record->scale, work.odd_zero_point, first);
    }
  }
}

}  // namespace

void depthwise_3x3(Depthwise3x3& work) { depthwise(work, 1, true); }
void depthwise_3x3_stride_2(Depthwise3x3& work) { depthwise(work, 2, false); }

void depthwise_blocks(DepthwiseBlocks& work) {
  const uint32_t* scale = work.filter;
  for (const uint32_t* offset = work.offsets; (*offset >> 16 & 1) == 0; ++offset) ++scale;
  ++scale;
  for (; work.count != 0; work.base += 16) {
    int32_t sums[4];
    depthwise_sums(work, work.base, sums);
    for (uint32_t i = 0; i < 4 && work.count != 0; ++i, --work.count, work.out += work.out_step) {
      *work.out = finish(*reinterpret_cast<const DepthwiseScale*>(scale), work.odd_zero_point, sums[i]);
    }
  }
}

void depthwise_pixel(DepthwisePixel& work) {
  for (; work.groups != 0; --work.groups, work.input += 4) {
    const DepthwiseScale* const scale = reinterpret_cast<const DepthwiseScale*>(work.filter + work.scales);
    for (uint32_t c = 0; c < 4; ++c) {
      int32_t sum = 0;
      const DepthwiseTap* tap = work.taps;
      for (uint32_t i = 0; i < work.inside + work.outside; ++i, ++tap) {
        const int32_t x = i < work.inside ? static_cast<int8_t>(work.input[tap->input + c]) : low_half(work.padding);
        sum = wrap_add(sum, x * static_cast<int8_t>(work.filter[tap->filter + c]));
      }
      *work.out++ = finish(scale[c], work.odd_zero_point, sum);
    }
    work.filter = reinterpret_cast<const uint8_t*>(scale + 4);
  }
}

void clamp_outputs(int8_t* out, uint32_t count, int32_t low, int32_t high) {
  for (; count != 0; --count, ++out) *out = static_cast<int8_t>(clamp(*out, low, high));
}

#endif

void depthwise_sums(const DepthwiseBlocks& work, const uint8_t* base, int32_t* sums) {
  for (uint32_t i = 0; i < 4; ++i) sums[i] = 0;
  const uint32_t* filter = work.filter;
  const uint32_t* offsets = work.offsets;
  uint32_t offset;
  do {
    offset = *offsets++;
    const uint32_t taps = *filter++;
    const uint32_t* const first = reinterpret_cast<const uint32_t*>(base + (offset & 0xffff));
    const uint32_t* const second = reinterpret_cast<const uint32_t*>(base + (offset >> 17));
    for (uint32_t i = 0; i < 4; ++i) {
      sums[i] = smlad(second[i], sxtb16_ror8(taps), smlad(first[i], sxtb16(taps), sums[i]));
    }
  } while ((offset >> 16 & 1) == 0);
}

}  // namespace dsp
}  // namespace microplan
