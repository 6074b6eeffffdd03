// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int8: prepare and the reference kernel.
#include "microplan/kernels/depthwise_conv_2d.h"

#include "microplan/kernels.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Fields of the schema's DepthwiseConv2DOptions. Its depth_multiplier repeats what the shapes say, and readers since
// TensorFlow 2.1 ignore it.
constexpr uint32_t kPadding = 0;
constexpr uint32_t kStrideW = 1;
constexpr uint32_t kStrideH = 2;
constexpr uint32_t kFusedActivation = 4;
constexpr uint32_t kDilationW = 5;
constexpr uint32_t kDilationH = 6;

constexpr uint8_t kChannelAxis = 3;

Status prepare(const OperatorContext& context, void* out) {
  DepthwiseConv2dParams& params = *static_cast<DepthwiseConv2dParams*>(out);
  Status status = check_arity(context, 2, 3);
  if (status != Status::kOk) return status;
  status = check_constant(context, 1);
  if (status != Status::kOk) return status;
  const TensorInfo filter = context.input(1);
  if (filter.rank != 4 || filter.dims[0] != 1 || filter.product(0, 4) == 0) {
    return context.fail(Status::kUnsupportedShape, input_operand(1),
                        MICROPLAN_DIAGNOSTIC_TEXT("the filter is not [1, height, width, channels]"),
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
  if (filter.dims[kChannelAxis] != params.window.out_c || params.window.out_c % params.window.in_c != 0) {
    return context.fail(Status::kUnsupportedShape, input_operand(1),
                        MICROPLAN_DIAGNOSTIC_TEXT("the channels of input, filter and output do not go together"),
                        MICROPLAN_DIAGNOSTIC_TEXT("filter and output have a multiple of the input's channels"),
                        filter.dims[kChannelAxis]);
  }
  params.depth_multiplier = static_cast<uint16_t>(params.window.out_c / params.window.in_c);
  return prepare_channel_quantization(context, options.uint8_field(kFusedActivation, 0), kChannelAxis,
                                      &params.quantization);
}

bool footprint(const void* in, Footprint* result) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  uint32_t channels = window.in_c;
  uint32_t filter_bytes = window.out_c;
  return window_footprint(window, result) && multiply_checked(params.depth_multiplier, &channels) &&
         channels == window.out_c && multiply_checked(window.kernel_h, &filter_bytes) &&
         multiply_checked(window.kernel_w, &filter_bytes) &&
         channel_quantization_footprint(params.quantization, filter_bytes, window.out_c, result);
}

Rows input_rows(const void* in, uint32_t, Rows rows) {
  return window_input_rows(static_cast<const DepthwiseConv2dParams*>(in)->window, rows);
}

void pack(const OperatorContext& context, const void*, ConstantWriter& writer) {
  pack_filter_bias_requantize(context, writer);
}

Cost cost(const void* in, const Target&) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  return reference_cost(outputs * window.kernel_h * window.kernel_w, outputs,
                        requantize_bytes(params.quantization, window.out_c));
}

// Bytes from one tap to the next, and from one kernel row to the next.
struct Steps {
  uint32_t x, w, filter_row;
  int32_t input_offset;
};

// The sums of kLanes output channels, whose input channels lie kXLane apart: 4 channels share the stepping from tap to
// tap. Functions of their own, so that the inner loop has the registers to itself when the compiler optimises for size,
// too. There are taps in both directions.
template <uint32_t kLanes, uint32_t kXLane>
[[gnu::noinline]] void sum_window(const int8_t* x_row, const int8_t* w_row, const WindowPosition& at,
                                  const Steps& steps, uint32_t* sums) {
  const uint32_t x_step = steps.x;
  const uint32_t w_step = steps.w;
  const int32_t input_offset = steps.input_offset;
  uint32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
  for (uint32_t left = at.taps_h;;) {
    const int8_t* x = x_row;
    const int8_t* w = w_row;
    uint32_t taps = at.taps_w;
    do {
      sum0 += static_cast<uint32_t>((x[0] + input_offset) * w[0]);
      if constexpr (kLanes == 4) {
        sum1 += static_cast<uint32_t>((x[kXLane] + input_offset) * w[1]);
        sum2 += static_cast<uint32_t>((x[2 * kXLane] + input_offset) * w[2]);
        sum3 += static_cast<uint32_t>((x[3 * kXLane] + input_offset) * w[3]);
      }
      x += x_step;
      w += w_step;
    } while (--taps != 0);
    if (--left == 0) break;
    x_row = at.below(x_row);
    w_row += steps.filter_row;
  }
  sums[0] = sum0;
  if constexpr (kLanes == 4) {
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
  }
}

}  // namespace

namespace kernels {

Status depthwise_conv_2d_int8_run(const void* in, Rows rows, const Io& io, void*) {
  const DepthwiseConv2dParams& params = *static_cast<const DepthwiseConv2dParams*>(in);
  const Window& window = params.window;
  const ConvolutionConstants constants(io);
  const uint32_t out_c = window.out_c;
  const uint32_t multiplier = params.depth_multiplier;
  const Steps steps = {window.dilation_w * static_cast<uint32_t>(window.in_c), out_c, window.kernel_w * out_c,
                       params.quantization.input_offset};
  WindowPosition at;
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(window, io, row);
    for (uint32_t out_x = 0; out_x < window.out_w; ++out_x) {
      at.set_column(window, out_x);
      const int8_t* filter = constants.filter + at.first_tap * out_c;
      const bool taps = at.taps_h != 0 && at.taps_w != 0;
      uint32_t m_left = multiplier;  // output channels that the input channel at.x still has
      for (uint32_t c = 0; c < out_c;) {
        // Four channels go together when their inputs lie side by side or are one.
        const uint32_t lanes = (multiplier == 1 ? out_c - c : m_left) >= 4 ? 4 : 1;
        uint32_t sums[4] = {0, 0, 0, 0};
        if (taps) {
          auto* const sum = lanes == 1 ? sum_window<1, 0> : multiplier == 1 ? sum_window<4, 1> : sum_window<4, 0>;
          sum(at.x, filter, at, steps, sums);
        }
        for (uint32_t i = 0; i < lanes; ++i) *at.y++ = constants.finish(c++, sums[i], params.quantization);
        filter += lanes;
        if (multiplier == 1) {
          at.x += lanes;
        } else if ((m_left -= lanes) == 0) {
          at.x += 1;
          m_left = multiplier;
        }
      }
    }
  }
  return Status::kOk;
}

const Variant depthwise_conv_2d_int8_variant = {
    depthwise_conv_2d_int8, "depthwise_conv_2d_int8", "DEPTHWISE_CONV_2D", 4,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel, any depth multiplier, dilated",
    false, Overlap::kRows, sizeof(DepthwiseConv2dParams),
    prepare, nullptr, footprint, input_rows, nullptr, pack, cost};

}  // namespace kernels

}  // namespace microplan
