// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/depthwise_3x3_dsp.h"

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

// On the stack: where the columns to read end, work. Filter words are (taps 0, 1) in r8, r10, r12 and (taps 1, 2) in r9,
// r11, lr.
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

// r0: sums, r1: out, r2: out_step, r3: second, r4: twice_bias, r5: multiplier, r6: rounding, r7: shift, lr: outputs left.
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

#define MICROPLAN_DEPTHWISE_FINISH(sum)         \
  "  add " sum ", r4, " sum ", lsl #1\n"        \
  "  add r12, r6, " sum ", asr #31\n"           \
  "  smmlar " sum ", " sum ", r5, r12\n"        \
  "  asr " sum ", " sum ", r7\n"                \
  "  ssat " sum ", #8, " sum ", asr #1\n"

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
      MICROPLAN_DEPTHWISE_FINISH("r8")
      MICROPLAN_DEPTHWISE_FINISH("r9")
      MICROPLAN_DEPTHWISE_STORE_PAIR("r8", "r9")
      "8:\n"
      MICROPLAN_DEPTHWISE_FINISH("r10")
      MICROPLAN_DEPTHWISE_FINISH("r11")
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
      MICROPLAN_DEPTHWISE_FINISH("r8")
      "  strb r8, [r1]\n"
      "  add r1, r1, r2\n"
      "8:\n"
      MICROPLAN_DEPTHWISE_FINISH("r9")
      "  strb r9, [r1]\n"
      "  add r1, r1, r2\n"
      "  subs lr, lr, #1\n"
      "  bne 7b\n"
      MICROPLAN_DEPTHWISE_END);
}

#undef MICROPLAN_DEPTHWISE_BEGIN
#undef MICROPLAN_DEPTHWISE_PAIR
#undef MICROPLAN_DEPTHWISE_SINGLE
#undef MICROPLAN_DEPTHWISE_SCALE
#undef MICROPLAN_DEPTHWISE_FINISH
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

int8_t finish(const Depthwise3x3Record& record, int32_t odd_zero_point, int32_t sum) {
  const int32_t twice = wrap_add(record.twice_bias, shift_left(sum, 1));
  const int32_t rounding = wrap_add(shift_left(odd_zero_point, record.shift), twice >> 31);
  return static_cast<int8_t>(ssat<8>(smmlar(twice, record.multiplier, rounding) >> (record.shift & 31) >> 1));
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
      if (two_rows) out[work.second] = finish(*work.record, work.odd_zero_point, second);
      *out = finish(*work.record, work.odd_zero_point, first);
    }
  }
}

}  // namespace

void depthwise_3x3(Depthwise3x3& work) { depthwise(work, 1, true); }
void depthwise_3x3_stride_2(Depthwise3x3& work) { depthwise(work, 2, false); }

#endif

}  // namespace dsp
}  // namespace microplan
