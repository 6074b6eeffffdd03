// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int8, with the DSP extension: output by output, straight from the input, for images that are too
// narrow for the other ways.
#include <stddef.h>

#include "microplan/kernels.h"
#include "microplan/kernels/depthwise_conv_2d_dsp.h"

namespace microplan {

namespace {

constexpr uint32_t kScratchLimit = 16384;

struct Tap {
  uint32_t input;   // bytes from Pixel::input on
  uint32_t filter;  // bytes within a group of channels
};

// One output of a multiple of four channels.
struct Pixel {
  const Tap* taps;  // those inside the input, and then those in the padding
  const uint8_t* input;
  // For each group of four channels: a word of each tap, four DepthwiseScale.
  const uint8_t* filter;
  uint32_t inside;
  uint32_t outside;
  uint32_t padding;  // the input's zero point as two halves
  uint32_t scales;   // bytes from a group's filter to its scales
  int8_t* out;
  int32_t odd_zero_point;
  uint32_t groups;
};

#if defined(__ARM_FEATURE_DSP)

static_assert(offsetof(Pixel, input) == 4 && offsetof(Pixel, inside) == 12 && offsetof(Pixel, padding) == 20 &&
              offsetof(Pixel, scales) == 24 && offsetof(Pixel, out) == 28 && offsetof(Pixel, odd_zero_point) == 32 &&
              offsetof(Pixel, groups) == 36, "assembly knows the offsets");

// Changes the pixel, too.
// r0: taps, r1: input, r2: filter, r3: taps left, r4 to r7: sums.
[[gnu::naked]] void multiply(Pixel&) {
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

#else

void multiply(Pixel& work) {
  for (; work.groups != 0; --work.groups, work.input += 4) {
    const dsp::DepthwiseScale* const scale = reinterpret_cast<const dsp::DepthwiseScale*>(work.filter + work.scales);
    for (uint32_t c = 0; c < 4; ++c) {
      int32_t sum = 0;
      const Tap* tap = work.taps;
      for (uint32_t i = 0; i < work.inside + work.outside; ++i, ++tap) {
        const int32_t zero = dsp::low_half(work.padding);
        const int32_t x = i < work.inside ? static_cast<int8_t>(work.input[tap->input + c]) : zero;
        sum = wrap_add(sum, x * static_cast<int8_t>(work.filter[tap->filter + c]));
      }
      *work.out++ = dsp::depthwise_finish(scale[c], work.odd_zero_point, sum);
    }
    work.filter = reinterpret_cast<const uint8_t*>(scale + 4);
  }
}

#endif

uint32_t taps_of(const Window& window) { return uint32_t{window.kernel_h} * window.kernel_w; }
uint32_t groups_of(const Window& window) { return (window.out_c + 3u) / 4; }
uint32_t record_bytes(const Window& window) {
  return 4 * (taps_of(window) + static_cast<uint32_t>(sizeof(dsp::DepthwiseScale)));
}

// Instructions, from measurements.
uint64_t row_instructions(const Window& window) {
  const uint64_t taps = taps_of(window);
  return 80 + window.out_w * (110 + 30 * window.kernel_h + 12 * taps + groups_of(window) * (60 + 13 * taps));
}

// Only where planes take longer, and where groups of four channels leave little over.
bool supports(const void* in, const Target&) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  const uint32_t taps = taps_of(window);
  if (!has_channel_words(params) || depthwise_takes_3x3(params) || taps > kScratchLimit / sizeof(Tap)) return false;
  if (groups_of(window) * 40 * (taps + 12) > window.out_c * (11 * taps + 164)) return false;
  const DepthwisePlanes planes(window);
  return planes.scratch_bytes == UINT32_MAX || row_instructions(window) * 20 < planes.row_instructions(window) * 19;
}

bool footprint(const void* in, Footprint* result) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  return supports(in, Target{}) &&
         depthwise_footprint(params, groups_of(params.window), record_bytes(params.window), result);
}

uint32_t scratch_bytes(const void* in, uint32_t) {
  return taps_of(static_cast<const DepthwiseConv2dParams*>(in)->window) * static_cast<uint32_t>(sizeof(Tap));
}

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  if (!writer.begin(groups_of(window) * record_bytes(window))) return;
  DepthwisePacker packer(context, params, writer);
  for (uint32_t next = 0; next < window.out_c; next += 4) {
    // Channels that are no full group are packed with some of those before them.
    const uint32_t c = window.out_c - next < 4 ? window.out_c - 4u : next;
    for (uint32_t ky = 0; ky < window.kernel_h; ++ky) {
      for (uint32_t kx = 0; kx < window.kernel_w; ++kx) {
        const uint8_t taps[4] = {packer.tap(c, ky, kx), packer.tap(c + 1, ky, kx), packer.tap(c + 2, ky, kx),
                                 packer.tap(c + 3, ky, kx)};
        packer.append(taps, sizeof taps);
      }
    }
    for (uint32_t i = 0; i < 4; ++i) packer.append_scale(c + i);
  }
}

Cost cost(const void* in, const Target&) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  return depthwise_cost(params, window.out_h * row_instructions(window), groups_of(window) * record_bytes(window));
}

// Lists the taps of the output whose window begins at column `left`, and returns the number of those inside the input.
[[gnu::noinline]] uint32_t fill_taps(const Window& window, const DepthwiseRow& rows, const uint8_t* base, int32_t left,
                                     Tap* inside) {
  Tap* const first = inside;
  Tap* outside = inside + taps_of(window);
  uint32_t filter = 0;
  for (uint32_t ky = 0; ky < window.kernel_h; ++ky) {
    const uint8_t* const row = rows.tap_row(ky);
    int32_t column = left;
    for (uint32_t kx = 0; kx < window.kernel_w; ++kx, column += window.dilation_w, filter += 4) {
      if (row == nullptr || column < 0 || column >= window.in_w) {
        *--outside = {0, filter};
      } else {
        *inside++ = {static_cast<uint32_t>(row - base) + static_cast<uint32_t>(column) * window.in_c, filter};
      }
    }
  }
  return static_cast<uint32_t>(inside - first);
}

}  // namespace

namespace kernels {

Status depthwise_conv_2d_int8_dsp_pixels_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  const View input = io.view(0);
  Tap* const taps = static_cast<Tap*>(scratch);
  Pixel work;
  work.taps = taps;
  work.padding = dsp::sxtb16(depthwise_padding(params.quantization));
  work.scales = 4 * taps_of(window);
  work.odd_zero_point = odd_zero_point(params.quantization);
  const uint32_t rest = window.out_c % 4;
  for (; rows.first < rows.last; ++rows.first) {
    const DepthwiseRow row(window, input, rows.first);
    int8_t* const y = io.view(1).row_as<int8_t>(rows.first);
    work.out = y;
    for (uint32_t x = 0; x < window.out_w; ++x) {
      const int32_t left = static_cast<int32_t>(x * window.stride_w) - window.pad_left;
      work.inside = fill_taps(window, row, input.base, left, taps);
      work.outside = taps_of(window) - work.inside;
      work.input = input.base;
      work.filter = io.constant<uint8_t>(0);
      work.groups = window.out_c / 4;
      multiply(work);
      if (rest == 0) continue;
      // Channels that are no full group are computed together with some of those before them.
      work.input -= 4 - rest;
      work.out -= 4 - rest;
      work.groups = 1;
      multiply(work);
    }
    clamp_depthwise_row(params, y);
  }
  return Status::kOk;
}

const Variant depthwise_conv_2d_int8_dsp_pixels_variant = {
    depthwise_conv_2d_int8_dsp_pixels, "depthwise_conv_2d_int8_dsp_pixels", "DEPTHWISE_CONV_2D", 4,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel, any depth multiplier, dilated",
    false, Overlap::kRows, sizeof(DepthwiseConv2dParams),
    DepthwiseConv2d<Int8Accumulator>::prepare, supports, footprint, window_input_rows, scratch_bytes, pack, cost,
    kFeatureDsp, true};

}  // namespace kernels

}  // namespace microplan
