// SPDX-License-Identifier: Apache-2.0
// What operators on two tensors with broadcasting share, whatever they compute and in which type.
#ifndef MICROPLAN_KERNELS_BINARY_SHAPE_H_
#define MICROPLAN_KERNELS_BINARY_SHAPE_H_

#include <stdint.h>

#include "microplan/kernel.h"
#include "microplan/kernels/binary.h"
#include "microplan/operator.h"

namespace microplan {

// Of the operator. `shape` is zeroed.
Status prepare_binary_shape(const OperatorContext& context, BinaryShape* shape);

// Of the Variant. All Params begin with the shape; `element` is the size of one in bytes.
bool binary_footprint(const BinaryShape& shape, uint32_t element, Footprint* footprint);
Rows binary_input_rows(const void* params, uint32_t view, Rows rows);
Cost binary_cost(const BinaryShape& shape, uint32_t instructions);

// The input's row for the output's row; `broadcast` is the input's.
uint32_t binary_input_row(const BinaryShape& shape, uint32_t broadcast, uint32_t row);

// One of the two inputs as the loops see it.
struct BinarySide {
  View view;
  uint32_t broadcast;
  uint32_t step;        // from element to element: 0 or 1
  uint32_t width_step;  // from one run of channels to the next

  BinarySide(const BinaryShape& shape, const Io& io, uint32_t input)
      : view(io.view(input)), broadcast(shape.broadcast[input]), step(repeats(RowDims::kChannels) ? 0 : 1) {
    const uint32_t run = step == 0 ? 1 : shape.dims[RowDims::kChannels];
    width_step = repeats(RowDims::kWidth) ? 0 : run;
  }
  bool repeats(uint32_t dim) const { return (broadcast >> dim & 1) != 0; }
};

// A function of its own with its own `op`, which then lives in registers: stores to y cannot change it.
template <typename T, typename Op>
[[gnu::noinline]] void run_binary_channels(const Op& of_caller, const T* a, uint32_t a_step, const T* b, uint32_t b_step,
                                           T* y, uint32_t count) {
  const Op op = of_caller;
  const T* const end = y + count;
  if ((a_step & b_step) != 0) {
    while (y != end) *y++ = op(*a++, *b++);
    return;
  }
  while (y != end) {
    *y++ = op(*a, *b);
    a += a_step;
    b += b_step;
  }
}

// run(a, b, y, count) for every run of channels: elements of both inputs, with the steps of their sides, and of the output.
template <typename T, typename Run>
Status run_binary_runs(const BinaryShape& shape, const Run& run, const BinarySide& a, const BinarySide& b, Rows rows,
                       const Io& io) {
  const View output = io.view(2);
  const uint32_t channels = shape.dims[RowDims::kChannels];
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const T* a_run = a.view.row_as<T>(binary_input_row(shape, a.broadcast, row));
    const T* b_run = b.view.row_as<T>(binary_input_row(shape, b.broadcast, row));
    T* y = output.row_as<T>(row);
    for (uint32_t w = 0; w < shape.dims[RowDims::kWidth]; ++w) {
      run(a_run, b_run, y, channels);
      a_run += a.width_step;
      b_run += b.width_step;
      y += channels;
    }
  }
  return Status::kOk;
}

// Output = op(a, b) for every pair of elements.
template <typename T, typename Op>
Status run_binary(const BinaryShape& shape, const Op& op, const BinarySide& a, const BinarySide& b, Rows rows, const Io& io) {
  const auto run = [&op, &a, &b](const T* a_run, const T* b_run, T* y, uint32_t count) {
    run_binary_channels(op, a_run, a.step, b_run, b.step, y, count);
  };
  return run_binary_runs<T>(shape, run, a, b, rows, io);
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_BINARY_SHAPE_H_
