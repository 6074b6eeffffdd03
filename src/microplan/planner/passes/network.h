// SPDX-License-Identifier: Apache-2.0
// A model that passes can change: tensors and operators that own what they hold. load_network() makes it of a .tflite
// file, write_network() makes a file of it again.
#ifndef MICROPLAN_PLANNER_PASSES_NETWORK_H_
#define MICROPLAN_PLANNER_PASSES_NETWORK_H_

#include <stdint.h>

#include <string>
#include <vector>

#include "microplan/operator.h"

namespace microplan {

struct NetworkTensor {
  std::string name;
  DataType type = DataType::kNone;  // kNone: no operator uses the tensor
  std::vector<uint32_t> dims;
  bool is_variable = false;
  bool is_constant = false;
  std::vector<uint8_t> data;  // of a constant
  std::vector<float> scales;
  std::vector<int64_t> zero_points;
  int32_t quantized_dimension = 0;

  int32_t source = -1;  // its index in the source model; -1: a pass made it
  // Which elements of the source tensor's last dimension are left; empty: all of them.
  std::vector<uint32_t> channels;

  uint32_t elements() const;
  uint32_t last_dim() const { return dims.empty() ? 1 : dims.back(); }
  bool has_quantization_of(const NetworkTensor& other) const {
    return scales == other.scales && zero_points == other.zero_points;
  }
};

struct NetworkOperator {
  // A scalar of the options table, as the four bytes that lie there.
  struct Option {
    uint32_t field;
    uint32_t bits;
  };

  uint32_t code = 0;
  uint32_t version = 1;
  uint8_t options_type = 0;  // of the schema's union
  std::vector<Option> options;
  std::vector<int32_t> inputs, outputs;  // tensor indices, -1 for an absent input
  // The operators of the source model that it stands for. The first gives it its name.
  std::vector<uint32_t> sources;

  int32_t option(uint32_t field, int32_t absent) const;
  void set_option(uint32_t field, int32_t value);
  // -1 when there is no such input.
  int32_t input(uint32_t index) const { return index < inputs.size() ? inputs[index] : -1; }
};

class Network {
 public:
  std::vector<NetworkTensor> tensors;
  std::vector<NetworkOperator> operators;  // in the order of execution
  std::vector<int32_t> inputs, outputs;

  NetworkTensor& tensor(int32_t index) { return tensors[static_cast<size_t>(index)]; }
  const NetworkTensor& tensor(int32_t index) const { return tensors[static_cast<size_t>(index)]; }
  int32_t add_tensor(NetworkTensor tensor);
  // An int32 constant.
  int32_t add_int32(const std::string& name, const std::vector<uint32_t>& dims, const std::vector<int32_t>& values);

  // Index of the operator that computes the tensor, -1 when none does.
  int32_t producer(int32_t tensor) const;
  // How often operators read the tensor; an output of the model counts as one more.
  uint32_t use_count(int32_t tensor) const;
  bool is_input(int32_t tensor) const;
  bool is_output(int32_t tensor) const;
  // Whether the tensor is computed by an operator and is neither an output of the model nor a variable, so that passes may
  // replace it.
  bool is_intermediate(int32_t tensor) const;
  // Whether the operator reads or computes variables.
  bool has_state(const NetworkOperator& op) const;
  // Lets every reader of `from` read `to`.
  void replace_input(int32_t from, int32_t to);
  void remove_operator(uint32_t index) { operators.erase(operators.begin() + static_cast<std::ptrdiff_t>(index)); }
};

// An operator of a network as prepare functions take it; network and operator stay unchanged while it lives.
class NetworkContext final : public OperatorContext, public Options {
 public:
  NetworkContext(const Network& network, const NetworkOperator& op) : network_(network), op_(op) {}

  uint32_t input_count() const override { return static_cast<uint32_t>(op_.inputs.size()); }
  uint32_t output_count() const override { return static_cast<uint32_t>(op_.outputs.size()); }
  TensorInfo input(uint32_t index) const override { return info(op_.input(index)); }
  TensorInfo output(uint32_t index) const override {
    return info(index < op_.outputs.size() ? op_.outputs[index] : -1);
  }
  const Options& options() const override { return *this; }
  Status fail(Status status, Operand, const char*, const char*, int64_t) const override { return status; }

  int32_t int32_field(uint32_t field, int32_t absent) const override { return op_.option(field, absent); }
  uint8_t uint8_field(uint32_t field, uint8_t absent) const override {
    return static_cast<uint8_t>(op_.option(field, absent));
  }
  float float_field(uint32_t field, float absent) const override;

 private:
  TensorInfo info(int32_t tensor) const;

  const Network& network_;
  const NetworkOperator& op_;
};

// False when the model is not one that the planner takes as a whole.
bool load_network(ConstBuffer model, Network* network);

// The file, and which tensor of the network each of its tensors is. Equal networks give equal bytes.
struct WrittenNetwork {
  std::vector<uint8_t> content;
  std::vector<uint32_t> tensors;
};
WrittenNetwork write_network(const Network& network);

}  // namespace microplan

#endif  // MICROPLAN_PLANNER_PASSES_NETWORK_H_
