// SPDX-License-Identifier: Apache-2.0
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include <string.h>

#include <algorithm>
#include <utility>

#include "microplan/planner/passes/network.h"

namespace microplan {

namespace {

bool contains(const std::vector<int32_t>& indices, int32_t index) {
  return std::find(indices.begin(), indices.end(), index) != indices.end();
}

}  // namespace

uint32_t NetworkTensor::elements() const {
  uint32_t product = 1;
  for (const uint32_t dim : dims) product *= dim;
  return product;
}

int32_t NetworkOperator::option(uint32_t field, int32_t absent) const {
  for (const Option& option : options) {
    if (option.field == field) return static_cast<int32_t>(option.bits);
  }
  return absent;
}

void NetworkOperator::set_option(uint32_t field, int32_t value) {
  for (Option& option : options) {
    if (option.field == field) {
      option.bits = static_cast<uint32_t>(value);
      return;
    }
  }
  options.push_back({field, static_cast<uint32_t>(value)});
}

int32_t Network::add_tensor(NetworkTensor tensor) {
  tensors.push_back(std::move(tensor));
  return static_cast<int32_t>(tensors.size()) - 1;
}

int32_t Network::add_int32(const std::string& name, const std::vector<uint32_t>& dims,
                           const std::vector<int32_t>& values) {
  NetworkTensor tensor;
  tensor.name = name;
  tensor.type = DataType::kInt32;
  tensor.dims = dims;
  tensor.is_constant = true;
  tensor.data.resize(4 * values.size());
  memcpy(tensor.data.data(), values.data(), tensor.data.size());
  return add_tensor(std::move(tensor));
}

int32_t Network::producer(int32_t tensor) const {
  for (size_t i = 0; i < operators.size(); ++i) {
    if (contains(operators[i].outputs, tensor)) return static_cast<int32_t>(i);
  }
  return -1;
}

uint32_t Network::use_count(int32_t tensor) const {
  uint32_t count = is_output(tensor);
  for (const NetworkOperator& op : operators) {
    count += static_cast<uint32_t>(std::count(op.inputs.begin(), op.inputs.end(), tensor));
  }
  return count;
}

bool Network::is_input(int32_t tensor) const { return contains(inputs, tensor); }
bool Network::is_output(int32_t tensor) const { return contains(outputs, tensor); }

bool Network::is_intermediate(int32_t index) const {
  return index >= 0 && !tensor(index).is_constant && !tensor(index).is_variable && !is_input(index) &&
         !is_output(index);
}

bool Network::has_state(const NetworkOperator& op) const {
  for (const int32_t index : op.inputs) {
    if (index >= 0 && tensor(index).is_variable) return true;
  }
  for (const int32_t index : op.outputs) {
    if (tensor(index).is_variable) return true;
  }
  return false;
}

void Network::replace_input(int32_t from, int32_t to) {
  for (NetworkOperator& op : operators) std::replace(op.inputs.begin(), op.inputs.end(), from, to);
}

float NetworkContext::float_field(uint32_t field, float absent) const {
  uint32_t bits;
  memcpy(&bits, &absent, sizeof bits);
  bits = static_cast<uint32_t>(op_.option(field, static_cast<int32_t>(bits)));
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

TensorInfo NetworkContext::info(int32_t index) const {
  TensorInfo info;
  if (index < 0) return info;
  const NetworkTensor& tensor = network_.tensor(index);
  info.index = index;
  info.type = tensor.type;
  info.rank = static_cast<uint8_t>(tensor.dims.size());
  info.is_constant = tensor.is_constant;
  info.is_variable = tensor.is_variable;
  std::copy(tensor.dims.begin(), tensor.dims.end(), info.dims);
  info.elements = tensor.elements();
  info.bytes = info.elements * element_bytes(tensor.type);
  info.data = tensor.is_constant ? tensor.data.data() : nullptr;
  info.scale_count = static_cast<uint32_t>(tensor.scales.size());
  info.zero_point_count = static_cast<uint32_t>(tensor.zero_points.size());
  info.quantized_dimension = tensor.quantized_dimension;
  info.scales = reinterpret_cast<const uint8_t*>(tensor.scales.data());
  info.zero_points = reinterpret_cast<const uint8_t*>(tensor.zero_points.data());
  return info;
}

}  // namespace microplan

#endif  // MICROPLAN_PASSES
