// SPDX-License-Identifier: Apache-2.0
// SVDF, int8 (with a state of int8 or int16) and float32: prepare and the reference kernels.
#include "microplan/kernels/svdf.h"

#include <string.h>

#include "microplan/kernels.h"
#include "microplan/kernels/dot.h"
#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/prepare.h"
#include "microplan/kernels/svdf_float.h"

namespace microplan {

namespace {

// Fields of the schema's SVDFOptions.
constexpr uint32_t kRank = 0;
constexpr uint32_t kFusedActivation = 1;

// The operator's other inputs.
constexpr uint8_t kInput = 0;
constexpr uint8_t kState = 4;

Status prepare_shape(const OperatorContext& context, SvdfShape* shape) {
  Status status = check_arity(context, 5, 5);
  if (status == Status::kOk) status = check_constant(context, kSvdfFeature);
  if (status == Status::kOk) status = check_constant(context, kSvdfTime);
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(kInput);
  const TensorInfo feature = context.input(kSvdfFeature);
  const TensorInfo time = context.input(kSvdfTime);
  const TensorInfo state = context.input(kState);
  const TensorInfo output = context.output(0);
  const int32_t rank = context.options().int32_field(kRank, 0);
  if (input.rank != 2 || feature.rank != 2 || time.rank != 2 || feature.dims[1] != input.dims[1] ||
      time.dims[0] != feature.dims[0]) {
    return context.fail(Status::kUnsupportedShape, input_operand(kSvdfFeature),
                        MICROPLAN_DIAGNOSTIC_TEXT("input, feature weights and time weights do not go together"),
                        MICROPLAN_DIAGNOSTIC_TEXT("they are [batch, depth], [filters, depth] and [filters, memory]"),
                        feature.rank);
  }
  if (rank <= 0 || feature.dims[0] % static_cast<uint32_t>(rank) != 0) {
    return context.fail(Status::kUnsupportedOption, input_operand(kSvdfFeature),
                        MICROPLAN_DIAGNOSTIC_TEXT("the rank does not divide the number of filters"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), rank);
  }
  *shape = {input.dims[0], input.dims[1], feature.dims[0] / static_cast<uint32_t>(rank), static_cast<uint32_t>(rank),
            time.dims[1]};
  if (output.rank != 2 || output.dims[0] != shape->rows || output.dims[1] != shape->units) {
    return context.fail(Status::kUnsupportedShape, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the output is not [batch, filters / rank]"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), output.rank);
  }
  if (!state.is_variable || state.rank != 2 || state.dims[0] != shape->rows || state.dims[1] != time.elements) {
    return context.fail(Status::kUnsupportedShape, input_operand(kState),
                        MICROPLAN_DIAGNOSTIC_TEXT("the state is not a variable of [batch, memory * filters] elements"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), state.rank);
  }
  return Status::kOk;
}

Status prepare_bias(const OperatorContext& context, const SvdfShape& shape, DataType type) {
  const TensorInfo bias = context.input(kSvdfBias);
  if (bias.index < 0) return Status::kOk;
  if (bias.type != type || bias.elements != shape.units) {
    return context.fail(Status::kUnsupportedShape, input_operand(kSvdfBias),
                        MICROPLAN_DIAGNOSTIC_TEXT("the bias is not one int32 (float32 with float weights) per output"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), bias.elements);
  }
  return check_constant(context, kSvdfBias);
}

Status check_types(const OperatorContext& context) {
  const DataType time = context.input(kSvdfTime).type;
  const DataType state = context.input(kState).type;
  const bool floats = context.input(kInput).type == DataType::kFloat32;
  if (time == state &&
      (floats ? time == DataType::kFloat32 : time == DataType::kInt8 || time == DataType::kInt16)) {
    return Status::kOk;
  }
  return context.fail(Status::kUnsupportedType, input_operand(kState),
                      MICROPLAN_DIAGNOSTIC_TEXT("time weights and state are not both int8, both int16 or, with a "
                                                "float32 input, both float32"),
                      MICROPLAN_DIAGNOSTIC_TEXT("convert the model with int8 post-training quantization"),
                      static_cast<int64_t>(state));
}

Status check_weights(const OperatorContext& context, uint8_t index) {
  const TensorInfo weights = context.input(index);
  const Status status = check_per_tensor(context, input_operand(index));
  if (status != Status::kOk || weights.zero_point() == 0) return status;
  return context.fail(Status::kUnsupportedQuantization, input_operand(index),
                      MICROPLAN_DIAGNOSTIC_TEXT("the weights' zero point is not 0"),
                      MICROPLAN_DIAGNOSTIC_TEXT("convert the model with symmetric weights"), weights.zero_point());
}

bool requantize_scales(const TensorInfo& a, const TensorInfo& b, const TensorInfo& c, Requantize* by) {
  const double product = static_cast<double>(a.scale()) * static_cast<double>(b.scale());
  return requantize_from(product / static_cast<double>(c.scale()), by);
}

// requantize_fast() is exact, without a zero point, for values below 2^30 and such shifts.
bool shift_is_fast(Requantize by) { return by.shift <= -1 && by.shift >= -30; }

bool is_fast(const SvdfParams& params, const TensorInfo& bias) {
  constexpr uint64_t kLimit = 1u << 30;
  constexpr uint64_t kProduct = (INT8_MAX + 1) * UINT8_MAX;
  const SvdfShape& shape = params.shape;
  if (!shift_is_fast(params.feature) || shape.depth * kProduct >= kLimit) return false;
  if (params.state_bytes == 2) return true;
  const uint64_t largest = uint64_t{shape.rank} * shape.memory * kProduct;
  uint64_t largest_bias = 0;
  for (uint32_t i = 0; bias.index >= 0 && i < shape.units; ++i) {
    const int64_t value = bias.int32_at(i);
    const uint64_t magnitude = static_cast<uint64_t>(value < 0 ? -value : value);
    if (magnitude > largest_bias) largest_bias = magnitude;
  }
  if (shift_is_fast(params.time) && largest + largest_bias < kLimit) return true;
  // Of sums about a bias beyond 2^29 at least 2^28 is left, 2^28 * 2^-19 of the output's steps: they saturate, and so do
  // those about svdf_fast_bias().
  return params.time.shift <= -1 && params.time.shift >= -18 && params.time.multiplier != 0 && largest < kLimit / 4 &&
         largest + largest_bias <= INT32_MAX;
}

}  // namespace

// The fused activation is not looked at: as in TensorFlow Lite, the output's range is the only clamp.
Status svdf_prepare_integer(const OperatorContext& context, void* out) {
  SvdfParams& params = *static_cast<SvdfParams*>(out);
  Status status = prepare_shape(context, &params.shape);
  if (status == Status::kOk) status = prepare_bias(context, params.shape, DataType::kInt32);
  if (status == Status::kOk) status = check_types(context);
  if (status == Status::kOk) status = check_weights(context, kSvdfFeature);
  if (status == Status::kOk) status = check_weights(context, kSvdfTime);
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(kInput);
  const TensorInfo state = context.input(kState);
  const TensorInfo output = context.output(0);
  params.state_bytes = element_bytes(state.type);
  params.input_offset = -input.zero_point();
  params.state_zero_point = state.zero_point();
  params.output_offset = output.zero_point();
  if (!requantize_scales(input, context.input(kSvdfFeature), state, &params.feature) ||
      !requantize_scales(state, context.input(kSvdfTime), output, &params.time)) {
    return context.fail(Status::kUnsupportedQuantization, input_operand(kState),
                        MICROPLAN_DIAGNOSTIC_TEXT("the scales of input and state, or state and output, differ by more "
                                                  "than 2^30"),
                        MICROPLAN_DIAGNOSTIC_TEXT("quantize the model again with representative data"));
  }
  params.fast = is_fast(params, context.input(kSvdfBias));
  return Status::kOk;
}

namespace {

}  // namespace

Status svdf_prepare_float(const OperatorContext& context, void* out) {
  SvdfFloatParams& params = *static_cast<SvdfFloatParams*>(out);
  Status status = prepare_shape(context, &params.shape);
  if (status == Status::kOk) status = prepare_bias(context, params.shape, DataType::kFloat32);
  if (status == Status::kOk) status = check_types(context);
  if (status != Status::kOk) return status;
  return activation_range_float(context, context.options().uint8_field(kFusedActivation, 0), &params.act_min,
                                &params.act_max);
}

namespace {

bool footprint_of(const SvdfShape& shape, uint32_t element, uint32_t state_element, Footprint* footprint) {
  uint32_t input_bytes = element;
  uint32_t output_bytes = element;
  uint32_t filters = shape.units;
  if (!multiply_checked(shape.depth, &input_bytes) || !multiply_checked(shape.units, &output_bytes) ||
      !multiply_checked(shape.rank, &filters)) {
    return false;
  }
  uint32_t feature_bytes = input_bytes;
  uint32_t time_bytes = state_element;
  if (!multiply_checked(filters, &feature_bytes) || !multiply_checked(filters, &time_bytes) ||
      !multiply_checked(shape.memory, &time_bytes)) {
    return false;
  }
  uint32_t state_bytes = time_bytes;
  uint32_t bias_bytes = 4;
  if (!multiply_checked(shape.rows, &state_bytes) || !multiply_checked(shape.units, &bias_bytes)) return false;
  const uint8_t alignment = static_cast<uint8_t>(element);
  const uint8_t state_alignment = static_cast<uint8_t>(state_element);
  footprint->add_view(input_operand(kInput), shape.rows, input_bytes, alignment);
  footprint->add_state(input_operand(kState), state_bytes, state_alignment);
  footprint->add_view(output_operand(0), shape.rows, output_bytes, alignment);
  footprint->add_constant(feature_bytes, alignment);
  footprint->add_constant(time_bytes, state_alignment);
  footprint->add_constant(bias_bytes, 4, true);
  return true;
}

}  // namespace

// The integer variants have equal types of input, filter and output; the state tells them apart.
template <typename T>
bool svdf_supports(const void* in, const Target&) {
  return static_cast<const SvdfParams*>(in)->state_bytes == sizeof(T);
}

template bool svdf_supports<int8_t>(const void* params, const Target& target);
template bool svdf_supports<int16_t>(const void* params, const Target& target);

template <typename T>
bool svdf_footprint(const void* in, Footprint* footprint) {
  const SvdfParams& params = *static_cast<const SvdfParams*>(in);
  // Minus a zero point of int8; the inner loop counts on it.
  if (params.input_offset < -INT8_MAX || params.input_offset > -INT8_MIN) return false;
  return params.state_bytes == sizeof(T) && params.fast <= 1 && footprint_of(params.shape, 1, sizeof(T), footprint);
}

template bool svdf_footprint<int8_t>(const void* params, Footprint* footprint);
template bool svdf_footprint<int16_t>(const void* params, Footprint* footprint);

int32_t svdf_feature_start(const OperatorContext& context, const SvdfParams& params, uint32_t filter) {
  const uint32_t depth = params.shape.depth;
  const uint8_t* const feature = context.input(kSvdfFeature).data + filter * depth;
  int32_t sum = 0;
  for (uint32_t i = 0; i < depth; ++i) sum += static_cast<int8_t>(feature[i]);
  return wrap_mul(params.input_offset, sum);
}

template <typename T>
int32_t svdf_time_start(const OperatorContext& context, const SvdfParams& params, uint32_t unit) {
  const TensorInfo bias = context.input(kSvdfBias);
  const uint32_t weights = params.shape.rank * params.shape.memory;
  const uint8_t* const time = context.input(kSvdfTime).data + unit * weights * sizeof(T);
  int32_t sum = 0;
  for (uint32_t i = 0; i < weights; ++i) {
    T weight;
    memcpy(&weight, time + i * sizeof weight, sizeof weight);
    sum = wrap_add(sum, weight);
  }
  return wrap_sub(bias.index < 0 ? 0 : bias.int32_at(unit), wrap_mul(params.state_zero_point, sum));
}

template int32_t svdf_time_start<int8_t>(const OperatorContext&, const SvdfParams&, uint32_t unit);
template int32_t svdf_time_start<int16_t>(const OperatorContext&, const SvdfParams&, uint32_t unit);

Rows svdf_input_rows(const void*, uint32_t view, Rows rows) { return view == 1 ? Rows{0, 1} : rows; }

bool svdf_float_footprint(const void* in, Footprint* footprint) {
  return footprint_of(static_cast<const SvdfFloatParams*>(in)->shape, 4, 4, footprint);
}

namespace {

template <uint32_t kElement, uint32_t kStateElement>
void pack(const OperatorContext&, const void*, ConstantWriter& writer) {
  writer.tensor(kSvdfFeature, kElement);
  writer.tensor(kSvdfTime, kStateElement);
  writer.tensor(kSvdfBias, 4);
}

}  // namespace

void svdf_pack_float(const OperatorContext& context, const void* params, ConstantWriter& writer) {
  pack<4, 4>(context, params, writer);
}

namespace {

// Both Params begin with the shape.
Cost cost(const void* in, const Target&) {
  const SvdfShape& shape = *static_cast<const SvdfShape*>(in);
  const uint64_t filters = static_cast<uint64_t>(shape.units) * shape.rank;
  return reference_cost(shape.rows * filters * (static_cast<uint64_t>(shape.depth) + shape.memory),
                        shape.rows * (filters + shape.units), 0);
}

Cost cost_float(const void* in, const Target& target) {
  const Cost result = cost(in, target);
  return with_floats(result, target, 2 * result.macs);
}

// Drops the oldest of a filter's values, appends the newest; adds the dot product with its time weights.
template <typename T>
uint32_t remember(T* state, const T* time, uint32_t memory, T newest, int32_t zero_point, uint32_t sum) {
  const uint32_t offset = static_cast<uint32_t>(zero_point);
  T* const last = state + memory - 1;
  for (; state != last; ++state) {
    const T value = state[1];
    *state = value;
    sum += (static_cast<uint32_t>(value) - offset) * static_cast<uint32_t>(*time++);
  }
  *last = newest;
  return sum + (static_cast<uint32_t>(newest) - offset) * static_cast<uint32_t>(*time);
}

template <typename T>
Status run_integer(const void* in, Rows rows, const Io& io) {
  const SvdfParams& params = *static_cast<const SvdfParams*>(in);
  const SvdfShape& shape = params.shape;
  constexpr int32_t kLow = sizeof(T) == 1 ? INT8_MIN : INT16_MIN;
  constexpr int32_t kHigh = sizeof(T) == 1 ? INT8_MAX : INT16_MAX;
  const View input = io.view(0);
  const View output = io.view(2);
  const int32_t* const bias = io.constant<int32_t>(2);
  T* state = io.view(1).row_as<T>(0) + rows.first * shape.units * shape.rank * shape.memory;
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const int8_t* const x = input.row_as<int8_t>(row);
    int8_t* const y = output.row_as<int8_t>(row);
    const int8_t* feature = io.constant<int8_t>(0);
    const T* time = io.constant<T>(1);
    for (uint32_t u = 0; u < shape.units; ++u) {
      uint32_t sum = bias != nullptr ? static_cast<uint32_t>(bias[u]) : 0;
      for (uint32_t k = 0; k < shape.rank; ++k) {
        const int32_t product = static_cast<int32_t>(dot(x, feature, shape.depth, params.input_offset, 0));
        // As in TensorFlow Lite the clamp comes before the zero point, so that a value far from it wraps.
        const int32_t value = clamp(requantize(product, params.feature), kLow, kHigh);
        const T newest = static_cast<T>(wrap_add(value, params.state_zero_point));
        sum = remember(state, time, shape.memory, newest, params.state_zero_point, sum);
        feature += shape.depth;
        time += shape.memory;
        state += shape.memory;
      }
      const int32_t value = wrap_add(requantize(static_cast<int32_t>(sum), params.time), params.output_offset);
      y[u] = static_cast<int8_t>(clamp(value, INT8_MIN, INT8_MAX));
    }
  }
  return Status::kOk;
}

struct ReferenceSums {
  void operator()(const float* x, const float* feature, uint32_t depth, uint32_t count, float* sums) const {
    for (uint32_t f = 0; f < count; ++f) sums[f] = dot<FloatProducts>(x, feature + f * depth, depth, 0, 0);
  }
};

}  // namespace

namespace kernels {

Status svdf_int8_run(const void* in, Rows rows, const Io& io, void*) { return run_integer<int8_t>(in, rows, io); }

Status svdf_int8_int16_run(const void* in, Rows rows, const Io& io, void*) {
  return run_integer<int16_t>(in, rows, io);
}

Status svdf_float_run(const void* in, Rows rows, const Io& io, void*) {
  return run_svdf_float<ReferenceSums>(in, rows, io);
}

const Variant svdf_int8_variant = {
    svdf_int8, "svdf_int8", "SVDF", 27,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "int8 state",
    false, Overlap::kRows, sizeof(SvdfParams),
    svdf_prepare_integer, svdf_supports<int8_t>, svdf_footprint<int8_t>, svdf_input_rows, nullptr, pack<1, 1>, cost};

const Variant svdf_int8_int16_variant = {
    svdf_int8_int16, "svdf_int8_int16", "SVDF", 27,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "int16 state and time weights",
    false, Overlap::kRows, sizeof(SvdfParams),
    svdf_prepare_integer, svdf_supports<int16_t>, svdf_footprint<int16_t>, svdf_input_rows, nullptr, pack<1, 2>, cost};

const Variant svdf_float_variant = {
    svdf_float, "svdf_float", "SVDF", 27,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "",
    false, Overlap::kRows, sizeof(SvdfFloatParams),
    svdf_prepare_float, nullptr, svdf_float_footprint, svdf_input_rows, nullptr, svdf_pack_float, cost_float};

}  // namespace kernels

}  // namespace microplan
