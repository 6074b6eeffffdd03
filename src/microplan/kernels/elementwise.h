// SPDX-License-Identifier: Apache-2.0
// What the prepare functions of operators on elements and rows share.
#ifndef MICROPLAN_KERNELS_ELEMENTWISE_H_
#define MICROPLAN_KERNELS_ELEMENTWISE_H_

#include <stdint.h>

#include "microplan/kernels/prepare.h"
#include "microplan/operator.h"

namespace microplan {

// A tensor cut along the row axis of elementwise operators: from four dimensions on a row is [width, channels], so that
// rows are those of the convolutions around; below, a row is the last dimension.
struct RowSplit {
  uint32_t rows;
  uint32_t elements;  // of one row
};
inline RowSplit split_rows(const TensorInfo& tensor) {
  const uint32_t within = tensor.rank >= 4 ? 2 : tensor.rank >= 1 ? 1 : 0;
  const uint32_t outer = tensor.rank - within;
  return {tensor.product(0, outer), tensor.product(outer, tensor.rank)};
}

// Where dimension `axis` of such a tensor lies among six: four outer ones, whose product is the number of rows, then
// two within a row. Up to three dimensions, all but the last one are rows.
struct RowDims {
  static constexpr uint32_t kOuter = 4;
  static constexpr uint32_t kWidth = 4;
  static constexpr uint32_t kChannels = 5;
  static constexpr uint32_t kCount = 6;
};
inline uint32_t row_dim(uint32_t rank, uint32_t axis) {
  const uint32_t from_end = rank - 1 - axis;
  return RowDims::kChannels - from_end - (rank < 4 && from_end > 0 ? 1 : 0);
}

// The operand has one scale, positive and finite. Also asked of constants, which nobody has checked before.
inline Status check_per_tensor(const OperatorContext& context, Operand operand) {
  const TensorInfo tensor = operand.is_output ? context.output(operand.index) : context.input(operand.index);
  constexpr float kLargest = 3.402823466e+38f;
  if (tensor.scale_count == 1 && tensor.scale() > 0 && tensor.scale() <= kLargest) return Status::kOk;
  return context.fail(Status::kUnsupportedQuantization, operand,
                      MICROPLAN_DIAGNOSTIC_TEXT("the tensor does not have one positive scale"),
                      MICROPLAN_DIAGNOSTIC_TEXT("convert the model with int8 post-training quantization"),
                      tensor.scale_count);
}

// For operators whose output element i depends on input element i alone. Their Params begin with the RowSplit of both.
inline Status prepare_elements(const OperatorContext& context, RowSplit* split) {
  const Status status = check_arity(context, 1, 1);
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(0);
  if (!same_shape(input, context.output(0))) {
    return context.fail(Status::kUnsupportedShape, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("input and output differ in shape"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"));
  }
  *split = split_rows(input);
  return Status::kOk;
}

template <typename In, typename Out>
bool elements_footprint(const void* params, Footprint* footprint) {
  const RowSplit split = *static_cast<const RowSplit*>(params);
  uint32_t input_bytes = sizeof(In);
  uint32_t output_bytes = sizeof(Out);
  if (split.rows == 0 || !multiply_checked(split.elements, &input_bytes) ||
      !multiply_checked(split.elements, &output_bytes)) {
    return false;
  }
  footprint->add_view(input_operand(0), split.rows, input_bytes, sizeof(In));
  footprint->add_view(output_operand(0), split.rows, output_bytes, sizeof(Out));
  return true;
}

// An output row reads the input row of the same number.
inline Rows equal_rows(const void*, uint32_t, Rows rows) { return rows; }

// Both of an element: instructions, and those of them that are operations of float32.
template <uint32_t kInstructions, uint32_t kFloats = 0>
Cost elements_cost(const void* params, const Target& target) {
  const RowSplit split = *static_cast<const RowSplit*>(params);
  const uint64_t elements = static_cast<uint64_t>(split.rows) * split.elements;
  return with_floats({0, elements * kInstructions, 0}, target, elements * kFloats);
}

template <typename In, typename Out, typename Op>
Status run_elements(Op op, const void* params, Rows rows, const Io& io) {
  const uint32_t elements = static_cast<const RowSplit*>(params)->elements;
  const View input = io.view(0);
  const View output = io.view(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const In* x = input.row_as<In>(row);
    const In* const end = x + elements;
    Out* y = output.row_as<Out>(row);
    while (x != end) *y++ = op(*x++);
  }
  return Status::kOk;
}

// What 8-bit operators are that look their outputs up in a table. Constants: int8 [256], the output for each input, whose
// bits are the index.
constexpr uint32_t kByteTableBytes = 256;

inline void look_up_four(const uint8_t* x, uint8_t* y, const uint8_t* table) {
  const uint8_t a = x[0], b = x[1], c = x[2], d = x[3];
  y[0] = table[a];
  y[1] = table[b];
  y[2] = table[c];
  y[3] = table[d];
}

// A row. In blocks, so that little but the lookups is left.
[[gnu::noinline]] inline void look_up(const uint8_t* x, uint8_t* y, uint32_t elements, const uint8_t* table) {
  constexpr uint32_t kBlock = 8;
  for (; elements >= kBlock; elements -= kBlock) {
    look_up_four(x, y, table);
    look_up_four(x + 4, y + 4, table);
    x += kBlock;
    y += kBlock;
  }
  for (; elements != 0; --elements) *y++ = table[*x++];
}

template <typename LookUp>
Status run_table(LookUp look_up_row, const void* params, Rows rows, const Io& io) {
  const uint32_t elements = static_cast<const RowSplit*>(params)->elements;
  const uint8_t* const table = io.constant<uint8_t>(0);
  const View input = io.view(0);
  const View output = io.view(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    look_up_row(input.row(row), output.row(row), elements, table);
  }
  return Status::kOk;
}

inline bool table_footprint(const void* params, Footprint* footprint) {
  footprint->add_constant(kByteTableBytes, 1);
  return elements_footprint<int8_t, int8_t>(params, footprint);
}

// `entry(i)` is the output for the input of these bits.
template <typename Entry>
void pack_table(const Entry& entry, ConstantWriter& writer) {
  int8_t table[kByteTableBytes];
  for (uint32_t i = 0; i < kByteTableBytes; ++i) table[i] = entry(static_cast<uint8_t>(i));
  writer.append(table, kByteTableBytes);
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_ELEMENTWISE_H_
