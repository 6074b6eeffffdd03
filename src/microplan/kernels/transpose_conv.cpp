// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV, int8, int16 with int8 filters and float32: prepare and the reference kernels. They gather what each
// output is made of, so that output rows can be computed in any order; the terms of a sum come in the order of the
// input's pixels, as when every input pixel is scattered over the output.
#include "microplan/kernels/transpose_conv.h"

#include "microplan/kernels.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

const MacOperator kTransposeConv = {2, 1, 3, 0, DataType::kInt16, kNoOption};

namespace {

// Fields of the schema's TransposeConvOptions.
constexpr uint32_t kPadding = 0;
constexpr uint32_t kStrideW = 1;
constexpr uint32_t kStrideH = 2;
constexpr uint32_t kFusedActivation = 3;

// Input 0 is the output's shape.
constexpr uint8_t kShape = 0;

Status check_output_shape(const OperatorContext& context) {
  const Status status = check_constant(context, kShape);
  if (status != Status::kOk) return status;
  const TensorInfo shape = context.input(kShape);
  const TensorInfo output = context.output(0);
  bool equal = shape.elements == output.rank;
  for (uint32_t i = 0; equal && i < output.rank; ++i) {
    equal = shape.int32_at(i) >= 0 && static_cast<uint32_t>(shape.int32_at(i)) == output.dims[i];
  }
  if (equal) return Status::kOk;
  return context.fail(Status::kUnsupportedShape, input_operand(kShape),
                      MICROPLAN_DIAGNOSTIC_TEXT("the output does not have the shape that this input gives"),
                      MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), shape.elements);
}

Status prepare_shape(const OperatorContext& context, Window* window) {
  Status status = check_arity(context, 3, 4);
  if (status == Status::kOk) status = check_constant(context, kTransposeConv.filter);
  if (status == Status::kOk) status = check_output_shape(context);
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(kTransposeConv.input);
  if (input.type != context.output(0).type) {
    return context.fail(Status::kUnsupportedType, input_operand(kTransposeConv.input),
                        MICROPLAN_DIAGNOSTIC_TEXT("input and output have different types"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), static_cast<int64_t>(input.type));
  }
  const TensorInfo filter = context.input(kTransposeConv.filter);
  if (filter.rank != 4 || filter.product(0, 4) == 0) {
    return context.fail(Status::kUnsupportedShape, input_operand(kTransposeConv.filter),
                        MICROPLAN_DIAGNOSTIC_TEXT("the filter is not [channels, height, width, input channels]"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), filter.rank);
  }
  const Options& options = context.options();
  WindowOptions asked;
  asked.padding = options.uint8_field(kPadding, 0);
  asked.kernel_h = filter.dims[1];
  asked.kernel_w = filter.dims[2];
  asked.stride_h = options.int32_field(kStrideH, 0);
  asked.stride_w = options.int32_field(kStrideW, 0);
  asked.dilation_h = 1;
  asked.dilation_w = 1;
  status = prepare_window(context, output_operand(0), input_operand(kTransposeConv.input), asked, window);
  if (status != Status::kOk) return status;
  if (filter.dims[0] != window->in_c || filter.dims[3] != window->out_c) {
    return context.fail(Status::kUnsupportedShape, input_operand(kTransposeConv.filter),
                        MICROPLAN_DIAGNOSTIC_TEXT("the channels of input, filter and output do not go together"),
                        MICROPLAN_DIAGNOSTIC_TEXT("the filter is [output channels, height, width, input channels]"),
                        filter.dims[0]);
  }
  return Status::kOk;
}

// The input positions along one axis that reach one output position: [first, first + count), the first of them through
// tap `tap`, each further one through a tap `stride` less. There may be none.
struct Sources {
  uint32_t first, count, tap;
};

Sources sources_of(uint32_t out, uint32_t pad, uint32_t kernel, uint32_t stride, uint32_t size) {
  const uint32_t reach = out + pad;
  const uint32_t first = reach < kernel ? 0 : (reach - kernel) / stride + 1;
  const uint32_t end = reach / stride + 1;
  const uint32_t last = end < size ? end : size;
  if (first >= last) return {first < size ? first : size, 0, 0};
  return {first, last - first, reach - first * stride};
}

Sources row_sources(const Window& window, uint32_t out_y) {
  return sources_of(out_y, window.pad_top, window.kernel_h, window.stride_h, window.out_h);
}

}  // namespace

template <typename Accumulator>
Status TransposeConv<Accumulator>::prepare(const OperatorContext& context, void* out) {
  Params& params = *static_cast<Params*>(out);
  const Status status = prepare_shape(context, &params.window);
  if (status != Status::kOk) return status;
  const uint8_t activation = context.options().uint8_field(kFusedActivation, 0);
  return prepare_filter(context, kTransposeConv, activation, &params.quantization);
}

template <typename Accumulator>
bool TransposeConv<Accumulator>::footprint(const void* in, Footprint* result) {
  const Params& params = *static_cast<const Params*>(in);
  const Window& window = params.window;
  constexpr uint32_t kElement = sizeof(typename Accumulator::Output);
  const Image input = {window.batches, window.out_h, window.out_w, window.out_c, kElement};
  const Image output = {window.batches, window.in_h, window.in_w, window.in_c, kElement};
  uint32_t filter_elements = window.in_c;
  return window.dilation_h == 1 && window.dilation_w == 1 && check_window(window) &&
         add_image(input_operand(kTransposeConv.input), input, result) && add_image(output_operand(0), output, result) &&
         multiply_checked(window.kernel_h, &filter_elements) && multiply_checked(window.kernel_w, &filter_elements) &&
         multiply_checked(window.out_c, &filter_elements) &&
         filter_footprint(params.quantization, filter_elements, window.in_c, result);
}

// An output row that no input row reaches needs none.
Rows transpose_conv_input_rows(const void* in, uint32_t, Rows rows) {
  const Window& window = *static_cast<const Window*>(in);
  const uint32_t first_batch = rows.first / window.in_h;
  const uint32_t last_batch = (rows.last - 1) / window.in_h;
  const Sources first = row_sources(window, rows.first - first_batch * window.in_h);
  const Sources last = row_sources(window, rows.last - 1 - last_batch * window.in_h);
  return {first_batch * window.out_h + first.first, last_batch * window.out_h + last.first + last.count};
}

void SourcePosition::set_row(uint32_t row) {
  const uint32_t batch = row / window_.in_h;
  const Sources sources = row_sources(window_, row - batch * window_.in_h);
  taps_h = sources.count;
  row_tap_ = sources.tap * window_.kernel_w;
  row_ = begin(input_, batch * window_.out_h + sources.first, 1);
}

void SourcePosition::set_column(uint32_t out_x) {
  const Sources sources = sources_of(out_x, window_.pad_left, window_.kernel_w, window_.stride_w, window_.out_w);
  taps_w = sources.count;
  first_tap = row_tap_ + sources.tap;
  x = row_ + sources.first * pixel_bytes_;
}

template struct TransposeConv<Int8Accumulator>;
template struct TransposeConv<Int16Accumulator>;
template struct TransposeConv<FloatAccumulator>;

namespace {

template <typename Quantization>
void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  pack_filter(context, kTransposeConv, static_cast<const TransposeConvParamsOf<Quantization>*>(in)->quantization, writer);
}

template <typename Quantization>
Cost cost(const void* in, const Target& target) {
  const auto& params = *static_cast<const TransposeConvParamsOf<Quantization>*>(in);
  const Window& window = params.window;
  const uint64_t outputs = static_cast<uint64_t>(window.batches) * window.in_h * window.in_w * window.in_c;
  const uint64_t macs = window_outputs(window) * window.kernel_h * window.kernel_w * window.in_c;
  return mac_cost(params.quantization, target, macs, outputs, window.in_c);
}

template <typename Accumulator>
Status run(const void* in, Rows rows, const Io& io, void* scratch) {
  using Products = typename Accumulator::Products;
  const auto& params = *static_cast<const TransposeConvParamsOf<typename Accumulator::Params>*>(in);
  const Window& window = params.window;
  Accumulator accumulator(params.quantization, io, Batch{}, scratch);
  const View output = io.view(1);
  const uint32_t depth = window.out_c;
  const uint32_t filter_elements = window.kernel_h * window.kernel_w * depth;
  Runs runs = transpose_conv_runs(window);
  runs.input_offset = accumulator.input_offset();
  SourcePosition at(window, accumulator.input(), sizeof(typename Products::Input));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    auto* y = output.row_as<typename Accumulator::Output>(row);
    for (uint32_t out_x = 0; out_x < window.in_w; ++out_x) {
      at.set_column(out_x);
      runs.count = at.taps_w;
      const auto* x = static_cast<const typename Products::Input*>(at.x);
      const auto* filter = accumulator.filter() + at.first_tap * depth;
      for (uint32_t c = 0; c < window.in_c; ++c) {
        *y++ = accumulator.finish(c, sum_window<Products>(x, filter, at, runs));
        filter += filter_elements;
      }
    }
  }
  return Status::kOk;
}

template <typename Accumulator>
constexpr Variant variant(const Kernel& kernel, const char* name, DataType activations, DataType filter,
                          const char* note) {
  using Params = typename Accumulator::Params;
  return {kernel, name, "TRANSPOSE_CONV", 67,
          DataType::kInt32, filter, activations, note,
          false, Overlap::kRows, sizeof(TransposeConvParamsOf<Params>),
          TransposeConv<Accumulator>::prepare, nullptr, TransposeConv<Accumulator>::footprint,
          transpose_conv_input_rows, nullptr, pack<Params>, cost<Params>};
}

}  // namespace

namespace kernels {

Status transpose_conv_int8_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<Int8Accumulator>(in, rows, io, scratch);
}

Status transpose_conv_int16_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<Int16Accumulator>(in, rows, io, scratch);
}

Status transpose_conv_float_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<FloatAccumulator>(in, rows, io, scratch);
}

const Variant transpose_conv_int8_variant = variant<Int8Accumulator>(
    transpose_conv_int8, "transpose_conv_int8", DataType::kInt8, DataType::kInt8, "per tensor and per channel");

const Variant transpose_conv_int16_variant = variant<Int16Accumulator>(
    transpose_conv_int16, "transpose_conv_int16", DataType::kInt16, DataType::kInt8,
    "bias int64 or int16, per tensor and per channel");

const Variant transpose_conv_float_variant = variant<FloatAccumulator>(
    transpose_conv_float, "transpose_conv_float", DataType::kFloat32, DataType::kFloat32, "");

}  // namespace kernels

}  // namespace microplan
