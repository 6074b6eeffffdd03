// SPDX-License-Identifier: Apache-2.0
// MEAN over any of the input's dimensions.
#ifndef MICROPLAN_KERNELS_MEAN_H_
#define MICROPLAN_KERNELS_MEAN_H_

#include <stdint.h>

#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/quantization.h"

namespace microplan {

// Views: input, output.
struct MeanShape {
  uint32_t dims[RowDims::kCount];  // of the input
  uint32_t reduced;                // bit d: the mean is taken over dimension d
  uint32_t output_rows;
  uint32_t output_elements;  // of a row
};

struct MeanParams {
  MeanShape shape;
  int32_t start;  // of every sum: minus the input's zero point for each element
  Requantize by;  // with the division by the number of elements: the multiplier may be below 2^30
  int32_t output_offset;
};

struct MeanFloatParams {
  MeanShape shape;
  float count;  // elements of a mean
};

// Product of the dimensions [first, last) that the mean is taken over, or of those that stay.
uint32_t mean_product(const MeanShape& shape, uint32_t first, uint32_t last, bool reduced);

inline bool is_reduced(const MeanShape& shape, uint32_t dim) { return (shape.reduced >> dim & 1) != 0; }

// Where an element of a mean lies in the input: a row, and an element within it.
struct MeanPosition {
  uint32_t row;
  uint32_t element;
};

// The first element of mean `mean`.
MeanPosition mean_position(const MeanShape& shape, uint32_t mean);

// The rows of a mean: mostly one as far behind the other as the next.
class MeanRows {
 public:
  explicit MeanRows(const MeanShape& shape);
  uint32_t count() const { return count_; }
  bool is_even() const { return is_even_; }
  // From a row to the next one where they are even.
  uint32_t step() const { return step_; }
  // How far row `index` of a mean lies behind its first one.
  uint32_t behind(uint32_t index) const { return is_even_ ? index * step_ : uneven(index); }

 private:
  uint32_t uneven(uint32_t index) const;

  const MeanShape& shape_;
  const uint32_t count_, step_;
  bool is_even_;
};

// What the variants share.
Status mean_integer_prepare(const OperatorContext& context, void* params);
bool mean_int8_footprint(const void* params, Footprint* footprint);
Status mean_float_prepare(const OperatorContext& context, void* params);
bool mean_float_footprint(const void* params, Footprint* footprint);
Rows mean_input_rows(const void* params, uint32_t view, Rows rows);

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MEAN_H_
