// SPDX-License-Identifier: Apache-2.0
// Checks of sliding windows: prepare_window() for models, window_footprint() for Params from anywhere.
#include "microplan/kernels/window.h"

#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// The schema's Padding.
constexpr uint8_t kSame = 0;
constexpr uint8_t kValid = 1;

constexpr int64_t kMaxField = UINT16_MAX;

struct Field {
  int64_t value;
  const char* zero_or_less;
};

Status check_field(const OperatorContext& context, const Field& field) {
  if (field.value < 1) {
    return context.fail(Status::kUnsupportedOption, input_operand(0), field.zero_or_less,
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), field.value);
  }
  if (field.value > kMaxField) {
    return context.fail(Status::kTooLarge, input_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("a kernel size, stride or dilation exceeds 65535"),
                        MICROPLAN_DIAGNOSTIC_TEXT("make the window smaller"), field.value);
  }
  return Status::kOk;
}

Status check_options(const OperatorContext& context, const WindowOptions& options) {
  if (options.padding != kSame && options.padding != kValid) {
    return context.fail(Status::kUnsupportedOption, input_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the padding is neither SAME nor VALID"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), options.padding);
  }
  const Field fields[] = {
      {options.kernel_h, MICROPLAN_DIAGNOSTIC_TEXT("the kernel's height is not positive")},
      {options.kernel_w, MICROPLAN_DIAGNOSTIC_TEXT("the kernel's width is not positive")},
      {options.stride_h, MICROPLAN_DIAGNOSTIC_TEXT("stride_h is not positive")},
      {options.stride_w, MICROPLAN_DIAGNOSTIC_TEXT("stride_w is not positive")},
      {options.dilation_h, MICROPLAN_DIAGNOSTIC_TEXT("dilation_h_factor is not positive")},
      {options.dilation_w, MICROPLAN_DIAGNOSTIC_TEXT("dilation_w_factor is not positive")},
  };
  for (const Field& field : fields) {
    const Status status = check_field(context, field);
    if (status != Status::kOk) return status;
  }
  return Status::kOk;
}

Status check_image(const OperatorContext& context, const TensorInfo& tensor, Operand operand) {
  if (tensor.rank != 4 || tensor.product(0, 4) == 0) {
    return context.fail(Status::kUnsupportedShape, operand,
                        MICROPLAN_DIAGNOSTIC_TEXT("the tensor is not [batches, height, width, channels]"),
                        MICROPLAN_DIAGNOSTIC_TEXT("add a RESHAPE to 4 dimensions before the operator"), tensor.rank);
  }
  for (uint32_t i = 0; i < 4; ++i) {
    if (tensor.dims[i] > kMaxField) {
      return context.fail(Status::kTooLarge, operand, MICROPLAN_DIAGNOSTIC_TEXT("a dimension exceeds 65535"),
                          MICROPLAN_DIAGNOSTIC_TEXT("split the tensor"), tensor.dims[i]);
    }
  }
  return Status::kOk;
}

// One axis of the window, all of it positive and at most 65535.
struct Axis {
  int64_t in, out, kernel, stride, dilation;
};

int64_t kernel_extent(const Axis& axis) { return (axis.kernel - 1) * axis.dilation + 1; }

// As TensorFlow counts output positions and pads: what SAME lacks is split, the odd element going behind.
Status prepare_axis(const OperatorContext& context, uint8_t padding, const Axis& axis, uint16_t* pad) {
  const int64_t extent = kernel_extent(axis);
  const int64_t out = (axis.in + axis.stride - (padding == kSame ? 1 : extent)) / axis.stride;
  if (out != axis.out) {
    return context.fail(Status::kUnsupportedShape, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the output's height or width does not follow from the input's"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), axis.out);
  }
  const int64_t missing = (out - 1) * axis.stride + extent - axis.in;
  const int64_t before = missing > 0 ? missing / 2 : 0;
  if (before > kMaxField) {
    return context.fail(Status::kTooLarge, input_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the padding exceeds 65535 elements"),
                        MICROPLAN_DIAGNOSTIC_TEXT("make the window smaller"), before);
  }
  *pad = static_cast<uint16_t>(before);
  return Status::kOk;
}

// True when each of the `out` windows, gaps of a dilation included, covers at least one of the `in` elements.
bool windows_touch_input(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t dilation, uint32_t pad) {
  if (in == 0 || out == 0 || kernel == 0 || stride == 0 || dilation == 0) return false;
  return pad <= (kernel - 1) * dilation && (out - 1) * stride < in + pad;
}

// The taps of one output position along one axis that lie inside the input: [first, first + count), where tap `first`
// is input element `position`. There may be none when the dilation exceeds the input.
struct Taps {
  uint32_t first, count, position;
};

Taps clip_taps(uint32_t start, uint32_t pad, uint32_t kernel, uint32_t dilation, uint32_t size) {
  const uint32_t first = start < pad ? (pad - start + dilation - 1) / dilation : 0;
  const uint32_t end = (size + pad - start + dilation - 1) / dilation;
  return {first, (end < kernel ? end : kernel) - first, start + first * dilation - pad};
}

}  // namespace

Status prepare_window(const OperatorContext& context, const WindowOptions& options, Window* window) {
  Status status = check_options(context, options);
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(0);
  const TensorInfo output = context.output(0);
  status = check_image(context, input, input_operand(0));
  if (status != Status::kOk) return status;
  status = check_image(context, output, output_operand(0));
  if (status != Status::kOk) return status;
  if (input.dims[0] != output.dims[0]) {
    return context.fail(Status::kUnsupportedShape, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("input and output have different batch sizes"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), output.dims[0]);
  }
  window->batches = static_cast<uint16_t>(input.dims[0]);
  window->in_h = static_cast<uint16_t>(input.dims[1]);
  window->in_w = static_cast<uint16_t>(input.dims[2]);
  window->in_c = static_cast<uint16_t>(input.dims[3]);
  window->out_h = static_cast<uint16_t>(output.dims[1]);
  window->out_w = static_cast<uint16_t>(output.dims[2]);
  window->out_c = static_cast<uint16_t>(output.dims[3]);
  window->kernel_h = static_cast<uint16_t>(options.kernel_h);
  window->kernel_w = static_cast<uint16_t>(options.kernel_w);
  window->stride_h = static_cast<uint16_t>(options.stride_h);
  window->stride_w = static_cast<uint16_t>(options.stride_w);
  window->dilation_h = static_cast<uint16_t>(options.dilation_h);
  window->dilation_w = static_cast<uint16_t>(options.dilation_w);
  const Axis down = {window->in_h, window->out_h, window->kernel_h, window->stride_h, window->dilation_h};
  const Axis across = {window->in_w, window->out_w, window->kernel_w, window->stride_w, window->dilation_w};
  status = prepare_axis(context, options.padding, down, &window->pad_top);
  if (status != Status::kOk) return status;
  return prepare_axis(context, options.padding, across, &window->pad_left);
}

bool window_footprint(const Window& window, Footprint* footprint) {
  if (!windows_touch_input(window.in_h, window.out_h, window.kernel_h, window.stride_h, window.dilation_h,
                           window.pad_top) ||
      !windows_touch_input(window.in_w, window.out_w, window.kernel_w, window.stride_w, window.dilation_w,
                           window.pad_left)) {
    return false;
  }
  uint32_t in_rows = window.batches;
  uint32_t out_rows = window.batches;
  uint32_t in_row_bytes = window.in_w;
  uint32_t out_row_bytes = window.out_w;
  if (!multiply_checked(window.in_h, &in_rows) || !multiply_checked(window.out_h, &out_rows) ||
      !multiply_checked(window.in_c, &in_row_bytes) || !multiply_checked(window.out_c, &out_row_bytes)) {
    return false;
  }
  uint32_t in_bytes = in_rows;
  uint32_t out_bytes = out_rows;
  if (!multiply_checked(in_row_bytes, &in_bytes) || !multiply_checked(out_row_bytes, &out_bytes)) return false;
  footprint->add_view(input_operand(0), in_rows, in_row_bytes, 1);
  footprint->add_view(output_operand(0), out_rows, out_row_bytes, 1);
  return true;
}

Rows window_input_rows(const Window& window, Rows rows) {
  const uint32_t extent = (window.kernel_h - 1u) * window.dilation_h + 1u;
  const uint32_t first_batch = rows.first / window.out_h;
  const uint32_t last_batch = (rows.last - 1) / window.out_h;
  const uint32_t first_start = (rows.first - first_batch * window.out_h) * window.stride_h;
  const uint32_t last_start = (rows.last - 1 - last_batch * window.out_h) * window.stride_h;
  const uint32_t first = first_start > window.pad_top ? first_start - window.pad_top : 0;
  // Input rows left below the last window's start; it is positive, and the sum of start and extent may not fit.
  const uint32_t left = window.in_h + window.pad_top - last_start;
  const uint32_t last = extent < left ? last_start + extent - window.pad_top : window.in_h;
  return {first_batch * window.in_h + first, last_batch * window.in_h + last};
}

void WindowPosition::set_row(const Window& window, const Io& io, uint32_t row) {
  const View input = io.view(0);
  const uint32_t batch = row / window.out_h;
  const uint32_t start = (row - batch * window.out_h) * window.stride_h;
  const Taps taps = clip_taps(start, window.pad_top, window.kernel_h, window.dilation_h, window.in_h);
  taps_h = taps.count;
  row_tap_ = taps.first * window.kernel_w;
  row_ = input.row_as<const int8_t>(batch * window.in_h + taps.position);
  step_ = window.dilation_h * input.row_stride;
  ring_bytes_ = input.ring_rows * input.row_stride;
  ring_end_ = reinterpret_cast<const int8_t*>(input.base) + ring_bytes_;
  y = io.view(1).row_as<int8_t>(row);
}

void WindowPosition::set_column(const Window& window, uint32_t out_x) {
  const uint32_t start = out_x * window.stride_w;
  const Taps taps = clip_taps(start, window.pad_left, window.kernel_w, window.dilation_w, window.in_w);
  taps_w = taps.count;
  first_tap = row_tap_ + taps.first;
  x = row_ + taps.position * window.in_c;
}

uint64_t window_outputs(const Window& window) {
  return static_cast<uint64_t>(window.batches) * window.out_h * window.out_w * window.out_c;
}

Status prepare_channel_quantization(const OperatorContext& context, uint8_t activation, uint8_t channel_axis,
                                    ChannelQuantization* quantization) {
  const TensorInfo filter = context.input(1);
  const TensorInfo output = context.output(0);
  Status status = check_filter(context, filter.dims[channel_axis], channel_axis, DataType::kInt32);
  if (status != Status::kOk) return status;
  status = check_channel_requantize(context);
  if (status != Status::kOk) return status;
  quantization->per_channel = filter.scale_count > 1;
  quantization->input_offset = -context.input(0).zero_point();
  quantization->output_offset = output.zero_point();
  return activation_range(context, activation, output, &quantization->act_min, &quantization->act_max);
}

uint32_t requantize_bytes(const ChannelQuantization& quantization, uint32_t channels) {
  return (quantization.per_channel ? channels : 1) * static_cast<uint32_t>(sizeof(Requantize));
}

bool channel_quantization_footprint(const ChannelQuantization& quantization, uint32_t filter_bytes, uint32_t channels,
                                    Footprint* footprint) {
  if (quantization.per_channel > 1 || quantization.input_offset < -INT8_MAX ||
      quantization.input_offset > -INT8_MIN || quantization.output_offset < INT8_MIN ||
      quantization.output_offset > INT8_MAX || !is_int8_range(quantization.act_min, quantization.act_max)) {
    return false;
  }
  footprint->add_constant(filter_bytes, 1);
  footprint->add_constant(channels * 4, 4, true);
  footprint->add_constant(requantize_bytes(quantization, channels), 4);
  return true;
}

ConvolutionConstants::ConvolutionConstants(const Io& io)
    : filter(io.constant<int8_t>(0)), bias(io.constant<int32_t>(1)), requantize(io.constant<Requantize>(2)) {}

int8_t ConvolutionConstants::finish(uint32_t channel, uint32_t sum, const ChannelQuantization& quantization) const {
  if (bias != nullptr) sum += static_cast<uint32_t>(bias[channel]);
  const int32_t scaled =
      microplan::requantize(static_cast<int32_t>(sum), requantize[channel * quantization.per_channel]);
  const int32_t value = wrap_add(scaled, quantization.output_offset);
  return static_cast<int8_t>(clamp(value, quantization.act_min, quantization.act_max));
}

void pack_filter_bias_requantize(const OperatorContext& context, ConstantWriter& writer) {
  writer.tensor(1, 1);
  writer.tensor(2, 4);
  write_channel_requantize(context, writer);
}

}  // namespace microplan
