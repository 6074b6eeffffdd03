// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/pixel_tile_base.h"

namespace microplan {

namespace {

// Two channels and blocks of pixels.
struct Pair {
  const int8_t* filters[2];
  const int16_t* x;
  uint32_t block_bytes;  // of x
  uint32_t twice_bias[2];
  uint32_t entry;            // where the loop begins
  const int32_t* constants;  // of the first channel, behind the bias; those of the second follow
  int8_t* to;                // output of the first channel of pixel p is to[offsets[p]]
  const uint32_t* offsets;
  const uint32_t* offsets_end;

  void set_channels(const FastChannel* channels) {
    twice_bias[0] = channels[0].twice_bias;
    twice_bias[1] = channels[1].twice_bias;
    constants = &channels[0].multiplier;
  }
};

#if defined(__thumb2__)

// The loop is entered where the depth leaves a multiple of the steps in it: 32 of 56 bytes each, every instruction has 4. The
// lowest bit is that of Thumb.
uint32_t pair_entry(uint32_t depth) { return (0u - depth) % 32 * 56 + 1; }

// The outputs of two channels and of blocks of 4 pixels. The clobbered registers are named for the callers, which else keep
// values in those that a function of this file leaves alone.
[[gnu::naked, gnu::noinline]] void multiply_pair(const Pair*) {
  asm(".syntax unified\n"
      // The stack holds a copy of the pair, whose x and offsets advance.
      "  push {r4-r11, lr}\n"
      "  ldm r0, {r1-r11}\n"
      "  adr r12, 2f\n"
      "  add r7, r7, r12\n"
      "  push {r1-r11}\n"
      // A block: r0, r1: filters, r2: x, r4-r7 and r8-r11: twice the sums, from the bias on
      "1:\n"
      "  ldm sp, {r0-r4, r8}\n"
      "  add r3, r3, r2\n"
      "  str r3, [sp, #8]\n"
      "  mov r5, r4\n"
      "  mov r6, r4\n"
      "  mov r7, r4\n"
      "  mov r9, r8\n"
      "  mov r10, r8\n"
      "  mov r11, r8\n"
      "  ldr pc, [sp, #24]\n"
      "  .balign 4\n"
      "2:\n"
      "  .rept 32\n"
      "  ldrsb r3, [r0], #1\n"
      "  ldrsb r12, [r1], #1\n"
      "  ldrsh lr, [r2], #2\n"
      "  mla r4, lr, r3, r4\n"
      "  mla r8, lr, r12, r8\n"
      "  ldrsh lr, [r2], #2\n"
      "  mla r5, lr, r3, r5\n"
      "  mla r9, lr, r12, r9\n"
      "  ldrsh lr, [r2], #2\n"
      "  mla r6, lr, r3, r6\n"
      "  mla r10, lr, r12, r10\n"
      "  ldrsh lr, [r2], #2\n"
      "  mla r7, lr, r3, r7\n"
      "  mla r11, lr, r12, r11\n"
      "  .endr\n"
      "  ldr r3, [sp, #8]\n"
      "  cmp r2, r3\n"
      "  bne 2b\n"
      // Requantization: r1-r3: a FastChannel behind its bias, lr and r12: low and high half of the product. The two outputs
      // of a pixel go together.
      "  .macro requantize sum\n"
      "  mov lr, #0x80000000\n"
      "  add r12, r2, \\sum, asr #31\n"
      "  smlal lr, r12, \\sum, r1\n"
      "  asr r12, r12, r3\n"
      "  ssat \\sum, #8, r12\n"
      "  .endm\n"
      "  ldr r0, [sp, #28]\n"
      "  ldm r0!, {r1-r3}\n"
      "  requantize r4\n"
      "  requantize r5\n"
      "  requantize r6\n"
      "  requantize r7\n"
      "  ldm r0, {r0-r3}\n"
      "  requantize r8\n"
      "  requantize r9\n"
      "  requantize r10\n"
      "  requantize r11\n"
      "  .purgem requantize\n"
      "  bfi r4, r8, #8, #8\n"
      "  bfi r5, r9, #8, #8\n"
      "  bfi r6, r10, #8, #8\n"
      "  bfi r7, r11, #8, #8\n"
      "  ldrd r12, lr, [sp, #32]\n"
      "  ldm lr!, {r0-r3}\n"
      "  str lr, [sp, #36]\n"
      "  strh r4, [r12, r0]\n"
      "  strh r5, [r12, r1]\n"
      "  strh r6, [r12, r2]\n"
      "  strh r7, [r12, r3]\n"
      "  ldr r3, [sp, #40]\n"
      "  cmp lr, r3\n"
      "  bne 1b\n"
      "  add sp, sp, #44\n"
      "  pop {r4-r11, pc}\n"
      :
      :
      : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

#else

// sums[4 * c + p] = start[c] + sum over k of filters[c][k] * x[4 * k + p], for two channels c and 4 pixels p.
[[gnu::noinline]] void multiply_2x4(const int8_t* const* filters, const uint32_t* start, uint32_t depth, const int16_t* x,
                                    uint32_t* sums) {
  const int8_t* filter = filters[0];
  const int8_t* filter1 = filters[1];
  uint32_t a0 = start[0], a1 = a0, a2 = a0, a3 = a0, b0 = start[1], b1 = b0, b2 = b0, b3 = b0;
  const auto step = [&](uint32_t k) {
    const int32_t a = filter[k];
    const int32_t b = filter1[k];
    int32_t value = x[4 * k];
    add_product(a0, value, a);
    add_product(b0, value, b);
    value = x[4 * k + 1];
    add_product(a1, value, a);
    add_product(b1, value, b);
    value = x[4 * k + 2];
    add_product(a2, value, a);
    add_product(b2, value, b);
    value = x[4 * k + 3];
    add_product(a3, value, a);
    add_product(b3, value, b);
  };
  const auto advance = [&](uint32_t steps) {
    filter += steps;
    filter1 += steps;
    x += 4 * steps;
  };
  const int16_t* end = x + 4 * (depth & 3);
  while (x != end) {
    step(0);
    advance(1);
  }
  end += 4 * (depth & ~3u);
  while (x != end) {
    step(0);
    step(1);
    step(2);
    step(3);
    advance(4);
  }
  sums[0] = a0;
  sums[1] = a1;
  sums[2] = a2;
  sums[3] = a3;
  sums[4] = b0;
  sums[5] = b1;
  sums[6] = b2;
  sums[7] = b3;
}

uint32_t pair_entry(uint32_t) { return 0; }

// The outputs of two channels and of blocks of 4 pixels.
void multiply_pair(const Pair* pair) {
  const int32_t* const by = pair->constants;
  const int16_t* x = pair->x;
  const uint32_t block_inputs = pair->block_bytes / sizeof(int16_t);
  for (const uint32_t* offset = pair->offsets; offset != pair->offsets_end;) {
    uint32_t sums[2 * kBlockPixels];
    multiply_2x4(pair->filters, pair->twice_bias, block_inputs / kBlockPixels, x, sums);
    x += block_inputs;
    for (uint32_t p = 0; p < kBlockPixels; ++p) {
      int8_t* const y = pair->to + *offset++;
      y[0] = requantize_twice(sums[p], by[0], by[1], by[2]);
      y[1] = requantize_twice(sums[kBlockPixels + p], by[4], by[5], by[6]);
    }
  }
}

#endif

#if defined(__ARM_ARCH_6M__)
// Eight registers are too few for the sums of a block.
constexpr bool kBlocks = false;
#else
constexpr bool kBlocks = true;
#endif

// A tile holds several blocks while they are small, so that a channel's constants are made for many outputs; blocks of
// more than kMaxBlockBytes would take more memory than they are worth.
constexpr uint32_t kTileBytes = 2048;
constexpr uint32_t kMaxBlockBytes = 5120;
constexpr uint32_t kMaxTableBytes = 2048;

}  // namespace

uint32_t PixelTile::Shape::capacity() const {
  if (!fast || channels == 1 || depth > kMaxBlockBytes / (kBlockPixels * sizeof(int16_t))) return 1;
  const uint32_t block_bytes = kBlockPixels * static_cast<uint32_t>(sizeof(int16_t)) * depth;
  return block_bytes >= kTileBytes ? kBlockPixels : kTileBytes / block_bytes * kBlockPixels;
}

uint32_t PixelTile::Shape::input_bytes() const {
  const uint32_t pixels = capacity();
  return pixels == 1 ? depth * static_cast<uint32_t>(sizeof(int32_t))
                     : pixels * depth * static_cast<uint32_t>(sizeof(int16_t));
}

uint32_t PixelTile::Shape::table_bytes() const {
  if (capacity() == 1 || all_channels > kMaxTableBytes / sizeof(FastChannel)) return 0;
  return all_channels * static_cast<uint32_t>(sizeof(FastChannel));
}

PixelTile::PixelTile(const Shape& shape, const BaseOutput& outputs, void* scratch)
    : shape_(shape),
      depth_(shape.depth),
      capacity_(shape.capacity()),
      outputs_(outputs),
      offsets_(static_cast<uint32_t*>(scratch)),
      inputs_(static_cast<uint8_t*>(scratch) + shape.offset_bytes()),
      sums_(reinterpret_cast<uint32_t*>(static_cast<uint8_t*>(inputs_) + shape.input_bytes())),
      table_(shape.table_bytes() == 0 ? nullptr : reinterpret_cast<FastChannel*>(sums_ + shape.sum_bytes() / 4)) {
  if (table_ == nullptr) return;
  for (uint32_t c = 0; c < shape.all_channels; ++c) table_[c] = FastChannel(outputs.constants(c));
}

uint32_t PixelTile::begin(uint32_t pixels_left) {
  pixels_ = pixels_left >= capacity_ ? capacity_ : pixels_left < kBlockPixels ? 1 : pixels_left & ~(kBlockPixels - 1);
  if (!kBlocks) pixels_ = 1;
  return pixels_;
}

void PixelTile::multiply(const int8_t* filter, uint32_t first, int8_t* to) const {
  if (kBlocks && !single()) {
    multiply_blocks(filter, first, to + first);
    return;
  }
  for (uint32_t c = 0; c < shape_.channels; ++c) sums_[c] = 0;
  add_products(filter, depth_, shape_.channels, static_cast<const int32_t*>(inputs_), depth_, sums_);
  to += offsets_[0] + first;
  if (table_ == nullptr) {
    outputs_.finish_pixel(first, shape_.channels, sums_, to);
    return;
  }
  const FastChannel* channel = table_ + first;
  for (uint32_t c = 0; c < shape_.channels; ++c) to[c] = requantize(*channel++, sums_[c]);
  if (outputs_.limited()) outputs_.limit(shape_.channels, to, 1);
}

void PixelTile::multiply_blocks(const int8_t* filter, uint32_t first, int8_t* to) const {
  const uint32_t depth = depth_;
  Pair pair = {};
  pair.x = static_cast<const int16_t*>(inputs_);
  pair.block_bytes = kBlockPixels * static_cast<uint32_t>(sizeof(int16_t)) * depth;
  pair.entry = pair_entry(depth);
  pair.offsets = offsets_;
  pair.offsets_end = offsets_ + pixels_;
  for (uint32_t c = 0; c < shape_.channels; c += 2) {
    // An odd channel is computed with the one before it once more.
    if (shape_.channels - c == 1) --c;
    pair.filters[0] = filter + c * depth;
    pair.filters[1] = pair.filters[0] + depth;
    pair.to = to + c;
    const FastChannel* channels;
    if (table_ != nullptr) {
      channels = table_ + first + c;
    } else {
      FastChannel* const two = reinterpret_cast<FastChannel*>(sums_);
      two[0] = FastChannel(outputs_.constants(first + c));
      two[1] = FastChannel(outputs_.constants(first + c + 1));
      channels = two;
    }
    pair.set_channels(channels);
    multiply_pair(&pair);
  }
  if (!outputs_.limited()) return;
  for (uint32_t p = 0; p < pixels_; ++p) outputs_.limit(shape_.channels, to + offsets_[p], 1);
}

}  // namespace microplan
