// SPDX-License-Identifier: Apache-2.0
#include "fake_operator.h"

#include <string.h>

#include "print.h"

namespace differential {

namespace {

void print_tensor(const char* role, uint32_t index, const TensorInfo& tensor) {
  print("  ");
  print(role);
  print_number(index);
  if (tensor.index < 0) {
    print(" absent\n");
    return;
  }
  print(" type");
  print_number(static_cast<uint32_t>(tensor.type));
  print(tensor.is_constant ? " constant [" : tensor.is_variable ? " variable [" : " [");
  for (uint32_t i = 0; i < tensor.rank; ++i) print_number(tensor.dims[i]);
  print(" ]");
  if (tensor.scale_count != 0) {
    print(" scales");
    print_number(tensor.scale_count);
    print(" (bits");
    for (uint32_t i = 0; i < tensor.scale_count && i < 4; ++i) {
      uint32_t bits;
      memcpy(&bits, tensor.scales + 4 * i, sizeof bits);
      print_hex(bits);
    }
    print(") zero point");
    print_number(tensor.zero_point());
  }
  print("\n");
}

}  // namespace

uint8_t* FakeOperator::take(uint32_t bytes, uint32_t alignment) {
  // A byte to write to, so that generators need no checks of their own.
  static uint8_t nowhere[16 * 1024];
  uint8_t* const memory = pool_.take(bytes, alignment, random);
  if (memory != nullptr) return memory;
  complete_ = false;
  return nowhere;
}

void FakeOperator::describe(TensorInfo& tensor, DataType type, const Shape& shape) {
  tensor = TensorInfo();
  tensor.index = static_cast<int32_t>(tensor_count_);
  tensor.type = type;
  tensor.rank = static_cast<uint8_t>(shape.rank);
  memcpy(tensor.dims, shape.dims, shape.rank * sizeof shape.dims[0]);
  tensor.elements = shape.elements();
  tensor.bytes = tensor.elements * microplan::element_bytes(type);
}

TensorInfo& FakeOperator::add_input(DataType type, const Shape& shape, Role role) {
  TensorInfo& tensor = inputs_[input_count_++];
  describe(tensor, type, shape);
  data_[tensor_count_++] = take(tensor.bytes, 1);
  tensor.is_constant = role == Role::kConstant;
  tensor.is_variable = role == Role::kVariable;
  if (tensor.is_constant) tensor.data = data(tensor);
  return tensor;
}

void FakeOperator::add_absent_input() { inputs_[input_count_++] = TensorInfo(); }

TensorInfo& FakeOperator::add_output(DataType type, const Shape& shape) {
  TensorInfo& tensor = outputs_[output_count_++];
  describe(tensor, type, shape);
  ++tensor_count_;
  return tensor;
}

void FakeOperator::set_quantization(TensorInfo& tensor, float scale, int32_t zero_point) {
  uint8_t* const scales = take(sizeof scale, 1);
  memcpy(scales, &scale, sizeof scale);
  const int64_t wide = zero_point;
  uint8_t* const zero_points = take(sizeof wide, 1);
  memcpy(zero_points, &wide, sizeof wide);
  tensor.scale_count = tensor.zero_point_count = 1;
  tensor.scales = scales;
  tensor.zero_points = zero_points;
}

void FakeOperator::set_channel_scales(TensorInfo& tensor, uint32_t count, int32_t dimension, const float* scales) {
  uint8_t* const copy = take(count * 4, 1);
  memcpy(copy, scales, count * 4);
  uint8_t* const zero_points = take(count * 8, 1);
  memset(zero_points, 0, count * 8);
  tensor.scale_count = tensor.zero_point_count = count;
  tensor.scales = copy;
  tensor.zero_points = zero_points;
  tensor.quantized_dimension = dimension;
}

void FakeOperator::set_option(uint8_t field, int32_t value) { options_[option_count_++] = {field, false, value, 0}; }

void FakeOperator::set_option(uint8_t field, float value) { options_[option_count_++] = {field, true, 0, value}; }

const FakeOperator::Option* FakeOperator::find(uint32_t field) const {
  for (uint32_t i = 0; i < option_count_; ++i) {
    if (options_[i].field == field) return &options_[i];
  }
  return nullptr;
}

int32_t FakeOperator::int32_field(uint32_t field, int32_t absent) const {
  const Option* const option = find(field);
  return option == nullptr ? absent : option->integer;
}

uint8_t FakeOperator::uint8_field(uint32_t field, uint8_t absent) const {
  const Option* const option = find(field);
  return option == nullptr ? absent : static_cast<uint8_t>(option->integer);
}

float FakeOperator::float_field(uint32_t field, float absent) const {
  const Option* const option = find(field);
  return option == nullptr ? absent : option->real;
}

Status FakeOperator::fail(Status status, Operand, const char* reason, const char*, int64_t) const {
  reason_ = reason;
  return status;
}

void FakeOperator::print() const {
  for (uint32_t i = 0; i < input_count_; ++i) print_tensor("input", i, inputs_[i]);
  for (uint32_t i = 0; i < output_count_; ++i) print_tensor("output", i, outputs_[i]);
  differential::print("  options");
  for (uint32_t i = 0; i < option_count_; ++i) {
    print_number(options_[i].field);
    differential::print(":");
    if (!options_[i].is_float) {
      print_number(options_[i].integer);
      continue;
    }
    uint32_t bits;
    memcpy(&bits, &options_[i].real, sizeof bits);
    differential::print(" bits");
    print_hex(bits);
  }
  differential::print("\n");
}

}  // namespace differential
