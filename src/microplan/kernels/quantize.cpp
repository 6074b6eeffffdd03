// SPDX-License-Identifier: Apache-2.0
// QUANTIZE and DEQUANTIZE: prepare and the reference kernels, each a template over the element types. A further pair of
// types is one run function and one row.
#include "microplan/kernels/quantize.h"

#include "microplan/kernels.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// The range of an integer type of at most 32 bits, and its name in a model.
template <typename T>
struct Range {
  static constexpr bool kSigned = static_cast<T>(-1) < static_cast<T>(0);
  static constexpr uint32_t kMask = UINT32_MAX >> (32 - 8 * sizeof(T));
  static constexpr int32_t kHigh = static_cast<int32_t>(kSigned ? kMask >> 1 : kMask);
  static constexpr int32_t kLow = kSigned ? -kHigh - 1 : 0;
  static constexpr DataType kType = !kSigned           ? DataType::kUInt8
                                    : sizeof(T) == 1 ? DataType::kInt8
                                    : sizeof(T) == 2 ? DataType::kInt16
                                                     : DataType::kInt32;
};

Status prepare_scale(const OperatorContext& context, Operand operand, void* out) {
  QuantizeParams& params = *static_cast<QuantizeParams*>(out);
  Status status = prepare_elements(context, &params.split);
  if (status == Status::kOk) status = check_per_tensor(context, operand);
  if (status != Status::kOk) return status;
  const TensorInfo tensor = operand.is_output ? context.output(0) : context.input(0);
  params.scale = tensor.scale();
  params.zero_point = tensor.zero_point();
  return Status::kOk;
}

}  // namespace

Status prepare_dequantize(const OperatorContext& context, void* out) {
  return prepare_scale(context, input_operand(0), out);
}

Status prepare_quantize(const OperatorContext& context, void* out) {
  return prepare_scale(context, output_operand(0), out);
}

Status prepare_requantize(const OperatorContext& context, void* out) {
  RequantizeParams& params = *static_cast<RequantizeParams*>(out);
  Status status = prepare_elements(context, &params.split);
  if (status == Status::kOk) status = check_per_tensor(context, input_operand(0));
  if (status == Status::kOk) status = check_per_tensor(context, output_operand(0));
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(0);
  const TensorInfo output = context.output(0);
  params.input_zero_point = input.zero_point();
  params.output_zero_point = output.zero_point();
  if (!requantize_from(static_cast<double>(input.scale()) / static_cast<double>(output.scale()), &params.by)) {
    return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("input scale / output scale exceeds 2^30"),
                        MICROPLAN_DIAGNOSTIC_TEXT("quantize the model again with representative data"));
  }
  return Status::kOk;
}

namespace {

constexpr uint32_t kInstructions = 30;  // for an element
constexpr uint32_t kFloats = 4;

template <typename Out>
Status run_quantize(const void* in, Rows rows, const Io& io) {
  const QuantizeParams params = *static_cast<const QuantizeParams*>(in);
  const auto op = [params](float real) {
    return static_cast<Out>(quantize(real, params.scale, params.zero_point, Range<Out>::kLow, Range<Out>::kHigh));
  };
  return run_elements<float, Out>(op, in, rows, io);
}

template <typename In>
Status run_dequantize(const void* in, Rows rows, const Io& io) {
  const QuantizeParams params = *static_cast<const QuantizeParams*>(in);
  const auto op = [params](In q) { return dequantize(q, params.scale, params.zero_point); };
  return run_elements<In, float>(op, in, rows, io);
}

template <typename In, typename Out>
Status run_requantize(const void* in, Rows rows, const Io& io) {
  const RequantizeParams params = *static_cast<const RequantizeParams*>(in);
  const auto op = [params](In q) {
    const int32_t value = requantize(wrap_sub(q, params.input_zero_point), params.by);
    return static_cast<Out>(clamp(wrap_add(value, params.output_zero_point), Range<Out>::kLow, Range<Out>::kHigh));
  };
  return run_elements<In, Out>(op, in, rows, io);
}

// An output that is wider than its input is written ahead of what is read.
template <typename In, typename Out>
constexpr Overlap kOverlap = sizeof(Out) > sizeof(In) ? Overlap::kRows : Overlap::kElementwise;

template <typename Out>
constexpr Variant quantize_variant(const Kernel& kernel, const char* name) {
  return {kernel, name, "QUANTIZE", 114,
          DataType::kFloat32, DataType::kNone, Range<Out>::kType, "",
          false, kOverlap<float, Out>, sizeof(QuantizeParams),
          prepare_quantize, nullptr, elements_footprint<float, Out>, equal_rows, nullptr, nullptr,
          elements_cost<kInstructions, kFloats>};
}

template <typename In, typename Out>
constexpr Variant requantize_variant(const Kernel& kernel, const char* name) {
  return {kernel, name, "QUANTIZE", 114,
          Range<In>::kType, DataType::kNone, Range<Out>::kType, "",
          false, kOverlap<In, Out>, sizeof(RequantizeParams),
          prepare_requantize, nullptr, elements_footprint<In, Out>, equal_rows, nullptr, nullptr,
          elements_cost<kInstructions>};
}

template <typename In>
constexpr Variant dequantize_variant(const Kernel& kernel, const char* name) {
  return {kernel, name, "DEQUANTIZE", 6,
          Range<In>::kType, DataType::kNone, DataType::kFloat32, "",
          false, kOverlap<In, float>, sizeof(QuantizeParams),
          prepare_dequantize, nullptr, elements_footprint<In, float>, equal_rows, nullptr, nullptr,
          elements_cost<kInstructions, kFloats>};
}

}  // namespace

namespace kernels {

Status quantize_float_int8_run(const void* in, Rows rows, const Io& io, void*) {
  return run_quantize<int8_t>(in, rows, io);
}
const Variant quantize_float_int8_variant = quantize_variant<int8_t>(quantize_float_int8, "quantize_float_int8");

Status quantize_float_int16_run(const void* in, Rows rows, const Io& io, void*) {
  return run_quantize<int16_t>(in, rows, io);
}
const Variant quantize_float_int16_variant = quantize_variant<int16_t>(quantize_float_int16, "quantize_float_int16");

Status requantize_int8_run(const void* in, Rows rows, const Io& io, void*) {
  return run_requantize<int8_t, int8_t>(in, rows, io);
}
const Variant requantize_int8_variant = requantize_variant<int8_t, int8_t>(requantize_int8, "requantize_int8");

Status requantize_int16_int8_run(const void* in, Rows rows, const Io& io, void*) {
  return run_requantize<int16_t, int8_t>(in, rows, io);
}
const Variant requantize_int16_int8_variant =
    requantize_variant<int16_t, int8_t>(requantize_int16_int8, "requantize_int16_int8");

Status requantize_int8_int16_run(const void* in, Rows rows, const Io& io, void*) {
  return run_requantize<int8_t, int16_t>(in, rows, io);
}
const Variant requantize_int8_int16_variant =
    requantize_variant<int8_t, int16_t>(requantize_int8_int16, "requantize_int8_int16");

Status requantize_int16_run(const void* in, Rows rows, const Io& io, void*) {
  return run_requantize<int16_t, int16_t>(in, rows, io);
}
const Variant requantize_int16_variant = requantize_variant<int16_t, int16_t>(requantize_int16, "requantize_int16");

Status requantize_int16_int32_run(const void* in, Rows rows, const Io& io, void*) {
  return run_requantize<int16_t, int32_t>(in, rows, io);
}
const Variant requantize_int16_int32_variant =
    requantize_variant<int16_t, int32_t>(requantize_int16_int32, "requantize_int16_int32");

Status requantize_int8_int32_run(const void* in, Rows rows, const Io& io, void*) {
  return run_requantize<int8_t, int32_t>(in, rows, io);
}
const Variant requantize_int8_int32_variant =
    requantize_variant<int8_t, int32_t>(requantize_int8_int32, "requantize_int8_int32");

Status requantize_int32_int8_run(const void* in, Rows rows, const Io& io, void*) {
  return run_requantize<int32_t, int8_t>(in, rows, io);
}
const Variant requantize_int32_int8_variant =
    requantize_variant<int32_t, int8_t>(requantize_int32_int8, "requantize_int32_int8");

Status requantize_int32_int16_run(const void* in, Rows rows, const Io& io, void*) {
  return run_requantize<int32_t, int16_t>(in, rows, io);
}
const Variant requantize_int32_int16_variant =
    requantize_variant<int32_t, int16_t>(requantize_int32_int16, "requantize_int32_int16");

Status requantize_uint8_int8_run(const void* in, Rows rows, const Io& io, void*) {
  return run_requantize<uint8_t, int8_t>(in, rows, io);
}
const Variant requantize_uint8_int8_variant =
    requantize_variant<uint8_t, int8_t>(requantize_uint8_int8, "requantize_uint8_int8");

Status requantize_int8_uint8_run(const void* in, Rows rows, const Io& io, void*) {
  return run_requantize<int8_t, uint8_t>(in, rows, io);
}
const Variant requantize_int8_uint8_variant =
    requantize_variant<int8_t, uint8_t>(requantize_int8_uint8, "requantize_int8_uint8");

Status dequantize_int8_run(const void* in, Rows rows, const Io& io, void*) {
  return run_dequantize<int8_t>(in, rows, io);
}
const Variant dequantize_int8_variant = dequantize_variant<int8_t>(dequantize_int8, "dequantize_int8");

Status dequantize_int16_run(const void* in, Rows rows, const Io& io, void*) {
  return run_dequantize<int16_t>(in, rows, io);
}
const Variant dequantize_int16_variant = dequantize_variant<int16_t>(dequantize_int16, "dequantize_int16");

Status dequantize_uint8_run(const void* in, Rows rows, const Io& io, void*) {
  return run_dequantize<uint8_t>(in, rows, io);
}
const Variant dequantize_uint8_variant = dequantize_variant<uint8_t>(dequantize_uint8, "dequantize_uint8");

}  // namespace kernels

}  // namespace microplan
