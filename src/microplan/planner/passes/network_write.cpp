// SPDX-License-Identifier: Apache-2.0
// write_network: a network as a .tflite file. FlatBuffer offsets point forward, so that parents are written before their
// children and get their offsets when the child's place is known.
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include <string.h>

#include <algorithm>
#include <utility>

#include "microplan/planner/passes/network.h"
#include "microplan/planner/tflite_schema.h"

namespace microplan {

namespace {

// A field of four bytes: a scalar, or an offset that link() fills in.
struct Field {
  uint32_t number;
  uint32_t bits;
};
constexpr uint32_t kLink = 0;

class FlatbufferWriter {
 public:
  std::vector<uint8_t> take() { return std::move(bytes_); }
  uint32_t size() const { return static_cast<uint32_t>(bytes_.size()); }

  void append(const void* data, size_t bytes) {
    const uint8_t* const first = static_cast<const uint8_t*>(data);
    bytes_.insert(bytes_.end(), first, first + bytes);
  }
  void append_word(uint32_t word) { append(&word, sizeof word); }
  // Pads until the byte `ahead` bytes from here is aligned.
  void align(uint32_t alignment, uint32_t ahead = 0) {
    while ((bytes_.size() + ahead) % alignment != 0) bytes_.push_back(0);
  }

  // The offset stored at `position` points to the next byte.
  void link(uint32_t position) {
    const uint32_t offset = size() - position;
    memcpy(bytes_.data() + position, &offset, sizeof offset);
  }

  // A table, linked from `parent`. Returns where its fields lie, one after the other.
  uint32_t table(uint32_t parent, const std::vector<Field>& fields) {
    uint32_t slots = 0;
    for (const Field& field : fields) slots = std::max(slots, field.number + 1);
    align(4, 4 + 2 * slots);
    const uint32_t vtable = size();
    std::vector<uint16_t> entries(2 + slots, 0);
    entries[0] = static_cast<uint16_t>(4 + 2 * slots);
    entries[1] = static_cast<uint16_t>(4 + 4 * fields.size());
    for (size_t i = 0; i < fields.size(); ++i) entries[2 + fields[i].number] = static_cast<uint16_t>(4 + 4 * i);
    append(entries.data(), 2 * entries.size());
    link(parent);
    append_word(size() - vtable);
    const uint32_t first = size();
    for (const Field& field : fields) append_word(field.bits);
    return first;
  }

  // A vector, linked from `parent`, its elements aligned.
  void vector(uint32_t parent, const void* data, size_t count, uint32_t element_bytes, uint32_t alignment) {
    align(std::max(alignment, 4u), 4);
    link(parent);
    append_word(static_cast<uint32_t>(count));
    append(data, count * element_bytes);
  }
  template <typename T>
  void vector(uint32_t parent, const std::vector<T>& elements) {
    vector(parent, elements.data(), elements.size(), sizeof(T), sizeof(T));
  }
  void string(uint32_t parent, const std::string& text) {
    vector(parent, text.data(), text.size(), 1, 1);
    bytes_.push_back(0);
  }
  // A vector of `count` tables. Returns where their offsets lie.
  uint32_t table_vector(uint32_t parent, size_t count) {
    const std::vector<uint32_t> links(count, kLink);
    vector(parent, links);
    return size() - 4 * static_cast<uint32_t>(count);
  }

 private:
  std::vector<uint8_t> bytes_;
};

class NetworkWriter {
 public:
  explicit NetworkWriter(const Network& network) : network_(network) { number_tensors(); }

  WrittenNetwork write() {
    out_.append_word(kLink);
    out_.append(kTfliteIdentifier, 4);
    const uint32_t model = out_.table(0, {{kModelVersion, kSchemaVersion},
                                          {kModelOperatorCodes, kLink},
                                          {kModelSubgraphs, kLink},
                                          {kModelBuffers, kLink}});
    write_codes(model + 4);
    write_subgraph(out_.table_vector(model + 8, 1));
    write_buffers(model + 12);
    return {out_.take(), used_};
  }

 private:
  void number_tensors() {
    std::vector<uint8_t> is_used(network_.tensors.size(), 0);
    const auto use = [&](const std::vector<int32_t>& indices) {
      for (const int32_t index : indices) {
        if (index >= 0) is_used[static_cast<size_t>(index)] = 1;
      }
    };
    use(network_.inputs);
    use(network_.outputs);
    for (const NetworkOperator& op : network_.operators) {
      use(op.inputs);
      use(op.outputs);
    }
    number_.resize(network_.tensors.size(), -1);
    for (uint32_t i = 0; i < is_used.size(); ++i) {
      if (!is_used[i]) continue;
      number_[i] = static_cast<int32_t>(used_.size());
      used_.push_back(i);
    }
  }

  std::vector<int32_t> numbers(const std::vector<int32_t>& indices) const {
    std::vector<int32_t> result;
    for (const int32_t index : indices) result.push_back(index < 0 ? -1 : number_[static_cast<size_t>(index)]);
    return result;
  }

  void write_codes(uint32_t parent) {
    for (const NetworkOperator& op : network_.operators) {
      const std::pair<uint32_t, uint32_t> code(op.code, op.version);
      const auto found = std::find(codes_.begin(), codes_.end(), code);
      code_of_.push_back(static_cast<uint32_t>(found - codes_.begin()));
      if (found == codes_.end()) codes_.push_back(code);
    }
    // The older field is a byte and ends at a placeholder.
    constexpr uint32_t kPlaceholder = 127;
    const uint32_t links = out_.table_vector(parent, codes_.size());
    for (uint32_t i = 0; i < codes_.size(); ++i) {
      out_.table(links + 4 * i, {{kCodeDeprecatedBuiltin, std::min(codes_[i].first, kPlaceholder)},
                                 {kCodeVersion, codes_[i].second},
                                 {kCodeBuiltin, codes_[i].first}});
    }
  }

  void write_subgraph(uint32_t parent) {
    const uint32_t graph = out_.table(parent, {{kSubgraphTensors, kLink},
                                               {kSubgraphInputs, kLink},
                                               {kSubgraphOutputs, kLink},
                                               {kSubgraphOperators, kLink}});
    const uint32_t tensors = out_.table_vector(graph, used_.size());
    for (uint32_t i = 0; i < used_.size(); ++i) write_tensor(tensors + 4 * i, network_.tensors[used_[i]]);
    out_.vector(graph + 4, numbers(network_.inputs));
    out_.vector(graph + 8, numbers(network_.outputs));
    const uint32_t count = static_cast<uint32_t>(network_.operators.size());
    const uint32_t operators = out_.table_vector(graph + 12, count);
    for (uint32_t i = 0; i < count; ++i) write_operator(operators + 4 * i, network_.operators[i], code_of_[i]);
  }

  void write_tensor(uint32_t parent, const NetworkTensor& tensor) {
    // Buffer 0 is the schema's "no data".
    const uint32_t buffer = tensor.is_constant ? ++buffer_count_ : 0;
    const uint32_t at = out_.table(parent, {{kTensorShape, kLink},
                                            {kTensorName, kLink},
                                            {kTensorQuantization, kLink},
                                            {kTensorType, static_cast<uint32_t>(tensor.type)},
                                            {kTensorBuffer, buffer},
                                            {kTensorIsVariable, tensor.is_variable}});
    out_.vector(at, tensor.dims);
    out_.string(at + 4, tensor.name);
    const uint32_t quantization =
        out_.table(at + 8, {{kQuantizationScale, kLink},
                            {kQuantizationZeroPoint, kLink},
                            {kQuantizationDimension, static_cast<uint32_t>(tensor.quantized_dimension)}});
    out_.vector(quantization, tensor.scales);
    out_.vector(quantization + 4, tensor.zero_points);
  }

  void write_operator(uint32_t parent, const NetworkOperator& op, uint32_t code) {
    std::vector<Field> fields = {{kOperatorInputs, kLink}, {kOperatorOutputs, kLink}, {kOperatorCode, code}};
    // A union is its type and its table; the planner reads the table whatever the type is.
    const bool has_options = op.options_type != 0 || !op.options.empty();
    if (has_options) {
      fields.push_back({kOperatorOptionsType, op.options_type});
      fields.push_back({kOperatorOptions, kLink});
    }
    const uint32_t at = out_.table(parent, fields);
    out_.vector(at, numbers(op.inputs));
    out_.vector(at + 4, numbers(op.outputs));
    if (!has_options) return;
    std::vector<Field> options;
    for (const NetworkOperator::Option& option : op.options) options.push_back({option.field, option.bits});
    out_.table(at + 16, options);
  }

  void write_buffers(uint32_t parent) {
    // Kernels read constants where they lie.
    constexpr uint32_t kAlignment = 16;
    const uint32_t links = out_.table_vector(parent, 1 + buffer_count_);
    out_.table(links, {});
    uint32_t buffer = 0;
    for (const uint32_t index : used_) {
      const NetworkTensor& tensor = network_.tensors[index];
      if (!tensor.is_constant) continue;
      const uint32_t at = out_.table(links + 4 * ++buffer, {{kBufferData, kLink}});
      out_.vector(at, tensor.data.data(), tensor.data.size(), 1, kAlignment);
    }
  }

  const Network& network_;
  FlatbufferWriter out_;
  std::vector<uint32_t> used_;   // network tensor of each tensor of the file
  std::vector<int32_t> number_;  // and the other way around
  std::vector<std::pair<uint32_t, uint32_t>> codes_;  // {builtin code, version}
  std::vector<uint32_t> code_of_;                     // of each operator
  uint32_t buffer_count_ = 0;
};

}  // namespace

WrittenNetwork write_network(const Network& network) { return NetworkWriter(network).write(); }

}  // namespace microplan

#endif  // MICROPLAN_PASSES
