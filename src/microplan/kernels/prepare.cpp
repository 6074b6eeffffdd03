// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/prepare.h"

#include <string.h>

namespace microplan {

bool multiply_checked(uint32_t factor, uint32_t* product) {
  const uint64_t result = static_cast<uint64_t>(*product) * factor;
  if (result == 0 || result > kMaxBytes) return false;
  *product = static_cast<uint32_t>(result);
  return true;
}

bool requantize_from(double real, Requantize* result) {
  uint64_t bits;
  memcpy(&bits, &real, sizeof bits);
  constexpr int32_t kBias = 1022;  // of an exponent whose significand is taken as [0.5, 1)
  int32_t shift = static_cast<int32_t>(bits >> 52) - kBias;
  // The significand's 53 bits rounded to 31, halves up; it may round up to the next power of two.
  const uint64_t significand = (bits & ((uint64_t{1} << 52) - 1)) | (uint64_t{1} << 52);
  uint64_t rounded = (significand + (uint64_t{1} << 21)) >> 22;
  if (rounded == uint64_t{1} << 31) {
    rounded >>= 1;
    ++shift;
  }
  if (real <= 0 || shift < -31) {
    *result = {0, 0};
    return true;
  }
  *result = {static_cast<int32_t>(rounded), shift};
  return shift <= 30;
}

int32_t round_to_int(float value) {
  const double magnitude = (value < 0 ? -static_cast<double>(value) : static_cast<double>(value)) + 0.5;
  const int32_t rounded = static_cast<int32_t>(static_cast<int64_t>(magnitude));
  return value < 0 ? -rounded : rounded;
}

namespace {

struct Range {
  float low, high;
  bool has_low, has_high;
};

Status range_of(const OperatorContext& context, uint8_t activation, Range* range) {
  switch (static_cast<Activation>(activation)) {
    case Activation::kNone: *range = {0, 0, false, false}; return Status::kOk;
    case Activation::kRelu: *range = {0, 0, true, false}; return Status::kOk;
    case Activation::kReluN1To1: *range = {-1, 1, true, true}; return Status::kOk;
    case Activation::kRelu6: *range = {0, 6, true, true}; return Status::kOk;
  }
  return context.fail(Status::kUnsupportedOption, output_operand(0),
                      MICROPLAN_DIAGNOSTIC_TEXT("the fused activation is not NONE, RELU, RELU_N1_TO_1 or RELU6"),
                      MICROPLAN_DIAGNOSTIC_TEXT("make the activation an operator of its own"), activation);
}

// zero_point + round(real / scale), false when it does not fit 31 bits.
bool quantize_bound(float real, const TensorInfo& tensor, int32_t* q) {
  const float steps = real / tensor.scale();
  if (!(steps > -1e9f && steps < 1e9f)) return false;
  *q = tensor.zero_point() + round_to_int(steps);
  return true;
}

}  // namespace

Status activation_range(const OperatorContext& context, uint8_t activation, const TensorInfo& output, int32_t* act_min,
                        int32_t* act_max) {
  *act_min = output.type == DataType::kInt8 ? INT8_MIN : output.type == DataType::kInt16 ? INT16_MIN : 0;
  *act_max = output.type == DataType::kInt8 ? INT8_MAX : output.type == DataType::kInt16 ? INT16_MAX : UINT8_MAX;
  Range range = {};
  const Status status = range_of(context, activation, &range);
  if (status != Status::kOk) return status;
  int32_t low = *act_min;
  int32_t high = *act_max;
  if ((range.has_low && !quantize_bound(range.low, output, &low)) ||
      (range.has_high && !quantize_bound(range.high, output, &high))) {
    return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the fused activation's bounds overflow at this scale"),
                        MICROPLAN_DIAGNOSTIC_TEXT("quantize the model again with representative data"));
  }
  if (low > *act_min) *act_min = low;
  if (high < *act_max) *act_max = high;
  return Status::kOk;
}

Status activation_range_float(const OperatorContext& context, uint8_t activation, float* act_min, float* act_max) {
  Range range = {};
  const Status status = range_of(context, activation, &range);
  if (status != Status::kOk) return status;
  constexpr float kLargest = 3.402823466e+38f;
  *act_min = range.has_low ? range.low : -kLargest;
  *act_max = range.has_high ? range.high : kLargest;
  return Status::kOk;
}

Status check_arity(const OperatorContext& context, uint32_t low, uint32_t high) {
  if (context.input_count() < low || context.input_count() > high || context.output_count() != 1) {
    return context.fail(Status::kModelMalformed, input_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the operator has the wrong number of inputs or outputs"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), context.input_count());
  }
  return Status::kOk;
}

Status check_constant(const OperatorContext& context, uint8_t index) {
  if (context.input(index).is_constant) return Status::kOk;
  return context.fail(Status::kNotConstant, input_operand(index),
                      MICROPLAN_DIAGNOSTIC_TEXT("this input must be a constant of the model, but it is computed"),
                      MICROPLAN_DIAGNOSTIC_TEXT("freeze the model before converting it"));
}

bool same_shape(const TensorInfo& a, const TensorInfo& b) {
  return a.rank == b.rank && memcmp(a.dims, b.dims, a.rank * sizeof a.dims[0]) == 0;
}

Cost reference_cost(uint64_t macs, uint64_t outputs, uint32_t constant_bytes) {
  return {macs, 120 + 7 * macs + 40 * outputs, constant_bytes};
}

Cost with_floats(Cost cost, const Target& target, uint64_t operations) {
  // Measured: 30 on a Cortex-M3, 80 on cores whose products have 32 bits or that do not count leading zeros.
  constexpr uint32_t kCall = 45;
  if ((target.features & kFeatureFpu) == 0) cost.instructions += operations * kCall;
  return cost;
}

}  // namespace microplan
