// SPDX-License-Identifier: Apache-2.0
// SOFTMAX, int16: prepare and the reference kernel. Exponential and reciprocal are tables with linear interpolation,
// bit for bit those that TensorFlow Lite Micro fills when it starts; here the compiler does.
#include "microplan/kernels.h"
#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/prepare.h"
#include "microplan/kernels/softmax.h"

namespace microplan {

namespace {

// Fields of the schema's SoftmaxOptions.
constexpr uint32_t kBeta = 0;

constexpr uint32_t kSteps = 512;
constexpr int32_t kStepBits = 7;  // 2^16 inputs in 512 steps

// A function over the inputs [-2^15, 2^15), in steps of 2 / 65535.
struct Table {
  int16_t entry[kSteps + 1];
};

// Nearest integer, halves away from zero; for numbers that fit 31 bits.
constexpr float rounded(float value) {
  const int32_t whole = static_cast<int32_t>(value);
  const float rest = value - static_cast<float>(whole);
  return static_cast<float>(whole + (rest >= 0.5f) - (rest <= -0.5f));
}

constexpr int16_t saturated(float value) {
  if (value > INT16_MAX) return INT16_MAX;
  return value < INT16_MIN ? static_cast<int16_t>(INT16_MIN) : static_cast<int16_t>(value);
}

// e^x for x in [-10, 0]: the Taylor series of e^(x / 64), squared six times.
constexpr float exponential(float x) {
  const double part = static_cast<double>(x) / 64;
  double sum = 1;
  for (int32_t k = 10; k > 0; --k) sum = 1 + sum * part / k;
  for (int32_t k = 0; k < 6; ++k) sum *= sum;
  return static_cast<float>(sum);
}

constexpr float reciprocal(float x) { return 1.0f / (1.0f + x); }

// `function` from `low` to `high`. Each entry is moved by half of the error that the interpolation makes in the middle
// of its step. In single precision, as TensorFlow Lite Micro computes it.
template <float (*function)(float)>
constexpr Table make_table(float low, float high) {
  constexpr float kRange = 65535;
  constexpr float kOutputStep = 2.0f / kRange;
  constexpr float kScale = 65536 / (kOutputStep * INT16_MAX - kOutputStep * INT16_MIN);
  const float step = (high - low) / kSteps;
  Table table = {};
  for (uint32_t i = 0; i < kSteps; ++i) {
    const float at = low + static_cast<float>(i) * step;
    const float next = low + static_cast<float>(i + 1) * step;
    const float value = rounded(function(at) * kScale);
    const float interpolated = rounded((function(next) * kScale + value) / 2);
    const float middle = rounded(function(at + step / 2) * kScale);
    table.entry[i] = saturated(value - rounded((interpolated - middle) / 2));
  }
  table.entry[kSteps] = saturated(rounded(function(high) * kScale));
  return table;
}

constexpr float kExponentStep = 10.0f / 65535;
constexpr Table kExponential = make_table<exponential>(kExponentStep * -65535, 0);
constexpr Table kReciprocal = make_table<reciprocal>(0, 1.0f / 65535 * 65535);

int32_t look_up(const Table& table, int32_t value) {
  const int32_t x = clamp(value, INT16_MIN, INT16_MAX) - INT16_MIN;
  const int16_t* const entry = &table.entry[x >> kStepBits];
  const int32_t fraction = x & ((1 << kStepBits) - 1);
  return entry[0] + (((entry[1] - entry[0]) * fraction + (1 << (kStepBits - 1))) >> kStepBits);
}

Status prepare(const OperatorContext& context, void* out) {
  SoftmaxInt16Params& params = *static_cast<SoftmaxInt16Params*>(out);
  Status status = prepare_softmax_shape(context, &params.rows, &params.depth);
  if (status == Status::kOk) status = check_per_tensor(context, input_operand(0));
  if (status == Status::kOk) status = check_per_tensor(context, output_operand(0));
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(0);
  const TensorInfo output = context.output(0);
  constexpr float kExpected = 1.0f / 32768;
  constexpr float kTolerance = 0.001f * kExpected;
  const float error = output.scale() > kExpected ? output.scale() - kExpected : kExpected - output.scale();
  if (input.zero_point() != 0 || output.zero_point() != 0 || error > kTolerance) {
    return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("zero points that are not 0, or an output scale that is not 2^-15"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model with int16 activations again"));
  }
  if (params.depth > SoftmaxInt16Params::kMaxDepth) {
    return context.fail(Status::kTooLarge, input_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the last dimension exceeds 65536"),
                        MICROPLAN_DIAGNOSTIC_TEXT("use a smaller model"), params.depth);
  }
  const double real = static_cast<double>(input.scale()) *
                      static_cast<double>(context.options().float_field(kBeta, 0)) / (10.0 / 65535.0);
  if (!(real > 0)) {
    return context.fail(Status::kUnsupportedOption, input_operand(0), MICROPLAN_DIAGNOSTIC_TEXT("beta is not positive"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again with beta 1"));
  }
  // From 2^30 on only the largest elements count: zeroed params say that.
  if (real >= static_cast<double>(1 << 30) || !requantize_from(real, &params.by)) {
    params.by = {0, 0};
    return Status::kOk;
  }
  // Differences that can be shifted; what lies below has an exponent far under -10.
  params.diff_min = -(INT32_MAX >> (params.by.shift > 0 ? params.by.shift : 0));
  return Status::kOk;
}

bool footprint(const void* in, Footprint* footprint) {
  const SoftmaxInt16Params& params = *static_cast<const SoftmaxInt16Params*>(in);
  uint32_t bytes = sizeof(int16_t);
  // With a difference of 0 left out, the sum of exponentials could be 0.
  if (params.rows == 0 || params.diff_min > 0 || params.depth > SoftmaxInt16Params::kMaxDepth ||
      !multiply_checked(params.depth, &bytes)) {
    return false;
  }
  footprint->add_view(input_operand(0), params.rows, bytes, sizeof(int16_t));
  footprint->add_view(output_operand(0), params.rows, bytes, sizeof(int16_t));
  return true;
}

Cost cost(const void* in, const Target&) {
  const SoftmaxInt16Params& params = *static_cast<const SoftmaxInt16Params*>(in);
  constexpr uint32_t kElement = 50;
  constexpr uint32_t kRow = 60;
  return {0, params.rows * (static_cast<uint64_t>(params.depth) * kElement + kRow), 0};
}

void run_row(const SoftmaxInt16Params& params, const int16_t* x, int16_t* y) {
  int32_t largest = INT16_MIN;
  for (uint32_t c = 0; c < params.depth; ++c) largest = x[c] > largest ? x[c] : largest;
  // Exponentials in Q0.15 wait in the output. The largest element's is nearly 1, so that the sum is not 0.
  uint32_t sum = 0;
  for (uint32_t c = 0; c < params.depth; ++c) {
    const int32_t diff = x[c] - largest;
    const int32_t exponent = diff < params.diff_min ? INT16_MIN : wrap_add(requantize(diff, params.by), INT16_MAX);
    const int32_t e = look_up(kExponential, exponent);
    y[c] = static_cast<int16_t>(e);
    sum += static_cast<uint32_t>(e);
  }
  // The sum is (1 + f) * 2^bits. The table has 1 / (1 + f) for 2^16 f - 2^15.
  int32_t bits = 30;
  while (sum >> bits == 0) --bits;
  const int32_t one_plus_f = static_cast<int32_t>(((sum << (30 - bits)) + (1u << 13)) >> 14);
  const int32_t scale = look_up(kReciprocal, one_plus_f - (1 << 16) + INT16_MIN);
  const int32_t half = 1 << (bits - 1);
  for (uint32_t c = 0; c < params.depth; ++c) {
    y[c] = static_cast<int16_t>(clamp((y[c] * scale + half) >> bits, 0, INT16_MAX));
  }
}

}  // namespace

namespace kernels {

Status softmax_int16_run(const void* in, Rows rows, const Io& io, void*) {
  const SoftmaxInt16Params& params = *static_cast<const SoftmaxInt16Params*>(in);
  const View input = io.view(0);
  const View output = io.view(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    run_row(params, input.row_as<int16_t>(row), output.row_as<int16_t>(row));
  }
  return Status::kOk;
}

const Variant softmax_int16_variant = {
    softmax_int16, "softmax_int16", "SOFTMAX", 25,
    DataType::kInt16, DataType::kNone, DataType::kInt16, "over the last dimension",
    false, Overlap::kElementwise, sizeof(SoftmaxInt16Params),
    prepare, nullptr, footprint, equal_rows, nullptr, nullptr, cost};

}  // namespace kernels

}  // namespace microplan
