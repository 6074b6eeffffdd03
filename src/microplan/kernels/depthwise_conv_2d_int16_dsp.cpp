// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int16 with int8 filters, for the DSP extension.
#include "microplan/kernels/depthwise_int16.h"

namespace microplan {

namespace {

#if defined(__ARM_FEATURE_DSP)

// r0 the pixel, r1 input, r2 filter, r3 taps left, r4 two inputs, r5 the next row, r6-r7 the filter's even and odd
// channels, r8-r11 the sums, r12 and lr the steps.
__attribute__((naked, noinline)) void run_pixel(Int16DepthwisePixel*) {
  asm volatile(
      "push {r4-r11, lr}\n"
      "ldr r12, [r0, #16]\n"
      "ldr lr, [r0, #20]\n"
      "1:\n"
      "ldr r5, [r0]\n"
      "ldr r2, [r0, #8]\n"
      "mov r8, #0\n"
      "mov r9, #0\n"
      "mov r10, #0\n"
      "mov r11, #0\n"
      "2:\n"
      "ldr r1, [r5], #4\n"
      "ldr r4, [r0, #28]\n"
      "ldr r3, [r0, #12]\n"
      "add r1, r1, r4\n"
      "3:\n"
      "ldr r7, [r2]\n"
      "ldr r4, [r1]\n"
      "add r2, r2, lr\n"
      "sxtb16 r6, r7\n"
      "sxtb16 r7, r7, ror #8\n"
      "smlabb r8, r4, r6, r8\n"
      "smlatb r9, r4, r7, r9\n"
      "ldr r4, [r1, #4]\n"
      "add r1, r1, r12\n"
      "smlabt r10, r4, r6, r10\n"
      "smlatt r11, r4, r7, r11\n"
      "subs r3, r3, #1\n"
      "bne 3b\n"
      "ldr r4, [r0, #24]\n"
      "ldr r3, [r0, #4]\n"
      "add r2, r2, r4\n"
      "cmp r5, r3\n"
      "bne 2b\n"
      // SSAT clamps to 16 bits, so that SSUB16 and SEL clamp two outputs at once.
      "ldr r3, [r0, #32]\n"
      "ldmia r3!, {r4-r7}\n"
      "add r8, r8, r4\n"
      "add r9, r9, r6\n"
      "smmulr r8, r8, r5\n"
      "smmulr r9, r9, r7\n"
      "ldmia r3!, {r4-r7}\n"
      "str r3, [r0, #32]\n"
      "add r10, r10, r4\n"
      "add r11, r11, r6\n"
      "smmulr r10, r10, r5\n"
      "smmulr r11, r11, r7\n"
      "ssat r8, #16, r8\n"
      "ssat r9, #16, r9\n"
      "ssat r10, #16, r10\n"
      "ssat r11, #16, r11\n"
      "pkhbt r8, r8, r9, lsl #16\n"
      "pkhbt r10, r10, r11, lsl #16\n"
      "ldr r4, [r0, #44]\n"
      "ldr r5, [r0, #48]\n"
      "ldr r3, [r0, #36]\n"
      "ssub16 r6, r8, r4\n"
      "sel r8, r8, r4\n"
      "ssub16 r6, r10, r4\n"
      "sel r10, r10, r4\n"
      "ssub16 r6, r5, r8\n"
      "sel r8, r8, r5\n"
      "ssub16 r6, r5, r10\n"
      "sel r10, r10, r5\n"
      "str r8, [r3]\n"
      "str r10, [r3, #4]\n"
      "add r3, r3, #8\n"
      "str r3, [r0, #36]\n"
      "ldr r1, [r0, #28]\n"
      "ldr r2, [r0, #8]\n"
      "ldr r3, [r0, #40]\n"
      "add r1, r1, #8\n"
      "add r2, r2, #4\n"
      "subs r3, r3, #1\n"
      "str r1, [r0, #28]\n"
      "str r2, [r0, #8]\n"
      "str r3, [r0, #40]\n"
      "bne 1b\n"
      "pop {r4-r11, pc}\n");
}

#else

void run_pixel(Int16DepthwisePixel* pixel) {
  const uint32_t channels = pixel->blocks * 4;
  for (uint32_t c = 0; c < channels; ++c) {
    int32_t sum = 0;
    const int8_t* filter = pixel->filter + c;
    for (const int16_t* const* row = pixel->rows; row != pixel->rows_end; ++row) {
      const uint8_t* x = reinterpret_cast<const uint8_t*>(*row + c) + pixel->x_offset;
      for (uint32_t tap = 0; tap < pixel->taps_w; ++tap) {
        sum += *reinterpret_cast<const int16_t*>(x + tap * pixel->x_step) * filter[tap * pixel->filter_step];
      }
      filter += pixel->taps_w * pixel->filter_step + pixel->filter_row;
    }
    const int32_t value = pixel->rescales[c].apply(sum);
    pixel->y[c] = static_cast<int16_t>(clamp(value, dsp::low_half(pixel->act_min), dsp::low_half(pixel->act_max)));
  }
}

#endif

}  // namespace

namespace kernels {

using Depthwise = DepthwiseInt16<run_pixel>;

#if defined(__ARM_FEATURE_DSP) || MICROPLAN_EMULATE_DSP

Status depthwise_conv_2d_int16_dsp_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return Depthwise::run(in, rows, io, scratch);
}

#endif

const Variant depthwise_conv_2d_int16_dsp_variant = Depthwise::variant(
    depthwise_conv_2d_int16_dsp, "depthwise_conv_2d_int16_dsp", Depthwise::cost<13, 52>, kFeatureDsp);

}  // namespace kernels

}  // namespace microplan
