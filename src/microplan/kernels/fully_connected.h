// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED: output[r][c] = clamp(sum over k of input[r][k] * filter[c][k] + bias[c]).
#ifndef MICROPLAN_KERNELS_FULLY_CONNECTED_H_
#define MICROPLAN_KERNELS_FULLY_CONNECTED_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"

namespace microplan {

struct FullyConnectedShape {
  uint32_t rows;
  uint32_t depth;
  uint32_t channels;
};

// Views: input, output. Constants: filter [channels][depth], and what `quantization` names.
template <typename Quantization>
struct FullyConnectedParamsOf {
  FullyConnectedShape shape;
  Quantization quantization;
};
using FullyConnectedParams = FullyConnectedParamsOf<ChannelQuantization>;

extern const MacOperator kFullyConnected;

// What the variants of a type share, for Int8Accumulator, Int16Accumulator, FloatAccumulator and HybridAccumulator; pack()
// is that of kernels which read the filter as it lies in the model.
template <typename Accumulator>
struct FullyConnected {
  using Params = FullyConnectedParamsOf<typename Accumulator::Params>;
  static Status prepare(const OperatorContext& context, void* params);
  static bool footprint(const void* params, Footprint* footprint);
  static void pack(const OperatorContext& context, const void* params, ConstantWriter& writer);
};
// The requantization that goes with ChannelPacker's biases: of a channel, or of all with channel 0.
Requantize fully_connected_requantize(const ChannelPacker& packer, const ChannelQuantization& quantization,
                                      uint32_t channel);
Rows fully_connected_input_rows(const void* params, uint32_t view, Rows rows);

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_FULLY_CONNECTED_H_
