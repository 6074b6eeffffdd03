// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/depthwise_conv_2d_base.h"

namespace microplan {
namespace depthwise_base {

// The assembly has these numbers in its offsets.
static_assert(kMaxPixels * sizeof(uint32_t) == 128, "sums of a channel");
static_assert(kSweepWords * kLanes == 16, "a column of a sweep");

#if defined(__thumb2__)

[[gnu::naked, gnu::noinline]] void multiply_4x2(const int8_t*, const int8_t*, const int8_t*, uint32_t,
                                                uint32_t (*)[kMaxPixels]) {
  asm(".syntax unified\n"
      // r0: filter, r1 and r2: x and y, r3: the filter's end, r4-r7 and r8-r11: sums. Even numbers of taps begin at 1.
      "  .macro taps\n"
      "  ldrsb r12, [r0, #1]\n"
      "  ldrsb lr, [r1, #1]\n"
      "  mla r5, lr, r12, r5\n"
      "  ldrsb lr, [r2, #1]\n"
      "  mla r9, lr, r12, r9\n"
      "  ldrsb r12, [r0, #2]\n"
      "  ldrsb lr, [r1, #2]\n"
      "  mla r6, lr, r12, r6\n"
      "  ldrsb lr, [r2, #2]\n"
      "  mla r10, lr, r12, r10\n"
      "  ldrsb r12, [r0, #3]\n"
      "  ldrsb lr, [r1, #3]\n"
      "  mla r7, lr, r12, r7\n"
      "  ldrsb lr, [r2, #3]\n"
      "  mla r11, lr, r12, r11\n"
      "  ldrsb r12, [r0], #4\n"
      "  ldrsb lr, [r1], #4\n"
      "  mla r4, lr, r12, r4\n"
      "  ldrsb lr, [r2], #4\n"
      "  mla r8, lr, r12, r8\n"
      "  .endm\n"
      "  push {r4-r11, lr}\n"
      "  lsls r12, r3, #31\n"
      "  add r3, r0, r3, lsl #2\n"
      "  mov r4, #0\n"
      "  mov r5, #0\n"
      "  mov r6, #0\n"
      "  mov r7, #0\n"
      "  mov r8, #0\n"
      "  mov r9, #0\n"
      "  mov r10, #0\n"
      "  mov r11, #0\n"
      "  bne 2f\n"
      "1:\n"
      "  taps\n"
      "2:\n"
      "  taps\n"
      "  cmp r0, r3\n"
      "  bne 1b\n"
      "  ldr r12, [sp, #36]\n"
      "  strd r4, r8, [r12]\n"
      "  strd r5, r9, [r12, #128]\n"
      "  strd r6, r10, [r12, #256]\n"
      "  strd r7, r11, [r12, #384]\n"
      "  pop {r4-r11, pc}\n"
      "  .purgem taps\n"
      :
      :
      : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

#elif defined(__ARM_ARCH_6M__)

[[gnu::naked, gnu::noinline]] void multiply_4x2(const int8_t*, const int8_t*, const int8_t*, uint32_t,
                                                uint32_t (*)[kMaxPixels]) {
  asm(".syntax unified\n"
      // r0-r2: the ends of filter, x and y, r3: from there to a tap, r6, r7: sums, r12: to the first tap, lr: where sums go
      "  push {r4-r7, lr}\n"
      "  ldr r4, [sp, #20]\n"
      "  mov lr, r4\n"
      "  lsls r3, r3, #2\n"
      "  adds r0, r0, r3\n"
      "  adds r1, r1, r3\n"
      "  adds r2, r2, r3\n"
      "  rsbs r3, r3, #0\n"
      "  mov r12, r3\n"
      "  .rept 4\n"
      "  mov r3, r12\n"
      "  movs r6, #0\n"
      "  movs r7, #0\n"
      "1:\n"
      "  ldrsb r4, [r0, r3]\n"
      "  ldrsb r5, [r1, r3]\n"
      "  muls r5, r4, r5\n"
      "  adds r6, r6, r5\n"
      "  ldrsb r5, [r2, r3]\n"
      "  muls r5, r4, r5\n"
      "  adds r7, r7, r5\n"
      "  adds r3, r3, #4\n"
      "  bne 1b\n"
      "  mov r3, lr\n"
      "  str r6, [r3]\n"
      "  str r7, [r3, #4]\n"
      "  adds r3, r3, #128\n"
      "  mov lr, r3\n"
      "  adds r0, r0, #1\n"
      "  adds r1, r1, #1\n"
      "  adds r2, r2, #1\n"
      "  .endr\n"
      "  pop {r4-r7, pc}\n"
      :
      :
      : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

#else

[[gnu::noinline]] void multiply_4x2(const int8_t* filter, const int8_t* x, const int8_t* y, uint32_t taps,
                                    uint32_t (*sums)[kMaxPixels]) {
  uint32_t x0 = 0, x1 = 0, x2 = 0, x3 = 0, y0 = 0, y1 = 0, y2 = 0, y3 = 0;
  for (const int8_t* const end = filter + taps * kLanes; filter != end; filter += kLanes) {
    int32_t f = filter[0];
    add_product(x0, x[0], f);
    add_product(y0, y[0], f);
    f = filter[1];
    add_product(x1, x[1], f);
    add_product(y1, y[1], f);
    f = filter[2];
    add_product(x2, x[2], f);
    add_product(y2, y[2], f);
    f = filter[3];
    add_product(x3, x[3], f);
    add_product(y3, y[3], f);
    x += kLanes;
    y += kLanes;
  }
  sums[0][0] = x0;
  sums[0][1] = y0;
  sums[1][0] = x1;
  sums[1][1] = y1;
  sums[2][0] = x2;
  sums[2][1] = y2;
  sums[3][0] = x3;
  sums[3][1] = y3;
}

#endif

#if defined(__thumb2__)

// Columns of a stride of 1 go by three, in 52 bytes of instructions each.
uint32_t sweep_entry(uint32_t stride, uint32_t columns) {
  return stride == 1 ? (2 * columns) % 3 * 52 : 3 * 52 + 16;
}

void set_sweep(uint32_t* behind, const Sweep* sweep) { *behind = reinterpret_cast<uint32_t>(sweep); }

[[gnu::naked, gnu::noinline]] void sweep_3x3(Sweep*) {
  asm(".syntax unified\n"
      // r5-r11, lr, r0: taps, r1: x, r2-r4: sums. Sums go to the stack: all registers are taken, and those of the columns
      // that begin in the padding are dropped.
      "  .macro column_of_1 third, second, first\n"
      "  ldrsb r12, [r1, #4]\n"
      "  mla \\third, r12, lr, \\third\n"
      "  mla \\second, r12, r9, \\second\n"
      "  mul \\first, r12, r6\n"
      "  ldrsb r12, [r1, #8]\n"
      "  mla \\third, r12, r0, \\third\n"
      "  mla \\second, r12, r10, \\second\n"
      "  mla \\first, r12, r7, \\first\n"
      "  ldrsb r12, [r1], #16\n"
      "  mla \\third, r12, r11, \\third\n"
      "  mla \\second, r12, r8, \\second\n"
      "  mla \\first, r12, r5, \\first\n"
      "  str \\third, [sp, #-4]!\n"
      "  .endm\n"
      "  .macro columns_of_2 last, first\n"
      "  ldrsb r12, [r1, #4]\n"
      "  mla \\last, r12, lr, \\last\n"
      "  mul \\first, r12, r6\n"
      "  ldrsb r12, [r1, #8]\n"
      "  mla \\last, r12, r0, \\last\n"
      "  mla \\first, r12, r7, \\first\n"
      "  ldrsb r12, [r1], #16\n"
      "  mla \\last, r12, r11, \\last\n"
      "  mla \\first, r12, r5, \\first\n"
      "  str \\last, [sp, #-4]!\n"
      "  ldrsb r12, [r1, #-4]\n"
      "  cmp r12, #0\n"
      "  bne 4f\n"
      "  ldrsb r12, [r1, #4]\n"
      "  mla \\first, r12, r9, \\first\n"
      "  ldrsb r12, [r1, #8]\n"
      "  mla \\first, r12, r10, \\first\n"
      "  ldrsb r12, [r1], #16\n"
      "  mla \\first, r12, r8, \\first\n"
      "  .endm\n"
      "  .macro output sum\n"
      "  add \\sum, r5, \\sum, lsl #1\n"
      "  mov r2, #0x80000000\n"
      "  add r3, r7, \\sum, asr #31\n"
      "  smlal r2, r3, \\sum, r6\n"
      "  asr r3, r3, r8\n"
      "  ssat r3, #8, r3\n"
      "  strb r3, [r9]\n"
      "  sub r9, r9, r10\n"
      "  .endm\n"
      "  push {r4-r11, lr}\n"
      "  mov r12, r0\n"
      "1:\n"
      "  ldrd r0, r1, [r12]\n"
      "  add r2, r0, #1\n"
      "  add r3, r1, #1\n"
      "  strd r2, r3, [r12]\n"
      "  ldr r3, [r12, #28]\n"
      "  adr r4, 2f\n"
      "  add r3, r3, r4\n"
      "  ldrsb r5, [r0]\n"
      "  ldrsb r6, [r0, #4]\n"
      "  ldrsb r7, [r0, #8]\n"
      "  ldrsb r8, [r0, #12]\n"
      "  ldrsb r9, [r0, #16]\n"
      "  ldrsb r10, [r0, #20]\n"
      "  ldrsb r11, [r0, #24]\n"
      "  ldrsb lr, [r0, #28]\n"
      "  ldrsb r0, [r0, #32]\n"
      "  mov pc, r3\n"
      "  .balign 4\n"
      "2:\n"
      "  column_of_1 r2, r3, r4\n"
      "  column_of_1 r3, r4, r2\n"
      "  column_of_1 r4, r2, r3\n"
      "  ldrsb r12, [r1, #-4]\n"
      "  cmp.w r12, #0\n"
      "  beq.w 2b\n"
      "  b.w 4f\n"
      "  push {r2}\n"
      "3:\n"
      "  columns_of_2 r2, r3\n"
      "  columns_of_2 r3, r2\n"
      "  b 3b\n"
      "4:\n"
      "  bic r1, r1, #3\n"
      "  ldr r12, [r1]\n"
      "  ldrd r4, r9, [r12, #8]\n"
      "  ldm r4!, {r5-r8}\n"
      "  add r11, r9, #1\n"
      "  strd r4, r11, [r12, #8]\n"
      "  ldrd r10, r11, [r12, #16]\n"
      "  lsrs r11, r11, #1\n"
      "  bcc 5f\n"
      "  pop {r0}\n"
      "  output r0\n"
      "5:\n"
      "  beq 7f\n"
      "6:\n"
      "  pop {r0, r1}\n"
      "  output r0\n"
      "  output r1\n"
      "  subs r11, r11, #1\n"
      "  bne 6b\n"
      "7:\n"
      "  add sp, sp, #8\n"
      "  ldr r0, [r12, #24]\n"
      "  subs r0, r0, #1\n"
      "  str r0, [r12, #24]\n"
      "  bne 1b\n"
      "  pop {r4-r11, pc}\n"
      "  .purgem column_of_1\n"
      "  .purgem columns_of_2\n"
      "  .purgem output\n"
      :
      :
      : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

#else

uint32_t sweep_entry(uint32_t stride, uint32_t) { return stride; }

void set_sweep(uint32_t*, const Sweep*) {}

namespace {

struct Taps3 {
  int32_t tap[3];
  uint32_t multiply(const int8_t* x) const {
    return static_cast<uint32_t>(x[0] * tap[0] + x[4] * tap[1] + x[8] * tap[2]);
  }
};

}  // namespace

void sweep_3x3(Sweep* sweep) {
  constexpr uint32_t kStep = kSweepWords * kLanes;
  const uint32_t y_step = sweep->y_step;
  for (uint32_t lane = 0; lane < sweep->lanes; ++lane) {
    const int8_t* const filter = sweep->filter + lane;
    const Taps3 taps0 = {{filter[0], filter[4], filter[8]}};
    const Taps3 taps1 = {{filter[12], filter[16], filter[20]}};
    const Taps3 taps2 = {{filter[24], filter[28], filter[32]}};
    const FastChannel channel = sweep->channel[lane];
    const int8_t* x = sweep->x + lane;
    int8_t* y = sweep->y + lane - (sweep->pixels - 1) * y_step;
    if (sweep->entry == 1) {
      uint32_t first = taps0.multiply(x);
      uint32_t second = first;
      x += kStep;
      first = taps0.multiply(x);
      second += taps1.multiply(x);
      for (uint32_t left = sweep->pixels; left != 0; --left, y += y_step) {
        x += kStep;
        *y = requantize(channel, second + taps2.multiply(x));
        second = first + taps1.multiply(x);
        first = taps0.multiply(x);
      }
    } else {
      uint32_t sum = taps0.multiply(x);
      for (uint32_t left = sweep->pixels; left != 0; --left, y += y_step) {
        x += 2 * kStep;
        *y = requantize(channel, sum + taps1.multiply(x - kStep) + taps2.multiply(x));
        sum = taps0.multiply(x);
      }
    }
  }
}

#endif

}  // namespace depthwise_base
}  // namespace microplan
