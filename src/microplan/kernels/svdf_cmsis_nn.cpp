// SPDX-License-Identifier: Apache-2.0
// SVDF int8 by CMSIS-NN, with a state of int8 or int16.
#include "microplan/kernels.h"
#include "microplan/kernels/cmsis_nn.h"
#include "microplan/kernels/svdf.h"

namespace microplan {

namespace {

// The library has no zero point for a state.
template <typename T>
bool supports(const void* in, const Target& target) {
  return svdf_supports<T>(in, target) && static_cast<const SvdfParams*>(in)->state_zero_point == 0;
}

void pack(const OperatorContext&, const void* in, ConstantWriter& writer) {
  writer.tensor(kSvdfFeature, 1);
  writer.tensor(kSvdfTime, static_cast<const SvdfParams*>(in)->state_bytes);
  writer.tensor(kSvdfBias, 4);
}

// 32-bit sums: of the features' rows (Helium), of each filter and of each unit.
uint32_t scratch_bytes(const void* in, uint32_t) {
  const SvdfShape& shape = static_cast<const SvdfParams*>(in)->shape;
  const uint32_t filters = shape.units * shape.rank;
  return 4 * (filters + shape.rows * (filters + shape.units));
}

Cost cost(const void* in, const Target& target) {
  const SvdfShape& shape = static_cast<const SvdfParams*>(in)->shape;
  const uint64_t filters = uint64_t{shape.rows} * shape.units * shape.rank;
  Cost result = cmsis_nn::mac_cost(filters * (uint64_t{shape.depth} + shape.memory), filters, 0, target);
  result.instructions *= 2;  // the state moves, and the sums over time are short
  return result;
}

template <typename T>
constexpr Variant variant(const Kernel& kernel, const char* name, const char* note) {
  return {kernel, name, "SVDF", 27,
          DataType::kInt8, DataType::kInt8, DataType::kInt8, note,
          true, Overlap::kNone, sizeof(SvdfParams),
          svdf_prepare_integer, supports<T>, svdf_footprint<T>, svdf_input_rows, scratch_bytes, pack, cost,
          kFeatureCmsisNn};
}

}  // namespace

namespace kernels {

const Variant svdf_int8_cmsis_nn_variant =
    variant<int8_t>(svdf_int8_cmsis_nn, "svdf_int8_cmsis_nn", "int8 state with zero point 0");
const Variant svdf_int8_int16_cmsis_nn_variant =
    variant<int16_t>(svdf_int8_int16_cmsis_nn, "svdf_int8_int16_cmsis_nn", "int16 state");

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_CMSIS_NN

namespace microplan {

namespace {

// What both functions take.
struct Call {
  Call(const SvdfParams& params, const Io& io, void* scratch, int32_t state_min, int32_t state_max)
      : filters(params.shape.units * params.shape.rank),
        sums{scratch, cmsis_nn::dim(4 * filters)},
        by_filter{static_cast<uint8_t*>(scratch) + sums.size, cmsis_nn::dim(4 * filters * params.shape.rows)},
        by_unit{static_cast<uint8_t*>(by_filter.buf) + by_filter.size,
                cmsis_nn::dim(4 * params.shape.units * params.shape.rows)},
        svdf{cmsis_nn::dim(params.shape.rank), -params.input_offset, params.output_offset, {state_min, state_max},
             {INT8_MIN, INT8_MAX}},
        feature_by{params.feature.multiplier, params.feature.shift},
        time_by{params.time.multiplier, params.time.shift},
        input_dims(cmsis_nn::dims(params.shape.rows, params.shape.depth, 1, 1)),
        state_dims(cmsis_nn::dims(params.shape.rows, filters * params.shape.memory, 1, 1)),
        feature_dims(cmsis_nn::dims(filters, params.shape.depth, 1, 1)),
        time_dims(cmsis_nn::dims(filters, params.shape.memory, 1, 1)),
        bias_dims(cmsis_nn::dims(params.shape.units, 1, 1, 1)),
        output_dims(cmsis_nn::dims(params.shape.rows, params.shape.units, 1, 1)),
        input(cmsis_nn::whole(io.view(0), params.shape.rows, params.shape.depth)),
        output(cmsis_nn::whole(io.view(2), params.shape.rows, params.shape.units)),
        feature(io.constant<int8_t>(0)),
        bias(io.constant<int32_t>(2)) {}

  const uint32_t filters;
  const cmsis_nn_context sums, by_filter, by_unit;
  const cmsis_nn_svdf_params svdf;
  const cmsis_nn_per_tensor_quant_params feature_by, time_by;
  const cmsis_nn_dims input_dims, state_dims, feature_dims, time_dims, bias_dims, output_dims;
  const int8_t* const input;
  int8_t* const output;
  const int8_t* const feature;
  const int32_t* const bias;
};

}  // namespace

namespace kernels {

Status svdf_int8_cmsis_nn_run(const void* in, Rows, const Io& io, void* scratch) {
  const SvdfParams& params = *static_cast<const SvdfParams*>(in);
  const Call call(params, io, scratch, INT8_MIN, INT8_MAX);
  if (call.input == nullptr || call.output == nullptr) return Status::kBadPlan;
  if (arm_svdf_s8_get_buffer_size(&call.feature_dims) > call.sums.size) return Status::kVendorRefused;
  const Status status = cmsis_nn::status_of(arm_vector_sum_s8(
      static_cast<int32_t*>(call.sums.buf), call.input_dims.h, call.feature_dims.n, call.feature, params.input_offset,
      0, nullptr));
  if (status != Status::kOk) return status;
  return cmsis_nn::status_of(arm_svdf_s8(&call.sums, &call.by_filter, &call.by_unit, &call.svdf, &call.feature_by,
                                         &call.time_by, &call.input_dims, call.input, &call.state_dims,
                                         io.view(1).row_as<int8_t>(0), &call.feature_dims, call.feature,
                                         &call.time_dims, io.constant<int8_t>(1), &call.bias_dims, call.bias,
                                         &call.output_dims, call.output));
}

Status svdf_int8_int16_cmsis_nn_run(const void* in, Rows, const Io& io, void* scratch) {
  const Call call(*static_cast<const SvdfParams*>(in), io, scratch, INT16_MIN, INT16_MAX);
  if (call.input == nullptr || call.output == nullptr) return Status::kBadPlan;
  return cmsis_nn::status_of(arm_svdf_state_s16_s8(&call.by_filter, &call.by_unit, &call.svdf, &call.feature_by,
                                                   &call.time_by, &call.input_dims, call.input, &call.state_dims,
                                                   io.view(1).row_as<int16_t>(0), &call.feature_dims, call.feature,
                                                   &call.time_dims, io.constant<int16_t>(1), &call.bias_dims, call.bias,
                                                   &call.output_dims, call.output));
}

}  // namespace kernels
}  // namespace microplan

#endif
