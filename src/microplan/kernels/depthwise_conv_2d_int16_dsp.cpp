// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int16 with int8 filters, for the DSP extension: 4 channels at a time, where output channels are as
// many as input channels.
#include "microplan/kernels.h"
#include "microplan/kernels/depthwise_conv_2d.h"
#include "microplan/kernels/int16_outputs.h"

namespace microplan {

namespace {

using Shared = DepthwiseConv2d<Int16Accumulator>;
constexpr uint32_t kLanes = 4;

bool supports(const void* in, const Target&) {
  const Shared::Params& params = *static_cast<const Shared::Params*>(in);
  return params.depth_multiplier == 1 && params.window.out_c >= kLanes &&
         params.window.kernel_h * uint32_t{params.window.kernel_w} <= kInt16MaxProducts;
}

// Rescalings of the channels, then pointers to the window's rows.
uint32_t rescale_bytes(const Window& window) { return window.out_c * static_cast<uint32_t>(sizeof(Int16Rescale)); }
uint32_t scratch_bytes(const void* in, uint32_t) {
  const Window& window = static_cast<const Shared::Params*>(in)->window;
  // As large as on any machine, so that plans are alike.
  return rescale_bytes(window) + window.kernel_h * 8u;
}

Cost cost(const void* in, const Target&) {
  const Shared::Params& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  const uint64_t macs = outputs * window.kernel_h * window.kernel_w;
  const uint64_t pixels = outputs / window.out_c;
  const uint64_t blocks = pixels * ((window.out_c + kLanes - 1) / kLanes);
  return {macs, blocks * (window.kernel_h * (window.kernel_w * 13u + 9) + 52) + pixels * (70 + 10u * window.kernel_h),
          constant_bytes(params.quantization, window.out_c)};
}

}  // namespace

namespace kernels {

const Variant depthwise_conv_2d_int16_dsp_variant = {
    depthwise_conv_2d_int16_dsp, "depthwise_conv_2d_int16_dsp", "DEPTHWISE_CONV_2D", 4,
    DataType::kInt16, DataType::kInt8, DataType::kInt16,
    "bias int64, per tensor and per channel, depth multiplier 1, 4 channels and more, dilated",
    false, Overlap::kRows, sizeof(Shared::Params),
    Shared::prepare, supports, Shared::footprint, window_input_rows, scratch_bytes, Shared::pack, cost,
    kFeatureDsp};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_DSP) || MICROPLAN_EMULATE_DSP

namespace microplan {

namespace {

// The outputs of one pixel. All fields are read by assembly: their order matters. Steps and offsets are in bytes.
struct Pixel {
  const int16_t* const* rows;  // the first tap of each row
  const int16_t* const* rows_end;
  const int8_t* filter;
  uint32_t taps_w;
  uint32_t x_step, filter_step;  // from tap to tap
  uint32_t filter_row;           // from behind a row's last tap to the next one's first
  uint32_t x_offset;             // of the first channel
  const Int16Rescale* rescales;
  int16_t* y;
  uint32_t blocks;  // of kLanes channels; at least one
  uint32_t act_min, act_max;  // twice in each word
};

#if defined(__ARM_FEATURE_DSP)

// r0 the Pixel, r1 input, r2 filter, r3 taps left, r4 two inputs, r5 the next row, r6-r7 the filter's even and odd
// channels, r8-r11 the sums, r12 and lr the steps.
__attribute__((naked, noinline)) void run_pixel(Pixel*) {
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

void run_pixel(Pixel* pixel) {
  const uint32_t channels = pixel->blocks * kLanes;
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

Status depthwise_conv_2d_int16_dsp_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const Shared::Params& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const uint32_t channels = window.out_c;
  const Int16Outputs outputs(params.quantization, io, window.kernel_h * uint32_t{window.kernel_w});
  auto* const rescales = static_cast<Int16Rescale*>(scratch);
  // Multipliers of 1/2 and more, or huge biases.
  if (!outputs.rescale(0, channels, rescales)) return depthwise_conv_2d_int16_run(in, rows, io, scratch);
  auto** const taps = reinterpret_cast<const int16_t**>(static_cast<uint8_t*>(scratch) + rescale_bytes(window));
  Pixel pixel;
  pixel.rows = taps;
  pixel.x_step = window.dilation_w * channels * static_cast<uint32_t>(sizeof(int16_t));
  pixel.filter_step = channels;
  pixel.act_min = dsp::join_halves(params.quantization.act_min, params.quantization.act_min);
  pixel.act_max = dsp::join_halves(params.quantization.act_max, params.quantization.act_max);
  const View output = io.view(1);
  WindowPosition at(window, io.view(0), sizeof(int16_t));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    int16_t* y = output.row_as<int16_t>(row);
    for (uint32_t out_x = 0; out_x < window.out_w; ++out_x) {
      at.set_column(out_x);
      const int16_t* x = static_cast<const int16_t*>(at.x);
      const uint32_t taps_h = at.taps_w != 0 ? at.taps_h : 0;
      for (uint32_t i = 0; i < taps_h; ++i) {
        taps[i] = x;
        if (i + 1 < taps_h) x = at.below(x);
      }
      pixel.rows_end = taps + taps_h;
      pixel.taps_w = at.taps_w;
      pixel.filter_row = (window.kernel_w - at.taps_w) * channels;
      // The last channels are computed together with ones before them.
      uint32_t channel = 0;
      for (uint32_t blocks = channels / kLanes; channel < channels; blocks = 1) {
        if (channel + kLanes > channels) channel = channels - kLanes;
        pixel.filter = outputs.filter() + at.first_tap * channels + channel;
        pixel.x_offset = channel * static_cast<uint32_t>(sizeof(int16_t));
        pixel.rescales = rescales + channel;
        pixel.y = y + channel;
        pixel.blocks = blocks;
        channel += blocks * kLanes;
        if (taps_h != 0) {
          run_pixel(&pixel);
        } else {
          for (uint32_t c = 0; c < blocks * kLanes; ++c) pixel.y[c] = outputs.finish(0, pixel.rescales[c]);
        }
      }
      y += channels;
    }
  }
  return Status::kOk;
}

}  // namespace kernels

}  // namespace microplan

#endif
