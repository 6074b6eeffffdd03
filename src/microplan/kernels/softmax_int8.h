// SPDX-License-Identifier: Apache-2.0
// SOFTMAX of int8: what the variants share that keep the exponentials of a row in scratch.
#ifndef MICROPLAN_KERNELS_SOFTMAX_INT8_H_
#define MICROPLAN_KERNELS_SOFTMAX_INT8_H_

#include <stdint.h>
#include <string.h>

#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/softmax.h"

namespace microplan {

// exp(a) for a = (fraction - quarters of a quarter) in Q5.26, fraction in [-1/4, 0): a polynomial around -1/8 of the
// fraction, then a factor for each bit of the quarters. The constants of fixed_point.h.
struct SoftmaxExp {
  static constexpr int32_t kQuarterBits = kSoftmaxExponentBits - 2;
  static constexpr int32_t kQuarter = 1 << kQuarterBits;
  static constexpr int32_t kExpMinusEighth = 1895147668;
  static constexpr int32_t kThird = 715827883;
};

// Sums of exponentials fit 32 bits.
constexpr uint32_t kSoftmaxMaxDepth = 8191;

inline bool softmax_int8_supports(const void* in, const Target&) {
  return static_cast<const SoftmaxParams*>(in)->depth <= kSoftmaxMaxDepth;
}

inline bool softmax_int8_kept_footprint(const void* in, Footprint* footprint) {
  return softmax_int8_supports(in, Target{}) && softmax_int8_footprint(in, footprint);
}

// The exponentials of a row.
inline uint32_t softmax_int8_scratch_bytes(const void* in, uint32_t) {
  return static_cast<const SoftmaxParams*>(in)->depth * static_cast<uint32_t>(sizeof(int32_t));
}

// A Row has
//   largest(x, depth)
//   exponentials(params, x, largest, to)  writes them, 0 for those that do not count, and returns their sum
//   outputs(from, depth, scale, right, y)  right in [23, 31]
template <typename Row>
Status run_softmax_int8(const void* in, Rows rows, const Io& io, void* scratch) {
  const SoftmaxParams& params = *static_cast<const SoftmaxParams*>(in);
  int32_t* const exponentials = static_cast<int32_t*>(scratch);
  const View input = io.view(0);
  const View output = io.view(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const int8_t* const x = input.row_as<int8_t>(row);
    const uint32_t sum = Row::exponentials(params, x, Row::largest(x, params.depth), exponentials);
    const SoftmaxScale reciprocal(sum);
    // 2^8 steps, and the sum is 1 at least: shifts from 23 on. Nothing is left of a product from 32 on.
    const int32_t right = reciprocal.over_unit + 31 - 8;
    int8_t* const y = output.row_as<int8_t>(row);
    if (right > 31) {
      memset(y, INT8_MIN, params.depth);
    } else {
      Row::outputs(exponentials, params.depth, reciprocal.scale, right, y);
    }
  }
  return Status::kOk;
}

constexpr Variant softmax_int8_variant_row(const Kernel& kernel, const char* name,
                                           Cost (*cost)(const void*, const Target&), uint32_t features) {
  return {kernel, name, "SOFTMAX", 25,
          DataType::kInt8, DataType::kNone, DataType::kInt8, "up to 8191 classes",
          false, Overlap::kElementwise, sizeof(SoftmaxParams),
          softmax_int8_prepare, softmax_int8_supports, softmax_int8_kept_footprint, equal_rows,
          softmax_int8_scratch_bytes, nullptr, cost, features};
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_SOFTMAX_INT8_H_
