// SPDX-License-Identifier: Apache-2.0
// SOFTMAX, int8 to int8 and int16, and float32: prepare and the reference kernels.
#include "microplan/kernels/softmax.h"

#include "microplan/kernels.h"
#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/fixed_point.h"
#include "microplan/kernels/float_math.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Fields of the schema's SoftmaxOptions.
constexpr uint32_t kBeta = 0;

// Outputs of type T use all of its values: 0 is kLow, 1 is 2^kBits steps above it, one more than there are.
template <typename T>
struct Output {
  static constexpr int32_t kBits = 8 * static_cast<int32_t>(sizeof(T));
  static constexpr int32_t kLow = -(1 << (kBits - 1));
  static constexpr int32_t kHigh = (1 << (kBits - 1)) - 1;
};

Status prepare_output(const OperatorContext& context, int32_t bits, float tolerance) {
  const Status status = check_per_tensor(context, output_operand(0));
  if (status != Status::kOk) return status;
  const TensorInfo output = context.output(0);
  const float expected = 1.0f / static_cast<float>(1 << bits);
  const float error = output.scale() > expected ? output.scale() - expected : expected - output.scale();
  if (error > tolerance * expected || output.zero_point() != -(1 << (bits - 1))) {
    return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the output's range is not exactly 0 to 1"),
                        MICROPLAN_DIAGNOSTIC_TEXT("int8: scale 1/256, zero point -128; int16: 1/65536, -32768"),
                        output.zero_point());
  }
  return Status::kOk;
}

}  // namespace

Status prepare_softmax_shape(const OperatorContext& context, uint32_t* rows, uint32_t* depth) {
  const Status status = check_arity(context, 1, 1);
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(0);
  if (input.rank == 0 || !same_shape(input, context.output(0))) {
    return context.fail(Status::kUnsupportedShape, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("input and output differ in shape or have no dimensions"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), input.rank);
  }
  *depth = input.dims[input.rank - 1];
  *rows = input.elements / *depth;
  return Status::kOk;
}

Status softmax_int8_prepare(const OperatorContext& context, void* out) {
  SoftmaxParams& params = *static_cast<SoftmaxParams*>(out);
  Status status = prepare_softmax_shape(context, &params.rows, &params.depth);
  if (status == Status::kOk) status = check_per_tensor(context, input_operand(0));
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(0);
  const TensorInfo output = context.output(0);
  // TensorFlow Lite asks for the exact scale with int8 and allows for a thousandth with int16.
  status = output.type == DataType::kInt8 ? prepare_output(context, 8, 0) : prepare_output(context, 16, 0.001f);
  if (status != Status::kOk) return status;
  const double real = static_cast<double>(context.options().float_field(kBeta, 0)) *
                      static_cast<double>(input.scale()) * static_cast<double>(1 << kSoftmaxExponentBits);
  if (!(real > 1)) {
    return context.fail(Status::kUnsupportedOption, input_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("beta * input scale is 2^-26 or less"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again with beta 1 and representative data"));
  }
  // From 2^30 on one step is 16 or more in the exponent, and only the largest elements count: zeroed params say that
  // without a multiplier, which would leave the range of a Requantize.
  Requantize by;
  if (real >= static_cast<double>(1 << 30) || !requantize_from(real, &by)) return Status::kOk;
  params.multiplier = by.multiplier;
  params.left_shift = by.shift;
  // Differences that stay within 31 in the exponent.
  params.diff_min = -static_cast<int32_t>((31u << kSoftmaxExponentBits) >> by.shift);
  return Status::kOk;
}

namespace {

Status prepare_float(const OperatorContext& context, void* out) {
  SoftmaxFloatParams& params = *static_cast<SoftmaxFloatParams*>(out);
  params.beta = context.options().float_field(kBeta, 0);
  return prepare_softmax_shape(context, &params.rows, &params.depth);
}

template <typename T>
bool footprint(const void* in, Footprint* footprint) {
  const SoftmaxParams& params = *static_cast<const SoftmaxParams*>(in);
  uint32_t input_bytes = 1;
  uint32_t output_bytes = sizeof(T);
  // With a difference of 0 left out, the sum of exponentials could be 0.
  if (params.rows == 0 || params.diff_min > 0 || !multiply_checked(params.depth, &input_bytes) ||
      !multiply_checked(params.depth, &output_bytes)) {
    return false;
  }
  footprint->add_view(input_operand(0), params.rows, input_bytes, 1);
  footprint->add_view(output_operand(0), params.rows, output_bytes, sizeof(T));
  return true;
}

}  // namespace

bool softmax_int8_footprint(const void* in, Footprint* result) { return footprint<int8_t>(in, result); }

SoftmaxScale::SoftmaxScale(uint64_t sum) {
  // The sum as mantissa in [2^31, 2^32) and exponent; it is 1 at least.
  over_unit = kSoftmaxSumIntegerBits;
  for (; sum > UINT32_MAX; sum >>= 1) ++over_unit;
  uint32_t mantissa = static_cast<uint32_t>(sum);
  for (; mantissa < 0x80000000u; mantissa <<= 1) --over_unit;
  // With mantissa = 2^31 (1 + f), 1 / (1 + f) in Q0.31: the bits of the quotient are those of its half in Q1.30.
  scale = fixed_double(fixed_quotient(mantissa), 1);
}

namespace {

bool footprint_float(const void* in, Footprint* footprint) {
  const SoftmaxFloatParams& params = *static_cast<const SoftmaxFloatParams*>(in);
  uint32_t bytes = sizeof(float);
  if (params.rows == 0 || !multiply_checked(params.depth, &bytes)) return false;
  footprint->add_view(input_operand(0), params.rows, bytes, sizeof(float));
  footprint->add_view(output_operand(0), params.rows, bytes, sizeof(float));
  return true;
}

template <typename Params, uint32_t kElement>
Cost cost(const void* in, const Target&) {
  const Params& params = *static_cast<const Params*>(in);
  constexpr uint32_t kRow = 150;
  return {0, params.rows * (static_cast<uint64_t>(params.depth) * kElement + kRow), 0};
}

Cost cost_float(const void* in, const Target& target) {
  const SoftmaxFloatParams& params = *static_cast<const SoftmaxFloatParams*>(in);
  constexpr uint32_t kFloatExponential = 100;
  constexpr uint32_t kFloats = 26;
  return with_floats(cost<SoftmaxFloatParams, kFloatExponential>(in, target), target,
                     uint64_t{params.rows} * params.depth * kFloats);
}

constexpr uint32_t kTwoFixedExponentials = 200;

struct Exponential {
  int32_t max_value, diff_min, multiplier, left_shift;

  // exp of the element's distance to the largest one, Q0.31; negative when it does not count.
  int32_t operator()(int8_t value) const {
    const int32_t diff = value - max_value;
    if (diff < diff_min) return -1;
    return fixed_exp<kSoftmaxExponentBits>(multiply_high(shift_left(diff, left_shift), multiplier));
  }
};

// The classes of most classifiers, in 64 bytes of stack.
constexpr uint32_t kKept = 16;

template <typename T>
void run_row(const SoftmaxParams& params, const int8_t* x, T* y) {
  Exponential exponential = {INT8_MIN, params.diff_min, params.multiplier, params.left_shift};
  for (uint32_t c = 0; c < params.depth; ++c) {
    if (x[c] > exponential.max_value) exponential.max_value = x[c];
  }
  // 64 bits, so that no row overflows. TensorFlow Lite has 32: it aborts from a sum of 512 on with int8 outputs, where
  // all of them round to 0, and wraps from 4096 on with int16. Below that the results are the same.
  uint64_t sum = 0;
  int32_t kept[kKept];  // the exponentials of the first elements; those of others are computed a second time
  for (uint32_t c = 0; c < params.depth; ++c) {
    const int32_t e = exponential(x[c]);
    if (c < kKept) kept[c] = e;
    if (e >= 0) sum += static_cast<uint32_t>(rounding_shift_right(e, kSoftmaxSumIntegerBits));
  }
  const SoftmaxScale reciprocal(sum);
  const int32_t scale = reciprocal.scale;
  const int32_t right = reciprocal.over_unit + 31 - Output<T>::kBits;
  for (uint32_t c = 0; c < params.depth; ++c) {
    const int32_t e = c < kKept ? kept[c] : exponential(x[c]);
    // Products are below 2^31 and so nothing is left of them from 32 bits on.
    const int32_t steps = e < 0 || right > 31 ? 0 : rounding_shift_right(multiply_high(scale, e), right);
    y[c] = static_cast<T>(clamp(steps + Output<T>::kLow, Output<T>::kLow, Output<T>::kHigh));
  }
}

template <typename T>
Status run(const void* in, Rows rows, const Io& io) {
  const SoftmaxParams& params = *static_cast<const SoftmaxParams*>(in);
  const View input = io.view(0);
  const View output = io.view(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    run_row(params, input.row_as<int8_t>(row), output.row_as<T>(row));
  }
  return Status::kOk;
}

void run_float_row(const SoftmaxFloatParams& params, const float* x, float* y) {
  float largest = x[0];
  for (uint32_t c = 1; c < params.depth; ++c) largest = x[c] > largest ? x[c] : largest;
  float sum = 0;
  for (uint32_t c = 0; c < params.depth; ++c) {
    y[c] = float_exp((x[c] - largest) * params.beta);
    sum += y[c];
  }
  for (uint32_t c = 0; c < params.depth; ++c) y[c] /= sum;
}

}  // namespace

namespace kernels {

Status softmax_int8_run(const void* in, Rows rows, const Io& io, void*) { return run<int8_t>(in, rows, io); }

Status softmax_int8_int16_run(const void* in, Rows rows, const Io& io, void*) { return run<int16_t>(in, rows, io); }

Status softmax_float_run(const void* in, Rows rows, const Io& io, void*) {
  const SoftmaxFloatParams& params = *static_cast<const SoftmaxFloatParams*>(in);
  const View input = io.view(0);
  const View output = io.view(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    run_float_row(params, input.row_as<float>(row), output.row_as<float>(row));
  }
  return Status::kOk;
}

const Variant softmax_int8_variant = {
    softmax_int8, "softmax_int8", "SOFTMAX", 25,
    DataType::kInt8, DataType::kNone, DataType::kInt8, "over the last dimension",
    false, Overlap::kElementwise, sizeof(SoftmaxParams),
    softmax_int8_prepare, nullptr, footprint<int8_t>, equal_rows, nullptr, nullptr,
    cost<SoftmaxParams, kTwoFixedExponentials>};

const Variant softmax_int8_int16_variant = {
    softmax_int8_int16, "softmax_int8_int16", "SOFTMAX", 25,
    DataType::kInt8, DataType::kNone, DataType::kInt16, "over the last dimension",
    false, Overlap::kRows, sizeof(SoftmaxParams),
    softmax_int8_prepare, nullptr, footprint<int16_t>, equal_rows, nullptr, nullptr,
    cost<SoftmaxParams, kTwoFixedExponentials>};

const Variant softmax_float_variant = {
    softmax_float, "softmax_float", "SOFTMAX", 25,
    DataType::kFloat32, DataType::kNone, DataType::kFloat32, "over the last dimension",
    false, Overlap::kElementwise, sizeof(SoftmaxFloatParams),
    prepare_float, nullptr, footprint_float, equal_rows, nullptr, nullptr,
    cost_float};

}  // namespace kernels

}  // namespace microplan
