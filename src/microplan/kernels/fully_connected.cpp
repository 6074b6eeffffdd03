// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED, int8 and float32: prepare and the reference kernels.
#include "microplan/kernels/fully_connected.h"

#include "microplan/kernels.h"
#include "microplan/kernels/dot.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Fields of the schema's FullyConnectedOptions.
constexpr uint32_t kFusedActivation = 0;
constexpr uint32_t kWeightsFormat = 1;

struct Shape {
  uint32_t rows, depth, channels;
};

Status prepare_shape(const OperatorContext& context, DataType bias_type, Shape* shape) {
  Status status = check_arity(context, 2, 3);
  if (status != Status::kOk) return status;
  status = check_constant(context, 1);
  if (status != Status::kOk) return status;
  if (context.options().uint8_field(kWeightsFormat, 0) != 0) {
    return context.fail(Status::kUnsupportedOption, input_operand(1),
                        MICROPLAN_DIAGNOSTIC_TEXT("the filter is in a shuffled format"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model with the default weights format"));
  }
  const TensorInfo input = context.input(0);
  const TensorInfo filter = context.input(1);
  const TensorInfo output = context.output(0);
  if (filter.rank != 2 || input.elements % filter.dims[1] != 0 ||
      output.elements != input.elements / filter.dims[1] * filter.dims[0]) {
    return context.fail(Status::kUnsupportedShape, input_operand(1),
                        MICROPLAN_DIAGNOSTIC_TEXT("input, filter and output shapes do not go together"),
                        MICROPLAN_DIAGNOSTIC_TEXT("the filter is [channels, depth] and depth divides the input's size"),
                        filter.rank);
  }
  *shape = {input.elements / filter.dims[1], filter.dims[1], filter.dims[0]};
  return check_filter(context, shape->channels, 0, bias_type);
}

Status prepare_int8(const OperatorContext& context, void* out) {
  FullyConnectedParams& params = *static_cast<FullyConnectedParams*>(out);
  Shape shape;
  Status status = prepare_shape(context, DataType::kInt32, &shape);
  if (status != Status::kOk) return status;
  const TensorInfo filter = context.input(1);
  const TensorInfo output = context.output(0);
  params.rows = shape.rows;
  params.depth = shape.depth;
  params.channels = shape.channels;
  params.per_channel = filter.scale_count > 1;
  params.input_offset = -context.input(0).zero_point();
  params.output_offset = output.zero_point();
  status = check_channel_requantize(context);
  if (status != Status::kOk) return status;
  return activation_range(context, context.options().uint8_field(kFusedActivation, 0), output, &params.act_min,
                          &params.act_max);
}

Status prepare_float(const OperatorContext& context, void* out) {
  FullyConnectedFloatParams& params = *static_cast<FullyConnectedFloatParams*>(out);
  Shape shape;
  const Status status = prepare_shape(context, DataType::kFloat32, &shape);
  if (status != Status::kOk) return status;
  params.rows = shape.rows;
  params.depth = shape.depth;
  params.channels = shape.channels;
  return activation_range_float(context, context.options().uint8_field(kFusedActivation, 0), &params.act_min,
                                &params.act_max);
}

// Both Params begin with the shape.
bool footprint_of(const Shape& shape, uint32_t element, Footprint* footprint) {
  uint32_t input_bytes = element;
  uint32_t output_bytes = element;
  if (shape.rows == 0 || !multiply_checked(shape.depth, &input_bytes) ||
      !multiply_checked(shape.channels, &output_bytes)) {
    return false;
  }
  uint32_t filter_bytes = input_bytes;
  if (!multiply_checked(shape.channels, &filter_bytes)) return false;
  const uint8_t alignment = static_cast<uint8_t>(element);
  footprint->add_view(input_operand(0), shape.rows, input_bytes, alignment);
  footprint->add_view(output_operand(0), shape.rows, output_bytes, alignment);
  footprint->add_constant(filter_bytes, alignment);
  footprint->add_constant(shape.channels * 4, 4, true);
  return true;
}

bool footprint_int8(const void* in, Footprint* footprint) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  // The inner loop's products must not overflow.
  if (params.per_channel > 1 || params.input_offset < INT8_MIN || params.input_offset > INT8_MAX + 1) return false;
  if (!footprint_of({params.rows, params.depth, params.channels}, 1, footprint)) return false;
  footprint->add_constant((params.per_channel ? params.channels : 1) * static_cast<uint32_t>(sizeof(Requantize)), 4);
  return true;
}

bool footprint_float(const void* in, Footprint* footprint) {
  const FullyConnectedFloatParams& params = *static_cast<const FullyConnectedFloatParams*>(in);
  return footprint_of({params.rows, params.depth, params.channels}, 4, footprint);
}

Rows input_rows(const void*, uint32_t, Rows rows) { return rows; }

void pack_int8(const OperatorContext& context, const void*, ConstantWriter& writer) {
  writer.tensor(1, 1);
  writer.tensor(2, 4);
  write_channel_requantize(context, writer);
}

void pack_float(const OperatorContext&, const void*, ConstantWriter& writer) {
  writer.tensor(1, 4);
  writer.tensor(2, 4);
}

Cost cost_of(const Shape& shape, uint32_t constant_bytes) {
  const uint64_t outputs = static_cast<uint64_t>(shape.rows) * shape.channels;
  return reference_cost(outputs * shape.depth, outputs, constant_bytes);
}

Cost cost_int8(const void* in, const Target&) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  return cost_of({params.rows, params.depth, params.channels}, (params.per_channel ? params.channels : 1) * 8);
}

Cost cost_float(const void* in, const Target&) {
  const FullyConnectedFloatParams& params = *static_cast<const FullyConnectedFloatParams*>(in);
  return cost_of({params.rows, params.depth, params.channels}, 0);
}

}  // namespace

namespace kernels {

Status fully_connected_int8_run(const void* in, Rows rows, const Io& io, void*) {
  const FullyConnectedParams& params = *static_cast<const FullyConnectedParams*>(in);
  const View input = io.view(0);
  const View output = io.view(1);
  const int32_t* const bias = io.constant<int32_t>(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const int8_t* const x = input.row_as<int8_t>(row);
    int8_t* const y = output.row_as<int8_t>(row);
    const int8_t* filter = io.constant<int8_t>(0);
    const Requantize* by = io.constant<Requantize>(2);
    for (uint32_t c = 0; c < params.channels; ++c) {
      const uint32_t start = bias != nullptr ? static_cast<uint32_t>(bias[c]) : 0;
      const uint32_t sum = dot(x, filter, params.depth, params.input_offset, start);
      const int32_t value = wrap_add(requantize(static_cast<int32_t>(sum), *by), params.output_offset);
      y[c] = static_cast<int8_t>(clamp(value, params.act_min, params.act_max));
      filter += params.depth;
      by += params.per_channel;
    }
  }
  return Status::kOk;
}

Status fully_connected_float_run(const void* in, Rows rows, const Io& io, void*) {
  const FullyConnectedFloatParams& params = *static_cast<const FullyConnectedFloatParams*>(in);
  const View input = io.view(0);
  const View output = io.view(1);
  const float* const bias = io.constant<float>(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const float* const x = input.row_as<float>(row);
    float* const y = output.row_as<float>(row);
    const float* filter = io.constant<float>(0);
    for (uint32_t c = 0; c < params.channels; ++c) {
      float sum = 0;
      for (uint32_t k = 0; k < params.depth; ++k) sum += x[k] * filter[k];
      if (bias != nullptr) sum += bias[c];
      if (sum < params.act_min) sum = params.act_min;
      if (sum > params.act_max) sum = params.act_max;
      y[c] = sum;
      filter += params.depth;
    }
  }
  return Status::kOk;
}

const Variant fully_connected_int8_variant = {
    fully_connected_int8, "fully_connected_int8", "FULLY_CONNECTED", 9,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel",
    false, Overlap::kRows, sizeof(FullyConnectedParams),
    prepare_int8, nullptr, footprint_int8, input_rows, nullptr, pack_int8, cost_int8};

const Variant fully_connected_float_variant = {
    fully_connected_float, "fully_connected_float", "FULLY_CONNECTED", 9,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "",
    false, Overlap::kRows, sizeof(FullyConnectedFloatParams),
    prepare_float, nullptr, footprint_float, input_rows, nullptr, pack_float, cost_float};

}  // namespace kernels

}  // namespace microplan
