// SPDX-License-Identifier: Apache-2.0
// Tensor: real numbers in and out of an input's or output's elements.
#include <string.h>

#include "microplan/kernels/quantization.h"
#include "microplan/model.h"

namespace microplan {

namespace {

template <typename T>
T load(const uint8_t* data, uint32_t index) {
  T value;
  memcpy(&value, data + index * sizeof(T), sizeof value);
  return value;
}

template <typename T>
void store(uint8_t* data, uint32_t index, T value) {
  memcpy(data + index * sizeof(T), &value, sizeof value);
}

// Element `index` of a tensor that is not float32. int64 is kept within the range of int32.
int32_t load_integer(DataType type, const uint8_t* data, uint32_t index) {
  switch (type) {
    case DataType::kInt8: return load<int8_t>(data, index);
    case DataType::kUInt8:
    case DataType::kBool: return load<uint8_t>(data, index);
    case DataType::kInt16: return load<int16_t>(data, index);
    case DataType::kInt32: return load<int32_t>(data, index);
    case DataType::kInt64: {
      const int64_t value = load<int64_t>(data, index);
      return value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : static_cast<int32_t>(value);
    }
    case DataType::kFloat32:
    case DataType::kNone: break;
  }
  return 0;
}

template <typename T>
uint32_t largest(const uint8_t* data, uint32_t count) {
  uint32_t best = 0;
  for (uint32_t i = 1; i < count; ++i) {
    if (load<T>(data, i) > load<T>(data, best)) best = i;
  }
  return best;
}

}  // namespace

int32_t quantize_value(float real, float scale, int32_t zero_point, int32_t low, int32_t high) {
  return microplan::quantize(real, scale, zero_point, low, high);
}

float Tensor::dequantize(uint32_t index) const {
  if (index >= elements()) return 0;
  if (type() == DataType::kFloat32) return load<float>(data_, index);
  const int32_t q = load_integer(type(), data_, index);
  return scale() > 0 ? microplan::dequantize(q, scale(), zero_point()) : static_cast<float>(q);
}

void Tensor::set(uint32_t index, float real) const {
  if (index >= elements()) return;
  const float step = scale() > 0 ? scale() : 1;
  const int32_t zero = scale() > 0 ? zero_point() : 0;
  const auto quantized = [=](int32_t low, int32_t high) { return quantize_value(real, step, zero, low, high); };
  switch (type()) {
    case DataType::kFloat32: store(data_, index, real); return;
    case DataType::kInt8: store(data_, index, static_cast<int8_t>(quantized(INT8_MIN, INT8_MAX))); return;
    case DataType::kUInt8: store(data_, index, static_cast<uint8_t>(quantized(0, UINT8_MAX))); return;
    case DataType::kInt16: store(data_, index, static_cast<int16_t>(quantized(INT16_MIN, INT16_MAX))); return;
    case DataType::kInt32: store(data_, index, quantized(INT32_MIN, INT32_MAX)); return;
    case DataType::kInt64: store(data_, index, static_cast<int64_t>(quantized(INT32_MIN, INT32_MAX))); return;
    case DataType::kBool: store(data_, index, static_cast<uint8_t>(real != 0 ? 1 : 0)); return;
    case DataType::kNone: return;
  }
}

uint32_t Tensor::argmax() const {
  switch (type()) {
    case DataType::kFloat32: return largest<float>(data_, elements());
    case DataType::kInt8: return largest<int8_t>(data_, elements());
    case DataType::kUInt8:
    case DataType::kBool: return largest<uint8_t>(data_, elements());
    case DataType::kInt16: return largest<int16_t>(data_, elements());
    case DataType::kInt32: return largest<int32_t>(data_, elements());
    case DataType::kInt64: return largest<int64_t>(data_, elements());
    case DataType::kNone: break;
  }
  return 0;
}

}  // namespace microplan
