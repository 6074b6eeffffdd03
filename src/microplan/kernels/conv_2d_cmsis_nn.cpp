// SPDX-License-Identifier: Apache-2.0
// CONV_2D int8 by CMSIS-NN.
#include "microplan/kernels.h"
#include "microplan/kernels/cmsis_nn.h"
#include "microplan/kernels/conv_2d.h"

namespace microplan {

namespace {

using Shared = Conv2d<Int8Accumulator>;

uint32_t scratch_bytes(const void* in, uint32_t) {
  const Window& window = static_cast<const Shared::Params*>(in)->window;
  return cmsis_nn::convolve_scratch_bytes(uint32_t{window.kernel_h} * window.kernel_w * window.in_c);
}

Cost cost(const void* in, const Target& target) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  const uint64_t taps = uint64_t{window.kernel_h} * window.kernel_w;
  const uint32_t groups = window.in_c / static_cast<uint32_t>(params.filter_c);
  Cost result =
      cmsis_nn::mac_cost(outputs * taps * params.filter_c, outputs, window.out_c * 12u, target);
  // It copies the taps of each pixel and group, one by one.
  const bool copies = (taps != 1 || groups != 1) && (target.features & kFeatureMve) == 0;
  if (copies) result.instructions += outputs / window.out_c * groups * (150 + 45 * taps);
  return result;
}

}  // namespace

namespace kernels {

const Variant conv_2d_int8_cmsis_nn_variant = {
    conv_2d_int8_cmsis_nn, "conv_2d_int8_cmsis_nn", "CONV_2D", 3,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel, grouped, dilated",
    true, Overlap::kNone, sizeof(Shared::Params),
    Shared::prepare, nullptr, cmsis_nn::mac_footprint<Shared>, window_input_rows, scratch_bytes,
    cmsis_nn::pack_mac<Shared, kConv2d>, cost, kFeatureCmsisNn};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_CMSIS_NN

namespace microplan {
namespace kernels {

Status conv_2d_int8_cmsis_nn_run(const void* in, Rows, const Io& io, void* scratch) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const ChannelQuantization& quantization = params.quantization;
  const cmsis_nn::Windowed on(window, io);
  if (on.input == nullptr) return Status::kBadPlan;
  const cmsis_nn_conv_params conv = {quantization.input_offset, quantization.output_offset, on.stride, on.padding,
                                     on.dilation, {quantization.act_min, quantization.act_max}};
  const cmsis_nn_dims filter = cmsis_nn::dims(window.out_c, window.kernel_h, window.kernel_w, params.filter_c);
  const cmsis_nn_context context = {scratch, static_cast<int32_t>(scratch_bytes(in, 0))};
  if (arm_convolve_wrapper_s8_get_buffer_size(&conv, &on.input_dims, &filter, &on.output_dims) > context.size) {
    return Status::kVendorRefused;
  }
  const cmsis_nn_per_channel_quant_params requantize = cmsis_nn::per_channel(io);
  return cmsis_nn::status_of(arm_convolve_wrapper_s8(
      &context, &conv, &requantize, &on.input_dims, on.input, &filter, io.constant<int8_t>(cmsis_nn::kFilter),
      &on.channels, io.constant<int32_t>(cmsis_nn::kBias), &on.output_dims, on.output));
}

}  // namespace kernels
}  // namespace microplan

#endif
