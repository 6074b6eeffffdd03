// SPDX-License-Identifier: Apache-2.0
// AVERAGE_POOL_2D and MAX_POOL_2D, int8: prepare and the reference kernels.
#include "microplan/kernels/pool_2d.h"

#include "microplan/kernels.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Fields of the schema's Pool2DOptions.
constexpr uint32_t kPadding = 0;
constexpr uint32_t kStrideW = 1;
constexpr uint32_t kStrideH = 2;
constexpr uint32_t kFilterWidth = 3;
constexpr uint32_t kFilterHeight = 4;
constexpr uint32_t kFusedActivation = 5;

// TensorFlow Lite's bound on the difference of scales that count as equal.
constexpr double kScaleTolerance = 1e-6;

Status prepare(const OperatorContext& context, void* out) {
  Pool2dParams& params = *static_cast<Pool2dParams*>(out);
  Status status = check_arity(context, 1, 1);
  if (status != Status::kOk) return status;
  const Options& options = context.options();
  WindowOptions window;
  window.padding = options.uint8_field(kPadding, 0);
  window.kernel_h = options.int32_field(kFilterHeight, 0);
  window.kernel_w = options.int32_field(kFilterWidth, 0);
  window.stride_h = options.int32_field(kStrideH, 0);
  window.stride_w = options.int32_field(kStrideW, 0);
  window.dilation_h = 1;
  window.dilation_w = 1;
  status = prepare_window(context, window, &params.window);
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(0);
  const TensorInfo output = context.output(0);
  if (params.window.in_c != params.window.out_c) {
    return context.fail(Status::kUnsupportedShape, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("input and output have different numbers of channels"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), params.window.out_c);
  }
  const float difference = input.scale() - output.scale();
  if (static_cast<double>(difference < 0 ? -difference : difference) > kScaleTolerance ||
      input.zero_point() != output.zero_point()) {
    return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("input and output are quantized differently"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again: pooling keeps its input's quantization"));
  }
  return activation_range(context, options.uint8_field(kFusedActivation, 0), output, &params.act_min,
                          &params.act_max);
}

bool footprint(const void* in, Footprint* result) {
  const Pool2dParams& params = *static_cast<const Pool2dParams*>(in);
  const Window& window = params.window;
  // Without dilation a window that touches the input has a tap in it, so no average divides by zero.
  return window.dilation_h == 1 && window.dilation_w == 1 && window.in_c == window.out_c &&
         is_int8_range(params.act_min, params.act_max) && window_footprint(window, result);
}

Rows input_rows(const void* in, uint32_t, Rows rows) {
  return window_input_rows(static_cast<const Pool2dParams*>(in)->window, rows);
}

Cost cost(const void* in, const Target&) {
  const Window& window = static_cast<const Pool2dParams*>(in)->window;
  const uint64_t outputs = window_outputs(window);
  Cost result = reference_cost(outputs * window.kernel_h * window.kernel_w, outputs, 0);
  result.macs = 0;
  return result;
}

struct Average {
  static constexpr int32_t kStart = 0;
  static int32_t take(int32_t sum, int32_t value) { return wrap_add(sum, value); }
  static int32_t finish(int32_t sum, int32_t count) {
    return (sum > 0 ? wrap_add(sum, count / 2) : wrap_sub(sum, count / 2)) / count;
  }
};

struct Maximum {
  static constexpr int32_t kStart = INT8_MIN;
  static int32_t take(int32_t largest, int32_t value) { return value > largest ? value : largest; }
  static int32_t finish(int32_t largest, int32_t) { return largest; }
};

template <typename Reduction>
Status run(const void* in, Rows rows, const Io& io) {
  const Pool2dParams& params = *static_cast<const Pool2dParams*>(in);
  const Window& window = params.window;
  const uint32_t channels = window.in_c;
  WindowPosition at;
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(window, io, row);
    for (uint32_t out_x = 0; out_x < window.out_w; ++out_x) {
      at.set_column(window, out_x);
      for (uint32_t c = channels; c != 0; --c) {
        int32_t value = Reduction::kStart;
        const int8_t* x_row = at.x++;
        for (uint32_t left = at.taps_h;;) {
          const int8_t* x = x_row;
          for (uint32_t i = at.taps_w; i != 0; --i) {
            value = Reduction::take(value, *x);
            x += channels;
          }
          if (--left == 0) break;
          x_row = at.below(x_row);
        }
        value = Reduction::finish(value, static_cast<int32_t>(at.taps_h * at.taps_w));
        *at.y++ = static_cast<int8_t>(clamp(value, params.act_min, params.act_max));
      }
    }
  }
  return Status::kOk;
}

}  // namespace

namespace kernels {

Status average_pool_2d_int8_run(const void* in, Rows rows, const Io& io, void*) { return run<Average>(in, rows, io); }

Status max_pool_2d_int8_run(const void* in, Rows rows, const Io& io, void*) { return run<Maximum>(in, rows, io); }

const Variant average_pool_2d_int8_variant = {
    average_pool_2d_int8, "average_pool_2d_int8", "AVERAGE_POOL_2D", 1,
    DataType::kInt8, DataType::kNone, DataType::kInt8, "equal quantization of input and output",
    false, Overlap::kRows, sizeof(Pool2dParams),
    prepare, nullptr, footprint, input_rows, nullptr, nullptr, cost};

const Variant max_pool_2d_int8_variant = {
    max_pool_2d_int8, "max_pool_2d_int8", "MAX_POOL_2D", 17,
    DataType::kInt8, DataType::kNone, DataType::kInt8, "equal quantization of input and output",
    false, Overlap::kRows, sizeof(Pool2dParams),
    prepare, nullptr, footprint, input_rows, nullptr, nullptr, cost};

}  // namespace kernels

}  // namespace microplan
