// SPDX-License-Identifier: Apache-2.0
// CONV_2D, int8, int16 with int8 filters, float32 and hybrid: prepare and the reference kernels.
#include "microplan/kernels/conv_2d.h"

#include <stddef.h>
#include <string.h>

#include "microplan/kernels.h"
#include "microplan/kernels/hybrid.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

// Field 6 of the options is quantized_bias_type.
const MacOperator kConv2d = {0, 1, 2, 0, DataType::kInt32, 6};

bool conv_2d_is_pointwise(const void* params) {
  // All Params begin alike.
  static_assert(offsetof(Conv2dParams, filter_c) == offsetof(Conv2dParamsOf<FloatAccumulator::Params>, filter_c), "");
  Window window;
  memcpy(&window, params, sizeof window);
  uint16_t filter_c;
  memcpy(&filter_c, static_cast<const uint8_t*>(params) + offsetof(Conv2dParams, filter_c), sizeof filter_c);
  return window.kernel_h == 1 && window.kernel_w == 1 && window.pad_top == 0 && window.pad_left == 0 &&
         window.in_h == window.out_h && window.in_w == window.out_w && window.in_c == filter_c;
}

namespace {

// Fields of the schema's Conv2DOptions.
constexpr uint32_t kPadding = 0;
constexpr uint32_t kStrideW = 1;
constexpr uint32_t kStrideH = 2;
constexpr uint32_t kFusedActivation = 3;
constexpr uint32_t kDilationW = 4;
constexpr uint32_t kDilationH = 5;

Status prepare_shape(const OperatorContext& context, Window* window, uint16_t* filter_channels) {
  Status status = check_arity(context, 2, 3);
  if (status != Status::kOk) return status;
  status = check_constant(context, 1);
  if (status != Status::kOk) return status;
  const TensorInfo filter = context.input(1);
  if (filter.rank != 4 || filter.product(0, 4) == 0) {
    return context.fail(Status::kUnsupportedShape, input_operand(1),
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
  asked.dilation_h = options.int32_field(kDilationH, 1);
  asked.dilation_w = options.int32_field(kDilationW, 1);
  status = prepare_window(context, input_operand(0), output_operand(0), asked, window);
  if (status != Status::kOk) return status;
  const uint32_t in_c = window->in_c;
  const uint32_t out_c = window->out_c;
  const uint32_t filter_c = filter.dims[3];
  if (filter.dims[0] != out_c || in_c % filter_c != 0 || out_c % (in_c / filter_c) != 0) {
    return context.fail(Status::kUnsupportedShape, input_operand(1),
                        MICROPLAN_DIAGNOSTIC_TEXT("the channels of input, filter and output do not go together"),
                        MICROPLAN_DIAGNOSTIC_TEXT("the filter's channels divide the input's into groups, and the "
                                                  "groups divide the output's channels"),
                        filter_c);
  }
  *filter_channels = static_cast<uint16_t>(filter_c);
  return Status::kOk;
}

}  // namespace

template <typename Accumulator>
Status Conv2d<Accumulator>::prepare(const OperatorContext& context, void* out) {
  Params& params = *static_cast<Params*>(out);
  const Status status = prepare_shape(context, &params.window, &params.filter_c);
  if (status != Status::kOk) return status;
  const uint8_t activation = context.options().uint8_field(kFusedActivation, 0);
  return prepare_filter(context, kConv2d, activation, &params.quantization);
}

template <typename Accumulator>
bool Conv2d<Accumulator>::footprint(const void* in, Footprint* result) {
  const Params& params = *static_cast<const Params*>(in);
  const Window& window = params.window;
  if (!window_footprint(window, sizeof(typename Accumulator::Output), result) ||
      params.filter_c == 0 || window.in_c % params.filter_c != 0 ||
      window.out_c % (window.in_c / params.filter_c) != 0) {
    return false;
  }
  uint32_t filter_elements = params.filter_c;
  return multiply_checked(window.kernel_h, &filter_elements) && multiply_checked(window.kernel_w, &filter_elements) &&
         multiply_checked(window.out_c, &filter_elements) &&
         filter_footprint(params.quantization, filter_elements, window.out_c, result);
}

template <typename Accumulator>
void Conv2d<Accumulator>::pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  pack_filter(context, kConv2d, static_cast<const Params*>(in)->quantization, writer);
}

template struct Conv2d<Int8Accumulator>;
template struct Conv2d<Int16Accumulator>;
template struct Conv2d<FloatAccumulator>;
template struct Conv2d<HybridAccumulator>;

namespace {

// As TensorFlow Lite: one scale for all channels, or equal ones, make the input's quantization symmetric. It computes
// grouped convolutions as those with different scales.
Status prepare_hybrid(const OperatorContext& context, void* out) {
  const Status status = Conv2d<HybridAccumulator>::prepare(context, out);
  if (status != Status::kOk) return status;
  Conv2dParamsOf<HybridQuantization>& params = *static_cast<Conv2dParamsOf<HybridQuantization>*>(out);
  const TensorInfo filter = context.input(kConv2d.filter);
  bool different = params.filter_c != params.window.in_c;
  for (uint32_t c = 1; c < filter.scale_count; ++c) different |= !(filter.scale(c) == filter.scale(0));
  params.quantization.asymmetric = different;
  params.quantization.filter_first = different;
  return Status::kOk;
}

template <typename Quantization>
Cost cost(const void* in, const Target& target) {
  const auto& params = *static_cast<const Conv2dParamsOf<Quantization>*>(in);
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  return mac_cost(params.quantization, target, outputs * window.kernel_h * window.kernel_w * params.filter_c, outputs,
                  window.out_c);
}

template <typename Accumulator>
Status run(const void* in, Rows rows, const Io& io, void* scratch) {
  const auto& params = *static_cast<const Conv2dParamsOf<typename Accumulator::Params>*>(in);
  const Window& window = params.window;
  Accumulator accumulator(params.quantization, io, window_batch(window), scratch);
  const View output = io.view(1);
  const uint32_t filter_c = params.filter_c;
  const uint32_t channels_per_group = window.out_c / (window.in_c / filter_c);
  Runs runs;
  runs.x_step = window.dilation_w * static_cast<uint32_t>(window.in_c);
  runs.filter_step = static_cast<int32_t>(filter_c);
  runs.filter_row = static_cast<int32_t>(window.kernel_w * filter_c);
  const uint32_t filter_elements = window.kernel_h * window.kernel_w * filter_c;
  // Taps side by side are one run when nothing lies between them.
  const bool adjacent = runs.x_step == filter_c;
  WindowPosition at(window, accumulator.input(), sizeof(typename Accumulator::Input));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    accumulator.begin_row(row);
    runs.input_offset = accumulator.input_offset();
    at.set_row(row);
    auto* y = output.row_as<typename Accumulator::Output>(row);
    for (uint32_t out_x = 0; out_x < window.out_w; ++out_x) {
      at.set_column(out_x);
      runs.count = adjacent ? 1 : at.taps_w;
      runs.length = adjacent ? at.taps_w * filter_c : filter_c;
      const auto* x = static_cast<const typename Accumulator::Input*>(at.x);
      const auto* filter = accumulator.filter() + at.first_tap * filter_c;
      uint32_t group_left = channels_per_group;
      for (uint32_t c = 0; c < window.out_c; ++c) {
        *y++ = accumulator.finish(c, sum_window<typename Accumulator::Products>(x, filter, at, runs));
        filter += filter_elements;
        if (--group_left == 0) {
          group_left = channels_per_group;
          x += filter_c;
        }
      }
    }
  }
  return Status::kOk;
}

template <typename Accumulator>
constexpr Variant variant(const Kernel& kernel, const char* name, DataType activations, DataType filter,
                          const char* note) {
  using Params = typename Accumulator::Params;
  using Shared = Conv2d<Accumulator>;
  return {kernel, name, "CONV_2D", 3,
          activations, filter, activations, note,
          false, Overlap::kRows, sizeof(Conv2dParamsOf<Params>),
          Shared::prepare, nullptr, Shared::footprint, window_input_rows, nullptr, Shared::pack, cost<Params>};
}

}  // namespace

namespace kernels {

Status conv_2d_int8_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<Int8Accumulator>(in, rows, io, scratch);
}

Status conv_2d_int16_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<Int16Accumulator>(in, rows, io, scratch);
}

Status conv_2d_float_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<FloatAccumulator>(in, rows, io, scratch);
}

Status conv_2d_hybrid_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<HybridAccumulator>(in, rows, io, scratch);
}

const Variant conv_2d_int8_variant = variant<Int8Accumulator>(
    conv_2d_int8, "conv_2d_int8", DataType::kInt8, DataType::kInt8,
    "per tensor and per channel, grouped, dilated");

const Variant conv_2d_int16_variant = variant<Int16Accumulator>(
    conv_2d_int16, "conv_2d_int16", DataType::kInt16, DataType::kInt8,
    "bias int64 or int32, per tensor and per channel, grouped, dilated");

const Variant conv_2d_float_variant = variant<FloatAccumulator>(
    conv_2d_float, "conv_2d_float", DataType::kFloat32, DataType::kFloat32, "grouped, dilated");

const Variant conv_2d_hybrid_variant = {
    conv_2d_hybrid, "conv_2d_hybrid", "CONV_2D", 3,
    DataType::kFloat32, DataType::kInt8, DataType::kFloat32, "dynamic range quantization, as conv_2d_int8",
    true, Overlap::kNone, sizeof(Conv2dParamsOf<HybridQuantization>),
    prepare_hybrid, nullptr, Conv2d<HybridAccumulator>::footprint, hybrid_input_rows, hybrid_scratch_bytes,
    Conv2d<HybridAccumulator>::pack, cost<HybridQuantization>};

}  // namespace kernels

}  // namespace microplan
