// SPDX-License-Identifier: Apache-2.0
// CONV_2D, int8: prepare and the reference kernel.
#include "microplan/kernels/conv_2d.h"

#include "microplan/kernels.h"
#include "microplan/kernels/dot.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Fields of the schema's Conv2DOptions.
constexpr uint32_t kPadding = 0;
constexpr uint32_t kStrideW = 1;
constexpr uint32_t kStrideH = 2;
constexpr uint32_t kFusedActivation = 3;
constexpr uint32_t kDilationW = 4;
constexpr uint32_t kDilationH = 5;

Status prepare(const OperatorContext& context, void* out) {
  Conv2dParams& params = *static_cast<Conv2dParams*>(out);
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
  WindowOptions window;
  window.padding = options.uint8_field(kPadding, 0);
  window.kernel_h = filter.dims[1];
  window.kernel_w = filter.dims[2];
  window.stride_h = options.int32_field(kStrideH, 0);
  window.stride_w = options.int32_field(kStrideW, 0);
  window.dilation_h = options.int32_field(kDilationH, 1);
  window.dilation_w = options.int32_field(kDilationW, 1);
  status = prepare_window(context, window, &params.window);
  if (status != Status::kOk) return status;
  const uint32_t in_c = params.window.in_c;
  const uint32_t out_c = params.window.out_c;
  const uint32_t filter_c = filter.dims[3];
  if (filter.dims[0] != out_c || in_c % filter_c != 0 || out_c % (in_c / filter_c) != 0) {
    return context.fail(Status::kUnsupportedShape, input_operand(1),
                        MICROPLAN_DIAGNOSTIC_TEXT("the channels of input, filter and output do not go together"),
                        MICROPLAN_DIAGNOSTIC_TEXT("the filter's channels divide the input's into groups, and the "
                                                  "groups divide the output's channels"),
                        filter_c);
  }
  params.filter_c = static_cast<uint16_t>(filter_c);
  return prepare_channel_quantization(context, options.uint8_field(kFusedActivation, 0), 0, &params.quantization);
}

bool footprint(const void* in, Footprint* result) {
  const Conv2dParams& params = *static_cast<const Conv2dParams*>(in);
  const Window& window = params.window;
  if (!window_footprint(window, result) || params.filter_c == 0 || window.in_c % params.filter_c != 0 ||
      window.out_c % (window.in_c / params.filter_c) != 0) {
    return false;
  }
  uint32_t filter_bytes = params.filter_c;
  return multiply_checked(window.kernel_h, &filter_bytes) && multiply_checked(window.kernel_w, &filter_bytes) &&
         multiply_checked(window.out_c, &filter_bytes) &&
         channel_quantization_footprint(params.quantization, filter_bytes, window.out_c, result);
}

Rows input_rows(const void* in, uint32_t, Rows rows) {
  return window_input_rows(static_cast<const Conv2dParams*>(in)->window, rows);
}

void pack(const OperatorContext& context, const void*, ConstantWriter& writer) {
  pack_filter_bias_requantize(context, writer);
}

Cost cost(const void* in, const Target&) {
  const Conv2dParams& params = *static_cast<const Conv2dParams*>(in);
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  return reference_cost(outputs * window.kernel_h * window.kernel_w * params.filter_c, outputs,
                        requantize_bytes(params.quantization, window.out_c));
}

// The runs of multiplications in one kernel row.
struct Runs {
  uint32_t count, length;
  uint32_t x_step;      // bytes of input from one run to the next
  uint32_t filter_row;  // bytes of filter from one kernel row to the next
  int32_t input_offset;
};

// The sum of one output. A function of its own, so that the inner loop has the registers to itself when the compiler
// optimises for size, too.
[[gnu::noinline]] uint32_t sum_window(const int8_t* x_row, const int8_t* w_row, const WindowPosition& at,
                                      const Runs& runs) {
  uint32_t sum = 0;
  for (uint32_t left = at.taps_h; left != 0;) {
    const int8_t* x = x_row;
    const int8_t* w = w_row;
    for (uint32_t i = runs.count; i != 0; --i) {
      sum = dot(x, w, runs.length, runs.input_offset, sum);
      x += runs.x_step;
      w += runs.length;
    }
    if (--left == 0) break;
    x_row = at.below(x_row);
    w_row += runs.filter_row;
  }
  return sum;
}

}  // namespace

namespace kernels {

Status conv_2d_int8_run(const void* in, Rows rows, const Io& io, void*) {
  const Conv2dParams& params = *static_cast<const Conv2dParams*>(in);
  const Window& window = params.window;
  const ConvolutionConstants constants(io);
  const uint32_t filter_c = params.filter_c;
  const uint32_t channels_per_group = window.out_c / (window.in_c / filter_c);
  Runs runs;
  runs.x_step = window.dilation_w * static_cast<uint32_t>(window.in_c);
  runs.filter_row = window.kernel_w * filter_c;
  runs.input_offset = params.quantization.input_offset;
  const uint32_t filter_bytes = window.kernel_h * runs.filter_row;
  WindowPosition at;
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(window, io, row);
    for (uint32_t out_x = 0; out_x < window.out_w; ++out_x) {
      at.set_column(window, out_x);
      // Taps side by side are one run when nothing lies between them.
      const bool adjacent = runs.x_step == filter_c;
      runs.count = adjacent ? 1 : at.taps_w;
      runs.length = adjacent ? at.taps_w * filter_c : filter_c;
      const int8_t* filter = constants.filter + at.first_tap * filter_c;
      uint32_t group_left = channels_per_group;
      for (uint32_t c = 0; c < window.out_c; ++c) {
        const uint32_t sum = sum_window(at.x, filter, at, runs);
        *at.y++ = constants.finish(c, sum, params.quantization);
        filter += filter_bytes;
        if (--group_left == 0) {
          group_left = channels_per_group;
          at.x += filter_c;
        }
      }
    }
  }
  return Status::kOk;
}

const Variant conv_2d_int8_variant = {
    conv_2d_int8, "conv_2d_int8", "CONV_2D", 3,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel, grouped, dilated",
    false, Overlap::kRows, sizeof(Conv2dParams),
    prepare, nullptr, footprint, input_rows, nullptr, pack, cost};

}  // namespace kernels

}  // namespace microplan
