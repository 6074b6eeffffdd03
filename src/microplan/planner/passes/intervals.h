// SPDX-License-Identifier: Apache-2.0
// Interval analysis of the int8 part of a network: between which values every channel of every tensor lies, whatever
// the inputs are. Bounds are sound and computed with the kernels' own arithmetic, whose rounding and clamps are monotone.
#ifndef MICROPLAN_PLANNER_PASSES_INTERVALS_H_
#define MICROPLAN_PLANNER_PASSES_INTERVALS_H_

#include <stdint.h>

#include <vector>

#include "microplan/kernels/window.h"
#include "microplan/planner/passes/network.h"

namespace microplan {

struct Interval {
  int32_t low = INT8_MIN, high = INT8_MAX;

  bool is_constant() const { return low == high; }
  void include(const Interval& other) {
    if (other.low < low) low = other.low;
    if (other.high > high) high = other.high;
  }
};

// One for each element of the last dimension, over all other dimensions.
using Channels = std::vector<Interval>;

// Of every int8 tensor of the network; empty for others.
std::vector<Channels> analyse_intervals(const Network& network);

// Convolutions, depthwise convolutions and fully connected operators on int8 with int8 filters, as one form: output
// channel `o` sums filter element (o, tap, i) times input channel of(o, i).
struct MacView {
  bool is_depthwise = false;
  uint32_t outputs = 0, taps = 0;
  uint32_t depth = 0;        // filter channels of an output: depthwise 1
  uint32_t channels = 0;     // of the input tensor's last dimension
  uint32_t group_outputs = 0;  // output channels of a group; depthwise: the multiplier
  bool is_grouped = false;   // a convolution of several groups
  Window window = {};        // of one tap and no padding for fully connected operators
  bool is_padded = false;    // some tap of some output lies beside the input
  int32_t input_zero_point = 0, output_zero_point = 0, act_min = 0, act_max = 0;
  const int8_t* filter = nullptr;

  int32_t weight(uint32_t output, uint32_t tap, uint32_t i) const {
    return is_depthwise ? filter[tap * outputs + output] : filter[(output * taps + tap) * depth + i];
  }
  // The input channel that meets filter channel `i`. Fully connected operators read rows of several pixels as one.
  uint32_t channel(uint32_t output, uint32_t i) const {
    if (is_depthwise) return output / group_outputs;
    return (is_grouped ? output / group_outputs * depth + i : i) % channels;
  }
};

// False when the operator is another one, or when its rows are not whole numbers of pixels.
bool view_mac(const Network& network, const NetworkOperator& op, MacView* view);

// The constant's int32 elements, zeros when it is absent.
std::vector<int32_t> bias_of(const Network& network, const NetworkOperator& op, uint32_t channels);

// How operators that compute channel by channel map them: output channel `c` belongs to channel c of the first `inputs`
// operands. False when the operator does not.
bool keeps_channels(const Network& network, const NetworkOperator& op, uint32_t* inputs);

}  // namespace microplan

#endif  // MICROPLAN_PLANNER_PASSES_INTERVALS_H_
