// SPDX-License-Identifier: Apache-2.0
// An operator without a model: tables of tensors and options, filled by the generators of cases.
#ifndef MICROPLAN_TESTS_DIFFERENTIAL_FAKE_OPERATOR_H_
#define MICROPLAN_TESTS_DIFFERENTIAL_FAKE_OPERATOR_H_

#include <stdint.h>

#include "microplan/operator.h"
#include "pool.h"
#include "random.h"

namespace differential {

using microplan::DataType;
using microplan::Operand;
using microplan::Status;
using microplan::TensorInfo;

struct Shape {
  uint32_t rank;
  uint32_t dims[microplan::kMaxRank];

  uint32_t elements() const {
    uint32_t product = 1;
    for (uint32_t i = 0; i < rank; ++i) product *= dims[i];
    return product;
  }
};
template <typename... Dims>
Shape shape(Dims... dims) {
  return {sizeof...(dims), {static_cast<uint32_t>(dims)...}};
}

enum class Role : uint8_t { kActivation, kConstant, kVariable };

class FakeOperator final : public microplan::OperatorContext, public microplan::Options {
 public:
  FakeOperator(Pool& pool, Random& source) : random(source), pool_(pool) {}

  // Of the generators. Tensors hold garbage until they are filled; constants lie at odd addresses.
  TensorInfo& add_input(DataType type, const Shape& shape, Role role = Role::kActivation);
  TensorInfo& add_constant(DataType type, const Shape& shape) { return add_input(type, shape, Role::kConstant); }
  void add_absent_input();
  TensorInfo& add_output(DataType type, const Shape& shape);
  void set_quantization(TensorInfo& tensor, float scale, int32_t zero_point);
  // Room for the scales of `count` channels, and zero points of 0.
  void set_channel_scales(TensorInfo& tensor, uint32_t count, int32_t dimension, const float* scales);
  void set_option(uint8_t field, int32_t value);
  void set_option(uint8_t field, float value);
  template <typename T>
  void put(TensorInfo& tensor, uint32_t index, T value) {
    memcpy(data(tensor) + index * sizeof value, &value, sizeof value);
  }
  uint8_t* data(const TensorInfo& tensor) const { return data_[tensor.index]; }

  // The bytes of an input.
  const uint8_t* input_data(uint32_t index) const { return data_[inputs_[index].index]; }
  // Prints the tensors and the options.
  void print() const;
  // False when the pool was too small for the tensors.
  bool complete() const { return complete_; }

  uint32_t input_count() const override { return input_count_; }
  uint32_t output_count() const override { return output_count_; }
  TensorInfo input(uint32_t index) const override { return index < input_count_ ? inputs_[index] : TensorInfo(); }
  TensorInfo output(uint32_t index) const override { return index < output_count_ ? outputs_[index] : TensorInfo(); }
  const microplan::Options& options() const override { return *this; }
  Status fail(Status status, Operand operand, const char* reason, const char* fix, int64_t found) const override;

  int32_t int32_field(uint32_t field, int32_t absent) const override;
  uint8_t uint8_field(uint32_t field, uint8_t absent) const override;
  float float_field(uint32_t field, float absent) const override;

  // What prepare said last.
  const char* reason() const { return reason_; }

  Random& random;

 private:
  struct Option {
    uint8_t field;
    bool is_float;
    int32_t integer;
    float real;
  };
  static constexpr uint32_t kMaxOptions = 12;

  void describe(TensorInfo& tensor, DataType type, const Shape& shape);
  uint8_t* take(uint32_t bytes, uint32_t alignment);
  const Option* find(uint32_t field) const;

  Pool& pool_;
  TensorInfo inputs_[kMaxInputs];
  TensorInfo outputs_[kMaxOutputs];
  uint8_t* data_[kMaxInputs + kMaxOutputs] = {};
  Option options_[kMaxOptions];
  uint32_t input_count_ = 0, output_count_ = 0, tensor_count_ = 0, option_count_ = 0;
  bool complete_ = true;
  mutable const char* reason_ = "";
};

}  // namespace differential

#endif  // MICROPLAN_TESTS_DIFFERENTIAL_FAKE_OPERATOR_H_
