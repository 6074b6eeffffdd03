// SPDX-License-Identifier: Apache-2.0
// SUB, int8 and int16: prepare and the reference kernels. output = clamp(a - b), with broadcasting.
#include "microplan/kernels.h"
#include "microplan/kernels/binary_linear.h"
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

Cost cost(const void* in, const Target&) {
  constexpr uint32_t kInstructions = 55;
  return binary_cost(static_cast<const SubParams*>(in)->shape, kInstructions);
}

template <typename T>
struct Difference {
  int32_t a_offset, b_offset;
  Requantize a_by, b_by, output_by;
  int32_t output_offset, act_min, act_max;

  explicit Difference(const SubParams& params)
      : a_offset(params.offset[0]),
        b_offset(params.offset[1]),
        a_by(params.input[0]),
        b_by(params.input[1]),
        output_by(params.output),
        output_offset(params.output_offset),
        act_min(params.act_min),
        act_max(params.act_max) {}

  T operator()(T a, T b) const {
    const int32_t left = requantize(shift_left(wrap_add(a, a_offset), kLeftShift<T>), a_by);
    const int32_t right = requantize(shift_left(wrap_add(b, b_offset), kLeftShift<T>), b_by);
    const int32_t value = wrap_add(requantize(wrap_sub(left, right), output_by), output_offset);
    return static_cast<T>(clamp(value, act_min, act_max));
  }
};

int32_t sub_value(const void* params, int8_t a, int8_t b) {
  return Difference<int8_t>(*static_cast<const SubParams*>(params))(a, b);
}

template <typename T>
Status run(const void* in, Rows rows, const Io& io) {
  const SubParams& params = *static_cast<const SubParams*>(in);
  return run_binary<T>(params.shape, Difference<T>(params), BinarySide(params.shape, io, 0), BinarySide(params.shape, io, 1), rows, io);
}

}  // namespace

SumOfPairs sum_of_pairs(const SubParams& params) {
  const double output = as_real(params.output) * static_cast<double>(1 << kLeftShift<int8_t>);
  const double a = output * as_real(params.input[0]);
  const double b = -output * as_real(params.input[1]);
  const double at_zero = params.output_offset + a * params.offset[0] + b * params.offset[1];
  return {&params, sub_value, params.act_min, params.act_max, {a, b}, at_zero};
}

template <typename T>
Status SubOf<T>::prepare(const OperatorContext& context, void* out) {
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
bool SubOf<T>::footprint(const void* in, Footprint* footprint) {
  return binary_footprint(static_cast<const SubParams*>(in)->shape, sizeof(T), footprint);
}

template struct SubOf<int8_t>;
template struct SubOf<int16_t>;

namespace kernels {

Status sub_int8_run(const void* in, Rows rows, const Io& io, void*) { return run<int8_t>(in, rows, io); }

Status sub_int16_run(const void* in, Rows rows, const Io& io, void*) { return run<int16_t>(in, rows, io); }

const Variant sub_int8_variant = {
    sub_int8, "sub_int8", "SUB", 41,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "broadcasting on both sides",
    false, Overlap::kElementwise, sizeof(SubParams),
    SubOf<int8_t>::prepare, nullptr, SubOf<int8_t>::footprint, binary_input_rows, nullptr, nullptr, cost};

const Variant sub_int16_variant = {
    sub_int16, "sub_int16", "SUB", 41,
    DataType::kInt16, DataType::kInt16, DataType::kInt16, "broadcasting on both sides",
    false, Overlap::kElementwise, sizeof(SubParams),
    SubOf<int16_t>::prepare, nullptr, SubOf<int16_t>::footprint, binary_input_rows, nullptr, nullptr, cost};

}  // namespace kernels

}  // namespace microplan
