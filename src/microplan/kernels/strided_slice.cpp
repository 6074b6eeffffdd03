// SPDX-License-Identifier: Apache-2.0
// STRIDED_SLICE of 1-, 2- and 4-byte elements: prepare; strided_copy.h does the rest.
#include "microplan/kernels.h"
#include "microplan/kernels/prepare.h"
#include "microplan/kernels/strided_copy.h"

namespace microplan {

namespace {

constexpr uint8_t kBegin = 1;
constexpr uint8_t kEnd = 2;
constexpr uint8_t kStrides = 3;

// Fields of the schema's StridedSliceOptions.
constexpr uint32_t kBeginMask = 0;
constexpr uint32_t kEndMask = 1;
constexpr uint32_t kEllipsisMask = 2;
constexpr uint32_t kNewAxisMask = 3;
constexpr uint32_t kShrinkAxisMask = 4;
constexpr uint32_t kOffset = 5;

Status check_operands(const OperatorContext& context) {
  const TensorInfo input = context.input(0);
  for (uint8_t i = kBegin; i <= kStrides; ++i) {
    const Status status = check_constant(context, i);
    if (status != Status::kOk) return status;
    const TensorInfo indices = context.input(i);
    if (indices.type != DataType::kInt32 || indices.elements != input.rank) {
      return context.fail(Status::kUnsupportedShape, input_operand(i),
                          MICROPLAN_DIAGNOSTIC_TEXT("begin, end or strides do not go with the input"),
                          MICROPLAN_DIAGNOSTIC_TEXT("they are int32 and have one element for each dimension"),
                          indices.elements);
    }
  }
  const Options& options = context.options();
  if (options.int32_field(kEllipsisMask, 0) != 0 || options.int32_field(kNewAxisMask, 0) != 0 ||
      options.uint8_field(kOffset, 0) != 0) {
    return context.fail(Status::kUnsupportedOption, input_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("an ellipsis, a new axis or ends that are offsets"),
                        MICROPLAN_DIAGNOSTIC_TEXT("write out begin and end of all dimensions; add axes by a reshape"));
  }
  return Status::kOk;
}

// An index from the model within [low, high]; negative ones count from the end of a dimension of `size`.
int64_t resolve(int32_t index, int64_t size, int64_t low, int64_t high) {
  const int64_t value = index < 0 ? index + size : index;
  return value < low ? low : value > high ? high : value;
}

// The indices of a dimension that the slice takes.
struct Slice {
  int64_t begin;
  int64_t count;
  int32_t stride;
};

Slice slice_of(const OperatorContext& context, uint32_t axis, int32_t stride) {
  const Options& options = context.options();
  const auto masked = [&options, axis](uint32_t field) { return (options.int32_field(field, 0) >> axis & 1) != 0; };
  const int64_t size = context.input(0).dims[axis];
  // The position before the first index that counts, or behind the last one.
  const int64_t low = stride < 0 ? -1 : 0;
  const int64_t high = stride < 0 ? size - 1 : size;
  const int64_t begin = masked(kBeginMask) ? (stride < 0 ? high : low)
                                           : resolve(context.input(kBegin).int32_at(axis), size, low, high);
  if (masked(kShrinkAxisMask)) return {begin, 1, stride};
  const int64_t end = masked(kEndMask) ? (stride < 0 ? low : high)
                                       : resolve(context.input(kEnd).int32_at(axis), size, low, high);
  const int64_t distance = stride < 0 ? begin - end : end - begin;
  const int64_t step = stride < 0 ? -static_cast<int64_t>(stride) : stride;
  return {begin, distance <= 0 ? 0 : (distance - 1) / step + 1, stride};
}

Status fail_output(const OperatorContext& context, int64_t found) {
  return context.fail(Status::kUnsupportedShape, output_operand(0),
                      MICROPLAN_DIAGNOSTIC_TEXT("the output is not as large as what begin, end and strides take"),
                      MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), found);
}

Status prepare_axis(const OperatorContext& context, uint32_t axis, uint32_t* output_axis, StridedCopyParams* params) {
  const TensorInfo input = context.input(0);
  const TensorInfo output = context.output(0);
  const bool shrinks = (context.options().int32_field(kShrinkAxisMask, 0) >> axis & 1) != 0;
  const int32_t stride = context.input(kStrides).int32_at(axis);
  if (stride == 0 || (shrinks && stride < 0)) {
    return context.fail(Status::kUnsupportedOption, input_operand(kStrides),
                        MICROPLAN_DIAGNOSTIC_TEXT("a stride is 0, or negative where the dimension is dropped"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), stride);
  }
  const Slice slice = slice_of(context, axis, stride);
  const StridedAxis source = input_axis(input, axis);
  if (shrinks) {
    if (slice.begin >= source.size) {
      return context.fail(Status::kUnsupportedOption, input_operand(kBegin),
                          MICROPLAN_DIAGNOSTIC_TEXT("an index lies behind the end of the dimension that it drops"),
                          MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), slice.begin);
    }
  } else {
    const bool fits = *output_axis < output.rank && slice.count == output.dims[*output_axis];
    if (!fits) return fail_output(context, slice.count);
    ++*output_axis;
  }
  const uint32_t begin = static_cast<uint32_t>(slice.begin);
  params->first_row += begin * static_cast<uint32_t>(source.row_step);
  params->first_element += begin * static_cast<uint32_t>(source.element_step);
  // With a single index, no product with the stride is computed, and none can overflow.
  if (slice.count > 1) {
    add_axis(params, {static_cast<uint32_t>(slice.count), source.row_step * stride, source.element_step * stride});
  }
  return Status::kOk;
}

Status prepare(const OperatorContext& context, void* out) {
  StridedCopyParams& params = *static_cast<StridedCopyParams*>(out);
  Status status = check_arity(context, 4, 4);
  if (status == Status::kOk) status = check_operands(context);
  if (status == Status::kOk) status = prepare_strided_copy(context, &params);
  uint32_t output_axis = 0;
  for (uint32_t axis = 0; status == Status::kOk && axis < context.input(0).rank; ++axis) {
    status = prepare_axis(context, axis, &output_axis, &params);
  }
  if (status == Status::kOk && output_axis != context.output(0).rank) return fail_output(context, output_axis);
  return status;
}

}  // namespace

namespace kernels {

Status strided_slice_run(const void* in, Rows rows, const Io& io, void*) { return strided_copy_run(in, rows, io); }

const Variant strided_slice_variant = {
    strided_slice, "strided_slice", "STRIDED_SLICE", 45,
    DataType::kNone, DataType::kNone, DataType::kNone,
    "constant begin, end and strides, elements of up to 4 bytes",
    false, Overlap::kRows, sizeof(StridedCopyParams),
    prepare, nullptr, strided_copy_footprint, strided_copy_input_rows, nullptr, nullptr, strided_copy_cost};

}  // namespace kernels

}  // namespace microplan
