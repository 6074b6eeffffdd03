// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/transpose_conv_phases.h"

namespace microplan {

uint32_t phase_element(const Window& window, uint32_t phase_y, uint32_t phase_x, uint32_t k) {
  const uint32_t depth = window.out_c;
  const uint32_t taps_x = phase_columns(window).taps(phase_x);
  const uint32_t tap = k / depth;
  const uint32_t back_y = phase_rows(window).taps(phase_y) - 1 - tap / taps_x;
  const uint32_t back_x = taps_x - 1 - tap % taps_x;
  const uint32_t ky = phase_y + back_y * window.stride_h;
  const uint32_t kx = phase_x + back_x * window.stride_w;
  return (ky * window.kernel_w + kx) * depth + k % depth;
}

PhaseRow::PhaseRow(const Window& window, uint32_t row) {
  const PhaseAxis axis = phase_rows(window);
  const uint32_t batch = row / window.in_h;
  const uint32_t reach = row - batch * window.in_h + axis.pad;
  const uint32_t step = reach / axis.stride;
  rows_ = axis.inputs;
  batch_first_ = batch * axis.inputs;
  phase = reach - step * axis.stride;
  first_ = step + 1;
  if (phase >= axis.kernel) {
    phase = 0;
    first_ = axis.inputs + axis.taps(0);
  }
  taps = axis.taps(phase);
  first_ -= taps;
}

PhaseGroup PhaseGroup::at(const PhaseAxis& columns, uint32_t first) {
  PhaseGroup group;
  const uint32_t taps = columns.taps(first);
  group.first = first;
  group.first_step = columns.first_step(first);
  group.end_step = columns.end_step(first);
  uint32_t end = first + 1;
  while (end < columns.stride && columns.taps(end) == taps && columns.first_step(end) == group.first_step &&
         columns.end_step(end) == group.end_step) {
    ++end;
  }
  group.count = end - first;
  group.filter = taps == 0 ? 0 : first;
  group.filter_step = taps != 0;
  group.taps = columns.taps(group.filter);
  return group;
}

}  // namespace microplan
