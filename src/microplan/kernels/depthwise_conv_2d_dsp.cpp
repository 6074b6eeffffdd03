// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/depthwise_conv_2d_dsp.h"

#include <stddef.h>
#include <string.h>

#include "microplan/kernels.h"

namespace microplan {

namespace {

// Tiles are made smaller until the scratch is; what the smallest tile may need.
constexpr uint32_t kScratchWanted = 2048;
constexpr uint32_t kScratchLimit = 16384;

constexpr uint32_t kBlock = 4;
constexpr uint32_t round_up(uint32_t value) { return (value + kBlock - 1) & ~(kBlock - 1); }

// The words of a row of the kernel, or of two, that meet inputs of the same phase.
struct WordRow {
  uint32_t words;  // of `width` columns each
  uint32_t width;
  uint32_t step;  // from a word to the next of the same phase

  WordRow(const Window& window, bool two_rows) : width(two_rows ? 1 : 2) {
    words = (window.kernel_w + width - 1) / width;
    const uint32_t columns = width * window.dilation_w;  // from a word to the next
    step = window.stride_w % columns == 0 ? window.stride_w / columns : words;
  }
  uint32_t count(uint32_t first) const { return (words - first + step - 1) / step; }
  uint32_t runs() const {
    uint32_t sum = 0;
    for (uint32_t first = 0; first < step && first < words; ++first) sum += count(first) / 4;
    return sum;
  }
};

// Calls visit(plane, x, in_run) for each word of taps, in the order of the filter: (2 * plane, x) is the first of the
// two taps. Runs come first: four words each that meet neighbours in a phase.
template <typename Visit>
void for_each_word(const Window& window, Visit visit) {
  const uint32_t planes = (window.kernel_h + 1u) / 2;
  for (uint32_t pass = 0; pass < 2; ++pass) {
    for (uint32_t plane = 0; plane < planes; ++plane) {
      const WordRow row(window, plane < window.kernel_h / 2u);
      for (uint32_t first = 0; first < row.step && first < row.words; ++first) {
        const uint32_t count = row.count(first);
        const uint32_t in_runs = count & ~3u;
        const uint32_t end = pass == 0 ? in_runs : count;
        for (uint32_t i = pass == 0 ? 0 : in_runs; i < end; ++i) {
          visit(plane, (first + i * row.step) * row.width, pass == 0);
        }
      }
    }
  }
}

}  // namespace

DepthwisePlanes::DepthwisePlanes(const Window& window) {
  scratch_bytes = UINT32_MAX;
  tile = phase_words = 0;
  const uint32_t last_tap = (window.kernel_w - 1u) * window.dilation_w;
  const uint32_t beyond = last_tap / window.stride_w;
  words = window.kernel_h / 2u * window.kernel_w + window.kernel_h % 2u * ((window.kernel_w + 1u) / 2);
  planes = (window.kernel_h + 1u) / 2;
  quads = (words + 1) / 2;
  group = window.in_c < 4 ? window.in_c : 4;
  // All phases of a few channels are widened in one pass.
  phases = last_tap < window.stride_w && window.in_c >= 4 ? last_tap + 1 : window.stride_w;
  if (quads > kScratchLimit / 8 || planes * phases > kScratchLimit / 16 || beyond > kScratchLimit) return;
  const uint32_t runs = window.kernel_h / 2u * WordRow(window, true).runs() +
                        (window.kernel_h % 2u == 0 ? 0 : WordRow(window, false).runs());
  items = runs + (words - 4 * runs + 1) / 2;
  const uint32_t step_bytes = 4 * group * planes * phases;
  // A few channels are widened fast: the more outputs share that, the more often it may be done.
  const uint32_t multiplier = window.in_c < 4 ? window.out_c / window.in_c : 1;
  const uint32_t wanted = kScratchWanted / multiplier / step_bytes;
  tile = wanted < beyond + 2 * kBlock ? kBlock : (wanted - beyond) & ~(kBlock - 1);
  // As many tiles, but more alike.
  const uint32_t tiles = (window.out_w + tile - 1) / tile;
  tile = round_up((window.out_w + tiles - 1) / tiles);
  phase_words = tile + beyond;
  if (phase_words > (kScratchLimit - 4 * items) / step_bytes) return;
  scratch_bytes = phase_words * step_bytes + 4 * items;
}

// From measurements.
uint64_t DepthwisePlanes::row_instructions(const Window& window) const {
  const uint64_t width = window.out_w;
  const uint64_t tiles = (width + tile - 1) / tile;
  uint64_t widening = phases * (400 + phase_words * 17);
  if (window.in_c < 4) widening = 90 + plane_words() * (window.in_c == 1 && phases <= 2 ? 5 : 12 * group);
  const uint64_t widened = (window.in_c + 3u) / 4 * tiles * planes * widening;
  uint64_t block = 2 * 50;
  for_each_word(window, [&](uint32_t, uint32_t, bool in_run) { block += in_run ? 15 : 18; });
  return 60 + widened + window.out_c * (35 * tiles + (width + 3) / 4 * (block / 2));
}

namespace {

// One channel of one row. A word of the filter's taps meets successive words of the input in successive outputs.
struct Blocks {
  const uint32_t* filter;   // bytes 0 and 2 are one word of taps, 1 and 3 the next; DepthwiseScale follows
  const uint32_t* offsets;  // of runs, then of pairs of words: where these meet the first output's input
  const uint8_t* base;
  uint32_t runs;
  int8_t* out;
  uint32_t out_step;
  int32_t odd_zero_point;
  uint32_t count;  // outputs; what is read does not end before a multiple of four
};

// Offsets are below 2^15: that of a run is shifted by kSecondOffset, those of a pair lie in the low half and there.
constexpr uint32_t kSecondOffset = 17;
constexpr uint32_t kEndsFilter = 1u << 16;
constexpr uint32_t kLastRun = 1u << 15;

// The sums of four outputs from `base` on, without the bias.
void sum_four(const Blocks& work, const uint8_t* base, int32_t* sums) {
  for (uint32_t i = 0; i < 4; ++i) sums[i] = 0;
  const uint32_t* filter = work.filter;
  const uint32_t* offsets = work.offsets;
  const uint32_t* const pairs = offsets + work.runs;
  uint32_t item;
  do {
    const bool is_run = offsets < pairs;
    item = *offsets++;
    uint32_t at = is_run ? item >> kSecondOffset : item & 0xffff;
    for (uint32_t left = is_run ? 2 : 1; left != 0; --left, at += 8) {
      const uint32_t taps = *filter++;
      const uint32_t* const first = reinterpret_cast<const uint32_t*>(base + at);
      const uint32_t* const second =
          is_run ? first + 1 : reinterpret_cast<const uint32_t*>(base + (item >> kSecondOffset));
      for (uint32_t i = 0; i < 4; ++i) {
        sums[i] = dsp::smlad(second[i], dsp::sxtb16_ror8(taps), dsp::smlad(first[i], dsp::sxtb16(taps), sums[i]));
      }
    }
  } while ((item & kEndsFilter) == 0);
}

#if defined(__ARM_FEATURE_DSP)

static_assert(offsetof(Blocks, base) == 8 && offsetof(Blocks, runs) == 12 && offsetof(Blocks, out) == 16 &&
              offsetof(Blocks, out_step) == 20 && offsetof(Blocks, odd_zero_point) == 24 &&
              offsetof(Blocks, count) == 28, "assembly knows the offsets");

#define MICROPLAN_DEPTHWISE_WORD(a, b, c, d) \
  "  smlad r4, " a ", lr, r4\n"              \
  "  smlad r5, " b ", lr, r5\n"              \
  "  smlad r6, " c ", lr, r6\n"              \
  "  smlad r7, " d ", lr, r7\n"

// Changes the blocks, too.
// r0: filter, r1: offsets, r2: base, r4 to r7: sums. r3 and lr: words of taps, r8 to r12: of the input; r12: an item of
// the offsets, too. Loads stand side by side where they can, for then they are pipelined.
[[gnu::naked]] void multiply(Blocks&) {
  asm volatile(
      "  push {r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
      "1:\n"
      "  ldmia r0, {r0, r1, r2, r3}\n"
      "  mov r4, #0\n"
      "  mov r5, #0\n"
      "  mov r6, #0\n"
      "  mov r7, #0\n"
      "  cbz r3, 3f\n"
      "2:\n"
      "  ldr r12, [r1], #4\n"
      "  ldr r3, [r0], #4\n"
      "  lsls lr, r12, #16\n"
      "  add r12, r2, r12, lsr #17\n"
      "  ldmia r12!, {r8, r9, r10, r11}\n"
      "  sxtb16 lr, r3\n"
      MICROPLAN_DEPTHWISE_WORD("r8", "r9", "r10", "r11")
      "  sxtb16 lr, r3, ror #8\n"
      "  ldr r8, [r12]\n"
      "  ldr r3, [r0], #4\n"
      MICROPLAN_DEPTHWISE_WORD("r9", "r10", "r11", "r8")
      "  sxtb16 lr, r3\n"
      "  ldr r9, [r12, #4]\n"
      "  ldr r12, [r12, #8]\n"
      MICROPLAN_DEPTHWISE_WORD("r10", "r11", "r8", "r9")
      "  sxtb16 lr, r3, ror #8\n"
      MICROPLAN_DEPTHWISE_WORD("r11", "r8", "r9", "r12")
      "  bpl 2b\n"
      "  bcs 4f\n"
      "3:\n"
      "  ldr r3, [r0], #4\n"
      "  ldr r12, [r1], #4\n"
      "  sxtb16 lr, r3\n"
      "  uxtah r8, r2, r12\n"
      "  ldmia r8, {r8, r9, r10, r11}\n"
      MICROPLAN_DEPTHWISE_WORD("r8", "r9", "r10", "r11")
      "  sxtb16 lr, r3, ror #8\n"
      "  add r8, r2, r12, lsr #17\n"
      "  ldmia r8, {r8, r9, r10, r11}\n"
      MICROPLAN_DEPTHWISE_WORD("r8", "r9", "r10", "r11")
      "  lsls r12, r12, #16\n"
      "  bcc 3b\n"
      "4:\n"
      "  ldmia r0, {r8, r9, r10}\n"
      "  add lr, r2, #16\n"
      "  ldr r3, [sp]\n"
      "  ldr r11, [r3, #24]\n"
      "  ldr r2, [r3, #28]\n"
      "  ldr r1, [r3, #20]\n"
      "  ldr r0, [r3, #16]\n"
      "  str lr, [r3, #8]\n"
      "  lsl r11, r11, r10\n"
      MICROPLAN_DEPTHWISE_FINISH("r4", "r8", "r9", "r11", "r10")
      MICROPLAN_DEPTHWISE_FINISH("r5", "r8", "r9", "r11", "r10")
      MICROPLAN_DEPTHWISE_FINISH("r6", "r8", "r9", "r11", "r10")
      MICROPLAN_DEPTHWISE_FINISH("r7", "r8", "r9", "r11", "r10")
      "  strb r4, [r0]\n"
      "  subs r2, r2, #4\n"
      "  blo 5f\n"
      "  strb r5, [r0, r1]\n"
      "  add r0, r0, r1, lsl #1\n"
      "  strb r6, [r0]\n"
      "  strb r7, [r0, r1]\n"
      "  add r0, r0, r1, lsl #1\n"
      "  str r0, [r3, #16]\n"
      "  str r2, [r3, #28]\n"
      "  mov r0, r3\n"
      "  bne 1b\n"
      "  pop {r0, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"
      "5:\n"
      "  adds r2, r2, #2\n"
      "  bmi 6f\n"
      "  strb r5, [r0, r1]\n"
      "  beq 6f\n"
      "  add r0, r0, r1, lsl #1\n"
      "  strb r6, [r0]\n"
      "6:\n"
      "  pop {r0, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n");
}

#undef MICROPLAN_DEPTHWISE_WORD

#else

void multiply(Blocks& work) {
  const uint32_t* scale = work.filter + 1 + work.runs;
  for (const uint32_t* item = work.offsets; (*item & kEndsFilter) == 0; ++item) ++scale;
  for (; work.count != 0; work.base += 16) {
    int32_t sums[4];
    sum_four(work, work.base, sums);
    for (uint32_t i = 0; i < 4 && work.count != 0; ++i, --work.count, work.out += work.out_step) {
      const auto& constants = *reinterpret_cast<const dsp::DepthwiseScale*>(scale);
      *work.out = dsp::depthwise_finish(constants, work.odd_zero_point, sums[i]);
    }
  }
}

#endif

uint32_t load_half(const uint8_t* at) {
  uint16_t half;
  memcpy(&half, at, sizeof half);
  return half;
}

// A row of the input from channel c on, or the padding.
struct Source {
  const uint8_t* at;
  uint32_t step;  // bytes from one column of a phase to the next
};

// Widens `count` columns of two sources: words of four channels go to `to`, which are `channel` words apart.
[[gnu::noinline]] void widen_quads(Source a, Source b, uint32_t count, uint32_t channel, uint32_t* to) {
  uint32_t* to2 = to + 2 * channel;
  for (uint32_t* const end = to + count; to != end; ++to, ++to2) {
    const uint32_t first = dsp::load_word(a.at);
    const uint32_t second = dsp::load_word(b.at);
    const uint32_t low = dsp::pkhbt(first, second);
    const uint32_t high = dsp::pkhtb(second, first);
    to[0] = dsp::sxtb16(low);
    to[channel] = dsp::sxtb16_ror8(low);
    to2[0] = dsp::sxtb16(high);
    to2[channel] = dsp::sxtb16_ror8(high);
    a.at += a.step;
    b.at += b.step;
  }
}

// One channel with one or two phases: columns of rows `a` and `b`. The second of a pair goes `next` words behind the first,
// the next pair `after` words behind it.
[[gnu::noinline]] void widen_channel(const uint8_t* a, const uint8_t* b, uint32_t columns, uint32_t* to, ptrdiff_t next,
                                     ptrdiff_t after) {
  for (; columns >= 4; columns -= 4, a += 4, b += 4, to += 2 * after) {
    const uint32_t upper = dsp::load_word(a);
    const uint32_t lower = dsp::load_word(b);
    const uint32_t low = dsp::pkhbt(upper, lower);
    const uint32_t high = dsp::pkhtb(lower, upper);
    to[0] = dsp::sxtb16(low);
    to[next] = dsp::sxtb16_ror8(low);
    to[after] = dsp::sxtb16(high);
    to[after + next] = dsp::sxtb16_ror8(high);
  }
  if (columns & 2) {
    const uint32_t low = dsp::pkhbt(load_half(a), load_half(b));
    to[0] = dsp::sxtb16(low);
    to[next] = dsp::sxtb16_ror8(low);
    a += 2;
    b += 2;
    to += after;
  }
  if (columns & 1) *to = dsp::sxtb16(dsp::pkhbt(*a, *b));
}

// What run() keeps while it walks over the rows.
class Planes {
 public:
  Planes(const DepthwiseConv2dParams& params, const Io& io, void* scratch)
      : params_(params),
        window_(params.window),
        shape_(params.window),
        filter_(io.constant<uint8_t>(0)),
        offsets_(static_cast<uint32_t*>(scratch)),
        words_(offsets_ + shape_.items),
        padding_(depthwise_padding(params.quantization)) {
    uint32_t* end = offsets_;
    uint32_t words = 0;
    for_each_word(window_, [&](uint32_t plane, uint32_t x, bool in_run) {
      const uint32_t at = offset(plane, x);
      const bool is_first = words++ % (in_run ? 4 : 2) == 0;
      if (is_first) {
        *end++ = in_run ? at << kSecondOffset : at;
        runs_ += in_run;
      } else if (!in_run) {
        end[-1] |= at << kSecondOffset;
      }
    });
    end[-1] |= kEndsFilter;
    if (runs_ != 0) offsets_[runs_ - 1] |= kLastRun;
  }

  void make_row(const DepthwiseRow& row, int8_t* y) const {
    for (uint32_t x = 0; x < window_.out_w; x += shape_.tile) {
      const uint32_t count = window_.out_w - x < shape_.tile ? window_.out_w - x : shape_.tile;
      for (uint32_t c = 0; c < window_.in_c; c += shape_.group) {
        // Channels that are no full group are widened together with some of those before them.
        const uint32_t first = window_.in_c - c < shape_.group ? window_.in_c - shape_.group : c;
        const int32_t left = static_cast<int32_t>(x * window_.stride_w) - window_.pad_left;
        if (window_.in_c < 4) {
          widen_all(row, left);
        } else {
          widen(row, left, first);
        }
        multiply_group(c - first, first, y + x * window_.out_c, count);
      }
    }
  }

 private:
  [[gnu::noinline]] uint32_t offset(uint32_t plane, uint32_t x) const {
    const uint32_t column = x * window_.dilation_w;
    const uint32_t phase = column % window_.stride_w;
    return 4 * (plane * shape_.plane_words() + phase * shape_.phase_words + column / window_.stride_w);
  }

  // Where the next column of a plane goes.
  struct Cursor {
    uint32_t* to;
    uint32_t phases_left;  // that one included, until the first phase comes again

    void advance(const DepthwisePlanes& shape) {
      to += shape.phase_words;
      if (--phases_left == 0) {
        phases_left = shape.phases;
        to -= shape.plane_words() - 1;
      }
    }
  };

  // Widens columns left, left + 1 and so on of all channels, which are less than four.
  [[gnu::noinline]] void widen_all(const DepthwiseRow& row, int32_t left) const {
    const uint32_t columns = shape_.plane_words();
    const Source padding = {reinterpret_cast<const uint8_t*>(&padding_), 0};
    const uint32_t outside = left < 0 ? static_cast<uint32_t>(-left) : 0;
    const uint32_t before = outside < columns ? outside : columns;
    const uint32_t first = left < 0 ? 0 : static_cast<uint32_t>(left);
    const uint32_t there = first < window_.in_w ? window_.in_w - first : 0;
    const uint32_t inside = there < columns - before ? there : columns - before;
    const uint32_t after = columns - before - inside;
    const uint32_t at = first * window_.in_c;
    fill_columns(0, before);
    fill_columns(before + inside, after);
    const Cursor start = cursor(before);
    // One channel with few phases; from its first phase or the second.
    const bool pairs = window_.in_c == 1 && shape_.phases <= 2;
    const ptrdiff_t words = static_cast<ptrdiff_t>(shape_.phase_words);
    const ptrdiff_t next = shape_.phases == 1 ? 1 : start.phases_left == 2 ? words : 1 - words;
    uint32_t* plane = words_;
    for (uint32_t ky = 0; ky < window_.kernel_h; ky += 2, plane += columns) {
      const uint8_t* const a = row.tap_row(ky);
      if (ky + 1u == window_.kernel_h) {
        widen_last(a, left, plane);
        return;
      }
      const uint8_t* const b = row.tap_row(ky + 1);
      Cursor to = {plane + (start.to - words_), start.phases_left};
      if (pairs && a != nullptr && b != nullptr) {
        widen_channel(a + at, b + at, inside, to.to, next, shape_.phases == 1 ? 2 : 1);
      } else {
        const Source upper = {a + at, window_.in_c}, lower = {b + at, window_.in_c};
        widen_bytes(a == nullptr ? padding : upper, b == nullptr ? padding : lower, inside, &to);
      }
    }
  }

  // Where column `column` of the first plane goes.
  Cursor cursor(uint32_t column) const {
    const uint32_t phase = column % shape_.phases;
    return {words_ + phase * shape_.phase_words + column / shape_.phases, shape_.phases - phase};
  }

  // Padding in the planes of two rows, in columns from `column` on.
  [[gnu::noinline]] void fill_columns(uint32_t column, uint32_t count) const {
    const uint32_t padding = dsp::sxtb16(padding_);
    const uint32_t plane_words = shape_.plane_words();
    Cursor at = cursor(column);
    for (; count != 0; --count, at.advance(shape_)) {
      for (uint32_t c = 0; c < shape_.group; ++c) {
        uint32_t* to = at.to + c * shape_.channel_words();
        for (uint32_t planes = window_.kernel_h / 2u; planes != 0; --planes, to += plane_words) *to = padding;
      }
    }
  }

  // The same of the last of an odd number of rows: the words' second column lies further right.
  [[gnu::noinline]] void widen_last(const uint8_t* row, int32_t left, uint32_t* plane) const {
    Cursor to = {plane, shape_.phases};
    for (uint32_t todo = shape_.plane_words(); todo != 0;) {
      uint32_t count = todo;
      const Source first = source(row, left, 0, 1, &count);
      const Source second = source(row, left + window_.dilation_w, 0, 1, &count);
      widen_bytes(first, second, count, &to);
      todo -= count;
      left += static_cast<int32_t>(count);
    }
  }

  // Widens `count` columns of two sources.
  [[gnu::noinline]] void widen_bytes(Source a, Source b, uint32_t count, Cursor* at) const {
    Cursor to = *at;
    for (uint32_t c = 0; c < shape_.group; ++c) {
      const uint8_t* first = a.step == 0 ? a.at : a.at + c;
      const uint8_t* second = b.step == 0 ? b.at : b.at + c;
      to = {at->to + c * shape_.channel_words(), at->phases_left};
      for (uint32_t i = count; i != 0; --i, first += a.step, second += b.step) {
        const int32_t low = static_cast<int8_t>(*first);
        const int32_t high = static_cast<int8_t>(*second);
        *to.to = dsp::pkhbt(static_cast<uint32_t>(low), static_cast<uint32_t>(high));
        to.advance(shape_);
      }
    }
    *at = {to.to - (shape_.group - 1) * shape_.channel_words(), to.phases_left};
  }

  // Widens what the outputs whose windows begin at column `left` need of the channels from c on.
  [[gnu::noinline]] void widen(const DepthwiseRow& row, int32_t left, uint32_t c) const {
    uint32_t* to = words_;
    for (uint32_t ky = 0; ky < window_.kernel_h; ky += 2) {
      const bool last = ky + 1u == window_.kernel_h;
      const uint8_t* const a = row.tap_row(ky);
      const uint8_t* const b = last ? a : row.tap_row(ky + 1);
      for (uint32_t phase = 0; phase < shape_.phases; ++phase, to += shape_.phase_words) {
        widen_phase(a, b, last ? window_.dilation_w : 0, left + static_cast<int32_t>(phase), c, to);
      }
    }
  }

  // Columns left, left + stride and so on of row a, with the columns `ahead` further of row b.
  [[gnu::noinline]] void widen_phase(const uint8_t* a, const uint8_t* b, uint32_t ahead, int32_t left, uint32_t c,
                                     uint32_t* to) const {
    for (uint32_t done = 0; done < shape_.phase_words;) {
      uint32_t count = shape_.phase_words - done;
      const Source first = source(a, left, c, window_.stride_w, &count);
      const Source second = source(b, left + static_cast<int32_t>(ahead), c, window_.stride_w, &count);
      widen_quads(first, second, count, shape_.channel_words(), to + done);
      done += count;
      left += static_cast<int32_t>(count * window_.stride_w);
    }
  }

  // Column `column` of `row` and at most *count that follow, `step` columns apart: all inside the input, or all outside.
  [[gnu::noinline]] Source source(const uint8_t* row, int32_t column, uint32_t c, uint32_t step, uint32_t* count) const {
    const bool outside = row == nullptr || column < 0 || column >= window_.in_w;
    if (row != nullptr && column < window_.in_w) {
      const uint32_t to_go = static_cast<uint32_t>((column < 0 ? 0 : window_.in_w) - column);
      const uint32_t steps = (to_go + step - 1) / step;
      if (steps < *count) *count = steps;
    }
    if (outside) return {reinterpret_cast<const uint8_t*>(&padding_), 0};
    return {row + static_cast<uint32_t>(column) * window_.in_c + c, step * window_.in_c};
  }

  // The outputs of the widened channels from `from` on; channel 0 of them is channel `first` of the input.
  [[gnu::noinline]] void multiply_group(uint32_t from, uint32_t first, int8_t* y, uint32_t count) const {
    Blocks work;
    work.offsets = offsets_;
    work.runs = runs_;
    work.out_step = window_.out_c;
    work.odd_zero_point = odd_zero_point(params_.quantization);
    const uint32_t record_bytes = shape_.record_bytes();
    for (uint32_t local = from; local < shape_.group; ++local) {
      uint32_t c = (first + local) * params_.depth_multiplier;
      const uint8_t* filter = filter_ + c * record_bytes;
      for (uint32_t m = 0; m < params_.depth_multiplier; ++m, ++c, filter += record_bytes) {
        work.filter = reinterpret_cast<const uint32_t*>(filter);
        work.base = reinterpret_cast<const uint8_t*>(words_ + local * shape_.channel_words());
        work.out = y + c;
        work.count = count;
        if (params_.quantization.fast) {
          multiply(work);
        } else {
          multiply_generally(work);
        }
      }
    }
  }

  // The same where requantization is not fast.
  [[gnu::noinline]] void multiply_generally(const Blocks& work) const {
    const auto& scale = *reinterpret_cast<const dsp::DepthwiseScale*>(work.filter + shape_.quads);
    int32_t sums[4];
    for (uint32_t x = 0; x < work.count; ++x) {
      if (x % 4 == 0) sum_four(work, work.base + 4 * x, sums);
      const int32_t sum = wrap_add(scale.twice_bias, sums[x % 4]);
      const int32_t value = wrap_add(requantize(sum, Requantize{scale.multiplier, scale.shift}),
                                     params_.quantization.output_offset);
      work.out[x * work.out_step] = static_cast<int8_t>(clamp(value, INT8_MIN, INT8_MAX));
    }
  }

  const DepthwiseConv2dParams& params_;
  const Window& window_;
  const DepthwisePlanes shape_;
  const uint8_t* const filter_;
  uint32_t* const offsets_;
  uint32_t* const words_;  // widened
  uint32_t runs_ = 0;
  const uint32_t padding_;
};

bool supports(const void* in, const Target&) {
  return DepthwisePlanes(static_cast<const DepthwiseConv2dParams*>(in)->window).scratch_bytes != UINT32_MAX;
}

bool footprint(const void* in, Footprint* result) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const DepthwisePlanes shape(params.window);
  return shape.scratch_bytes != UINT32_MAX &&
         depthwise_footprint(params, params.window.out_c, shape.record_bytes(), result);
}

uint32_t scratch_bytes(const void* in, uint32_t) {
  return DepthwisePlanes(static_cast<const DepthwiseConv2dParams*>(in)->window).scratch_bytes;
}

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const uint32_t channels = params.window.out_c;
  const DepthwisePlanes shape(params.window);
  if (!writer.begin(channels * shape.record_bytes())) return;
  DepthwisePacker packer(context, params, writer);
  for (uint32_t c = 0; c < channels; ++c) {
    uint8_t quad[4];
    uint32_t count = 0;
    for_each_word(params.window, [&](uint32_t plane, uint32_t x, bool) {
      const uint32_t y = 2 * plane;
      const bool last = y + 1 == params.window.kernel_h;
      quad[count] = packer.tap(c, y, x);
      quad[count + 2] = last ? packer.tap(c, y, x + 1) : packer.tap(c, y + 1, x);
      count = 1 - count;
      if (count == 0) packer.append(quad, sizeof quad);
    });
    if (count != 0) {
      quad[1] = quad[3] = 0;
      packer.append(quad, sizeof quad);
    }
    packer.append_scale(c);
  }
}

Cost cost(const void* in, const Target&) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const DepthwisePlanes shape(params.window);
  const Window& window = params.window;
  return depthwise_cost(params, window.out_h * shape.row_instructions(window), window.out_c * shape.record_bytes());
}

}  // namespace

namespace kernels {

Status depthwise_conv_2d_int8_dsp_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Planes planes(params, io, scratch);
  for (; rows.first < rows.last; ++rows.first) {
    int8_t* const y = io.view(1).row_as<int8_t>(rows.first);
    planes.make_row(DepthwiseRow(params.window, io.view(0), rows.first), y);
    clamp_depthwise_row(params, y);
  }
  return Status::kOk;
}

const Variant depthwise_conv_2d_int8_dsp_variant = {
    depthwise_conv_2d_int8_dsp, "depthwise_conv_2d_int8_dsp", "DEPTHWISE_CONV_2D", 4,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel, any depth multiplier, dilated",
    false, Overlap::kRows, sizeof(DepthwiseConv2dParams),
    DepthwiseConv2d<Int8Accumulator>::prepare, supports, footprint, window_input_rows, scratch_bytes, pack, cost,
    kFeatureDsp, true};

}  // namespace kernels

}  // namespace microplan
