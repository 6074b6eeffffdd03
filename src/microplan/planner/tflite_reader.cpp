// SPDX-License-Identifier: Apache-2.0
#include "microplan/planner/tflite_reader.h"

#include "microplan/kernels/prepare.h"
#include "microplan/planner/tflite_schema.h"

namespace microplan {

namespace {

#define TEXT(text) MICROPLAN_DIAGNOSTIC_TEXT(text)

DataType known_type(uint8_t type) {
  switch (static_cast<DataType>(type)) {
    case DataType::kFloat32:
    case DataType::kInt32:
    case DataType::kUInt8:
    case DataType::kInt64:
    case DataType::kBool:
    case DataType::kInt16:
    case DataType::kInt8: return static_cast<DataType>(type);
    case DataType::kNone: break;
  }
  return DataType::kNone;
}

bool fits(int64_t zero_point, DataType type) {
  switch (type) {
    case DataType::kInt8: return zero_point >= INT8_MIN && zero_point <= INT8_MAX;
    case DataType::kUInt8: return zero_point >= 0 && zero_point <= UINT8_MAX;
    case DataType::kInt16: return zero_point >= INT16_MIN && zero_point <= INT16_MAX;
    default: return zero_point >= INT32_MIN && zero_point <= INT32_MAX;
  }
}

}  // namespace

Finding TfliteReader::broken() {
  return {buffer_.status(), TEXT("the file is cut off or damaged"), TEXT("copy or convert the model again")};
}

Finding TfliteReader::open() {
  if (buffer_.size() > kMaxBytes) {
    return {Status::kTooLarge, TEXT("the model file has more than 256 MB"), TEXT("use a smaller model"), buffer_.size()};
  }
  const Flatbuffer::Table model = buffer_.root(kTfliteIdentifier);
  if (!model) {
    return {buffer_.status(), TEXT("this is not a .tflite file: the identifier TFL3 or the root table is missing"),
            TEXT("pass the file that the TensorFlow Lite converter wrote")};
  }
  const uint32_t version = buffer_.scalar<uint32_t>(model, kModelVersion, 0);
  if (buffer_.status() == Status::kOk && version != kSchemaVersion) {
    return {Status::kModelVersion, TEXT("the schema version is not 3"),
            TEXT("convert the model with a current TensorFlow Lite converter"), version};
  }
  codes_ = buffer_.vector(model, kModelOperatorCodes, 4);
  buffers_ = buffer_.vector(model, kModelBuffers, 4);
  const Flatbuffer::Vector subgraphs = buffer_.vector(model, kModelSubgraphs, 4);
  if (subgraphs.count == 0) {
    if (buffer_.status() != Status::kOk) return broken();
    return {Status::kModelMalformed, TEXT("the model has no subgraph"), TEXT("convert the model again")};
  }
  const Flatbuffer::Table subgraph = buffer_.table_at(subgraphs, 0);
  tensors_ = buffer_.vector(subgraph, kSubgraphTensors, 4);
  inputs_ = buffer_.vector(subgraph, kSubgraphInputs, 4);
  outputs_ = buffer_.vector(subgraph, kSubgraphOutputs, 4);
  operators_ = buffer_.vector(subgraph, kSubgraphOperators, 4);
  if (buffer_.status() != Status::kOk) return broken();
  if (tensors_.count > kMaxTensors || operators_.count > kMaxOperators || inputs_.count > UINT8_MAX ||
      outputs_.count > UINT8_MAX) {
    return {Status::kTooLarge, TEXT("the model has more than 8192 tensors, 4096 operators or 255 inputs or outputs"),
            TEXT("use a smaller model"), tensors_.count};
  }
  if (inputs_.count == 0 || outputs_.count == 0) {
    return {Status::kModelMalformed, TEXT("the model has no input or no output"), TEXT("convert the model again")};
  }
  const Finding finding = check_indices(inputs_, false);
  return finding.status != Status::kOk ? finding : check_indices(outputs_, false);
}

Finding TfliteReader::check_indices(const Flatbuffer::Vector& vector, bool optional) {
  for (uint32_t i = 0; i < vector.count; ++i) {
    const int32_t index = operand(vector, i);
    if (index >= static_cast<int32_t>(tensors_.count) || index < (optional ? -1 : 0)) {
      return {Status::kModelMalformed, TEXT("a tensor index is out of range"), TEXT("convert the model again"), index};
    }
  }
  return {};
}

Finding TfliteReader::op(uint32_t index, OperatorInfo* info) {
  const Flatbuffer::Table table = buffer_.table_at(operators_, index);
  const uint32_t code = buffer_.scalar<uint32_t>(table, kOperatorCode, 0);
  info->inputs = buffer_.vector(table, kOperatorInputs, 4);
  info->outputs = buffer_.vector(table, kOperatorOutputs, 4);
  info->options = buffer_.child(table, kOperatorOptions);
  if (buffer_.status() != Status::kOk) return broken();
  if (code >= codes_.count) {
    return {Status::kModelMalformed, TEXT("the operator code is out of range"), TEXT("convert the model again"), code};
  }
  const Flatbuffer::Table code_table = buffer_.table_at(codes_, code);
  // Codes above 127 stand in the newer field; the older one then holds a placeholder.
  const int32_t newer = buffer_.scalar<int32_t>(code_table, kCodeBuiltin, 0);
  const int32_t older = buffer_.scalar<int8_t>(code_table, kCodeDeprecatedBuiltin, 0);
  if (buffer_.status() != Status::kOk) return broken();
  info->builtin_code = static_cast<uint32_t>(newer > older ? newer : older);
  if (info->inputs.count > OperatorContext::kMaxInputs || info->outputs.count > OperatorContext::kMaxOutputs) {
    return {Status::kTooLarge, TEXT("the operator has more than 24 inputs or 4 outputs"),
            TEXT("split the operator in the model"), info->inputs.count};
  }
  const Finding finding = check_indices(info->inputs, true);
  return finding.status != Status::kOk ? finding : check_indices(info->outputs, false);
}

Finding TfliteReader::tensor(uint32_t index, TensorInfo* info) {
  *info = {};
  info->index = static_cast<int32_t>(index);
  const Flatbuffer::Table table = buffer_.table_at(tensors_, index);
  const uint8_t type = buffer_.scalar<uint8_t>(table, kTensorType, 0);
  info->is_variable = buffer_.scalar<uint8_t>(table, kTensorIsVariable, 0) != 0;
  const Flatbuffer::Table sparsity = buffer_.child(table, kTensorSparsity);
  if (buffer_.status() != Status::kOk) return broken();
  info->type = known_type(type);
  if (info->type == DataType::kNone) {
    return {Status::kUnsupportedType, TEXT("the tensor's element type is not supported"),
            TEXT("convert the model with int8 quantization or in float32"), type};
  }
  if (sparsity) {
    return {Status::kUnsupportedOption, TEXT("the tensor is stored sparsely"), TEXT("convert the model densely")};
  }
  Finding finding = read_shape(table, info);
  if (finding.status == Status::kOk) finding = read_data(table, info);
  if (finding.status == Status::kOk) finding = read_quantization(table, info);
  return finding;
}

Finding TfliteReader::read_shape(const Flatbuffer::Table& table, TensorInfo* info) {
  const Flatbuffer::Vector shape = buffer_.vector(table, kTensorShape, 4);
  if (buffer_.status() != Status::kOk) return broken();
  if (shape.count > kMaxRank) {
    return {Status::kUnsupportedShape, TEXT("the tensor has more than 6 dimensions"),
            TEXT("reshape it to at most 6 dimensions"), shape.count};
  }
  info->rank = static_cast<uint8_t>(shape.count);
  info->elements = 1;
  info->bytes = element_bytes(info->type);
  for (uint32_t i = 0; i < shape.count; ++i) {
    const int32_t dim = operand(shape, i);
    if (dim <= 0) {
      return {Status::kDynamicShape, TEXT("a dimension of the tensor is not known before the inference"),
              TEXT("give the model a fixed input shape before converting it"), dim};
    }
    info->dims[i] = static_cast<uint32_t>(dim);
    if (!multiply_checked(info->dims[i], &info->bytes)) {
      return {Status::kTooLarge, TEXT("the tensor has more than 256 MB"), TEXT("use a smaller model"), dim};
    }
    info->elements *= info->dims[i];
  }
  return {};
}

bool TfliteReader::has_open_dimension(uint32_t index) {
  const Flatbuffer::Vector signature =
      buffer_.vector(buffer_.table_at(tensors_, index), kTensorShapeSignature, 4);
  for (uint32_t i = 1; i < signature.count; ++i) {
    if (operand(signature, i) < 0) return true;
  }
  return false;
}

Finding TfliteReader::read_data(const Flatbuffer::Table& table, TensorInfo* info) {
  const uint32_t index = buffer_.scalar<uint32_t>(table, kTensorBuffer, 0);
  if (buffer_.status() != Status::kOk) return broken();
  if (index >= buffers_.count) {
    return {Status::kModelMalformed, TEXT("the tensor's buffer index is out of range"), TEXT("convert the model again"),
            index};
  }
  const Flatbuffer::Table buffer = buffer_.table_at(buffers_, index);
  const Flatbuffer::Vector data = buffer_.vector(buffer, kBufferData, 1);
  // Large models keep the bytes behind the FlatBuffer: offset (from the file's start) and size instead of the vector.
  const uint64_t offset = buffer_.scalar<uint64_t>(buffer, kBufferOffset, 0);
  const uint64_t size = buffer_.scalar<uint64_t>(buffer, kBufferSize, 0);
  if (buffer_.status() != Status::kOk) return broken();
  uint64_t bytes = data.count;
  if (data.count != 0) {
    info->data = buffer_.data() + data.position;
  } else if (offset > 1) {
    if (offset > buffer_.size() || size > buffer_.size() - offset) {
      return {Status::kModelTruncated, TEXT("the file ends before the tensor's data"), TEXT("copy the model again"),
              static_cast<int64_t>(size)};
    }
    info->data = buffer_.data() + offset;
    bytes = size;
  }
  info->is_constant = info->data != nullptr;
  if (info->is_constant && bytes != info->bytes) {
    return {Status::kModelMalformed, TEXT("the tensor's data does not have the size that its shape needs"),
            TEXT("convert the model again"), static_cast<int64_t>(bytes)};
  }
  return {};
}

Finding TfliteReader::read_quantization(const Flatbuffer::Table& table, TensorInfo* info) {
  const Flatbuffer::Table quantization = buffer_.child(table, kTensorQuantization);
  const Flatbuffer::Vector scales = buffer_.vector(quantization, kQuantizationScale, 4);
  const Flatbuffer::Vector zero_points = buffer_.vector(quantization, kQuantizationZeroPoint, 8);
  info->quantized_dimension = buffer_.scalar<int32_t>(quantization, kQuantizationDimension, 0);
  if (buffer_.status() != Status::kOk) return broken();
  info->scale_count = scales.count;
  info->scales = buffer_.data() + scales.position;
  info->zero_point_count = zero_points.count;
  info->zero_points = buffer_.data() + zero_points.position;
  if (zero_points.count > scales.count) {
    return {Status::kUnsupportedQuantization, TEXT("the tensor has more zero points than scales"),
            TEXT("convert the model again"), zero_points.count};
  }
  const bool narrow = info->type == DataType::kInt8 || info->type == DataType::kInt16 || info->type == DataType::kUInt8;
  if (narrow && scales.count == 0) {
    return {Status::kUnsupportedQuantization, TEXT("the tensor has no scale"),
            TEXT("convert the model with full integer quantization")};
  }
  if (narrow && !info->is_constant && scales.count != 1) {
    return {Status::kUnsupportedQuantization, TEXT("an activation is quantized per channel"),
            TEXT("quantize activations per tensor"), scales.count};
  }
  return {};
}

Finding TfliteReader::check_tensor(uint32_t index) {
  TensorInfo info;
  const Finding finding = tensor(index, &info);
  if (finding.status != Status::kOk) return finding;
  // Tensors whose tables overlap could make a small file expensive to check; no converter writes such a file.
  scales_checked_ += info.scale_count;
  if (scales_checked_ > 4 * static_cast<uint64_t>(buffer_.size())) {
    return {Status::kModelMalformed, TEXT("the tensors' scales overlap in the file"), TEXT("convert the model again")};
  }
  for (uint32_t i = 0; i < info.scale_count; ++i) {
    const float scale = info.scale(i);
    // Dead channels of a filter may have scale 0; an activation's scale is divided by.
    if (!(scale >= 0 && scale <= 3.402823466e+38f) || (scale == 0 && !info.is_constant)) {
      return {Status::kUnsupportedQuantization, TEXT("a scale is zero, negative, infinite or not a number"),
              TEXT("quantize the model again with representative data"), i};
    }
  }
  for (uint32_t i = 0; i < info.zero_point_count; ++i) {
    int64_t zero_point;
    memcpy(&zero_point, info.zero_points + 8 * i, sizeof zero_point);
    if (!fits(zero_point, info.type)) {
      return {Status::kUnsupportedQuantization, TEXT("a zero point does not fit the tensor's type"),
              TEXT("quantize the model again"), zero_point};
    }
  }
  return {};
}

TfliteReader::Text TfliteReader::text(const Flatbuffer::Table& table, uint32_t field) {
  const Flatbuffer::Vector characters = buffer_.vector(table, field, 1);
  if (!characters) return {};
  return {reinterpret_cast<const char*>(buffer_.data()) + characters.position, characters.count};
}

TfliteReader::Text TfliteReader::tensor_name(uint32_t index) {
  return text(buffer_.table_at(tensors_, index), kTensorName);
}

TfliteReader::Text TfliteReader::custom_name(uint32_t operator_index) {
  const uint32_t code = buffer_.scalar<uint32_t>(buffer_.table_at(operators_, operator_index), kOperatorCode, 0);
  return code < codes_.count ? text(buffer_.table_at(codes_, code), kCodeCustom) : Text{};
}

}  // namespace microplan
