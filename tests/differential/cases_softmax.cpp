// SPDX-License-Identifier: Apache-2.0
// SOFTMAX.
#include "case_values.h"
#include "differential.h"

namespace differential {

namespace {

// Field of the schema's SoftmaxOptions.
constexpr uint8_t kBeta = 0;

template <DataType kType, DataType kOutputType>
void make(FakeOperator& op) {
  Random& random = op.random;
  op.set_option(kBeta, random.one_in(3) ? random.real(0.01f, 4) : 1.0f);
  const Shape tensor = random_shape(random, 4, 600);
  TensorInfo& input = op.add_input(kType, tensor);
  TensorInfo& output = op.add_output(kOutputType, tensor);
  fill(op, input, 6);
  quantize(op, input);
  if (kType == DataType::kInt16 && random.one_in(2)) op.set_quantization(input, random_scale(random) / 256, 0);
  if (kType == DataType::kInt8 && kOutputType == DataType::kInt8) op.set_quantization(output, 1.0f / 256, INT8_MIN);
  if (kType == DataType::kInt8 && kOutputType == DataType::kInt16) {
    op.set_quantization(output, 1.0f / 65536, INT16_MIN);
  }
  if (kType == DataType::kInt16) op.set_quantization(output, 1.0f / 32768, 0);
}

constexpr Generator kGenerators[] = {
    {"softmax_int8", make<DataType::kInt8, DataType::kInt8>},
    {"softmax_int8_int16", make<DataType::kInt8, DataType::kInt16>},
    {"softmax_int16", make<DataType::kInt16, DataType::kInt16>},
    {"softmax_float", make<DataType::kFloat32, DataType::kFloat32>},
};

}  // namespace

const Generators kSoftmaxCases(kGenerators);

}  // namespace differential
