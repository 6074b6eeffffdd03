// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int8, with the DSP extension: 3x3, neither dilated nor with a depth multiplier.
#include <stddef.h>
#include <string.h>

#include "microplan/kernels.h"
#include "microplan/kernels/depthwise_dsp.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Four channels of four input rows are widened into columns of eight words: (rows 0, 1) and (rows 2, 3) of each
// channel. Those are all that two output rows need of a column when the vertical stride is 1, so that both are made at
// once, with the filter and two of three columns in registers.
constexpr uint32_t kColumnWords = 8;
constexpr uint32_t kColumnBytes = 4 * kColumnWords;

// A channel's constants.
struct Record {
  // Word kx: taps (0, kx), (1, kx), (1, kx), (2, kx).
  int8_t filter[3][4];
  dsp::DepthwiseScale scale;
};

// Successive channels of an output row, or of two.
struct Work {
  uint32_t* columns;  // of the first channel; words are overwritten from the second column on
  int8_t* out;        // of the first row
  uint32_t out_step;  // from one output to the next
  int32_t second;     // from the first row to the second; 0 when there is one
  int32_t odd_zero_point;
  uint32_t count;  // outputs of a row
  const Record* record;
  uint32_t span;  // bytes of the columns to read
  uint32_t rest;  // outputs of the loop's first turn, which is as long as the others when there are none
  uint32_t channels;
};

#if defined(__ARM_FEATURE_DSP)

static_assert(offsetof(Work, columns) == 0 && offsetof(Work, out) == 4 && offsetof(Work, out_step) == 8 &&
              offsetof(Work, second) == 12 && offsetof(Work, odd_zero_point) == 16 && offsetof(Work, count) == 20 &&
              offsetof(Work, record) == 24 && offsetof(Work, span) == 28 && offsetof(Work, rest) == 32 &&
              offsetof(Work, channels) == 36 && sizeof(Record) == 24, "assembly knows the offsets");

#define MICROPLAN_DEPTHWISE_FINISH_3X3(sum) MICROPLAN_DEPTHWISE_FINISH(sum, "r4", "r5", "r6", "r7")

// Widens `count` columns: word `step` * i + `offset` of four rows.
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

// Loops begin word-aligned where that is free: a branch there is a fetch shorter.
// The columns take turns in three pairs of registers; an output row that is no multiple of three enters in between.
// Two rows with horizontal stride 1. All of them change `work`.
[[gnu::naked]] void multiply(Work&) {
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
      "  .balign 4\n"
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

// One row with horizontal stride 2.
[[gnu::naked]] void multiply_stride_2(Work&) {
  asm volatile(
      MICROPLAN_DEPTHWISE_BEGIN
      "  add r1, r0, #32\n"
      "  beq 2f\n"
      "  ldrd r2, r3, [r0], #32\n"
      "  b 3f\n"
      "2:\n"
      "  ldrd r6, r7, [r0], #32\n"
      "  b 4f\n"
      "  .balign 4\n"
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
      "  .balign 4\n"
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

#undef MICROPLAN_DEPTHWISE_BEGIN
#undef MICROPLAN_DEPTHWISE_PAIR
#undef MICROPLAN_DEPTHWISE_SINGLE
#undef MICROPLAN_DEPTHWISE_SCALE
#undef MICROPLAN_DEPTHWISE_FINISH_3X3
#undef MICROPLAN_DEPTHWISE_STORE_PAIR
#undef MICROPLAN_DEPTHWISE_END

#else

void widen_columns(const uint8_t* const* rows, uint32_t offset, uint32_t step, uint32_t count, uint32_t* to) {
  for (; count != 0; --count, offset += step) {
    const uint32_t x0 = dsp::load_word(rows[0] + offset);
    const uint32_t x1 = dsp::load_word(rows[1] + offset);
    const uint32_t x2 = dsp::load_word(rows[2] + offset);
    const uint32_t x3 = dsp::load_word(rows[3] + offset);
    for (uint32_t half = 0; half < 2; ++half) {
      const uint32_t upper = half == 0 ? dsp::pkhbt(x0, x1) : dsp::pkhtb(x1, x0);
      const uint32_t lower = half == 0 ? dsp::pkhbt(x2, x3) : dsp::pkhtb(x3, x2);
      *to++ = dsp::sxtb16(upper);
      *to++ = dsp::sxtb16(lower);
      *to++ = dsp::sxtb16_ror8(upper);
      *to++ = dsp::sxtb16_ror8(lower);
    }
  }
}

void multiply_portably(Work& work, uint32_t stride, bool two_rows) {
  for (; work.channels != 0; --work.channels, ++work.record, work.columns += 2, ++work.out) {
    const uint32_t* column = work.columns;
    int8_t* out = work.out;
    for (uint32_t i = 0; i < work.count; ++i, column += stride * kColumnWords, out += work.out_step) {
      int32_t first = 0, second = 0;
      for (uint32_t kx = 0; kx < 3; ++kx) {
        const uint32_t upper = column[kx * kColumnWords];
        const uint32_t lower = column[kx * kColumnWords + 1];
        const uint32_t taps = dsp::load_word(work.record->filter[kx]);
        first = dsp::smlabt(lower, dsp::sxtb16_ror8(taps), dsp::smlad(upper, dsp::sxtb16(taps), first));
        second = dsp::smlatb(upper, dsp::sxtb16(taps), dsp::smlad(lower, dsp::sxtb16_ror8(taps), second));
      }
      if (two_rows) out[work.second] = dsp::depthwise_finish(work.record->scale, work.odd_zero_point, second);
      *out = dsp::depthwise_finish(work.record->scale, work.odd_zero_point, first);
    }
  }
}

void multiply(Work& work) { multiply_portably(work, 1, true); }
void multiply_stride_2(Work& work) { multiply_portably(work, 2, false); }

#endif

// Tiles are made smaller until the scratch is.
constexpr uint32_t kScratchWanted = 2048;

// The columns of the input that outputs need.
uint32_t columns_of(const Window& window, uint32_t outputs) { return (outputs - 1) * window.stride_w + 3; }

// Outputs of a row that are computed from one widening.
uint32_t tile_of(const Window& window) {
  // As many tiles as with the largest, but more alike.
  const uint32_t largest = (kScratchWanted / kColumnBytes - 3) / window.stride_w + 1;
  const uint32_t tiles = (window.out_w + largest - 1) / largest;
  return (window.out_w + tiles - 1) / tiles;
}

bool in_pairs(const Window& window) { return window.stride_h == 1 && window.stride_w == 1; }

// The four input rows of one or two output rows.
struct InputRows {
  const uint8_t* at[4];
  bool is_padding[4];  // then `at` is another row, to read anything
  bool any_padding;
};

[[gnu::noinline]] InputRows input_rows_of(const DepthwiseRow& row, bool two) {
  InputRows rows;
  rows.any_padding = false;
  // Every window touches the input.
  const uint8_t* inside = nullptr;
  for (uint32_t ky = 0; ky < 4; ++ky) {
    // Row 3 of a single row counts for nothing.
    const uint8_t* const at = two || ky != 3 ? row.tap_row(ky) : inside;
    rows.is_padding[ky] = at == nullptr;
    rows.any_padding |= at == nullptr;
    if (at != nullptr) inside = at;
    rows.at[ky] = at;
  }
  for (uint32_t ky = 0; ky < 4; ++ky) {
    if (rows.is_padding[ky]) rows.at[ky] = inside;
  }
  return rows;
}

// Overwrites what was widened of rows that are padding: one half of each channel's word.
[[gnu::noinline]] void pad_rows(const InputRows& rows, uint32_t count, uint32_t* columns, uint32_t padding) {
  for (uint32_t ky = 0; ky < 4; ++ky) {
    if (!rows.is_padding[ky]) continue;
    uint8_t* half = reinterpret_cast<uint8_t*>(columns) + 2 * ky;
    for (uint32_t i = 0; i < count; ++i, half += kColumnBytes) {
      for (uint32_t c = 0; c < 4; ++c) memcpy(half + 8 * c, &padding, 2);
    }
  }
}

[[gnu::noinline]] void pad_columns(uint32_t* columns, uint32_t count, uint32_t padding) {
  for (uint32_t i = 0; i < count * kColumnWords; ++i) columns[i] = padding;
}

// Computes a row, or two.
[[gnu::noinline]] void make_rows(const DepthwiseConv2dParams& params, const InputRows& rows, const Record* records,
                                 Work& work, uint32_t* words) {
  const Window& window = params.window;
  const uint32_t padding = dsp::sxtb16(depthwise_padding(params.quantization));
  const uint32_t tile = tile_of(window);
  int8_t* const y = work.out;
  for (uint32_t x = 0; x < window.out_w; x += tile) {
    work.count = window.out_w - x < tile ? window.out_w - x : tile;
    const uint32_t columns = columns_of(window, work.count);
    work.span = columns * kColumnBytes;
    work.rest = work.count % (window.stride_w == 1 ? 3 : 2);
    work.record = records;
    const uint32_t left = x * window.stride_w;
    const uint32_t before = left < window.pad_left ? window.pad_left - left : 0;
    const uint32_t column = left + before - window.pad_left;
    const uint32_t inside = window.in_w - column < columns - before ? window.in_w - column : columns - before;
    uint32_t* const widened = words + before * kColumnWords;
    pad_columns(words, before, padding);
    pad_columns(widened + inside * kColumnWords, columns - before - inside, padding);
    for (uint32_t c = 0; c < window.in_c; c += 4) {
      // Channels that are no full group are widened together with some of those before them.
      const uint32_t first = window.in_c - c < 4 ? window.in_c - 4u : c;
      widen_columns(rows.at, column * window.in_c + first, window.in_c, inside, widened);
      if (rows.any_padding) pad_rows(rows, inside, widened, padding);
      work.columns = words + 2 * (c - first);
      work.out = y + x * window.out_c + c;
      work.channels = 4 - (c - first);
      if (window.stride_w == 1) {
        multiply(work);
      } else {
        multiply_stride_2(work);
      }
    }
  }
}

bool supports(const void* in, const Target&) {
  return depthwise_takes_3x3(*static_cast<const DepthwiseConv2dParams*>(in));
}

bool footprint(const void* in, Footprint* result) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  return supports(in, Target{}) && depthwise_footprint(params, params.window.out_c, sizeof(Record), result);
}

uint32_t scratch_bytes(const void* in, uint32_t) {
  const Window& window = static_cast<const DepthwiseConv2dParams*>(in)->window;
  return columns_of(window, tile_of(window)) * kColumnBytes;
}

// The first row of a pair reads and the second is written at the same time.
Rows input_rows(const void* in, uint32_t view, Rows rows) {
  const Window& window = static_cast<const DepthwiseConv2dParams*>(in)->window;
  if (in_pairs(window)) rows.first -= rows.first % window.out_h % 2;
  return window_input_rows(in, view, rows);
}

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const uint32_t channels = params.window.out_c;
  if (!writer.begin(channels * sizeof(Record))) return;
  DepthwisePacker packer(context, params, writer);
  for (uint32_t c = 0; c < channels; ++c) {
    for (uint32_t kx = 0; kx < 3; ++kx) {
      const uint8_t taps[4] = {packer.tap(c, 0, kx), packer.tap(c, 1, kx), packer.tap(c, 1, kx), packer.tap(c, 2, kx)};
      packer.append(taps, sizeof taps);
    }
    packer.append_scale(c);
  }
}

// From measurements.
Cost cost(const void* in, const Target&) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  const uint32_t tile = tile_of(window);
  const uint64_t tiles = (window.out_w + tile - 1) / tile;
  const uint64_t groups = (window.out_c + 3u) / 4;
  const uint64_t widening = tiles * (60 + 24 * columns_of(window, tile));
  const uint64_t channel = 42 * tiles + window.out_w * (window.stride_w == 1 ? 31 : 20);
  const uint32_t turns = in_pairs(window) ? (window.out_h + 1u) / 2 : window.out_h;
  return depthwise_cost(params, turns * (250 + 120 * tiles + groups * widening + window.out_c * channel),
                        window.out_c * static_cast<uint32_t>(sizeof(Record)));
}

}  // namespace

namespace kernels {

Status depthwise_conv_2d_int8_dsp_3x3_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const View output = io.view(1);
  while (rows.first < rows.last) {
    const DepthwiseRow row(params.window, io.view(0), rows.first);
    const bool two = in_pairs(params.window) && row.y % 2 == 0 && row.y + 1 < params.window.out_h &&
                     rows.first + 1 < rows.last;
    int8_t* const first = output.row_as<int8_t>(rows.first);
    int8_t* const second = output.row_as<int8_t>(rows.first + two);
    Work work;
    work.out = first;
    work.out_step = params.window.out_c;
    work.second = static_cast<int32_t>(second - first);
    work.odd_zero_point = odd_zero_point(params.quantization);
    make_rows(params, input_rows_of(row, two), io.constant<Record>(0), work, static_cast<uint32_t*>(scratch));
    clamp_depthwise_row(params, first);
    if (two) clamp_depthwise_row(params, second);
    rows.first += 1u + two;
  }
  return Status::kOk;
}

const Variant depthwise_conv_2d_int8_dsp_3x3_variant = {
    depthwise_conv_2d_int8_dsp_3x3, "depthwise_conv_2d_int8_dsp_3x3", "DEPTHWISE_CONV_2D", 4,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel, any depth multiplier, dilated",
    false, Overlap::kRows, sizeof(DepthwiseConv2dParams),
    DepthwiseConv2d<Int8Accumulator>::prepare, supports, footprint, input_rows, scratch_bytes, pack, cost,
    kFeatureDsp, true};

}  // namespace kernels

}  // namespace microplan
