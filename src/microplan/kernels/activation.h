// SPDX-License-Identifier: Apache-2.0
// Activations as operators of their own: LOGISTIC, TANH, RELU, RELU6, LEAKY_RELU. 8-bit ones are a table, whatever the
// function.
#ifndef MICROPLAN_KERNELS_ACTIVATION_H_
#define MICROPLAN_KERNELS_ACTIVATION_H_

#include <stdint.h>

#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/quantization.h"

namespace microplan {

// All views: input, output. int8: also a constant, int8 [256], the output for each input, whose bits are the index.

// All of int8; LOGISTIC, TANH, RELU and RELU6, float32.
struct ActivationParams {
  RowSplit split;
};

// LOGISTIC and TANH, int16: input * multiplier / 2^right is the argument in the steps of int16_math.h.
struct SigmoidInt16Params {
  RowSplit split;
  int32_t multiplier;
  int32_t right;  // [0, 31]
};

// RELU and LEAKY_RELU, int16: two straight lines that meet in 0.
struct RectifyParams {
  RowSplit split;
  Requantize positive;
  Requantize negative;  // of negative inputs; RELU: 0
  uint32_t negate;      // 1: their results change the sign
  int32_t input_zero_point;
  int32_t output_zero_point;
};

// RELU6, int16.
struct ClampParams {
  RowSplit split;
  int32_t low, high;
};

// LEAKY_RELU, float32.
struct LeakyReluFloatParams {
  RowSplit split;
  float alpha;
};

// What the variants for float32 share. NaN stays.
inline float relu(float x) { return x < 0 ? 0 : x; }
inline float relu6(float x) { return x > 6 ? 6 : relu(x); }
inline float leaky_relu(float x, float alpha) { return x > 0 ? x : x * alpha; }

Status prepare_activation(const OperatorContext& context, ActivationParams* params);
Status prepare_activation(const OperatorContext& context, LeakyReluFloatParams* params);

template <typename Params>
Status prepare_activation_float(const OperatorContext& context, void* out) {
  return prepare_activation(context, static_cast<Params*>(out));
}

template <typename Params, uint32_t kInstructions, uint32_t kFloats = 0>
constexpr Variant activation_float_variant(const Kernel& kernel, const char* name, const char* operator_name,
                                           uint8_t code, uint32_t features) {
  return {kernel, name, operator_name, code,
          DataType::kFloat32, DataType::kNone, DataType::kFloat32, "",
          false, Overlap::kElementwise, sizeof(Params),
          prepare_activation_float<Params>, nullptr, elements_footprint<float, float>, equal_rows, nullptr, nullptr,
          elements_cost<kInstructions, kFloats>, features};
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_ACTIVATION_H_
