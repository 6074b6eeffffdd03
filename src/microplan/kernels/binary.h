// SPDX-License-Identifier: Apache-2.0
// Operators on two tensors with broadcasting. ADD: output = clamp(a + b). SUB: clamp(a - b). MUL: clamp(a * b).
#ifndef MICROPLAN_KERNELS_BINARY_H_
#define MICROPLAN_KERNELS_BINARY_H_

#include <stdint.h>

#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/quantization.h"

namespace microplan {

// Views: input 0, input 1, output.
struct BinaryShape {
  uint32_t dims[RowDims::kCount];  // of the output
  uint32_t broadcast[2];           // bit d: the input has one element along dimension d, for all of the output's
};

// int8 and int16. Sums are taken in steps of the larger scale / 2^19 (int16: 2^14), as TensorFlow Lite does. There the
// input with the larger scale is a plain shift; only the other one needs a multiplier.
struct AddParams {
  BinaryShape shape;
  uint32_t wide;  // the input with the larger scale
  int32_t wide_offset, narrow_offset;  // minus the zero point; int16: 0
  int32_t narrow_left;                 // shift before the multiplication
  int32_t narrow_multiplier, narrow_right;  // right shift [1, 31], int16: [0, 31]
  int32_t output_multiplier, output_right;  // right shift [0, 31]
  int32_t output_offset;
  int32_t act_min, act_max;
};

// int8 and int16.
struct SubParams {
  BinaryShape shape;
  int32_t offset[2];  // minus the zero point
  Requantize input[2];
  Requantize output;
  int32_t output_offset;
  int32_t act_min, act_max;
};

// int8 and int16.
struct MulParams {
  BinaryShape shape;
  int32_t offset[2];  // minus the zero point; int16: 0
  Requantize by;
  int32_t output_offset;
  int32_t act_min, act_max;
};

// Numbers without a scale; sums and products wrap modulo 2^32.
struct BinaryInt32Params {
  BinaryShape shape;
  int32_t act_min, act_max;
};

struct BinaryFloatParams {
  BinaryShape shape;
  float act_min, act_max;
};

// What the variants of an operator share, for int8_t and int16_t.
template <typename T>
struct AddOf {
  static Status prepare(const OperatorContext& context, void* params);
  static bool footprint(const void* params, Footprint* footprint);
};
template <typename T>
struct MulOf {
  static Status prepare(const OperatorContext& context, void* params);
  static bool footprint(const void* params, Footprint* footprint);
};
template <typename T>
struct SubOf {
  static Status prepare(const OperatorContext& context, void* params);
  static bool footprint(const void* params, Footprint* footprint);
};
// What the variants for float32 share, whose Params are BinaryFloatParams.
struct BinaryFloat {
  static Status prepare(const OperatorContext& context, void* params);
  static bool footprint(const void* params, Footprint* footprint);
};

struct FloatSum {
  float operator()(float a, float b) const { return a + b; }
};
struct FloatDifference {
  float operator()(float a, float b) const { return a - b; }
};
struct FloatProduct {
  float operator()(float a, float b) const { return a * b; }
};

// clamp(op(a, b)).
template <typename T, typename Op>
struct Clamped {
  Op op;
  T act_min, act_max;

  T operator()(T a, T b) const { return clamp(op(a, b), act_min, act_max); }
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_BINARY_H_
