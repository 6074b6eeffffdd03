// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED int8 by CMSIS-NN.
#include "microplan/kernels.h"
#include "microplan/kernels/cmsis_nn.h"
#include "microplan/kernels/fully_connected.h"

namespace microplan {

namespace {

using Shared = FullyConnected<Int8Accumulator>;

// With Helium the sums of the filters' rows.
uint32_t scratch_bytes(const void* in, uint32_t) {
  return static_cast<const Shared::Params*>(in)->shape.channels * static_cast<uint32_t>(sizeof(int32_t));
}

Cost cost(const void* in, const Target& target) {
  const FullyConnectedShape& shape = static_cast<const Shared::Params*>(in)->shape;
  const uint64_t outputs = uint64_t{shape.rows} * shape.channels;
  return cmsis_nn::mac_cost(outputs * shape.depth, outputs, shape.channels * 12u, target);
}

}  // namespace

namespace kernels {

const Variant fully_connected_int8_cmsis_nn_variant = {
    fully_connected_int8_cmsis_nn, "fully_connected_int8_cmsis_nn", "FULLY_CONNECTED", 9,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel",
    true, Overlap::kNone, sizeof(Shared::Params),
    Shared::prepare, nullptr, cmsis_nn::mac_footprint<Shared>, fully_connected_input_rows, scratch_bytes,
    cmsis_nn::pack_mac<Shared, kFullyConnected>, cost, kFeatureCmsisNn};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_CMSIS_NN

namespace microplan {
namespace kernels {

Status fully_connected_int8_cmsis_nn_run(const void* in, Rows, const Io& io, void* scratch) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const FullyConnectedShape& shape = params.shape;
  const ChannelQuantization& quantization = params.quantization;
  const int8_t* const input = cmsis_nn::whole(io.view(0), shape.rows, shape.depth);
  int8_t* const output = cmsis_nn::whole(io.view(1), shape.rows, shape.channels);
  if (input == nullptr || output == nullptr) return Status::kBadPlan;
  const cmsis_nn_fc_params fc = {quantization.input_offset, 0, quantization.output_offset,
                                 {quantization.act_min, quantization.act_max}};
  const cmsis_nn_per_channel_quant_params arrays = cmsis_nn::per_channel(io);
  const cmsis_nn_quant_params requantize = {arrays.multiplier, arrays.shift, 1};
  const cmsis_nn_dims input_dims = cmsis_nn::dims(shape.rows, 1, 1, shape.depth);
  const cmsis_nn_dims filter_dims = cmsis_nn::dims(shape.depth, 1, 1, shape.channels);
  const cmsis_nn_dims output_dims = cmsis_nn::dims(shape.rows, 1, 1, shape.channels);
  const int8_t* const filter = io.constant<int8_t>(cmsis_nn::kFilter);
  const int32_t* const bias = io.constant<int32_t>(cmsis_nn::kBias);
  const int32_t bytes = arm_fully_connected_s8_get_buffer_size(&filter_dims);
  const cmsis_nn_context context = {bytes > 0 ? scratch : nullptr, static_cast<int32_t>(scratch_bytes(in, 0))};
  if (bytes > context.size) return Status::kVendorRefused;
  if (context.buf != nullptr) {
    const Status status = cmsis_nn::status_of(arm_vector_sum_s8(static_cast<int32_t*>(scratch), filter_dims.n,
                                                                filter_dims.c, filter, fc.input_offset, 0, bias));
    if (status != Status::kOk) return status;
  }
  return cmsis_nn::status_of(arm_fully_connected_wrapper_s8(&context, &fc, &requantize, &input_dims, input,
                                                            &filter_dims, filter, &output_dims, bias, &output_dims,
                                                            output));
}

}  // namespace kernels
}  // namespace microplan

#endif
