// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE of 1-, 2- and 4-byte elements: prepare; strided_copy.h does the rest.
#include "microplan/kernels.h"
#include "microplan/kernels/prepare.h"
#include "microplan/kernels/strided_copy.h"

namespace microplan {

namespace {

constexpr uint8_t kPermutation = 1;

Status prepare(const OperatorContext& context, void* out) {
  StridedCopyParams& params = *static_cast<StridedCopyParams*>(out);
  Status status = check_arity(context, 2, 2);
  if (status == Status::kOk) status = check_constant(context, kPermutation);
  if (status == Status::kOk) status = prepare_strided_copy(context, &params);
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(0);
  const TensorInfo permutation = context.input(kPermutation);
  const TensorInfo output = context.output(0);
  if (permutation.type != DataType::kInt32 || permutation.elements != input.rank || output.rank != input.rank) {
    return context.fail(Status::kUnsupportedShape, input_operand(kPermutation),
                        MICROPLAN_DIAGNOSTIC_TEXT("input, permutation and output do not go together"),
                        MICROPLAN_DIAGNOSTIC_TEXT("the permutation is int32 and has one element for each dimension"),
                        permutation.elements);
  }
  uint32_t seen = 0;
  for (uint32_t d = 0; d < input.rank; ++d) {
    const int32_t axis = permutation.int32_at(d);
    if (axis < 0 || axis >= input.rank || (seen >> axis & 1) != 0) {
      return context.fail(Status::kUnsupportedOption, input_operand(kPermutation),
                          MICROPLAN_DIAGNOSTIC_TEXT("the permutation does not name every dimension once"),
                          MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), axis);
    }
    seen |= 1u << axis;
    const StridedAxis source = input_axis(input, static_cast<uint32_t>(axis));
    if (output.dims[d] != source.size) {
      return context.fail(Status::kUnsupportedShape, output_operand(0),
                          MICROPLAN_DIAGNOSTIC_TEXT("a dimension of the output is not the input's that it is made of"),
                          MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), output.dims[d]);
    }
    add_axis(&params, source);
  }
  return Status::kOk;
}

}  // namespace

namespace kernels {

Status transpose_run(const void* in, Rows rows, const Io& io, void*) { return strided_copy_run(in, rows, io); }

const Variant transpose_variant = {
    transpose, "transpose", "TRANSPOSE", 39,
    DataType::kNone, DataType::kNone, DataType::kNone, "constant permutation, elements of up to 4 bytes",
    false, Overlap::kRows, sizeof(StridedCopyParams),
    prepare, nullptr, strided_copy_footprint, strided_copy_input_rows, nullptr, nullptr, strided_copy_cost};

}  // namespace kernels

}  // namespace microplan
