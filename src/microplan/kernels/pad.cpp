// SPDX-License-Identifier: Apache-2.0
// PAD and PADV2, int8, int16, int32 and float32: prepare and the reference kernels.
#include "microplan/kernels/pad.h"

#include <string.h>

#include "microplan/kernels.h"
#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

constexpr uint8_t kPaddings = 1;
constexpr uint8_t kValue = 2;

constexpr uint32_t kOuter = PadParams::kOuter;
constexpr uint32_t kDims = PadParams::kDims;
constexpr uint32_t kWidth = kOuter;
constexpr uint32_t kChannels = kOuter + 1;

int64_t padding_at(const TensorInfo& paddings, uint32_t i) {
  if (paddings.type == DataType::kInt32) return paddings.int32_at(i);
  int64_t value;
  memcpy(&value, paddings.data + 8 * i, sizeof value);
  return value;
}

Status prepare_paddings(const OperatorContext& context, PadParams* params) {
  const TensorInfo input = context.input(0);
  const TensorInfo paddings = context.input(kPaddings);
  const TensorInfo output = context.output(0);
  if (paddings.type != DataType::kInt32 && paddings.type != DataType::kInt64) {
    return context.fail(Status::kUnsupportedType, input_operand(kPaddings),
                        MICROPLAN_DIAGNOSTIC_TEXT("the paddings are neither int32 nor int64"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), static_cast<int64_t>(paddings.type));
  }
  if (input.rank > kDims || output.rank != input.rank || paddings.elements != 2u * input.rank) {
    return context.fail(Status::kUnsupportedShape, input_operand(kPaddings),
                        MICROPLAN_DIAGNOSTIC_TEXT("input, paddings and output do not go together"),
                        MICROPLAN_DIAGNOSTIC_TEXT("paddings are [dimensions, 2], for at most 5 dimensions"),
                        input.rank);
  }
  for (uint32_t d = 0; d < kDims; ++d) params->input[d] = params->output[d] = 1;
  for (uint32_t axis = 0; axis < input.rank; ++axis) {
    const uint32_t slot = kDims - input.rank + axis;
    const int64_t before = padding_at(paddings, 2 * axis);
    const int64_t after = padding_at(paddings, 2 * axis + 1);
    // Compared one by one, so that no sum overflows.
    if (before < 0 || after < 0) {
      return context.fail(Status::kUnsupportedOption, input_operand(kPaddings),
                          MICROPLAN_DIAGNOSTIC_TEXT("a padding is negative"),
                          MICROPLAN_DIAGNOSTIC_TEXT("crop with STRIDED_SLICE"), before < 0 ? before : after);
    }
    const int64_t added = static_cast<int64_t>(output.dims[axis]) - input.dims[axis];
    if (before > added || after != added - before) {
      return context.fail(Status::kUnsupportedShape, output_operand(0),
                          MICROPLAN_DIAGNOSTIC_TEXT("a dimension of the output is not the input's plus its paddings"),
                          MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), output.dims[axis]);
    }
    params->input[slot] = input.dims[axis];
    params->before[slot] = static_cast<uint32_t>(before);
    params->output[slot] = output.dims[axis];
  }
  // Without padding between them, the channels of all columns are one run.
  if (params->input[kChannels] == params->output[kChannels]) {
    const uint32_t channels = params->input[kChannels];
    params->input[kChannels] = channels * params->input[kWidth];
    params->before[kChannels] = channels * params->before[kWidth];
    params->output[kChannels] = channels * params->output[kWidth];
    params->input[kWidth] = params->output[kWidth] = 1;
    params->before[kWidth] = 0;
  }
  return Status::kOk;
}

Status prepare_value(const OperatorContext& context, uint32_t* value) {
  const TensorInfo output = context.output(0);
  const TensorInfo constant = context.input(kValue);
  // Only of int8 TensorFlow Lite Micro takes the zero point; int16 is padded with 0.
  const bool is_int8 = output.type == DataType::kInt8;
  if (constant.index < 0) {
    if (is_int8) *value = static_cast<uint32_t>(output.zero_point());
    return Status::kOk;
  }
  Status status = check_constant(context, kValue);
  if (status != Status::kOk) return status;
  if (constant.type != output.type || constant.elements != 1) {
    return context.fail(Status::kUnsupportedType, input_operand(kValue),
                        MICROPLAN_DIAGNOSTIC_TEXT("the padding value is not one element of the output's type"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), static_cast<int64_t>(constant.type));
  }
  if (is_int8) {
    status = check_per_tensor(context, input_operand(kValue));
    if (status != Status::kOk) return status;
    const float scale = constant.scale();
    const float output_scale = output.scale();
    if (memcmp(&scale, &output_scale, sizeof scale) != 0 || constant.zero_point() != output.zero_point()) {
      return context.fail(Status::kUnsupportedQuantization, input_operand(kValue),
                          MICROPLAN_DIAGNOSTIC_TEXT("the padding value is not quantized as the output is"),
                          MICROPLAN_DIAGNOSTIC_TEXT("quantize the model again with representative data"));
    }
  }
  memcpy(value, constant.data, element_bytes(constant.type));
  return Status::kOk;
}

template <typename T>
bool footprint(const void* in, Footprint* footprint) {
  const PadParams& params = *static_cast<const PadParams*>(in);
  constexpr uint8_t kElement = sizeof(T);
  uint32_t input_total = kElement;
  uint32_t output_total = kElement;
  for (uint32_t d = 0; d < kDims; ++d) {
    if (params.input[d] > params.output[d] || params.before[d] > params.output[d] - params.input[d] ||
        !multiply_checked(params.input[d], &input_total) || !multiply_checked(params.output[d], &output_total)) {
      return false;
    }
  }
  const uint32_t input_bytes = params.input[kWidth] * params.input[kChannels] * kElement;
  const uint32_t output_bytes = params.output[kWidth] * params.output[kChannels] * kElement;
  footprint->add_view(input_operand(0), input_total / input_bytes, input_bytes, kElement);
  footprint->add_view(output_operand(0), output_total / output_bytes, output_bytes, kElement);
  return true;
}

// The number of input rows that lie before output row `row` in the output.
uint32_t rows_before(const PadParams& params, uint32_t row) {
  uint32_t input_stride = 1;
  uint32_t output_stride = 1;
  for (uint32_t d = 1; d < kOuter; ++d) {
    input_stride *= params.input[d];
    output_stride *= params.output[d];
  }
  uint32_t count = 0;
  for (uint32_t d = 0;; ++d) {
    const uint32_t coordinate = row / output_stride;
    if (coordinate < params.before[d]) return count;
    const uint32_t inside = coordinate - params.before[d];
    if (inside >= params.input[d]) return count + params.input[d] * input_stride;
    count += inside * input_stride;
    if (d + 1 == kOuter) return count;
    row -= coordinate * output_stride;
    input_stride /= params.input[d + 1];
    output_stride /= params.output[d + 1];
  }
}

// Empty where all rows are padding.
}  // namespace

Status pad_prepare(const OperatorContext& context, void* out) {
  PadParams& params = *static_cast<PadParams*>(out);
  Status status = check_arity(context, 2, 3);
  if (status == Status::kOk) status = check_constant(context, kPaddings);
  if (status == Status::kOk && context.output(0).type == DataType::kInt8) {
    status = check_per_tensor(context, output_operand(0));
  }
  if (status == Status::kOk) status = prepare_paddings(context, &params);
  if (status == Status::kOk) status = prepare_value(context, &params.value);
  return status;
}

bool pad_int8_footprint(const void* in, Footprint* result) { return footprint<uint8_t>(in, result); }

Rows pad_input_rows(const void* in, uint32_t, Rows rows) {
  const PadParams& params = *static_cast<const PadParams*>(in);
  return {rows_before(params, rows.first), rows_before(params, rows.last)};
}

namespace {

Cost cost(const void* in, const Target&) {
  const PadParams& params = *static_cast<const PadParams*>(in);
  constexpr uint32_t kCopy = 60;  // for each run of channels; a word at a time within
  uint64_t runs = params.output[kWidth];
  for (uint32_t d = 0; d < kOuter; ++d) runs *= params.output[d];
  return {0, runs * (kCopy + params.output[kChannels]), 0};
}

void fill(uint8_t* y, uint8_t value, uint32_t count) { memset(y, value, count); }

template <typename T>
void fill(T* y, T value, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) y[i] = value;
}

// T: an unsigned integer as large as an element.
template <typename T>
Status run(const void* in, Rows rows, const Io& io) {
  const PadParams& params = *static_cast<const PadParams*>(in);
  const View input = io.view(0);
  const View output = io.view(1);
  const T value = static_cast<T>(params.value);
  const uint32_t channels = params.output[kChannels];
  const uint32_t copied = params.input[kChannels];
  const uint32_t before = params.before[kChannels];
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    T* y = output.row_as<T>(row);
    const Rows source = pad_input_rows(in, 0, {row, row + 1});
    if (source.first == source.last) {
      fill(y, value, params.output[kWidth] * channels);
      continue;
    }
    const T* x = input.row_as<T>(source.first);
    for (uint32_t w = 0; w < params.output[kWidth]; ++w) {
      // Wraps to a large number in front of the input.
      if (w - params.before[kWidth] < params.input[kWidth]) {
        fill(y, value, before);
        memcpy(y + before, x, copied * sizeof(T));
        fill(y + before + copied, value, channels - before - copied);
        x += copied;
      } else {
        fill(y, value, channels);
      }
      y += channels;
    }
  }
  return Status::kOk;
}

template <typename T>
constexpr Variant pad_variant(const Kernel& kernel, const char* name, DataType type) {
  return {kernel, name, "PAD", 34,
          type, DataType::kNone, type, "up to 5 dimensions",
          false, Overlap::kRows, sizeof(PadParams),
          pad_prepare, nullptr, footprint<T>, pad_input_rows, nullptr, nullptr, cost};
}

template <typename T>
constexpr Variant pad_v2_variant(const Kernel& kernel, const char* name, DataType type) {
  return {kernel, name, "PADV2", 60,
          type, DataType::kNone, type, "up to 5 dimensions",
          false, Overlap::kRows, sizeof(PadParams),
          pad_prepare, nullptr, footprint<T>, pad_input_rows, nullptr, nullptr, cost};
}

}  // namespace

namespace kernels {

Status pad_int8_run(const void* in, Rows rows, const Io& io, void*) { return run<uint8_t>(in, rows, io); }
const Variant pad_int8_variant = pad_variant<uint8_t>(pad_int8, "pad_int8", DataType::kInt8);

Status pad_v2_int8_run(const void* in, Rows rows, const Io& io, void*) { return run<uint8_t>(in, rows, io); }
const Variant pad_v2_int8_variant = pad_v2_variant<uint8_t>(pad_v2_int8, "pad_v2_int8", DataType::kInt8);

Status pad_int16_run(const void* in, Rows rows, const Io& io, void*) { return run<uint16_t>(in, rows, io); }
const Variant pad_int16_variant = pad_variant<uint16_t>(pad_int16, "pad_int16", DataType::kInt16);

Status pad_v2_int16_run(const void* in, Rows rows, const Io& io, void*) { return run<uint16_t>(in, rows, io); }
const Variant pad_v2_int16_variant = pad_v2_variant<uint16_t>(pad_v2_int16, "pad_v2_int16", DataType::kInt16);

Status pad_int32_run(const void* in, Rows rows, const Io& io, void*) { return run<uint32_t>(in, rows, io); }
const Variant pad_int32_variant = pad_variant<uint32_t>(pad_int32, "pad_int32", DataType::kInt32);

Status pad_v2_int32_run(const void* in, Rows rows, const Io& io, void*) { return run<uint32_t>(in, rows, io); }
const Variant pad_v2_int32_variant = pad_v2_variant<uint32_t>(pad_v2_int32, "pad_v2_int32", DataType::kInt32);

Status pad_float_run(const void* in, Rows rows, const Io& io, void*) { return run<uint32_t>(in, rows, io); }
const Variant pad_float_variant = pad_variant<uint32_t>(pad_float, "pad_float", DataType::kFloat32);

Status pad_v2_float_run(const void* in, Rows rows, const Io& io, void*) { return run<uint32_t>(in, rows, io); }
const Variant pad_v2_float_variant = pad_v2_variant<uint32_t>(pad_v2_float, "pad_v2_float", DataType::kFloat32);

}  // namespace kernels

}  // namespace microplan
