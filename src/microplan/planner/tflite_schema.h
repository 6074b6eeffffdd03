// SPDX-License-Identifier: Apache-2.0
// Numbers of the .tflite schema that readers and writers share: fields of tables, builtin operators.
// Schema: tensorflow/lite/schema/schema.fbs, version 3; field numbers are the order of the fields there.
#ifndef MICROPLAN_PLANNER_TFLITE_SCHEMA_H_
#define MICROPLAN_PLANNER_TFLITE_SCHEMA_H_

#include <stdint.h>

namespace microplan {

constexpr char kTfliteIdentifier[] = "TFL3";
constexpr uint32_t kSchemaVersion = 3;

enum ModelField { kModelVersion = 0, kModelOperatorCodes = 1, kModelSubgraphs = 2, kModelBuffers = 4 };
enum CodeField { kCodeDeprecatedBuiltin = 0, kCodeCustom = 1, kCodeVersion = 2, kCodeBuiltin = 3 };
enum SubgraphField { kSubgraphTensors = 0, kSubgraphInputs = 1, kSubgraphOutputs = 2, kSubgraphOperators = 3 };
enum TensorField {
  kTensorShape = 0,
  kTensorType = 1,
  kTensorBuffer = 2,
  kTensorName = 3,
  kTensorQuantization = 4,
  kTensorIsVariable = 5,
  kTensorSparsity = 6,
  kTensorShapeSignature = 7
};
enum QuantizationField { kQuantizationScale = 2, kQuantizationZeroPoint = 3, kQuantizationDimension = 6 };
enum OperatorField {
  kOperatorCode = 0,
  kOperatorInputs = 1,
  kOperatorOutputs = 2,
  kOperatorOptionsType = 3,
  kOperatorOptions = 4
};
enum BufferField { kBufferData = 0, kBufferOffset = 1, kBufferSize = 2 };

// Operators that the graph passes know.
enum BuiltinOperator : uint32_t {
  kOpAdd = 0,
  kOpAveragePool2d = 1,
  kOpConcatenation = 2,
  kOpConv2d = 3,
  kOpDepthwiseConv2d = 4,
  kOpFullyConnected = 9,
  kOpLogistic = 14,
  kOpMaxPool2d = 17,
  kOpMul = 18,
  kOpRelu = 19,
  kOpRelu6 = 21,
  kOpReshape = 22,
  kOpTanh = 28,
  kOpPad = 34,
  kOpTranspose = 39,
  kOpMean = 40,
  kOpSub = 41,
  kOpSqueeze = 43,
  kOpPadV2 = 60,
  kOpExpandDims = 70,
  kOpLeakyRelu = 98,
  kOpQuantize = 114,
};

}  // namespace microplan

#endif  // MICROPLAN_PLANNER_TFLITE_SCHEMA_H_
