// SPDX-License-Identifier: Apache-2.0
// ADD, SUB and MUL, int32 and float32, numbers without a scale: prepare and the reference kernels.
#include "microplan/kernels.h"
#include "microplan/kernels/binary.h"
#include "microplan/kernels/binary_shape.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Field of the schema's AddOptions, SubOptions and MulOptions.
constexpr uint32_t kFusedActivation = 0;

}  // namespace

Status BinaryFloat::prepare(const OperatorContext& context, void* out) {
  BinaryFloatParams& params = *static_cast<BinaryFloatParams*>(out);
  const Status status = prepare_binary_shape(context, &params.shape);
  if (status != Status::kOk) return status;
  return activation_range_float(context, context.options().uint8_field(kFusedActivation, 0), &params.act_min,
                                &params.act_max);
}

bool BinaryFloat::footprint(const void* in, Footprint* footprint) {
  return binary_footprint(static_cast<const BinaryFloatParams*>(in)->shape, sizeof(float), footprint);
}

namespace {

Status check_no_scales(const OperatorContext& context) {
  for (uint8_t i = 0; i < 2; ++i) {
    if (context.input(i).scale_count != 0) {
      return context.fail(Status::kUnsupportedQuantization, input_operand(i),
                          MICROPLAN_DIAGNOSTIC_TEXT("an int32 input with a scale"),
                          MICROPLAN_DIAGNOSTIC_TEXT("quantize it to int8 or int16 first"));
    }
  }
  return Status::kOk;
}

// TensorFlow Lite Micro clamps products and differences of int32, but not sums, for which it takes no scales either.
Status prepare_add_int32(const OperatorContext& context, void* out) {
  BinaryInt32Params& params = *static_cast<BinaryInt32Params*>(out);
  const Status status = prepare_binary_shape(context, &params.shape);
  if (status != Status::kOk) return status;
  if (context.options().uint8_field(kFusedActivation, 0) != 0) {
    return context.fail(Status::kUnsupportedOption, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("a fused activation on int32"),
                        MICROPLAN_DIAGNOSTIC_TEXT("make the activation an operator of its own"));
  }
  params.act_min = INT32_MIN;
  params.act_max = INT32_MAX;
  return check_no_scales(context);
}

Status prepare_mul_int32(const OperatorContext& context, void* out) {
  BinaryInt32Params& params = *static_cast<BinaryInt32Params*>(out);
  float low = 0;
  float high = 0;
  const uint8_t activation = context.options().uint8_field(kFusedActivation, 0);
  Status status = prepare_binary_shape(context, &params.shape);
  if (status == Status::kOk) status = activation_range_float(context, activation, &low, &high);
  constexpr float kBeyond = 2147483648.0f;
  params.act_min = low > -kBeyond ? static_cast<int32_t>(low) : INT32_MIN;
  params.act_max = high < kBeyond ? static_cast<int32_t>(high) : INT32_MAX;
  return status;
}

Status prepare_sub_int32(const OperatorContext& context, void* out) {
  const Status status = prepare_mul_int32(context, out);
  return status != Status::kOk ? status : check_no_scales(context);
}

bool footprint_int32(const void* in, Footprint* footprint) {
  return binary_footprint(static_cast<const BinaryInt32Params*>(in)->shape, sizeof(int32_t), footprint);
}

constexpr uint32_t kInstructions = 14;

Cost cost_int32(const void* in, const Target&) {
  return binary_cost(static_cast<const BinaryInt32Params*>(in)->shape, kInstructions);
}

Cost cost_float(const void* in, const Target& target) {
  constexpr uint32_t kFloats = 3;
  const Cost cost = binary_cost(static_cast<const BinaryFloatParams*>(in)->shape, kInstructions);
  return with_floats(cost, target, cost.instructions / kInstructions * kFloats);
}

template <typename Params, typename T, typename Op>
Status run(const void* in, Op op, Rows rows, const Io& io) {
  const Params& params = *static_cast<const Params*>(in);
  const Clamped<T, Op> clamped = {op, params.act_min, params.act_max};
  const BinarySide a(params.shape, io, 0);
  const BinarySide b(params.shape, io, 1);
  return run_binary<T>(params.shape, clamped, a, b, rows, io);
}

template <typename Op>
Status run_int32(const void* in, Op op, Rows rows, const Io& io) {
  return run<BinaryInt32Params, int32_t>(in, op, rows, io);
}

template <typename Op>
Status run_float(const void* in, Op op, Rows rows, const Io& io) {
  return run<BinaryFloatParams, float>(in, op, rows, io);
}

template <typename Params>
constexpr Variant variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t operator_code,
                          DataType type, Status (*prepare)(const OperatorContext&, void*),
                          bool (*footprint)(const void*, Footprint*), Cost (*cost)(const void*, const Target&)) {
  return {kernel, name, operator_name, operator_code,
          type, type, type, "broadcasting on both sides",
          false, Overlap::kElementwise, sizeof(Params),
          prepare, nullptr, footprint, binary_input_rows, nullptr, nullptr, cost};
}

constexpr Variant int32_variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t operator_code,
                                Status (*prepare)(const OperatorContext&, void*)) {
  return variant<BinaryInt32Params>(kernel, name, operator_name, operator_code, DataType::kInt32, prepare,
                                     footprint_int32, cost_int32);
}

constexpr Variant float_variant(const Kernel& kernel, const char* name, const char* operator_name,
                                uint8_t operator_code) {
  return variant<BinaryFloatParams>(kernel, name, operator_name, operator_code, DataType::kFloat32,
                                     BinaryFloat::prepare, BinaryFloat::footprint, cost_float);
}

}  // namespace

namespace kernels {

Status add_int32_run(const void* in, Rows rows, const Io& io, void*) {
  return run_int32(in, [](int32_t a, int32_t b) { return wrap_add(a, b); }, rows, io);
}

Status add_float_run(const void* in, Rows rows, const Io& io, void*) {
  return run_float(in, FloatSum(), rows, io);
}

Status sub_int32_run(const void* in, Rows rows, const Io& io, void*) {
  return run_int32(in, [](int32_t a, int32_t b) { return wrap_sub(a, b); }, rows, io);
}

Status sub_float_run(const void* in, Rows rows, const Io& io, void*) {
  return run_float(in, FloatDifference(), rows, io);
}

Status mul_int32_run(const void* in, Rows rows, const Io& io, void*) {
  return run_int32(in, [](int32_t a, int32_t b) { return wrap_mul(a, b); }, rows, io);
}

Status mul_float_run(const void* in, Rows rows, const Io& io, void*) {
  return run_float(in, FloatProduct(), rows, io);
}

const Variant add_int32_variant = int32_variant(add_int32, "add_int32", "ADD", 0, prepare_add_int32);
const Variant add_float_variant = float_variant(add_float, "add_float", "ADD", 0);
const Variant sub_int32_variant = int32_variant(sub_int32, "sub_int32", "SUB", 41, prepare_sub_int32);
const Variant sub_float_variant = float_variant(sub_float, "sub_float", "SUB", 41);
const Variant mul_int32_variant = int32_variant(mul_int32, "mul_int32", "MUL", 18, prepare_mul_int32);
const Variant mul_float_variant = float_variant(mul_float, "mul_float", "MUL", 18);

}  // namespace kernels

}  // namespace microplan
