// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/mean_int8.h"

namespace microplan {

namespace {

constexpr uint32_t kWidth = RowDims::kWidth;
constexpr uint32_t kChannels = RowDims::kChannels;

// Elements of a mean: their differences from the zero point add up to less than 2^30.
constexpr uint32_t kMostElements = 1u << 22;

}  // namespace

bool mean_int8_supports(const void* in, const Target&) {
  const MeanParams& params = *static_cast<const MeanParams*>(in);
  return params.by.shift < 0 && mean_product(params.shape, 0, RowDims::kCount, true) <= kMostElements;
}

MeanRun mean_run(const MeanShape& shape, uint32_t mean, uint32_t most) {
  const uint32_t channels = shape.dims[kChannels];
  const MeanPosition first = mean_position(shape, mean);
  uint32_t count = 1;
  uint32_t spread = 1;
  if (!is_reduced(shape, kChannels)) {
    count = channels - first.element % channels;
  } else if (!is_reduced(shape, kWidth)) {
    count = shape.dims[kWidth] - first.element / channels;
    spread = channels;
  }
  return {first, count < most ? count : most, spread};
}

MeanElements::MeanElements(const MeanShape& shape, const View& input) : input_(input), rows_(shape) {
  const uint32_t channels = shape.dims[kChannels];
  const bool sums_channels = is_reduced(shape, kChannels);
  row_count_ = mean_product(shape, kWidth, kChannels, true) * (sums_channels ? channels : 1);
  row_step_ = sums_channels ? 1 : channels;
  const uint32_t to_next_row = rows_.step() * input.row_stride;
  all_count_ = rows_.count() * row_count_;
  all_step_ = row_count_ == 1 ? to_next_row : row_step_;
  can_be_one_ = rows_.is_even() && (row_count_ == 1 || row_count_ * row_step_ == to_next_row);
}

void MeanElements::set_first_row(uint32_t first) {
  first_row_ = first;
  is_one_ = can_be_one_ && first + rows_.behind(rows_.count() - 1) < input_.ring_rows;
}

}  // namespace microplan
