// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV int8 by CMSIS-NN.
#include "microplan/kernels.h"
#include "microplan/kernels/cmsis_nn.h"
#include "microplan/kernels/transpose_conv.h"

namespace microplan {

namespace {

using Shared = TransposeConv<Int8Accumulator>;

// Above this many input channels, with strides up to 2, the library convolves with the filter reversed.
constexpr uint32_t kReversedChannels = 16;

// The library counts on outputs that are no smaller than the kernel and follow from the input: whole windows, or the
// input's size times the stride.
bool is_usual(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t pad) {
  return kernel >= stride && out >= kernel && ((pad == 0 && out == (in - 1) * stride + kernel) || out == in * stride);
}

// Versions from before July 2026 misplace rows where the padding is no multiple of the stride.
bool supports(const void* in, const Target&) {
  const Window& window = static_cast<const Shared::Params*>(in)->window;
  return window.pad_top % window.stride_h == 0 &&
         is_usual(window.out_h, window.in_h, window.kernel_h, window.stride_h, window.pad_top) &&
         is_usual(window.out_w, window.in_w, window.kernel_w, window.stride_w, window.pad_left);
}

// The window slides over the output: its "in" is this operator's output. Columns of the reversed convolution, or rows
// of sums; then the reversed filter.
uint32_t column_bytes(const Window& window) {
  const uint32_t taps = uint32_t{window.kernel_h} * window.kernel_w;
  const uint32_t columns = cmsis_nn::convolve_scratch_bytes(taps * window.out_c);
  const uint32_t width = window.kernel_w > window.stride_h ? window.kernel_w : window.stride_h;
  const uint32_t height = window.kernel_h > window.stride_h ? window.kernel_h : window.stride_h;
  const uint32_t sums = ((window.out_w - 1u) * window.stride_w + width) * window.in_c * height * 4;
  return columns > sums ? columns : sums;
}

uint32_t reversed_bytes(const Window& window) {
  if (window.out_c <= kReversedChannels) return 0;
  return uint32_t{window.kernel_h} * window.kernel_w * window.out_c * window.in_c;
}

uint32_t scratch_bytes(const void* in, uint32_t) {
  const Window& window = static_cast<const Shared::Params*>(in)->window;
  return column_bytes(window) + reversed_bytes(window);
}

Cost cost(const void* in, const Target& target) {
  const Window& window = static_cast<const Shared::Params*>(in)->window;
  const uint64_t macs = window_outputs(window) * window.kernel_h * window.kernel_w * window.in_c;
  const uint64_t outputs = uint64_t{window.batches} * window.in_h * window.in_w * window.in_c;
  return cmsis_nn::mac_cost(macs, outputs, window.in_c * 12u, target);
}

}  // namespace

namespace kernels {

const Variant transpose_conv_int8_cmsis_nn_variant = {
    transpose_conv_int8_cmsis_nn, "transpose_conv_int8_cmsis_nn", "TRANSPOSE_CONV", 67,
    DataType::kInt32, DataType::kInt8, DataType::kInt8, "usual output sizes, padding a multiple of the stride",
    true, Overlap::kNone, sizeof(Shared::Params),
    Shared::prepare, supports, cmsis_nn::mac_footprint<Shared>, transpose_conv_input_rows, scratch_bytes,
    cmsis_nn::pack_mac<Shared, kTransposeConv>, cost, kFeatureCmsisNn};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_CMSIS_NN

namespace microplan {
namespace kernels {

Status transpose_conv_int8_cmsis_nn_run(const void* in, Rows, const Io& io, void* scratch) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const ChannelQuantization& quantization = params.quantization;
  const int8_t* const input = cmsis_nn::whole(io.view(0), uint32_t{window.batches} * window.out_h,
                                              uint32_t{window.out_w} * window.out_c);
  int8_t* const output = cmsis_nn::whole(io.view(1), uint32_t{window.batches} * window.in_h,
                                         uint32_t{window.in_w} * window.in_c);
  if (input == nullptr || output == nullptr) return Status::kBadPlan;
  const cmsis_nn_dims input_dims = cmsis_nn::dims(window.batches, window.out_h, window.out_w, window.out_c);
  const cmsis_nn_dims output_dims = cmsis_nn::dims(window.batches, window.in_h, window.in_w, window.in_c);
  const cmsis_nn_dims filter = cmsis_nn::dims(window.in_c, window.kernel_h, window.kernel_w, window.out_c);
  const cmsis_nn_dims channels = cmsis_nn::dims(1, 1, 1, window.in_c);
  const cmsis_nn_transpose_conv_params conv = {
      quantization.input_offset, quantization.output_offset, {window.stride_w, window.stride_h},
      {window.pad_left, window.pad_top}, {0, 0}, {1, 1}, {quantization.act_min, quantization.act_max}};
  const cmsis_nn_context columns = {scratch, static_cast<int32_t>(column_bytes(window))};
  const cmsis_nn_context reversed = {static_cast<uint8_t*>(scratch) + columns.size,
                                     static_cast<int32_t>(reversed_bytes(window))};
  if (arm_transpose_conv_s8_get_buffer_size(&conv, &input_dims, &filter, &output_dims) > columns.size ||
      arm_transpose_conv_s8_get_reverse_conv_buffer_size(&conv, &input_dims, &filter) > reversed.size) {
    return Status::kVendorRefused;
  }
  const cmsis_nn_per_channel_quant_params requantize = cmsis_nn::per_channel(io);
  return cmsis_nn::status_of(arm_transpose_conv_wrapper_s8(
      &columns, &reversed, &conv, &requantize, &input_dims, input, &filter, io.constant<int8_t>(cmsis_nn::kFilter),
      &channels, io.constant<int32_t>(cmsis_nn::kBias), &output_dims, output));
}

}  // namespace kernels
}  // namespace microplan

#endif
