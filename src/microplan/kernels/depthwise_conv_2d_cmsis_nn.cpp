// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D int8 by CMSIS-NN.
#include "microplan/kernels.h"
#include "microplan/kernels/cmsis_nn.h"
#include "microplan/kernels/depthwise_conv_2d.h"

namespace microplan {

namespace {

using Shared = DepthwiseConv2d<Int8Accumulator>;

// At most: with Helium four columns of a block of channels, or, for a single input channel, what the convolution takes
// and the filter transposed; with the DSP extension one column in halves.
uint32_t scratch_bytes(const void* in, uint32_t) {
  const Window& window = static_cast<const Shared::Params*>(in)->window;
  constexpr uint32_t kHeliumBlock = 124;
  const uint32_t taps = uint32_t{window.kernel_h} * window.kernel_w;
  const uint32_t blocks = 4 * kHeliumBlock * taps;
  const uint32_t halves = 2 * window.in_c * taps;
  const uint32_t convolution = window.in_c == 1 ? cmsis_nn::convolve_scratch_bytes(taps) + window.out_c * taps : 0;
  const uint32_t larger = halves > blocks ? halves : blocks;
  return larger > convolution ? larger : convolution;
}

Cost cost(const void* in, const Target& target) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  Cost result = cmsis_nn::mac_cost(outputs * window.kernel_h * window.kernel_w, outputs, window.out_c * 12u, target);
  // Every output channel has a filter of its own, so nothing that was loaded is used twice.
  result.instructions *= 3;
  return result;
}

}  // namespace

namespace kernels {

const Variant depthwise_conv_2d_int8_cmsis_nn_variant = {
    depthwise_conv_2d_int8_cmsis_nn, "depthwise_conv_2d_int8_cmsis_nn", "DEPTHWISE_CONV_2D", 4,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel, any depth multiplier, dilated",
    true, Overlap::kNone, sizeof(Shared::Params),
    Shared::prepare, nullptr, cmsis_nn::mac_footprint<Shared>, window_input_rows, scratch_bytes,
    cmsis_nn::pack_mac<Shared, kDepthwiseConv2d>, cost, kFeatureCmsisNn};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_CMSIS_NN

namespace microplan {
namespace kernels {

Status depthwise_conv_2d_int8_cmsis_nn_run(const void* in, Rows, const Io& io, void* scratch) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const ChannelQuantization& quantization = params.quantization;
  const cmsis_nn::Windowed on(window, io);
  if (on.input == nullptr) return Status::kBadPlan;
  const cmsis_nn_dw_conv_params conv = {quantization.input_offset, quantization.output_offset, params.depth_multiplier,
                                        on.stride, on.padding, on.dilation,
                                        {quantization.act_min, quantization.act_max}};
  const cmsis_nn_dims filter = cmsis_nn::dims(1, window.kernel_h, window.kernel_w, window.out_c);
  const cmsis_nn_context context = {scratch, static_cast<int32_t>(scratch_bytes(in, 0))};
  if (arm_depthwise_conv_wrapper_s8_get_buffer_size(&conv, &on.input_dims, &filter, &on.output_dims) > context.size) {
    return Status::kVendorRefused;
  }
  const cmsis_nn_per_channel_quant_params requantize = cmsis_nn::per_channel(io);
  return cmsis_nn::status_of(arm_depthwise_conv_wrapper_s8(
      &context, &conv, &requantize, &on.input_dims, on.input, &filter, io.constant<int8_t>(cmsis_nn::kFilter),
      &on.channels, io.constant<int32_t>(cmsis_nn::kBias), &on.output_dims, on.output));
}

}  // namespace kernels
}  // namespace microplan

#endif
