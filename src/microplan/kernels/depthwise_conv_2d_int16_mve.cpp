// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int16 with int8 filters, for Helium: 8 or 16 channels at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/depthwise_conv_2d.h"
#include "microplan/kernels/int16_outputs.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#endif

namespace microplan {

namespace {

using Shared = DepthwiseConv2d<Int16Accumulator>;
constexpr uint32_t kLanes = 8;

bool supports(const void* in, const Target&) {
  const Window& window = static_cast<const Shared::Params*>(in)->window;
  return window.kernel_h * uint32_t{window.kernel_w} <= kInt16MaxProducts;
}

// Rescalings of the channels; vectors of the last ones read as many as there are lanes.
uint32_t scratch_bytes(const void* in, uint32_t) {
  const Window& window = static_cast<const Shared::Params*>(in)->window;
  return (window.out_c + kLanes - 1) * static_cast<uint32_t>(sizeof(Int16Rescale));
}

Cost cost(const void* in, const Target&) {
  const Shared::Params& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  const uint64_t taps = window.kernel_h * uint64_t{window.kernel_w};
  const uint64_t pixels = outputs / window.out_c;
  const uint32_t run = params.depth_multiplier == 1 ? window.out_c : params.depth_multiplier;
  const uint64_t blocks = pixels * (window.out_c / run) * ((run + kLanes - 1) / kLanes);
  return {outputs * taps, blocks * (taps * 8 + window.kernel_h * 8u + 40) + pixels * 40,
          constant_bytes(params.quantization, window.out_c)};
}

}  // namespace

namespace kernels {

const Variant depthwise_conv_2d_int16_mve_variant = {
    depthwise_conv_2d_int16_mve, "depthwise_conv_2d_int16_mve", "DEPTHWISE_CONV_2D", 4,
    DataType::kInt16, DataType::kInt8, DataType::kInt16,
    "bias int64, per tensor and per channel, any depth multiplier, dilated, windows of up to 511 taps",
    false, Overlap::kRows, sizeof(Shared::Params),
    Shared::prepare, supports, Shared::footprint, window_input_rows, scratch_bytes, Shared::pack, cost,
    kFeatureMve};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE)

namespace microplan {

namespace {

// In elements.
struct Steps {
  uint32_t x, filter;    // from tap to tap
  uint32_t filter_row;   // from one row of taps to the next
};

// Which inputs the lanes of a vector have.
enum class Inputs { kEach, kSome, kOne };

// In one piece, since compilers move the products of one vector among those of the other and then lack registers.
inline void add_products(int32x4_t& even, int32x4_t& odd, int16x8_t& inputs, int16x8_t weights) {
  int32x4_t product;
  asm("vmullb.s16 %q[product], %q[inputs], %q[weights]\n\t"
      "vmullt.s16 %q[inputs], %q[inputs], %q[weights]\n\t"
      "vadd.i32 %q[even], %q[even], %q[product]\n\t"
      "vadd.i32 %q[odd], %q[odd], %q[inputs]"
      : [even] "+w"(even), [odd] "+w"(odd), [inputs] "+w"(inputs), [product] "=&w"(product)
      : [weights] "w"(weights));
}

// The sums and outputs of kVectors * kLanes channels, or of those in `used`. Sums of the even channels and of the odd
// ones are apart, as products are made.
template <uint32_t kVectors, Inputs kInputs>
[[gnu::noinline]] void run_channels(const int16_t* x_row, const int8_t* filter_row, const WindowPosition& at,
                                    const Steps& steps, mve_pred16_t used, const Int16Rescale* rescales,
                                    const Int16Quantization& quantization, int16_t* y) {
  int32x4_t even[kVectors], odd[kVectors];
  for (uint32_t v = 0; v < kVectors; ++v) even[v] = odd[v] = vdupq_n_s32(0);
  const uint32_t x_step = steps.x, filter_step = steps.filter;
  const uint32_t taps_w = at.taps_w;
  for (uint32_t left = taps_w != 0 ? at.taps_h : 0; left != 0;) {
    const int16_t* x = x_row;
    const int8_t* filter = filter_row;
    for (uint32_t tap = taps_w; tap != 0; --tap) {
#pragma GCC unroll 2
      for (uint32_t v = 0; v < kVectors; ++v) {
        int16x8_t inputs = kInputs == Inputs::kOne    ? vdupq_n_s16(*x)
                           : kInputs == Inputs::kSome ? vldrhq_z_s16(x, used)
                                                      : vldrhq_s16(x + kLanes * v);
        const int16x8_t weights =
            kInputs == Inputs::kEach ? vldrbq_s16(filter + kLanes * v) : vldrbq_z_s16(filter, used);
        add_products(even[v], odd[v], inputs, weights);
      }
      x += x_step;
      filter += filter_step;
    }
    if (--left == 0) break;
    x_row = at.below(x_row);
    filter_row += steps.filter_row;
  }
#pragma GCC unroll 2
  for (uint32_t v = 0; v < kVectors; ++v) {
    // Biases and multipliers of the even channels, then of the odd ones.
    const int32x4x4_t by = vld4q_s32(&rescales[kLanes * v].bias);
    const int32x4_t low = vrmulhq_s32(vaddq_s32(even[v], by.val[0]), by.val[1]);
    const int32x4_t high = vrmulhq_s32(vaddq_s32(odd[v], by.val[2]), by.val[3]);
    int16x8_t value = vqmovntq_s32(vqmovnbq_s32(vdupq_n_s16(0), low), high);
    value = vmaxq_s16(value, vdupq_n_s16(static_cast<int16_t>(quantization.act_min)));
    value = vminq_s16(value, vdupq_n_s16(static_cast<int16_t>(quantization.act_max)));
    vstrhq_p_s16(y + kLanes * v, value, used);
  }
}

}  // namespace

namespace kernels {

Status depthwise_conv_2d_int16_mve_run(const void* in, Rows rows, const Io& io, void* scratch) {
  const Shared::Params& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const uint32_t channels = window.out_c;
  const Int16Outputs outputs(params.quantization, io, window.kernel_h * uint32_t{window.kernel_w});
  auto* const rescales = static_cast<Int16Rescale*>(scratch);
  // Multipliers of 1/2 and more, or huge biases.
  if (!outputs.rescale(0, channels, rescales)) return depthwise_conv_2d_int16_run(in, rows, io, scratch);
  const bool one = params.depth_multiplier != 1;
  const uint32_t run_channels_of_x = one ? params.depth_multiplier : channels;
  const Steps steps = {window.dilation_w * uint32_t{window.in_c}, channels, window.kernel_w * channels};
  const View output = io.view(1);
  WindowPosition at(window, io.view(0), sizeof(int16_t));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    int16_t* const y = output.row_as<int16_t>(row);
    for (uint32_t out_x = 0; out_x < window.out_w; ++out_x) {
      at.set_column(out_x);
      const int16_t* x = static_cast<const int16_t*>(at.x);
      const int8_t* const filter = outputs.filter() + at.first_tap * channels;
      for (uint32_t first = 0; first < channels; first += run_channels_of_x) {
        for (uint32_t c = 0; c < run_channels_of_x;) {
          const uint32_t left = run_channels_of_x - c;
          const uint32_t channel = first + c;
          const auto run = one                 ? run_channels<1, Inputs::kOne>
                           : left >= 2 * kLanes ? run_channels<2, Inputs::kEach>
                           : left >= kLanes     ? run_channels<1, Inputs::kEach>
                                                : run_channels<1, Inputs::kSome>;
          run(one ? x : x + c, filter + channel, at, steps, vctp16q(left), rescales + channel, params.quantization,
              y + out_x * channels + channel);
          c += !one && left >= 2 * kLanes ? 2 * kLanes : kLanes;
        }
        ++x;
      }
    }
  }
  return Status::kOk;
}

}  // namespace kernels

}  // namespace microplan

#endif
