// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/dsp_dot.h"

#include "microplan/kernels/dsp.h"

namespace microplan {
namespace dsp {

namespace {

// The depth of byte `byte` of word `word`, as DotRow has them; `depth` when it is a zero.
uint32_t depth_of(uint32_t word, uint32_t byte, uint32_t depth) {
  const uint32_t rest = depth % 4;
  if (rest == 0) return 4 * word + byte;
  if (word != 0) return 4 * (word - 1) + byte;
  return byte < rest ? depth - rest + byte : depth;
}

// Two pairs are the quad's; `kPairs` is 1 or 2.
template <uint32_t kPairs>
inline void dot_pairs(int32_t* sums, const int32_t* start, const uint32_t* filter, const DotRow& row) {
  int32_t both[kPairs], low[kPairs];
  for (uint32_t p = 0; p < kPairs; ++p) both[p] = low[p] = wrap_add(start[2 * p + 1], row.low_start);
  const int8_t* rest = row.rest;
  uint32_t x = row.first;
  for (uint32_t left = row.words;;) {
    const uint32_t halves[2] = {sxtb16(x), sxtb16_ror8(x)};
    for (uint32_t p = 0; p < kPairs; ++p) {
      for (uint32_t h = 0; h < 2; ++h, ++filter) {
        both[p] = smlad(*filter, halves[h], both[p]);
        low[p] = smlad(*filter & 0x00ff00ffu, halves[h], low[p]);
      }
    }
    if (--left == 0) break;
    x = load_word(rest);
    rest += 4;
  }
  for (uint32_t p = 0; p < kPairs; ++p) {
    sums[2 * p] = wrap_add(start[2 * p], wrap_sub(both[p], low[p]) >> 8);
    sums[2 * p + 1] = low[p];
  }
}

}  // namespace

DotRow dot_row(const int8_t* x, uint32_t depth) {
  const uint32_t rest = depth % 4;
  DotRow row = {0, x, dot_words(depth), 0};
  if (rest == 0) {
    row.first = load_word(x);
    row.rest = x + 4;
  } else {
    for (uint32_t i = depth; i != depth - rest; --i) row.first = row.first << 8 | static_cast<uint8_t>(x[i - 1]);
  }
  const int8_t* next = row.rest;
  int32_t sum = 0;
  uint32_t word = row.first;
  for (uint32_t left = row.words;;) {
    sum = smlad(sxtab16_ror8(sxtb16(word), word), 0x00010001, sum);
    if (--left == 0) break;
    word = load_word(next);
    next += 4;
  }
  row.low_start = wrap_mul(-128, sum);
  return row;
}

#if defined(__ARM_FEATURE_DSP)

// As dot_pairs<2>, two words a turn; an odd number of words enters in the middle. The compiler would keep a part of the
// fourteen registers in memory.
#define MICROPLAN_DOT_WORD                \
  "  sxtb16 r11, r8\n"                    \
  "  sxtb16 r8, r8, ror #8\n"             \
  "  ldmia r2!, {r0, r1, r3, r12}\n"      \
  "  smlad r4, r0, r11, r4\n"             \
  "  uxtb16 r0, r0\n"                     \
  "  smlad r6, r3, r11, r6\n"             \
  "  uxtb16 r3, r3\n"                     \
  "  smlad r5, r0, r11, r5\n"             \
  "  smlad r7, r3, r11, r7\n"             \
  "  smlad r4, r1, r8, r4\n"              \
  "  uxtb16 r1, r1\n"                     \
  "  smlad r6, r12, r8, r6\n"             \
  "  uxtb16 r12, r12\n"                   \
  "  smlad r5, r1, r8, r5\n"              \
  "  smlad r7, r12, r8, r7\n"

[[gnu::naked]] void dot_quad(int32_t*, const int32_t*, const uint32_t*, const DotRow&) {
  asm volatile(
      "  push {r0, r1, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
      "  ldr r5, [r1, #4]\n"
      "  ldr r7, [r1, #12]\n"
      "  ldmia r3, {r8, r9, r10, r11}\n"
      "  add r5, r5, r11\n"
      "  add r7, r7, r11\n"
      "  mov r4, r5\n"
      "  mov r6, r7\n"
      "  lsrs r10, r10, #1\n"
      "  bcs 3f\n"
      "  sub r10, r10, #1\n"
      "  b 2f\n"
      "1:\n"
      "  ldr r8, [r9], #4\n"
      "2:\n"
      MICROPLAN_DOT_WORD
      "  ldr r8, [r9], #4\n"
      "3:\n"
      MICROPLAN_DOT_WORD
      "  subs r10, r10, #1\n"
      "  bpl 1b\n"
      "  pop {r0, r1}\n"
      "  ldr r8, [r1]\n"
      "  ldr r9, [r1, #8]\n"
      "  sub r4, r4, r5\n"
      "  sub r6, r6, r7\n"
      "  add r4, r8, r4, asr #8\n"
      "  add r6, r9, r6, asr #8\n"
      "  stmia r0!, {r4, r5, r6, r7}\n"
      "  pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}\n");
}

#undef MICROPLAN_DOT_WORD

#else

void dot_quad(int32_t* sums, const int32_t* start, const uint32_t* filter, const DotRow& row) {
  dot_pairs<2>(sums, start, filter, row);
}

#endif

void dot_pair(int32_t* sums, const int32_t* start, const uint32_t* filter, const DotRow& row) {
  dot_pairs<1>(sums, start, filter, row);
}

void dot_single(int32_t* sums, const int32_t* start, const uint32_t* filter, const DotRow& row) {
  const int8_t* rest = row.rest;
  int32_t sum = *start;
  uint32_t x = row.first;
  for (uint32_t left = row.words;;) {
    const uint32_t w = *filter++;
    sum = smlad(sxtb16(w), sxtb16(x), sum);
    sum = smlad(sxtb16_ror8(w), sxtb16_ror8(x), sum);
    if (--left == 0) break;
    x = load_word(rest);
    rest += 4;
  }
  *sums = sum;
}

void dot_group(uint32_t channels, int32_t* sums, const int32_t* start, const uint32_t* filter, const DotRow& row) {
  if (channels == 1) return dot_single(sums, start, filter, row);
  DotRow part = row;
  for (uint32_t left = row.words;;) {
    part.words = left < kMaxDotWords ? left : kMaxDotWords;
    (channels == 2 ? dot_pair : dot_quad)(sums, start, filter, part);
    left -= part.words;
    if (left == 0) return;
    start = sums;
    filter += part.words * channels;
    part.first = load_word(part.rest + 4 * (part.words - 1));
    part.rest += 4 * part.words;
    part.low_start = 0;
  }
}

void pack_dot_group(ConstantWriter& writer, const uint8_t* const* rows, uint32_t channels, uint32_t depth) {
  for (uint32_t word = 0; word < dot_words(depth); ++word) {
    for (uint32_t part = 0; part < channels; ++part) {
      uint8_t bytes[4] = {};
      for (uint32_t i = 0; i < 4; ++i) {
        // A pair's words take depths 0 and 2, then 1 and 3, as SXTB16 has the inputs.
        const uint32_t at = depth_of(word, channels == 1 ? i : part % 2 + i / 2 * 2, depth);
        if (at == depth) continue;
        if (channels == 1) {
          bytes[i] = rows[0][at];
        } else if (i % 2 != 0) {
          bytes[i] = rows[part / 2 * 2][at];
        } else {
          bytes[i] = static_cast<uint8_t>(rows[part / 2 * 2 + 1][at] ^ 0x80u);
        }
      }
      writer.append(bytes, sizeof bytes);
    }
  }
}

}  // namespace dsp
}  // namespace microplan
