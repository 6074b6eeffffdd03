// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D, int8, int16 with int8 filters, float32 and hybrid: prepare and the reference kernels.
#include "microplan/kernels/depthwise_conv_2d.h"

#include "microplan/kernels.h"
#include "microplan/kernels/hybrid.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

const MacOperator kDepthwiseConv2d = {0, 1, 2, 3, DataType::kNone, kNoOption};

namespace {

// Fields of the schema's DepthwiseConv2DOptions. Its depth_multiplier repeats what the shapes say, and readers since
// TensorFlow 2.1 ignore it.
constexpr uint32_t kPadding = 0;
constexpr uint32_t kStrideW = 1;
constexpr uint32_t kStrideH = 2;
constexpr uint32_t kFusedActivation = 4;
constexpr uint32_t kDilationW = 5;
constexpr uint32_t kDilationH = 6;

Status prepare_shape(const OperatorContext& context, Window* window, uint16_t* depth_multiplier) {
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
  if (filter.dims[kDepthwiseConv2d.channel_axis] != window->out_c || window->out_c % window->in_c != 0) {
    return context.fail(Status::kUnsupportedShape, input_operand(1),
                        MICROPLAN_DIAGNOSTIC_TEXT("the channels of input, filter and output do not go together"),
                        MICROPLAN_DIAGNOSTIC_TEXT("filter and output have a multiple of the input's channels"),
                        filter.dims[kDepthwiseConv2d.channel_axis]);
  }
  *depth_multiplier = static_cast<uint16_t>(window->out_c / window->in_c);
  return Status::kOk;
}

}  // namespace

template <typename Accumulator>
Status DepthwiseConv2d<Accumulator>::prepare(const OperatorContext& context, void* out) {
  Params& params = *static_cast<Params*>(out);
  const Status status = prepare_shape(context, &params.window, &params.depth_multiplier);
  if (status != Status::kOk) return status;
  const uint8_t activation = context.options().uint8_field(kFusedActivation, 0);
  return prepare_filter(context, kDepthwiseConv2d, activation, &params.quantization);
}

template <typename Accumulator>
bool DepthwiseConv2d<Accumulator>::footprint(const void* in, Footprint* result) {
  const Params& params = *static_cast<const Params*>(in);
  const Window& window = params.window;
  uint32_t channels = window.in_c;
  uint32_t filter_elements = window.out_c;
  return window_footprint(window, sizeof(typename Accumulator::Output), result) &&
         multiply_checked(params.depth_multiplier, &channels) && channels == window.out_c &&
         multiply_checked(window.kernel_h, &filter_elements) && multiply_checked(window.kernel_w, &filter_elements) &&
         filter_footprint(params.quantization, filter_elements, window.out_c, result);
}

template <typename Accumulator>
void DepthwiseConv2d<Accumulator>::pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  pack_filter(context, kDepthwiseConv2d, static_cast<const Params*>(in)->quantization, writer);
}

template struct DepthwiseConv2d<Int8Accumulator>;
template struct DepthwiseConv2d<Int16Accumulator>;
template struct DepthwiseConv2d<FloatAccumulator>;
template struct DepthwiseConv2d<HybridAccumulator>;

namespace {

Status prepare_hybrid(const OperatorContext& context, void* out) {
  static_cast<DepthwiseConv2dParamsOf<HybridQuantization>*>(out)->quantization.asymmetric = 1;
  return DepthwiseConv2d<HybridAccumulator>::prepare(context, out);
}

template <typename Quantization>
Cost cost(const void* in, const Target& target) {
  const auto& params = *static_cast<const DepthwiseConv2dParamsOf<Quantization>*>(in);
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  return mac_cost(params.quantization, target, outputs * window.kernel_h * window.kernel_w, outputs,
                  window.out_c);
}

// Elements from one tap to the next, and from one kernel row to the next.
struct Steps {
  uint32_t x, filter, filter_row;
  int32_t input_offset;
};

// The sums of kLanes output channels, whose input channels lie kXLane apart: 4 channels share the stepping from tap to
// tap. Functions of their own, so that the inner loop has the registers to itself when the compiler optimises for size,
// too. There are taps in both directions.
template <typename Products, uint32_t kLanes, uint32_t kXLane>
[[gnu::noinline]] void sum_lanes(const typename Products::Input* x_row, const typename Products::Filter* filter_row,
                                 const WindowPosition& at, const Steps& steps, typename Products::Sum* sums) {
  const uint32_t x_step = steps.x;
  const uint32_t filter_step = steps.filter;
  const int32_t offset = steps.input_offset;
  typename Products::Sum sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
  for (uint32_t left = at.taps_h;;) {
    const typename Products::Input* x = x_row;
    const typename Products::Filter* filter = filter_row;
    uint32_t taps = at.taps_w;
    do {
      sum0 += Products::product(x[0], filter[0], offset);
      if constexpr (kLanes == 4) {
        sum1 += Products::product(x[kXLane], filter[1], offset);
        sum2 += Products::product(x[2 * kXLane], filter[2], offset);
        sum3 += Products::product(x[3 * kXLane], filter[3], offset);
      }
      x += x_step;
      filter += filter_step;
    } while (--taps != 0);
    if (--left == 0) break;
    x_row = at.below(x_row);
    filter_row += steps.filter_row;
  }
  sums[0] = sum0;
  if constexpr (kLanes == 4) {
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
  }
}

template <typename Accumulator>
Status run(const void* in, Rows rows, const Io& io, void* scratch) {
  using Products = typename Accumulator::Products;
  const auto& params = *static_cast<const DepthwiseConv2dParamsOf<typename Accumulator::Params>*>(in);
  const Window& window = params.window;
  Accumulator accumulator(params.quantization, io, window_batch(window), scratch);
  const View output = io.view(1);
  const uint32_t out_c = window.out_c;
  const uint32_t multiplier = params.depth_multiplier;
  Steps steps = {window.dilation_w * static_cast<uint32_t>(window.in_c), out_c, window.kernel_w * out_c, 0};
  WindowPosition at(window, accumulator.input(), sizeof(typename Products::Input));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    accumulator.begin_row(row);
    steps.input_offset = accumulator.input_offset();
    at.set_row(row);
    auto* y = output.row_as<typename Accumulator::Output>(row);
    for (uint32_t out_x = 0; out_x < window.out_w; ++out_x) {
      at.set_column(out_x);
      const auto* x = static_cast<const typename Products::Input*>(at.x);
      const auto* filter = accumulator.filter() + at.first_tap * out_c;
      const bool taps = at.taps_h != 0 && at.taps_w != 0;
      uint32_t m_left = multiplier;  // output channels that the input channel x still has
      for (uint32_t c = 0; c < out_c;) {
        // Four channels go together when their inputs lie side by side or are one.
        const uint32_t lanes = (multiplier == 1 ? out_c - c : m_left) >= 4 ? 4 : 1;
        typename Products::Sum sums[4] = {0, 0, 0, 0};
        if (taps) {
          auto* const sum = lanes == 1        ? sum_lanes<Products, 1, 0>
                            : multiplier == 1 ? sum_lanes<Products, 4, 1>
                                              : sum_lanes<Products, 4, 0>;
          sum(x, filter, at, steps, sums);
        }
        for (uint32_t i = 0; i < lanes; ++i) *y++ = accumulator.finish(c++, sums[i]);
        filter += lanes;
        if (multiplier == 1) {
          x += lanes;
        } else if ((m_left -= lanes) == 0) {
          x += 1;
          m_left = multiplier;
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
  using Shared = DepthwiseConv2d<Accumulator>;
  return {kernel, name, "DEPTHWISE_CONV_2D", 4,
          activations, filter, activations, note,
          false, Overlap::kRows, sizeof(DepthwiseConv2dParamsOf<Params>),
          Shared::prepare, nullptr, Shared::footprint, window_input_rows, nullptr, Shared::pack, cost<Params>};
}

}  // namespace

namespace kernels {

Status depthwise_conv_2d_int8_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<Int8Accumulator>(in, rows, io, scratch);
}

Status depthwise_conv_2d_int16_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<Int16Accumulator>(in, rows, io, scratch);
}

Status depthwise_conv_2d_float_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<FloatAccumulator>(in, rows, io, scratch);
}

Status depthwise_conv_2d_hybrid_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<HybridAccumulator>(in, rows, io, scratch);
}

const Variant depthwise_conv_2d_int8_variant = variant<Int8Accumulator>(
    depthwise_conv_2d_int8, "depthwise_conv_2d_int8", DataType::kInt8, DataType::kInt8,
    "per tensor and per channel, any depth multiplier, dilated");

const Variant depthwise_conv_2d_int16_variant = variant<Int16Accumulator>(
    depthwise_conv_2d_int16, "depthwise_conv_2d_int16", DataType::kInt16, DataType::kInt8,
    "bias int64, per tensor and per channel, any depth multiplier, dilated");

const Variant depthwise_conv_2d_float_variant = variant<FloatAccumulator>(
    depthwise_conv_2d_float, "depthwise_conv_2d_float", DataType::kFloat32, DataType::kFloat32,
    "any depth multiplier, dilated");

const Variant depthwise_conv_2d_hybrid_variant = {
    depthwise_conv_2d_hybrid, "depthwise_conv_2d_hybrid", "DEPTHWISE_CONV_2D", 4,
    DataType::kFloat32, DataType::kInt8, DataType::kFloat32,
    "dynamic range quantization, as depthwise_conv_2d_int8",
    true, Overlap::kNone, sizeof(DepthwiseConv2dParamsOf<HybridQuantization>),
    prepare_hybrid, nullptr, DepthwiseConv2d<HybridAccumulator>::footprint, hybrid_input_rows, hybrid_scratch_bytes,
    DepthwiseConv2d<HybridAccumulator>::pack, cost<HybridQuantization>};

}  // namespace kernels

}  // namespace microplan
