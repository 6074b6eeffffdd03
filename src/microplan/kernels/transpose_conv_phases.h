// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV as convolutions without gaps: the outputs of one phase of the strides are made by the same taps of the
// kernel, from inputs that lie side by side. The fast kernels have the filter of each phase by itself.
#ifndef MICROPLAN_KERNELS_TRANSPOSE_CONV_PHASES_H_
#define MICROPLAN_KERNELS_TRANSPOSE_CONV_PHASES_H_

#include <stdint.h>

#include "microplan/kernels/transpose_conv.h"

namespace microplan {

// One axis. Output step * stride + phase - pad is the sum over taps phase + j * stride of input step - j. With the taps
// turned round it is what a window of taps(phase) inputs makes, the last of which is input `step`.
struct PhaseAxis {
  uint32_t kernel, stride, pad, inputs, outputs;

  // Those that have taps. Where the stride exceeds the kernel, others have none.
  uint32_t phases() const { return kernel < stride ? kernel : stride; }
  uint32_t taps(uint32_t phase) const { return phase < kernel ? (kernel - 1 - phase) / stride + 1 : 0; }
  uint32_t taps_before(uint32_t phase) const { return sum_before(phase, taps(0), kernel / stride); }
  // The sum over the phases before this one of a value that the first phases and those with a tap less have.
  uint32_t sum_before(uint32_t phase, uint32_t value, uint32_t value_of_less) const {
    const uint32_t longer = kernel < stride ? kernel : kernel % stride;
    return phase < longer ? phase * value : longer * value + (phase - longer) * value_of_less;
  }

  // The steps of the outputs of a phase: [first_step, end_step).
  uint32_t first_step(uint32_t phase) const { return phase < pad ? (pad - phase + stride - 1) / stride : 0; }
  uint32_t end_step(uint32_t phase) const {
    return outputs + pad > phase ? (outputs + pad - phase - 1) / stride + 1 : 0;
  }
};

inline PhaseAxis phase_rows(const Window& window) {
  return {window.kernel_h, window.stride_h, window.pad_top, window.out_h, window.in_h};
}
inline PhaseAxis phase_columns(const Window& window) {
  return {window.kernel_w, window.stride_w, window.pad_left, window.out_w, window.in_w};
}

// Products of all outputs as the model states them.
inline uint64_t transpose_conv_macs(const Window& window) {
  return window_outputs(window) * window.kernel_h * window.kernel_w * window.in_c;
}

// Element `k` of a channel's filter of phase (phase_y, phase_x), as the inputs of a window lie: the index among the
// channel's elements in the model.
uint32_t phase_element(const Window& window, uint32_t phase_y, uint32_t phase_x, uint32_t k);

// The rows of the input under the window of an output row.
class PhaseRow {
 public:
  PhaseRow(const Window& window, uint32_t row);

  uint32_t phase;  // one with taps: outputs without any use the filter of another, with no input
  uint32_t taps;   // of the phase

  // The input row under tap row `i` of the window, nullptr outside.
  const int8_t* input(const View& input, uint32_t i) const {
    const uint32_t y = first_ + i;
    return y < rows_ ? input.row_as<const int8_t>(batch_first_ + y) : nullptr;
  }

 private:
  uint32_t rows_;         // of an input
  uint32_t batch_first_;  // the batch's first row
  uint32_t first_;        // the window's first row, modulo 2^32
};

// Phases of the columns whose outputs have windows over the same inputs.
struct PhaseGroup {
  uint32_t first, count;  // phases
  uint32_t filter;        // the phase whose filter the first one uses; those of the others follow
  uint32_t filter_step;   // 1; or 0 when no phase has taps, and no window an input
  uint32_t taps;          // of a window
  uint32_t first_step, end_step;

  // The group that begins with phase `first`; there may be no steps.
  static PhaseGroup at(const PhaseAxis& columns, uint32_t first);
  bool is_outside() const { return filter_step == 0; }
  uint32_t steps() const { return first_step < end_step ? end_step - first_step : 0; }
};

// For estimates: the sum of function(phase of the row, group) over the groups of all rows of the output.
template <typename Function>
uint64_t sum_over_groups(const Window& window, const Function& function) {
  const PhaseAxis rows = phase_rows(window), columns = phase_columns(window);
  uint64_t sum = 0;
  const auto add = [&](uint32_t phase_y, uint64_t count) {
    for (uint32_t phase = 0; phase < columns.stride;) {
      const PhaseGroup group = PhaseGroup::at(columns, phase);
      sum += count * function(phase_y, group);
      phase += group.count;
    }
  };
  uint32_t left = rows.outputs;
  for (uint32_t y = 0; y < rows.phases(); ++y) {
    const uint32_t first = rows.first_step(y), end = rows.end_step(y);
    if (first >= end) continue;
    add(y, end - first);
    left -= end - first;
  }
  if (left != 0) add(0, left);
  return sum * window.batches;
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_TRANSPOSE_CONV_PHASES_H_
