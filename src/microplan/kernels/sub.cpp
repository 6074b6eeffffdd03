// SPDX-License-Identifier: Apache-2.0
// SUB, int8 and int16: prepare and the reference kernels. output = clamp(a - b), with broadcasting.
#include "microplan/kernels.h"
#include "microplan/kernels/binary_shape.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Field of the schema's SubOptions.
constexpr uint32_t kFusedActivation = 0;

// Both inputs are shifted left by this and brought to twice the larger scale, as TensorFlow Lite does.
template <typename T>
constexpr int32_t kLeftShift = sizeof(T) == 1 ? 20 : 15;

constexpr Operand kOperands[3] = {input_operand(0), input_operand(1), output_operand(0)};

struct SubParams {
  BinaryShape shape;
  int32_t offset[2];  // minus the zero point
  Requantize input[2];
  Requantize output;
  int32_t output_offset;
  int32_t act_min, act_max;
};

template <typename T>
Status prepare(const OperatorContext& context, void* out) {
  SubParams& params = *static_cast<SubParams*>(out);
  Status status = prepare_binary_shape(context, &params.shape);
  for (const Operand operand : kOperands) {
    if (status == Status::kOk) status = check_per_tensor(context, operand);
  }
  if (status != Status::kOk) return status;
  const TensorInfo a = context.input(0);
  const TensorInfo b = context.input(1);
  const TensorInfo output = context.output(0);
  const double twice_scale = 2 * static_cast<double>(a.scale() > b.scale() ? a.scale() : b.scale());
  // At most 1/2, so that their shifts are not positive.
  requantize_from(static_cast<double>(a.scale()) / twice_scale, &params.input[0]);
  requantize_from(static_cast<double>(b.scale()) / twice_scale, &params.input[1]);
  const double output_real = twice_scale / ((1 << kLeftShift<T>) * static_cast<double>(output.scale()));
  if (output_real >= 1 || !requantize_from(output_real, &params.output)) {
    return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the larger input scale is 2^19 (int16: 2^14) times the output scale "
                                                  "or more"),
                        MICROPLAN_DIAGNOSTIC_TEXT("quantize the model again with representative data"));
  }
  params.offset[0] = -a.zero_point();
  params.offset[1] = -b.zero_point();
  params.output_offset = output.zero_point();
  return activation_range(context, context.options().uint8_field(kFusedActivation, 0), output, &params.act_min,
                          &params.act_max);
}

template <typename T>
bool footprint(const void* in, Footprint* footprint) {
  return binary_footprint(static_cast<const SubParams*>(in)->shape, sizeof(T), footprint);
}

Cost cost(const void* in, const Target&) {
  constexpr uint32_t kInstructions = 55;
  return binary_cost(static_cast<const SubParams*>(in)->shape, kInstructions);
}

template <typename T>
Status run(const void* in, Rows rows, const Io& io) {
  const SubParams& params = *static_cast<const SubParams*>(in);
  const auto difference = [params](T a, T b) {
    const int32_t left = requantize(shift_left(wrap_add(a, params.offset[0]), kLeftShift<T>), params.input[0]);
    const int32_t right = requantize(shift_left(wrap_add(b, params.offset[1]), kLeftShift<T>), params.input[1]);
    const int32_t value = wrap_add(requantize(wrap_sub(left, right), params.output), params.output_offset);
    return static_cast<T>(clamp(value, params.act_min, params.act_max));
  };
  return run_binary<T>(params.shape, difference, BinarySide(params.shape, io, 0), BinarySide(params.shape, io, 1), rows,
                       io);
}

}  // namespace

namespace kernels {

Status sub_int8_run(const void* in, Rows rows, const Io& io, void*) { return run<int8_t>(in, rows, io); }

Status sub_int16_run(const void* in, Rows rows, const Io& io, void*) { return run<int16_t>(in, rows, io); }

const Variant sub_int8_variant = {
    sub_int8, "sub_int8", "SUB", 41,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "broadcasting on both sides",
    false, Overlap::kElementwise, sizeof(SubParams),
    prepare<int8_t>, nullptr, footprint<int8_t>, binary_input_rows, nullptr, nullptr, cost};

const Variant sub_int16_variant = {
    sub_int16, "sub_int16", "SUB", 41,
    DataType::kInt16, DataType::kInt16, DataType::kInt16, "broadcasting on both sides",
    false, Overlap::kElementwise, sizeof(SubParams),
    prepare<int16_t>, nullptr, footprint<int16_t>, binary_input_rows, nullptr, nullptr, cost};

}  // namespace kernels

}  // namespace microplan
