// SPDX-License-Identifier: Apache-2.0
// load_network: a .tflite file, read with the planner's own checks, as a network.
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include <string.h>

#include <utility>

#include "microplan/planner/passes/network.h"
#include "microplan/planner/tflite_reader.h"
#include "microplan/planner/tflite_schema.h"

namespace microplan {

namespace {

class Loader {
 public:
  Loader(ConstBuffer model, Network* network) : reader_(model), network_(*network) {}

  bool load() {
    if (reader_.open().status != Status::kOk) return false;
    // The reader hands out neither versions nor types of options tables, which the planner does not need.
    Flatbuffer& buffer = reader_.buffer();
    const Flatbuffer::Table model = buffer.root(kTfliteIdentifier);
    codes_ = buffer.vector(model, kModelOperatorCodes, 4);
    operators_ = buffer.vector(buffer.table_at(buffer.vector(model, kModelSubgraphs, 4), 0), kSubgraphOperators, 4);
    network_.tensors.resize(reader_.tensor_count());
    for (uint32_t i = 0; i < reader_.input_count(); ++i) {
      if (!load_operand(static_cast<int32_t>(reader_.input(i)), &network_.inputs)) return false;
    }
    for (uint32_t i = 0; i < reader_.operator_count(); ++i) {
      if (!load_operator(i)) return false;
    }
    for (uint32_t i = 0; i < reader_.output_count(); ++i) {
      if (!load_operand(static_cast<int32_t>(reader_.output(i)), &network_.outputs)) return false;
    }
    return reader_.buffer().status() == Status::kOk;
  }

 private:
  bool load_operator(uint32_t index) {
    TfliteReader::OperatorInfo info;
    if (reader_.op(index, &info).status != Status::kOk || reader_.custom_name(index).bytes != 0) return false;
    Flatbuffer& buffer = reader_.buffer();
    const Flatbuffer::Table table = buffer.table_at(operators_, index);
    const uint32_t code = buffer.scalar<uint32_t>(table, kOperatorCode, 0);
    NetworkOperator op;
    op.code = info.builtin_code;
    op.version = buffer.scalar<uint32_t>(buffer.table_at(codes_, code), kCodeVersion, 1);
    // What shapes say, their options say once more, in vectors.
    if (op.code != kOpReshape && op.code != kOpSqueeze) {
      op.options_type = buffer.scalar<uint8_t>(table, kOperatorOptionsType, 0);
      load_options(info.options, &op.options);
    }
    op.sources.push_back(index);
    for (uint32_t i = 0; i < info.inputs.count; ++i) {
      if (!load_operand(reader_.operand(info.inputs, i), &op.inputs)) return false;
    }
    for (uint32_t i = 0; i < info.outputs.count; ++i) {
      if (!load_operand(reader_.operand(info.outputs, i), &op.outputs)) return false;
    }
    network_.operators.push_back(std::move(op));
    return true;
  }

  // Every field as the four bytes at its place: whoever reads a smaller scalar reads the first of them.
  void load_options(const Flatbuffer::Table& table, std::vector<NetworkOperator::Option>* options) {
    const uint8_t* const data = reader_.buffer().data();
    for (uint32_t field = 0; table && 6 + 2 * field <= table.vtable_bytes; ++field) {
      uint16_t offset;
      memcpy(&offset, data + table.vtable + 4 + 2 * field, sizeof offset);
      if (offset == 0 || offset >= table.bytes) continue;
      const uint32_t left = table.bytes - offset;
      uint32_t bits = 0;
      memcpy(&bits, data + table.position + offset, left < 4 ? left : 4);
      options->push_back({field, bits});
    }
  }

  bool load_operand(int32_t index, std::vector<int32_t>* operands) {
    operands->push_back(index);
    if (index < 0) return true;
    NetworkTensor& tensor = network_.tensor(index);
    if (tensor.type != DataType::kNone) return true;
    TensorInfo info;
    if (reader_.check_tensor(static_cast<uint32_t>(index)).status != Status::kOk ||
        reader_.tensor(static_cast<uint32_t>(index), &info).status != Status::kOk) {
      return false;
    }
    const TfliteReader::Text name = reader_.tensor_name(static_cast<uint32_t>(index));
    tensor.name.assign(name.data, name.bytes);
    tensor.type = info.type;
    tensor.dims.assign(info.dims, info.dims + info.rank);
    tensor.is_variable = info.is_variable;
    tensor.is_constant = info.is_constant;
    if (info.is_constant) tensor.data.assign(info.data, info.data + info.bytes);
    tensor.scales.resize(info.scale_count);
    for (uint32_t i = 0; i < info.scale_count; ++i) tensor.scales[i] = info.scale(i);
    tensor.zero_points.resize(info.zero_point_count);
    for (uint32_t i = 0; i < info.zero_point_count; ++i) tensor.zero_points[i] = info.zero_point(i);
    tensor.quantized_dimension = info.quantized_dimension;
    tensor.source = index;
    return true;
  }

  TfliteReader reader_;
  Network& network_;
  Flatbuffer::Vector codes_, operators_;
};

}  // namespace

bool load_network(ConstBuffer model, Network* network) { return Loader(model, network).load(); }

}  // namespace microplan

#endif  // MICROPLAN_PASSES
