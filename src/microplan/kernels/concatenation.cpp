// SPDX-License-Identifier: Apache-2.0
// CONCATENATION of any type: prepare and the reference kernel.
#include "microplan/kernels/concatenation.h"

#include <string.h>

#include "microplan/kernels.h"
#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Fields of the schema's ConcatenationOptions.
constexpr uint32_t kAxis = 0;
constexpr uint32_t kFusedActivation = 1;

bool is_quantized(DataType type) {
  return type == DataType::kInt8 || type == DataType::kUInt8 || type == DataType::kInt16;
}

// An input's type, quantization and dimensions beside `axis` are the output's.
Status check_input(const OperatorContext& context, uint8_t index, uint32_t axis) {
  const TensorInfo input = context.input(index);
  const TensorInfo output = context.output(0);
  if (input.type != output.type) {
    return context.fail(Status::kUnsupportedType, input_operand(index),
                        MICROPLAN_DIAGNOSTIC_TEXT("an input does not have the output's type"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), static_cast<int64_t>(input.type));
  }
  bool fits = input.rank == output.rank;
  for (uint32_t d = 0; fits && d < input.rank; ++d) fits = d == axis || input.dims[d] == output.dims[d];
  if (!fits) {
    return context.fail(Status::kUnsupportedShape, input_operand(index),
                        MICROPLAN_DIAGNOSTIC_TEXT("an input differs from the output beside the axis"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), input.rank);
  }
  if (!is_quantized(output.type)) return Status::kOk;
  const Status status = check_per_tensor(context, input_operand(index));
  if (status != Status::kOk) return status;
  const float scale = input.scale();
  const float output_scale = output.scale();
  if (memcmp(&scale, &output_scale, sizeof scale) == 0 && input.zero_point() == output.zero_point()) return Status::kOk;
  return context.fail(Status::kUnsupportedQuantization, input_operand(index),
                      MICROPLAN_DIAGNOSTIC_TEXT("an input is not quantized as the output is"),
                      MICROPLAN_DIAGNOSTIC_TEXT("convert the model again: a converter requantizes such inputs"));
}

Status prepare(const OperatorContext& context, void* out) {
  ConcatenationParams& params = *static_cast<ConcatenationParams*>(out);
  Status status = check_arity(context, 1, ConcatenationParams::kMaxInputs);
  if (status != Status::kOk) return status;
  const TensorInfo output = context.output(0);
  if (context.options().uint8_field(kFusedActivation, 0) != 0) {
    return context.fail(Status::kUnsupportedOption, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("a fused activation"),
                        MICROPLAN_DIAGNOSTIC_TEXT("make the activation an operator of its own"));
  }
  const int32_t rank = output.rank;
  const int32_t option = context.options().int32_field(kAxis, 0);
  if (option < -rank || option >= rank) {
    return context.fail(Status::kUnsupportedOption, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the axis is not a dimension of the output"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), option);
  }
  const uint32_t axis = static_cast<uint32_t>(option < 0 ? option + rank : option);
  if (is_quantized(output.type)) {
    status = check_per_tensor(context, output_operand(0));
    if (status != Status::kOk) return status;
  }

  // Dimensions before `within` count rows.
  const uint32_t within = output.rank - (output.rank >= 4 ? 2u : 1u);
  const uint32_t element = element_bytes(output.type);
  uint32_t unit;  // what an index along the axis contributes
  params.stacked = axis < within;
  if (params.stacked) {
    params.outer = output.product(0, axis);
    params.inner = output.product(within, output.rank) * element;
    unit = output.product(axis + 1, within);
  } else {
    params.outer = output.product(0, within);
    params.inner = output.product(within, axis);
    unit = output.product(axis + 1, output.rank) * element;
  }
  params.count = context.input_count();
  uint64_t total = 0;
  for (uint32_t i = 0; i < params.count; ++i) {
    status = check_input(context, static_cast<uint8_t>(i), axis);
    if (status != Status::kOk) return status;
    const uint32_t dim = context.input(i).dims[axis];
    params.span[i] = dim * unit;
    total += dim;
  }
  if (total != output.dims[axis]) {
    return context.fail(Status::kUnsupportedShape, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the output is not as long as the inputs together"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), output.dims[axis]);
  }
  return Status::kOk;
}

uint32_t total_span(const ConcatenationParams& params) {
  uint32_t total = 0;
  for (uint32_t i = 0; i < params.count; ++i) total += params.span[i];
  return total;
}

bool footprint(const void* in, Footprint* footprint) {
  const ConcatenationParams& params = *static_cast<const ConcatenationParams*>(in);
  if (params.count == 0 || params.count > ConcatenationParams::kMaxInputs || params.stacked > 1) return false;
  for (uint32_t i = 0; i < params.count; ++i) {
    if (params.span[i] > kMaxBytes) return false;
  }
  const uint32_t total = total_span(params);
  for (uint32_t i = 0; i <= params.count; ++i) {
    const uint32_t span = i < params.count ? params.span[i] : total;
    uint32_t rows = params.outer;
    uint32_t row_bytes = params.inner;
    uint32_t bytes = rows;
    if (rows == 0 || !multiply_checked(row_bytes, &bytes) || !multiply_checked(span, &bytes)) return false;
    (params.stacked ? rows : row_bytes) *= span;
    const Operand operand = i < params.count ? input_operand(static_cast<uint8_t>(i)) : output_operand(0);
    footprint->add_view(operand, rows, row_bytes, 1);
  }
  return true;
}

// How many rows of a stacked input lie before row `row` of the output.
uint32_t rows_before(const ConcatenationParams& params, uint32_t input, uint32_t row) {
  const uint32_t total = total_span(params);
  uint32_t within = row % total;
  for (uint32_t i = 0; i < input; ++i) within -= within < params.span[i] ? within : params.span[i];
  return row / total * params.span[input] + (within < params.span[input] ? within : params.span[input]);
}

// Empty where all rows are other inputs'.
Rows input_rows(const void* in, uint32_t view, Rows rows) {
  const ConcatenationParams& params = *static_cast<const ConcatenationParams*>(in);
  if (!params.stacked) return rows;
  return {rows_before(params, view, rows.first), rows_before(params, view, rows.last)};
}

Cost cost(const void* in, const Target&) {
  const ConcatenationParams& params = *static_cast<const ConcatenationParams*>(in);
  constexpr uint32_t kCopy = 30;  // for each copied run of bytes; a word at a time within
  const uint64_t outer = params.outer;
  const uint64_t total = total_span(params);
  const uint64_t runs = params.stacked ? outer * total : outer * params.inner * params.count;
  return {0, runs * kCopy + outer * params.inner * total / 2, 0};
}

void run_stacked(const ConcatenationParams& params, Rows rows, const Io& io) {
  const View output = io.view(params.count);
  const uint32_t total = total_span(params);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    uint32_t within = row % total;
    uint32_t i = 0;
    for (; within >= params.span[i]; ++i) within -= params.span[i];
    memcpy(output.row(row), io.view(i).row(row / total * params.span[i] + within), params.inner);
  }
}

void run_side_by_side(const ConcatenationParams& params, Rows rows, const Io& io) {
  const View output = io.view(params.count);
  const uint32_t total = total_span(params);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    uint8_t* begin = output.row(row);
    for (uint32_t i = 0; i < params.count; ++i) {
      const uint32_t span = params.span[i];
      const uint8_t* x = io.view(i).row(row);
      uint8_t* y = begin;
      for (uint32_t run = 0; run < params.inner; ++run) {
        memcpy(y, x, span);
        x += span;
        y += total;
      }
      begin += span;
    }
  }
}

}  // namespace

namespace kernels {

Status concatenation_run(const void* in, Rows rows, const Io& io, void*) {
  const ConcatenationParams& params = *static_cast<const ConcatenationParams*>(in);
  if (params.stacked) {
    run_stacked(params, rows, io);
  } else {
    run_side_by_side(params, rows, io);
  }
  return Status::kOk;
}

const Variant concatenation_variant = {
    concatenation, "concatenation", "CONCATENATION", 2,
    DataType::kNone, DataType::kNone, DataType::kNone, "up to 10 inputs with equal quantization",
    false, Overlap::kRows, sizeof(ConcatenationParams),
    prepare, nullptr, footprint, input_rows, nullptr, nullptr, cost};

}  // namespace kernels

}  // namespace microplan
