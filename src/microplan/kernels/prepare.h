// SPDX-License-Identifier: Apache-2.0
// What the prepare functions of several operators share: multipliers from scales, clamps from activations, checks.
#ifndef MICROPLAN_KERNELS_PREPARE_H_
#define MICROPLAN_KERNELS_PREPARE_H_

#include <stdint.h>

#include "microplan/kernels/quantization.h"
#include "microplan/operator.h"

namespace microplan {

// No tensor or row is larger, so that offsets fit a Ref and products of two of them fit 64 bits.
constexpr uint32_t kMaxBytes = Ref::kMaxOffset;

// *product *= factor; false when the result is 0 or exceeds kMaxBytes.
bool multiply_checked(uint32_t factor, uint32_t* product);

// real as multiplier and shift, as TensorFlow Lite's QuantizeMultiplier: real must be finite and not negative. Below
// 2^-32 the result is 0. False when the shift would exceed 30.
bool requantize_from(double real, Requantize* result);

// Nearest integer, halves away from zero; |value| below 2^31.
int32_t round_to_int(float value);

// The schema's ActivationFunctionType.
enum class Activation : uint8_t { kNone = 0, kRelu = 1, kReluN1To1 = 2, kRelu6 = 3 };

// Clamp of a fused activation on a quantized output of `type` (int8, uint8, int16). Reports what is not supported.
Status activation_range(const OperatorContext& context, uint8_t activation, const TensorInfo& output, int32_t* act_min,
                        int32_t* act_max);
// The same for float32: the whole range without an activation.
Status activation_range_float(const OperatorContext& context, uint8_t activation, float* act_min, float* act_max);

// Number of inputs within [low, high] and one output.
Status check_arity(const OperatorContext& context, uint32_t low, uint32_t high);

// Input `index` is a constant.
Status check_constant(const OperatorContext& context, uint8_t index);

// Both tensors have equal dimensions.
bool same_shape(const TensorInfo& a, const TensorInfo& b);

// Estimated instructions of the reference kernels: per call, multiply-accumulate and output element.
Cost reference_cost(uint64_t macs, uint64_t outputs, uint32_t constant_bytes);

// The cost with `operations` of float32, such as additions, multiplications and comparisons: calls of the compiler's
// library where the target has no unit for them.
Cost with_floats(Cost cost, const Target& target, uint64_t operations);

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_PREPARE_H_
