// SPDX-License-Identifier: Apache-2.0
// Transcendental functions of the float32 kernels, without a C library: within 3 units in the last place, the same source
// on every machine.
#ifndef MICROPLAN_KERNELS_FLOAT_MATH_H_
#define MICROPLAN_KERNELS_FLOAT_MATH_H_

namespace microplan {

// e^x: 0 and infinity where a float cannot hold it, NaN of NaN.
float float_exp(float x);

float float_tanh(float x);

// 1 / (1 + e^-x), and e^x below -9 as in TensorFlow Lite's reference kernel.
float float_logistic(float x);

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_FLOAT_MATH_H_
