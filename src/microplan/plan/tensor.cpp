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

struct Limits {
  int32_t low, high;
};
Limits limits_of(DataType type) {
  switch (type) {
    case DataType::kInt8: return {INT8_MIN, INT8_MAX};
    case DataType::kUInt8: return {0, UINT8_MAX};
    case DataType::kInt16: return {INT16_MIN, INT16_MAX};
    case DataType::kBool: return {0, 1};
    case DataType::kInt32:
    case DataType::kInt64:
    case DataType::kFloat32:
    case DataType::kNone: break;
  }
  return {INT32_MIN, INT32_MAX};
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
  if (type() == DataType::kFloat32) {
    memcpy(data_ + index * sizeof real, &real, sizeof real);
    return;
  }
  const bool quantized = scale() > 0;
  const Limits limits = limits_of(type());
  const int64_t q =
      quantize_value(real, quantized ? scale() : 1, quantized ? zero_point() : 0, limits.low, limits.high);
  const uint32_t bytes = element_bytes(type());
  memcpy(data_ + index * bytes, &q, bytes);  // the low bytes come first
}

uint32_t Tensor::argmax() const {
  const uint32_t count = elements();
  uint32_t best = 0;
  for (uint32_t i = 1; i < count; ++i) {
    const bool larger = type() == DataType::kFloat32
                            ? load<float>(data_, i) > load<float>(data_, best)
                            : load_integer(type(), data_, i) > load_integer(type(), data_, best);
    if (larger) best = i;
  }
  return best;
}

}  // namespace microplan
