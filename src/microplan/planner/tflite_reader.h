// SPDX-License-Identifier: Apache-2.0
// Reads a .tflite model: its tensors and operators, each checked before it is handed out.
// Schema: tensorflow/lite/schema/schema.fbs, version 3; field numbers are the order of the fields there.
#ifndef MICROPLAN_PLANNER_TFLITE_READER_H_
#define MICROPLAN_PLANNER_TFLITE_READER_H_

#include <stdint.h>

#include "microplan/operator.h"
#include "microplan/planner/flatbuffer.h"

namespace microplan {

// What a check found: kOk, or a status with its texts.
struct Finding {
  Status status = Status::kOk;
  const char* reason = "";
  const char* fix = "";
  int64_t found = kNoNumber;
};

class TfliteReader {
 public:
  static constexpr uint32_t kMaxTensors = 8192;
  static constexpr uint32_t kMaxOperators = 4096;

  struct OperatorInfo {
    uint32_t builtin_code = 0;
    Flatbuffer::Vector inputs, outputs;  // int32 tensor indices, -1 for an absent input
    Flatbuffer::Table options;
  };
  struct Text {
    const char* data = "";
    uint32_t bytes = 0;
  };

  explicit TfliteReader(ConstBuffer model) : buffer_(model.data, model.data == nullptr ? 0 : model.bytes) {}

  // Checks the file's frame: identifier, version, tables, counts. Nothing else may be called unless it returns kOk.
  Finding open();

  uint32_t tensor_count() const { return tensors_.count; }
  uint32_t operator_count() const { return operators_.count; }
  uint32_t input_count() const { return inputs_.count; }
  uint32_t output_count() const { return outputs_.count; }
  // Tensor index of input or output `i`, below tensor_count().
  uint32_t input(uint32_t i) { return buffer_.element<uint32_t>(inputs_, i); }
  uint32_t output(uint32_t i) { return buffer_.element<uint32_t>(outputs_, i); }

  // Tensor `index`, below tensor_count(): type, shape, and that data and quantization lie inside the file.
  Finding tensor(uint32_t index, TensorInfo* info);
  // The values of its scales and zero points as well; once per tensor, for it reads all of them.
  Finding check_tensor(uint32_t index);
  // Whether the model leaves a dimension of the tensor other than the first open.
  bool has_open_dimension(uint32_t index);
  // The finding for a buffer() whose status is not kOk.
  Finding broken();
  // Operator `index`: its code and operands checked against the limits, every tensor index in range.
  Finding op(uint32_t index, OperatorInfo* info);

  Text tensor_name(uint32_t index);
  // The name of a custom operator's code; empty for builtin ones.
  Text custom_name(uint32_t operator_index);

  int32_t operand(const Flatbuffer::Vector& operands, uint32_t i) { return buffer_.element<int32_t>(operands, i); }
  Flatbuffer& buffer() { return buffer_; }

 private:
  Finding check_indices(const Flatbuffer::Vector& vector, bool optional);
  Finding read_shape(const Flatbuffer::Table& table, TensorInfo* info);
  Finding read_data(const Flatbuffer::Table& table, TensorInfo* info);
  Finding read_quantization(const Flatbuffer::Table& table, TensorInfo* info);
  Text text(const Flatbuffer::Table& table, uint32_t field);

  Flatbuffer buffer_;
  uint64_t scales_checked_ = 0;
  Flatbuffer::Vector codes_, buffers_, tensors_, inputs_, outputs_, operators_;
};

// The schema's name of a builtin operator; "unknown operator" beyond the list. Only the laptop's tools link it.
const char* builtin_operator_name(uint32_t code);

}  // namespace microplan

#endif  // MICROPLAN_PLANNER_TFLITE_READER_H_
