// SPDX-License-Identifier: Apache-2.0
// MEAN of int8: what the variants share that add words or vectors of channels.
#ifndef MICROPLAN_KERNELS_MEAN_INT8_H_
#define MICROPLAN_KERNELS_MEAN_INT8_H_

#include <stdint.h>

#include "microplan/kernel.h"
#include "microplan/kernels/mean.h"
#include "microplan/operator.h"

namespace microplan {

// Whether requantize_fast() is exact for the sums. It is with every multiplier that is not negative: what is below 2^30 is
// rounded to the same sign or to 0, too.
bool mean_int8_supports(const void* params, const Target& target);

// Where the means of one output row lie that can be made side by side: mean i begins `spread` elements behind mean i - 1.
struct MeanRun {
  MeanPosition first;
  uint32_t count;
  uint32_t spread;
};
MeanRun mean_run(const MeanShape& shape, uint32_t mean, uint32_t most);

// The elements of a mean as runs of `count` elements, `step` apart, one in each of its rows; as a single one where the
// rows lie so that it goes on from row to row.
class MeanElements {
 public:
  MeanElements(const MeanShape& shape, const View& input);
  // For the means whose elements begin in input row `first`.
  void set_first_row(uint32_t first);
  uint32_t runs() const { return is_one_ ? 1 : rows_.count(); }
  const int8_t* run(uint32_t index) const { return input_.row_as<int8_t>(first_row_ + rows_.behind(index)); }
  uint32_t count() const { return is_one_ ? all_count_ : row_count_; }
  uint32_t step() const { return is_one_ ? all_step_ : row_step_; }

 private:
  const View input_;
  const MeanRows rows_;
  uint32_t row_count_, row_step_;
  uint32_t all_count_, all_step_;
  bool can_be_one_;  // unless the rows wrap around a ring
  bool is_one_;
  uint32_t first_row_;
};

// Sums: of up to kWide means side by side; add() adds a run of elements to each, finish() writes the means. Elements are
// added in no particular order, which modulo 2^32 is the same.
template <typename Sums>
Status run_mean_int8(const void* in, Rows rows, const Io& io) {
  const MeanParams& params = *static_cast<const MeanParams*>(in);
  const MeanShape& shape = params.shape;
  const View output = io.view(1);
  MeanElements elements(shape, io.view(0));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    int8_t* y = output.row_as<int8_t>(row);
    uint32_t left = shape.output_elements;
    while (left != 0) {
      const MeanRun run = mean_run(shape, (row + 1) * shape.output_elements - left, left);
      elements.set_first_row(run.first.row);
      const uint32_t most = run.spread == 1 ? Sums::kWide : 1;
      for (uint32_t i = 0; i < run.count;) {
        const uint32_t wide = run.count - i < most ? run.count - i : most;
        Sums sums(params);
        for (uint32_t r = 0; r < elements.runs(); ++r) {
          const int8_t* const x = elements.run(r) + run.first.element + i * run.spread;
          sums.add(x, elements.count(), elements.step(), wide);
        }
        sums.finish(params, y, wide);
        y += wide;
        i += wide;
      }
      left -= run.count;
    }
  }
  return Status::kOk;
}

// kWord: instructions for a word of elements or a vector, kMean: for a mean beside them.
template <uint32_t kElements, uint32_t kWord, uint32_t kMean>
Cost mean_int8_cost(const void* in, const Target&) {
  const MeanShape& shape = *static_cast<const MeanShape*>(in);
  uint64_t elements = 1;
  for (uint32_t dim : shape.dims) elements *= dim;
  const uint64_t means = static_cast<uint64_t>(shape.output_rows) * shape.output_elements;
  return {0, elements * kWord / kElements + means * kMean, 0};
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MEAN_INT8_H_
