// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/strided_copy.h"

#include <string.h>

#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

constexpr uint32_t kDims = StridedCopyParams::kDims;
constexpr uint32_t kInner = kDims - 1;

}  // namespace

Status prepare_strided_copy(const OperatorContext& context, StridedCopyParams* params) {
  const TensorInfo input = context.input(0);
  const TensorInfo output = context.output(0);
  params->element_bytes = element_bytes(input.type);
  if (params->element_bytes > 4) {
    return context.fail(Status::kUnsupportedType, input_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the elements are larger than 4 bytes"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model with int32 in place of int64"),
                        params->element_bytes);
  }
  const RowSplit input_split = split_rows(input);
  const RowSplit output_split = split_rows(output);
  params->input_rows = input_split.rows;
  params->input_elements = input_split.elements;
  params->output_rows = output_split.rows;
  params->output_elements = output_split.elements;
  for (uint32_t& dim : params->dims) dim = 1;
  return Status::kOk;
}

StridedAxis input_axis(const TensorInfo& input, uint32_t axis) {
  const uint32_t within = input.rank - (input.rank >= 4 ? 2u : 1u);
  if (axis < within) return {input.dims[axis], static_cast<int32_t>(input.product(axis + 1, within)), 0};
  return {input.dims[axis], 0, static_cast<int32_t>(input.product(axis + 1, input.rank))};
}

void add_axis(StridedCopyParams* params, StridedAxis axis) {
  if (axis.size == 1) return;
  uint32_t* const dims = params->dims;
  int32_t* const row_step = params->row_step;
  int32_t* const element_step = params->element_step;
  const int32_t size = static_cast<int32_t>(axis.size);
  if (dims[kInner] != 1 && row_step[kInner] == axis.row_step * size &&
      element_step[kInner] == axis.element_step * size) {
    dims[kInner] *= axis.size;
  } else {
    if (dims[kInner] != 1) {
      memmove(dims, dims + 1, kInner * sizeof dims[0]);
      memmove(row_step, row_step + 1, kInner * sizeof row_step[0]);
      memmove(element_step, element_step + 1, kInner * sizeof element_step[0]);
    }
    dims[kInner] = axis.size;
  }
  row_step[kInner] = axis.row_step;
  element_step[kInner] = axis.element_step;
}

namespace {

// Whether all of the output's elements lie within [0, size) of the input, which has rows or elements of rows.
bool stays_within(const uint32_t* dims, const int32_t* step, uint32_t first, uint32_t size) {
  // No sum of six products of 28 and 32 bits overflows.
  int64_t lowest = first;
  int64_t highest = first;
  for (uint32_t d = 0; d < kDims; ++d) {
    const int64_t span = static_cast<int64_t>(dims[d] - 1) * step[d];
    (span < 0 ? lowest : highest) += span;
  }
  return lowest >= 0 && highest < size;
}

}  // namespace

bool strided_copy_footprint(const void* in, Footprint* footprint) {
  const StridedCopyParams& params = *static_cast<const StridedCopyParams*>(in);
  const uint32_t element = params.element_bytes;
  if (element != 1 && element != 2 && element != 4) return false;
  uint32_t input_bytes = element;
  uint32_t output_bytes = element;
  uint32_t total = element;
  for (uint32_t dim : params.dims) {
    if (!multiply_checked(dim, &total)) return false;
  }
  if (!multiply_checked(params.input_elements, &input_bytes) ||
      !multiply_checked(params.output_elements, &output_bytes)) {
    return false;
  }
  uint32_t input_total = input_bytes;
  uint32_t output_total = output_bytes;
  if (!multiply_checked(params.input_rows, &input_total) || !multiply_checked(params.output_rows, &output_total) ||
      output_total != total || !stays_within(params.dims, params.row_step, params.first_row, params.input_rows) ||
      !stays_within(params.dims, params.element_step, params.first_element, params.input_elements)) {
    return false;
  }
  footprint->add_view(input_operand(0), params.input_rows, input_bytes, static_cast<uint8_t>(element));
  footprint->add_view(output_operand(0), params.output_rows, output_bytes, static_cast<uint8_t>(element));
  return true;
}

// The lowest row that output rows from rows.first on read, and the highest one that those before rows.last do: what a
// ring of rows has to hold when rows run in order, also where they run backwards through the input.
Rows strided_copy_input_rows(const void* in, uint32_t, Rows rows) {
  const StridedCopyParams& params = *static_cast<const StridedCopyParams*>(in);
  uint32_t first = rows.first * params.output_elements;
  uint32_t last = rows.last * params.output_elements - 1;
  // Of the dimensions from d on, with indices from `first` on, up to `last`, and of any size.
  int32_t lowest = 0, highest = 0, any_lowest = 0, any_highest = 0;
  for (uint32_t d = kDims; d-- > 0;) {
    const uint32_t dim = params.dims[d];
    const int32_t step = params.row_step[d];
    const auto at = [step](uint32_t index) { return static_cast<int32_t>(index) * step; };
    const uint32_t begin = first % dim;
    const uint32_t end = last % dim;
    first /= dim;
    last /= dim;
    lowest += at(begin);
    if (begin + 1 < dim) {
      const int32_t other = any_lowest + at(step < 0 ? dim - 1 : begin + 1);
      lowest = other < lowest ? other : lowest;
    }
    highest += at(end);
    if (end > 0) {
      const int32_t other = any_highest + at(step < 0 ? 0 : end - 1);
      highest = other > highest ? other : highest;
    }
    (step < 0 ? any_lowest : any_highest) += at(dim - 1);
  }
  return {params.first_row + static_cast<uint32_t>(lowest), params.first_row + static_cast<uint32_t>(highest) + 1};
}

Cost strided_copy_cost(const void* in, const Target&) {
  const StridedCopyParams& params = *static_cast<const StridedCopyParams*>(in);
  constexpr uint32_t kRun = 50;
  const uint64_t elements = static_cast<uint64_t>(params.output_rows) * params.output_elements;
  const bool contiguous = params.row_step[kInner] == 0 && params.element_step[kInner] == 1;
  const uint32_t element = contiguous ? 1 : params.row_step[kInner] == 0 ? 5 : 15;
  return {0, elements / params.dims[kInner] * kRun + elements * element, 0};
}

namespace {

// Where the next element of the output comes from.
class Cursor {
 public:
  // At element `index` of the output.
  Cursor(const StridedCopyParams& params, uint32_t index)
      : row(params.first_row), element(params.first_element), params_(params) {
    for (uint32_t d = kDims; d-- > 0;) {
      index_[d] = index % params.dims[d];
      index /= params.dims[d];
      move(d, index_[d]);
    }
  }

  // Elements up to the end of the innermost dimension.
  uint32_t left() const { return params_.dims[kInner] - index_[kInner]; }

  // To the element that follows the next `count`, of which there are left() at most.
  void advance(uint32_t count) {
    move(kInner, count);
    index_[kInner] += count;
    for (uint32_t d = kInner; d > 0 && index_[d] == params_.dims[d]; --d) {
      move(d, 0 - index_[d]);
      index_[d] = 0;
      move(d - 1, 1);
      ++index_[d - 1];
    }
  }

  // Of the input. Behind the last element these are no position: they wrap.
  uint32_t row, element;

 private:
  void move(uint32_t dim, uint32_t count) {
    row += static_cast<uint32_t>(params_.row_step[dim]) * count;
    element += static_cast<uint32_t>(params_.element_step[dim]) * count;
  }

  const StridedCopyParams& params_;
  uint32_t index_[kDims];
};

// `count` elements; in the input their positions are `step` apart, modulo 2^32.
template <typename T>
void copy_elements(T* y, const T* x, uint32_t step, uint32_t count) {
  for (uint32_t i = 0, position = 0; i < count; ++i, position += step) y[i] = x[static_cast<int32_t>(position)];
}

// The innermost dimension runs within a row of the input.
void copy_in_row(const StridedCopyParams& params, uint8_t* y, const uint8_t* row, uint32_t element, uint32_t count) {
  const uint32_t step = static_cast<uint32_t>(params.element_step[kInner]);
  const uint8_t* const x = row + element * params.element_bytes;
  if (step == 1) {
    memcpy(y, x, count * params.element_bytes);
  } else if (params.element_bytes == 1) {
    copy_elements(y, x, step, count);
  } else if (params.element_bytes == 2) {
    copy_elements(reinterpret_cast<uint16_t*>(y), reinterpret_cast<const uint16_t*>(x), step, count);
  } else {
    copy_elements(reinterpret_cast<uint32_t*>(y), reinterpret_cast<const uint32_t*>(x), step, count);
  }
}

}  // namespace

Status strided_copy_run(const void* in, Rows rows, const Io& io) {
  const StridedCopyParams& params = *static_cast<const StridedCopyParams*>(in);
  const View input = io.view(0);
  const View output = io.view(1);
  const bool in_row = params.row_step[kInner] == 0;
  Cursor cursor(params, rows.first * params.output_elements);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    uint8_t* y = output.row(row);
    uint32_t count;
    for (uint32_t rest = params.output_elements; rest > 0; rest -= count) {
      count = in_row ? cursor.left() : 1;
      count = count < rest ? count : rest;
      copy_in_row(params, y, input.row(cursor.row), cursor.element, count);
      y += count * params.element_bytes;
      cursor.advance(count);
    }
  }
  return Status::kOk;
}

}  // namespace microplan
