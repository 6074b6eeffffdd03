// SPDX-License-Identifier: Apache-2.0
// Operators on each element: ADD, SUB and MUL with broadcasting, activations, QUANTIZE and DEQUANTIZE.
#include "case_values.h"
#include "differential.h"

namespace differential {

namespace {

constexpr uint32_t kMaxElements = 1500;

// Of the schema's AddOptions, SubOptions, MulOptions.
constexpr uint8_t kFusedActivation = 0;
// Of LeakyReluOptions.
constexpr uint8_t kAlpha = 0;

enum class Binary : uint8_t { kAdd, kSub, kMul };

// What is left of `output` for an input that repeats in the dimensions of `mask`, without dimensions of 1 in front, mostly.
Shape repeated(Random& random, const Shape& output, uint32_t mask) {
  Shape result = output;
  for (uint32_t i = 0; i < output.rank; ++i) {
    if (mask >> i & 1) result.dims[i] = 1;
  }
  const bool shorten = !random.one_in(3);
  while (shorten && result.rank > 1 && result.dims[0] == 1) {
    --result.rank;
    for (uint32_t i = 0; i < result.rank; ++i) result.dims[i] = result.dims[i + 1];
  }
  return result;
}

template <DataType kType, Binary kOperator>
void make_binary(FakeOperator& op) {
  Random& random = op.random;
  const Shape output_shape = random_shape(random, 5, kMaxElements);
  const uint32_t all = (1u << output_shape.rank) - 1;
  uint32_t mask[2] = {0, 0};
  switch (random.below(6)) {
    case 0: mask[random.below(2)] = all; break;                                   // one number
    case 1: mask[random.below(2)] = all >> 1; break;                              // one number for each channel
    case 2: mask[0] = random.below(all + 1), mask[1] = random.below(all + 1) & ~mask[0]; break;
    default: break;
  }
  const bool plain = kType == DataType::kInt32 && kOperator == Binary::kAdd;
  op.set_option(kFusedActivation, plain ? 0 : static_cast<int32_t>(random.below(kActivations)));
  const uint32_t constant = random.below(6);
  for (uint32_t i = 0; i < 2; ++i) {
    const Role role = constant == i ? Role::kConstant : Role::kActivation;
    TensorInfo& input = op.add_input(kType, repeated(random, output_shape, mask[i]), role);
    fill(op, input, 4);
    if (kType == DataType::kInt32) continue;
    quantize(op, input);
    // A scale that is far from the other's; equal scales.
    if (i == 1 && kType != DataType::kFloat32 && random.one_in(4)) {
      const float other = op.input(0).scale();
      op.set_quantization(input, random.one_in(2) ? other : other * 1e-6f, input.zero_point());
    }
  }
  TensorInfo& output = op.add_output(kType, output_shape);
  if (kType == DataType::kInt32 || kType == DataType::kFloat32) return;
  quantize(op, output);
  if (kOperator != Binary::kMul) return;
  // Products use the output's range; left shifts now and then.
  const float product = op.input(0).scale() * op.input(1).scale();
  constexpr float kFactors[] = {0.01f, 0.001f, 0.5f, 0.25f, 3, 200, 1e-9f};
  if (random.one_in(2)) op.set_quantization(output, product / random.pick(kFactors), output.zero_point());
}

enum class Unary : uint8_t { kRectify, kLeaky, kLogistic, kTanh };

// The quantization that the output must have.
template <DataType kType, Unary kOperator>
void quantize_unary(FakeOperator& op, TensorInfo& output) {
  if (kType == DataType::kFloat32) return;
  if (kType == DataType::kInt16 && (kOperator == Unary::kLogistic || kOperator == Unary::kTanh)) {
    op.set_quantization(output, 1.0f / 32768, 0);
  } else if (kOperator == Unary::kLogistic) {
    op.set_quantization(output, 1.0f / 256, INT8_MIN);
  } else if (kOperator == Unary::kTanh) {
    op.set_quantization(output, 1.0f / 128, 0);
  } else {
    quantize(op, output);
  }
}

template <DataType kType, Unary kOperator>
void make_unary(FakeOperator& op) {
  Random& random = op.random;
  const Shape tensor = random_shape(random, 5, kMaxElements);
  if (kOperator == Unary::kLeaky) op.set_option(kAlpha, random.real(-0.5f, 1.5f));
  TensorInfo& input = op.add_input(kType, tensor);
  fill(op, input, 8);
  quantize(op, input);
  if (kType == DataType::kInt16 && random.one_in(2)) {
    constexpr float kScales[] = {1.0f / 4096, 1.0f / 2048, 1.0f / 8192, 1.0f / 5000, 0.1f, 1e-8f};
    op.set_quantization(input, random.pick(kScales), 0);
  }
  quantize_unary<kType, kOperator>(op, op.add_output(kType, tensor));
}

// Every second number lies half way between two steps.
void fill_halves(FakeOperator& op, TensorInfo& tensor, float scale, int32_t steps) {
  const bool specials = op.random.one_in(4);
  for (uint32_t i = 0; i < tensor.elements; ++i) {
    if (specials && op.random.one_in(20)) {
      op.put(tensor, i, op.random.one_in(4) ? op.random.real(-1e30f, 1e30f) : random_special(op.random));
      continue;
    }
    const float whole = static_cast<float>(op.random.between_signed(-steps, steps));
    op.put(tensor, i, (whole + (op.random.one_in(2) ? 0.5f : op.random.unit())) * scale);
  }
}

template <DataType kFrom, DataType kTo>
void make_quantize(FakeOperator& op) {
  Random& random = op.random;
  const Shape tensor = random_shape(random, 5, kMaxElements);
  TensorInfo& input = op.add_input(kFrom, tensor);
  TensorInfo& output = op.add_output(kTo, tensor);
  fill(op, input, 4);
  quantize(op, input);
  quantize(op, output);
  if (kFrom == DataType::kFloat32) {
    fill_halves(op, input, output.scale(), kTo == DataType::kInt8 ? 300 : 40000);
  } else if (kTo != DataType::kFloat32 && random.one_in(3)) {
    constexpr float kFactors[] = {1, 0.5f, 2, 256, 1.0f / 256, 1.0f / 16777216, 1e-8f, 30000};
    op.set_quantization(output, input.scale() / random.pick(kFactors), output.zero_point());
  }
}

constexpr DataType kInt8 = DataType::kInt8;
constexpr DataType kUInt8 = DataType::kUInt8;
constexpr DataType kInt16 = DataType::kInt16;
constexpr DataType kInt32 = DataType::kInt32;
constexpr DataType kFloat = DataType::kFloat32;

constexpr Generator kGenerators[] = {
    {"add_int8", make_binary<kInt8, Binary::kAdd>},
    {"add_int16", make_binary<kInt16, Binary::kAdd>},
    {"add_int32", make_binary<kInt32, Binary::kAdd>},
    {"add_float", make_binary<kFloat, Binary::kAdd>},
    {"sub_int8", make_binary<kInt8, Binary::kSub>},
    {"sub_int16", make_binary<kInt16, Binary::kSub>},
    {"sub_int32", make_binary<kInt32, Binary::kSub>},
    {"sub_float", make_binary<kFloat, Binary::kSub>},
    {"mul_int8", make_binary<kInt8, Binary::kMul>},
    {"mul_int16", make_binary<kInt16, Binary::kMul>},
    {"mul_int32", make_binary<kInt32, Binary::kMul>},
    {"mul_float", make_binary<kFloat, Binary::kMul>},
    {"relu_int8", make_unary<kInt8, Unary::kRectify>},
    {"relu_int16", make_unary<kInt16, Unary::kRectify>},
    {"relu_float", make_unary<kFloat, Unary::kRectify>},
    {"relu6_int8", make_unary<kInt8, Unary::kRectify>},
    {"relu6_int16", make_unary<kInt16, Unary::kRectify>},
    {"relu6_float", make_unary<kFloat, Unary::kRectify>},
    {"leaky_relu_int8", make_unary<kInt8, Unary::kLeaky>},
    {"leaky_relu_int16", make_unary<kInt16, Unary::kLeaky>},
    {"leaky_relu_float", make_unary<kFloat, Unary::kLeaky>},
    {"logistic_int8", make_unary<kInt8, Unary::kLogistic>},
    {"logistic_int16", make_unary<kInt16, Unary::kLogistic>},
    {"logistic_float", make_unary<kFloat, Unary::kLogistic>},
    {"tanh_int8", make_unary<kInt8, Unary::kTanh>},
    {"tanh_int16", make_unary<kInt16, Unary::kTanh>},
    {"tanh_float", make_unary<kFloat, Unary::kTanh>},
    {"dequantize_int8", make_quantize<kInt8, kFloat>},
    {"dequantize_int16", make_quantize<kInt16, kFloat>},
    {"dequantize_uint8", make_quantize<kUInt8, kFloat>},
    {"quantize_float_int8", make_quantize<kFloat, kInt8>},
    {"quantize_float_int16", make_quantize<kFloat, kInt16>},
    {"requantize_int8", make_quantize<kInt8, kInt8>},
    {"requantize_int16_int8", make_quantize<kInt16, kInt8>},
    {"requantize_int8_int16", make_quantize<kInt8, kInt16>},
    {"requantize_int16", make_quantize<kInt16, kInt16>},
    {"requantize_int16_int32", make_quantize<kInt16, kInt32>},
    {"requantize_int8_int32", make_quantize<kInt8, kInt32>},
    {"requantize_int32_int8", make_quantize<kInt32, kInt8>},
    {"requantize_int32_int16", make_quantize<kInt32, kInt16>},
    {"requantize_uint8_int8", make_quantize<kUInt8, kInt8>},
    {"requantize_int8_uint8", make_quantize<kInt8, kUInt8>},
};

}  // namespace

const Generators kElementwiseCases(kGenerators);

}  // namespace differential
