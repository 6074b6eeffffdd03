// SPDX-License-Identifier: Apache-2.0
// SVDF: a layer whose weights are a product of one vector over the input and one over time, for each filter:
//   state[f] loses its oldest value and gains feature[f] . input;
//   output[u] = clamp(sum over the `rank` filters f of unit u of (time[f] . state[f]) + bias[u]).
#ifndef MICROPLAN_KERNELS_SVDF_H_
#define MICROPLAN_KERNELS_SVDF_H_

#include <stdint.h>

#include "microplan/kernels/quantization.h"
#include "microplan/operator.h"

namespace microplan {

struct SvdfShape {
  uint32_t rows;    // batches, each with a state of its own
  uint32_t depth;   // of the input
  uint32_t units;   // outputs
  uint32_t rank;    // filters of each unit
  uint32_t memory;  // values that a filter remembers
};

// Views: input, state [rows][units * rank][memory], output. Constants: feature [units * rank][depth],
// time [units * rank][memory], bias [units] (optional).
struct SvdfParams {
  SvdfShape shape;
  uint32_t state_bytes;  // of one element of the state and of the time weights: 1 or 2
  int32_t input_offset;  // minus the input's zero point
  int32_t state_zero_point;
  int32_t output_offset;  // the output's zero point
  Requantize feature, time;
  // 1: requantize_fast() is exact for `feature`, and for `time` when the state has 8 bits, if it adds no zero point and
  // biases are svdf_fast_bias().
  uint32_t fast;
};

struct SvdfFloatParams {
  SvdfShape shape;
  float act_min, act_max;
};

// The operator's constant inputs.
constexpr uint8_t kSvdfFeature = 1;
constexpr uint8_t kSvdfTime = 2;
constexpr uint8_t kSvdfBias = 3;

// What the variants of int8 share; T is the element type of the state.
Status svdf_prepare_integer(const OperatorContext& context, void* params);
template <typename T>
bool svdf_supports(const void* params, const Target& target);
template <typename T>
bool svdf_footprint(const void* params, Footprint* footprint);
// What takes the place of a bias with SvdfParams::fast.
inline int32_t svdf_fast_bias(int32_t bias) { return clamp(bias, -(1 << 29), 1 << 29); }
// What a filter's feature begins with and a unit's sum over time, which is its bias: they make up for zero points.
int32_t svdf_feature_start(const OperatorContext& context, const SvdfParams& params, uint32_t filter);
template <typename T>
int32_t svdf_time_start(const OperatorContext& context, const SvdfParams& params, uint32_t unit);
Rows svdf_input_rows(const void* params, uint32_t view, Rows rows);
// What the float32 variants share.
Status svdf_prepare_float(const OperatorContext& context, void* params);
bool svdf_float_footprint(const void* params, Footprint* footprint);
void svdf_pack_float(const OperatorContext& context, const void* params, ConstantWriter& writer);

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_SVDF_H_
