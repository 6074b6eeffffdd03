// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/binary_shape.h"

#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

constexpr uint32_t kWidth = RowDims::kWidth;
constexpr uint32_t kChannels = RowDims::kChannels;
constexpr uint32_t kOuterMask = (1u << RowDims::kOuter) - 1;

bool repeats(const BinaryShape& shape, uint32_t input, uint32_t dim) {
  return (shape.broadcast[input] >> dim & 1) != 0;
}

// Whether both inputs run through width and channels as through one dimension.
bool row_is_flat(const BinaryShape& shape) {
  if (shape.dims[kWidth] == 1 || shape.dims[kChannels] == 1) return true;
  return repeats(shape, 0, kWidth) == repeats(shape, 0, kChannels) &&
         repeats(shape, 1, kWidth) == repeats(shape, 1, kChannels);
}

}  // namespace

Status prepare_binary_shape(const OperatorContext& context, BinaryShape* shape) {
  Status status = check_arity(context, 2, 2);
  if (status != Status::kOk) return status;
  const TensorInfo tensor[3] = {context.input(0), context.input(1), context.output(0)};
  uint32_t rank = 0;
  for (const TensorInfo& t : tensor) rank = t.rank > rank ? t.rank : rank;
  for (uint32_t& dim : shape->dims) dim = 1;
  for (uint32_t axis = 0; axis < rank; ++axis) {
    // Shapes are aligned at their ends.
    const uint32_t from_end = rank - 1 - axis;
    const uint32_t slot = row_dim(rank, axis);
    uint32_t dim[3];
    for (uint32_t i = 0; i < 3; ++i) {
      dim[i] = from_end < tensor[i].rank ? tensor[i].dims[tensor[i].rank - 1 - from_end] : 1;
    }
    for (uint32_t i = 0; i < 2; ++i) {
      if (dim[i] == dim[2]) continue;
      if (dim[i] != 1 || dim[1 - i] != dim[2]) {
        return context.fail(Status::kUnsupportedShape, input_operand(static_cast<uint8_t>(i)),
                            MICROPLAN_DIAGNOSTIC_TEXT("the inputs do not broadcast to the output's shape"),
                            MICROPLAN_DIAGNOSTIC_TEXT("each dimension of an input is 1 or the output's"), dim[i]);
      }
      shape->broadcast[i] |= 1u << slot;
    }
    shape->dims[slot] = dim[2];
  }
  if (row_is_flat(*shape)) {
    for (uint32_t& broadcast : shape->broadcast) {
      const uint32_t flat = broadcast >> (shape->dims[kChannels] == 1 ? kWidth : kChannels) & 1;
      broadcast = (broadcast & kOuterMask) | flat << kChannels;
    }
    shape->dims[kChannels] *= shape->dims[kWidth];
    shape->dims[kWidth] = 1;
  }
  return Status::kOk;
}

bool binary_footprint(const BinaryShape& shape, uint32_t element, Footprint* footprint) {
  // One of the inputs has the output's dimension.
  if ((shape.broadcast[0] & shape.broadcast[1]) != 0) return false;
  uint32_t total = element;
  for (uint32_t dim : shape.dims) {
    if (!multiply_checked(dim, &total)) return false;
  }
  for (uint32_t i = 0; i < 3; ++i) {
    const uint32_t broadcast = i < 2 ? shape.broadcast[i] : 0;
    if (broadcast >> RowDims::kCount != 0) return false;
    uint32_t rows = 1;
    uint32_t row_bytes = element;
    for (uint32_t d = 0; d < RowDims::kCount; ++d) {
      if (broadcast >> d & 1) continue;
      (d < RowDims::kOuter ? rows : row_bytes) *= shape.dims[d];
    }
    const Operand operand = i < 2 ? input_operand(static_cast<uint8_t>(i)) : output_operand(0);
    footprint->add_view(operand, rows, row_bytes, static_cast<uint8_t>(element));
  }
  return true;
}

// A repeated input is asked for whole: rows of several dimensions may return to its beginning.
Rows binary_input_rows(const void* params, uint32_t view, Rows rows) {
  const BinaryShape& shape = *static_cast<const BinaryShape*>(params);
  if ((shape.broadcast[view] & kOuterMask) == 0) return rows;
  uint32_t count = 1;
  for (uint32_t d = 0; d < RowDims::kOuter; ++d) count *= repeats(shape, view, d) ? 1 : shape.dims[d];
  return {0, count};
}

Cost binary_cost(const BinaryShape& shape, uint32_t instructions) {
  uint64_t elements = 1;
  for (uint32_t dim : shape.dims) elements *= dim;
  return {0, elements * instructions, 0};
}

uint32_t binary_input_row(const BinaryShape& shape, uint32_t broadcast, uint32_t row) {
  if ((broadcast & kOuterMask) == 0) return row;
  uint32_t result = 0;
  uint32_t stride = 1;
  for (uint32_t d = RowDims::kOuter; d-- > 0;) {
    const uint32_t coordinate = row % shape.dims[d];
    row /= shape.dims[d];
    if (broadcast >> d & 1) continue;
    result += coordinate * stride;
    stride *= shape.dims[d];
  }
  return result;
}

}  // namespace microplan
