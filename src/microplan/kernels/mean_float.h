// SPDX-License-Identifier: Apache-2.0
// MEAN of float32: what the variants share that add several channels at a time.
#ifndef MICROPLAN_KERNELS_MEAN_FLOAT_H_
#define MICROPLAN_KERNELS_MEAN_FLOAT_H_

#include <stdint.h>

#include "microplan/kernels/mean.h"
#include "microplan/operator.h"

namespace microplan {

// Output rows consist of runs of so many means side by side. 0 where they do not, as with means over channels.
inline uint32_t mean_float_run(const MeanShape& shape) {
  const uint32_t channels = shape.dims[RowDims::kChannels];
  const uint32_t elements = shape.output_elements;
  if (is_reduced(shape, RowDims::kChannels) || channels == 0 || elements == 0) return 0;
  if (elements >= channels) return elements % channels == 0 ? channels : 0;
  return channels % elements == 0 ? elements : 0;
}

// means(first, y) for every such run: where its first mean's first element lies, and the output.
template <typename Means>
void for_each_mean_run(const MeanShape& shape, Rows rows, const Io& io, const Means& means) {
  const View output = io.view(1);
  const uint32_t run = mean_float_run(shape);
  if (run == 0) return;
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    float* const y = output.row_as<float>(row);
    for (uint32_t e = 0; e < shape.output_elements; e += run) {
      const MeanPosition first = mean_position(shape, row * shape.output_elements + e);
      means(first, y + e);
    }
  }
}

// kFour: instructions for four elements, kMean: for a mean beside them.
template <uint32_t kFour, uint32_t kMean>
Cost mean_float_cost(const void* in, const Target&) {
  const MeanShape& shape = *static_cast<const MeanShape*>(in);
  uint64_t elements = 1;
  for (uint32_t dim : shape.dims) elements *= dim;
  const uint64_t means = static_cast<uint64_t>(shape.output_rows) * shape.output_elements;
  return {0, elements * kFour / 4 + means * kMean + uint64_t{shape.output_rows} * 90, 0};
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MEAN_FLOAT_H_
