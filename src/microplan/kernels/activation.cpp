// SPDX-License-Identifier: Apache-2.0
// LOGISTIC, TANH, RELU, RELU6 and LEAKY_RELU; int8, int16 and float32: prepare and the reference kernels.
#include "microplan/kernels/activation.h"

#include "microplan/kernels.h"
#include "microplan/kernels/fixed_point.h"
#include "microplan/kernels/float_math.h"
#include "microplan/kernels/int16_math.h"

namespace microplan {

namespace {

// Fields of the schema's LeakyReluOptions.
constexpr uint32_t kAlpha = 0;

template <typename T>
struct Range {
  static constexpr int32_t kHigh = (1 << (8 * sizeof(T) - 1)) - 1;
  static constexpr int32_t kLow = -kHigh - 1;
};

Status prepare_quantized(const OperatorContext& context, RowSplit* split) {
  Status status = prepare_elements(context, split);
  if (status == Status::kOk) status = check_per_tensor(context, input_operand(0));
  if (status == Status::kOk) status = check_per_tensor(context, output_operand(0));
  return status;
}

// RELU and LEAKY_RELU.
Status prepare_lines(const OperatorContext& context, float alpha, RectifyParams* params) {
  const TensorInfo input = context.input(0);
  const TensorInfo output = context.output(0);
  const double input_scale = static_cast<double>(input.scale());
  const double output_scale = static_cast<double>(output.scale());
  const double negative = input_scale * static_cast<double>(alpha) / output_scale;
  const double magnitude = negative < 0 ? -negative : negative;
  constexpr double kLargest = 2147483648.0;
  // requantize_from takes finite numbers only; what is not a number compares false.
  if (!(magnitude < kLargest) || !requantize_from(magnitude, &params->negative) ||
      !requantize_from(input_scale / output_scale, &params->positive)) {
    return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("input scale / output scale, or that times alpha, exceeds 2^30"),
                        MICROPLAN_DIAGNOSTIC_TEXT("quantize the model again with representative data"));
  }
  params->negate = negative < 0;
  params->input_zero_point = input.zero_point();
  params->output_zero_point = output.zero_point();
  return Status::kOk;
}

Status prepare_relu(const OperatorContext& context, RectifyParams* params) { return prepare_lines(context, 0, params); }

Status prepare_leaky_relu(const OperatorContext& context, RectifyParams* params) {
  return prepare_lines(context, context.options().float_field(kAlpha, 0), params);
}

template <typename T>
T rectify(const RectifyParams& params, int32_t q) {
  const int32_t x = wrap_sub(q, params.input_zero_point);
  int32_t value = requantize(x, x < 0 ? params.negative : params.positive);
  if (x < 0 && params.negate) value = wrap_sub(0, value);
  return static_cast<T>(clamp(wrap_add(value, params.output_zero_point), Range<T>::kLow, Range<T>::kHigh));
}

// RELU6 clamps in the input's quantization and keeps the numbers, as in TensorFlow Lite: the output's is not looked at.
template <typename T>
void prepare_relu6(const TensorInfo& input, int32_t* low, int32_t* high) {
  constexpr float kAbove = 2 * static_cast<float>(Range<T>::kHigh) + 2;
  const float steps = 6 / input.scale();
  const int32_t six = input.zero_point() + round_to_int(steps < kAbove ? steps : kAbove);
  *low = input.zero_point();
  *high = six < Range<T>::kHigh ? six : Range<T>::kHigh;
}

// The argument of LOGISTIC or TANH in Q4.27, the format of fixed_point.h.
struct Argument {
  Requantize by;
  int32_t radius;  // from this magnitude of q - zero_point on the function counts as constant
  int32_t zero_point;

  explicit Argument(const TensorInfo& input) : zero_point(input.zero_point()) {
    constexpr int32_t kFractionBits = 27;
    constexpr uint32_t kLargest = 15u << kFractionBits;
    if (!requantize_from(static_cast<double>(input.scale()) * (1 << kFractionBits), &by)) {
      radius = 0;
    } else {
      radius = by.shift < 0 ? INT32_MAX : static_cast<int32_t>(kLargest >> by.shift);
    }
  }

  // Of the argument's result in Q0.31, kBits with its sign; `function` is 0 or -1 below the radius and 1 above.
  template <int32_t (*function)(int32_t), int32_t kBits>
  int32_t result(int32_t q, int32_t low, int32_t high) const {
    const int32_t x = q - zero_point;
    if (x <= -radius) return low;
    if (x >= radius) return high;
    return rounding_shift_right(function(requantize(x, by)), 32 - kBits);
  }
};

// One entry of an int8 table each: constructed from the operator, called with the input.
struct LogisticInt8 {
  Argument argument;
  explicit LogisticInt8(const OperatorContext& context) : argument(context.input(0)) {}
  int8_t operator()(int32_t q) const {
    const int32_t steps = argument.result<fixed_logistic, 9>(q, 0, UINT8_MAX);  // of 1/256
    return static_cast<int8_t>(clamp(steps, 0, UINT8_MAX) + INT8_MIN);
  }
};

struct TanhInt8 {
  Argument argument;
  explicit TanhInt8(const OperatorContext& context) : argument(context.input(0)) {}
  int8_t operator()(int32_t q) const {
    const int32_t steps = argument.result<fixed_tanh, 8>(q, INT8_MIN, INT8_MAX);  // of 1/128
    return static_cast<int8_t>(clamp(steps, INT8_MIN, INT8_MAX));
  }
};

template <Status (*prepare_params)(const OperatorContext&, RectifyParams*)>
struct RectifyInt8 {
  RectifyParams params = {};
  explicit RectifyInt8(const OperatorContext& context) { (void)prepare_params(context, &params); }
  int8_t operator()(int32_t q) const { return rectify<int8_t>(params, q); }
};

struct Relu6Int8 {
  int32_t low, high;
  explicit Relu6Int8(const OperatorContext& context) { prepare_relu6<int8_t>(context.input(0), &low, &high); }
  int8_t operator()(int32_t q) const { return static_cast<int8_t>(clamp(q, low, high)); }
};

Status prepare_int8(const OperatorContext& context, void* out) {
  return prepare_quantized(context, &static_cast<ActivationParams*>(out)->split);
}

template <Status (*prepare_params)(const OperatorContext&, RectifyParams*)>
Status prepare_rectify_int8(const OperatorContext& context, void* out) {
  const Status status = prepare_int8(context, out);
  if (status != Status::kOk) return status;
  RectifyParams params;
  return prepare_params(context, &params);
}

Status prepare_logistic_int8(const OperatorContext& context, void* out) {
  const Status status = prepare_int8(context, out);
  if (status != Status::kOk || context.output(0).zero_point() == INT8_MIN) return status;
  return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                      MICROPLAN_DIAGNOSTIC_TEXT("the output's zero point is not -128"),
                      MICROPLAN_DIAGNOSTIC_TEXT("convert the model again: the output is 0 to 1 in steps of 1/256"),
                      context.output(0).zero_point());
}

template <typename Entry>
void pack_int8(const OperatorContext& context, const void*, ConstantWriter& writer) {
  if (!writer.begin(kByteTableBytes)) return;
  const Entry entry(context);
  pack_table([&entry](uint8_t q) { return entry(static_cast<int8_t>(q)); }, writer);
}

Status run_int8(const void* in, Rows rows, const Io& io) { return run_table(look_up, in, rows, io); }

// Whether value / power is 1 within TensorFlow Lite's tolerance for powers of two, 0.001 in the binary logarithm.
bool is_power(double value, double power) {
  constexpr double kTolerance = 1.0006933874625807;  // 2^0.001
  return value < power * kTolerance && value * kTolerance > power;
}

// To steps of 1 / (3 * 2^12). For input scales of kPowers powers of two from 2^-12 on the multiplier is exact; others are
// cut off at 15 bits.
template <int32_t kPowers>
Status prepare_sigmoid_int16(const OperatorContext& context, void* out) {
  SigmoidInt16Params& params = *static_cast<SigmoidInt16Params*>(out);
  const Status status = prepare_quantized(context, &params.split);
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(0);
  const TensorInfo output = context.output(0);
  const bool fits = is_power(static_cast<double>(output.scale()) * 32768, 1);
  if (!fits || input.zero_point() != 0 || output.zero_point() != 0) {
    return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("zero points that are not 0, or an output scale that is not 2^-15"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model with int16 activations again"));
  }
  const double scale = static_cast<double>(input.scale()) * 4096;
  for (int32_t i = 0; i < kPowers; ++i) {
    if (is_power(scale, 1 << i)) {
      params.multiplier = 3 << i;
      return Status::kOk;
    }
  }
  double multiplier = 3 * scale;
  if (multiplier >= 32768) {
    return context.fail(Status::kUnsupportedQuantization, input_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the input's scale is 8/3 or more"),
                        MICROPLAN_DIAGNOSTIC_TEXT("quantize the model again with representative data"));
  }
  for (; multiplier <= 32767.0 / 2 && params.right <= 30; ++params.right) multiplier *= 2;
  params.multiplier = static_cast<int32_t>(multiplier);
  return Status::kOk;
}

template <int16_t (*function)(int32_t)>
Status run_sigmoid_int16(const void* in, Rows rows, const Io& io) {
  const SigmoidInt16Params params = *static_cast<const SigmoidInt16Params*>(in);
  const int32_t right = params.right & 31;
  const int32_t half = right == 0 ? 0 : shift_left(1, right - 1);
  const auto op = [params, right, half](int16_t q) {
    return function(wrap_add(wrap_mul(q, params.multiplier), half) >> right);
  };
  return run_elements<int16_t, int16_t>(op, in, rows, io);
}

template <Status (*prepare_params)(const OperatorContext&, RectifyParams*)>
Status prepare_rectify_int16(const OperatorContext& context, void* out) {
  RectifyParams& params = *static_cast<RectifyParams*>(out);
  const Status status = prepare_quantized(context, &params.split);
  return status == Status::kOk ? prepare_params(context, &params) : status;
}

Status run_rectify_int16(const void* in, Rows rows, const Io& io) {
  const RectifyParams params = *static_cast<const RectifyParams*>(in);
  const auto op = [params](int16_t q) { return rectify<int16_t>(params, q); };
  return run_elements<int16_t, int16_t>(op, in, rows, io);
}

Status prepare_relu6_int16(const OperatorContext& context, void* out) {
  ClampParams& params = *static_cast<ClampParams*>(out);
  const Status status = prepare_quantized(context, &params.split);
  if (status == Status::kOk) prepare_relu6<int16_t>(context.input(0), &params.low, &params.high);
  return status;
}

}  // namespace

Status prepare_activation(const OperatorContext& context, ActivationParams* params) {
  return prepare_elements(context, &params->split);
}

Status prepare_activation(const OperatorContext& context, LeakyReluFloatParams* params) {
  params->alpha = context.options().float_field(kAlpha, 0);
  return prepare_elements(context, &params->split);
}

namespace {

// kInstructions: for four elements.
template <uint32_t kInstructions>
Cost cost_int8(const void* in, const Target&) {
  const RowSplit split = *static_cast<const RowSplit*>(in);
  constexpr uint32_t kRow = 20;
  return {0, split.rows * (uint64_t{split.elements} * kInstructions / 4 + kRow), kByteTableBytes};
}

constexpr Overlap kOverlap = Overlap::kElementwise;

template <typename Entry>
constexpr Variant int8_variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t code,
                               Status (*prepare)(const OperatorContext&, void*)) {
  return {kernel, name, operator_name, code,
          DataType::kInt8, DataType::kNone, DataType::kInt8, "",
          false, kOverlap, sizeof(ActivationParams),
          prepare, nullptr, table_footprint, equal_rows, nullptr, pack_int8<Entry>, cost_int8<15>};
}

// The rows of activation_mve.cpp, which has no more than the functions to run.
template <typename Entry>
constexpr Variant mve_variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t code,
                              Status (*prepare)(const OperatorContext&, void*)) {
  return {kernel, name, operator_name, code,
          DataType::kInt8, DataType::kNone, DataType::kInt8, "",
          false, kOverlap, sizeof(ActivationParams),
          prepare, nullptr, table_footprint, equal_rows, nullptr, pack_int8<Entry>, cost_int8<1>, kFeatureMve};
}

template <typename Params, uint32_t kInstructions>
constexpr Variant int16_variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t code,
                                Status (*prepare)(const OperatorContext&, void*)) {
  return {kernel, name, operator_name, code,
          DataType::kInt16, DataType::kNone, DataType::kInt16, "",
          false, kOverlap, sizeof(Params),
          prepare, nullptr, elements_footprint<int16_t, int16_t>, equal_rows, nullptr, nullptr,
          elements_cost<kInstructions>};
}

}  // namespace

namespace kernels {

Status logistic_int8_run(const void* in, Rows rows, const Io& io, void*) { return run_int8(in, rows, io); }
const Variant logistic_int8_variant =
    int8_variant<LogisticInt8>(logistic_int8, "logistic_int8", "LOGISTIC", 14, prepare_logistic_int8);
const Variant logistic_int8_mve_variant =
    mve_variant<LogisticInt8>(logistic_int8_mve, "logistic_int8_mve", "LOGISTIC", 14, prepare_logistic_int8);

Status logistic_int16_run(const void* in, Rows rows, const Io& io, void*) {
  return run_sigmoid_int16<int16_logistic>(in, rows, io);
}
const Variant logistic_int16_variant = int16_variant<SigmoidInt16Params, 25>(
    logistic_int16, "logistic_int16", "LOGISTIC", 14, prepare_sigmoid_int16<1>);

Status logistic_float_run(const void* in, Rows rows, const Io& io, void*) {
  return run_elements<float, float>([](float x) { return float_logistic(x); }, in, rows, io);
}
const Variant logistic_float_variant =
    activation_float_variant<ActivationParams, 62, 27>(logistic_float, "logistic_float", "LOGISTIC", 14, 0);

Status relu_int8_run(const void* in, Rows rows, const Io& io, void*) { return run_int8(in, rows, io); }
const Variant relu_int8_variant =
    int8_variant<RectifyInt8<prepare_relu>>(relu_int8, "relu_int8", "RELU", 19, prepare_rectify_int8<prepare_relu>);
const Variant relu_int8_mve_variant =
    mve_variant<RectifyInt8<prepare_relu>>(relu_int8_mve, "relu_int8_mve", "RELU", 19, prepare_rectify_int8<prepare_relu>);

Status relu_int16_run(const void* in, Rows rows, const Io& io, void*) { return run_rectify_int16(in, rows, io); }
const Variant relu_int16_variant =
    int16_variant<RectifyParams, 30>(relu_int16, "relu_int16", "RELU", 19, prepare_rectify_int16<prepare_relu>);

Status relu_float_run(const void* in, Rows rows, const Io& io, void*) {
  return run_elements<float, float>([](float x) { return relu(x); }, in, rows, io);
}
const Variant relu_float_variant =
    activation_float_variant<ActivationParams, 8, 1>(relu_float, "relu_float", "RELU", 19, 0);

Status relu6_int8_run(const void* in, Rows rows, const Io& io, void*) { return run_int8(in, rows, io); }
const Variant relu6_int8_variant = int8_variant<Relu6Int8>(relu6_int8, "relu6_int8", "RELU6", 21, prepare_int8);
const Variant relu6_int8_mve_variant = mve_variant<Relu6Int8>(relu6_int8_mve, "relu6_int8_mve", "RELU6", 21, prepare_int8);

Status relu6_int16_run(const void* in, Rows rows, const Io& io, void*) {
  const ClampParams params = *static_cast<const ClampParams*>(in);
  const auto op = [params](int16_t q) { return static_cast<int16_t>(clamp(q, params.low, params.high)); };
  return run_elements<int16_t, int16_t>(op, in, rows, io);
}
const Variant relu6_int16_variant =
    int16_variant<ClampParams, 8>(relu6_int16, "relu6_int16", "RELU6", 21, prepare_relu6_int16);

Status relu6_float_run(const void* in, Rows rows, const Io& io, void*) {
  return run_elements<float, float>([](float x) { return relu6(x); }, in, rows, io);
}
const Variant relu6_float_variant =
    activation_float_variant<ActivationParams, 10, 2>(relu6_float, "relu6_float", "RELU6", 21, 0);

Status tanh_int8_run(const void* in, Rows rows, const Io& io, void*) { return run_int8(in, rows, io); }
const Variant tanh_int8_variant = int8_variant<TanhInt8>(tanh_int8, "tanh_int8", "TANH", 28, prepare_int8);
const Variant tanh_int8_mve_variant = mve_variant<TanhInt8>(tanh_int8_mve, "tanh_int8_mve", "TANH", 28, prepare_int8);

Status tanh_int16_run(const void* in, Rows rows, const Io& io, void*) {
  return run_sigmoid_int16<int16_tanh>(in, rows, io);
}
const Variant tanh_int16_variant =
    int16_variant<SigmoidInt16Params, 25>(tanh_int16, "tanh_int16", "TANH", 28, prepare_sigmoid_int16<2>);

Status tanh_float_run(const void* in, Rows rows, const Io& io, void*) {
  return run_elements<float, float>([](float x) { return float_tanh(x); }, in, rows, io);
}
const Variant tanh_float_variant =
    activation_float_variant<ActivationParams, 47, 27>(tanh_float, "tanh_float", "TANH", 28, 0);

Status leaky_relu_int8_run(const void* in, Rows rows, const Io& io, void*) { return run_int8(in, rows, io); }
const Variant leaky_relu_int8_variant = int8_variant<RectifyInt8<prepare_leaky_relu>>(
    leaky_relu_int8, "leaky_relu_int8", "LEAKY_RELU", 98, prepare_rectify_int8<prepare_leaky_relu>);
const Variant leaky_relu_int8_mve_variant = mve_variant<RectifyInt8<prepare_leaky_relu>>(
    leaky_relu_int8_mve, "leaky_relu_int8_mve", "LEAKY_RELU", 98, prepare_rectify_int8<prepare_leaky_relu>);

Status leaky_relu_int16_run(const void* in, Rows rows, const Io& io, void*) { return run_rectify_int16(in, rows, io); }
const Variant leaky_relu_int16_variant = int16_variant<RectifyParams, 30>(
    leaky_relu_int16, "leaky_relu_int16", "LEAKY_RELU", 98, prepare_rectify_int16<prepare_leaky_relu>);

Status leaky_relu_float_run(const void* in, Rows rows, const Io& io, void*) {
  const float alpha = static_cast<const LeakyReluFloatParams*>(in)->alpha;
  return run_elements<float, float>([alpha](float x) { return leaky_relu(x, alpha); }, in, rows, io);
}
const Variant leaky_relu_float_variant = activation_float_variant<LeakyReluFloatParams, 8, 2>(
    leaky_relu_float, "leaky_relu_float", "LEAKY_RELU", 98, 0);

}  // namespace kernels

}  // namespace microplan
