// SPDX-License-Identifier: Apache-2.0
// Checks of sliding windows: prepare_window() for models, window_footprint() for Params from anywhere.
#include "microplan/kernels/window.h"

#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

constexpr int64_t kMaxField = UINT16_MAX;

struct Field {
  int64_t value;
  const char* zero_or_less;
};

Status check_field(const OperatorContext& context, Operand operand, const Field& field) {
  if (field.value < 1) {
    return context.fail(Status::kUnsupportedOption, operand, field.zero_or_less,
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), field.value);
  }
  if (field.value > kMaxField) {
    return context.fail(Status::kTooLarge, operand,
                        MICROPLAN_DIAGNOSTIC_TEXT("a kernel size, stride or dilation exceeds 65535"),
                        MICROPLAN_DIAGNOSTIC_TEXT("make the window smaller"), field.value);
  }
  return Status::kOk;
}

Status check_options(const OperatorContext& context, Operand operand, const WindowOptions& options) {
  if (options.padding != kSamePadding && options.padding != kValidPadding && options.padding != kExplicitPadding) {
    return context.fail(Status::kUnsupportedOption, operand,
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
    const Status status = check_field(context, operand, field);
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

TensorInfo tensor_of(const OperatorContext& context, Operand operand) {
  return operand.is_output ? context.output(operand.index) : context.input(operand.index);
}

// One axis of the window, all of it positive and at most 65535, and what an explicit padding adds to it.
struct Axis {
  int64_t in, out, kernel, stride, dilation;
  int64_t before, after;
};

int64_t kernel_extent(const Axis& axis) { return (axis.kernel - 1) * axis.dilation + 1; }

// As TensorFlow counts output positions and pads: what SAME lacks is split, the odd element going behind.
Status prepare_axis(const OperatorContext& context, Operand in, Operand out, uint8_t padding, const Axis& axis,
                    uint16_t* pad) {
  if (axis.before < 0 || axis.before > kMaxField || axis.after < 0 || axis.after > kMaxField) {
    return context.fail(Status::kUnsupportedOption, in,
                        MICROPLAN_DIAGNOSTIC_TEXT("the explicit padding is negative or exceeds 65535 elements"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), axis.before);
  }
  const int64_t extent = kernel_extent(axis);
  const int64_t padded = axis.in + axis.before + axis.after;
  const int64_t size = (padded + axis.stride - (padding == kSamePadding ? 1 : extent)) / axis.stride;
  if (size != axis.out) {
    return context.fail(Status::kUnsupportedShape, out,
                        MICROPLAN_DIAGNOSTIC_TEXT("height or width of input and output do not go together"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), axis.out);
  }
  const int64_t missing = (size - 1) * axis.stride + extent - axis.in;
  const int64_t before = padding == kExplicitPadding ? axis.before : missing > 0 ? missing / 2 : 0;
  if (before > kMaxField) {
    return context.fail(Status::kTooLarge, in,
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

Status prepare_window(const OperatorContext& context, Operand in, Operand out, const WindowOptions& options,
                      Window* window) {
  Status status = check_options(context, in, options);
  if (status != Status::kOk) return status;
  const TensorInfo input = tensor_of(context, in);
  const TensorInfo output = tensor_of(context, out);
  status = check_image(context, input, in);
  if (status != Status::kOk) return status;
  status = check_image(context, output, out);
  if (status != Status::kOk) return status;
  if (input.dims[0] != output.dims[0]) {
    return context.fail(Status::kUnsupportedShape, out,
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
  Axis down = {window->in_h, window->out_h, window->kernel_h, window->stride_h, window->dilation_h, 0, 0};
  Axis across = {window->in_w, window->out_w, window->kernel_w, window->stride_w, window->dilation_w, 0, 0};
  if (options.padding == kExplicitPadding) {
    down.before = context.options().int32_field(kPadTop, 0);
    down.after = context.options().int32_field(kPadBottom, 0);
    across.before = context.options().int32_field(kPadLeft, 0);
    across.after = context.options().int32_field(kPadRight, 0);
  }
  status = prepare_axis(context, in, out, options.padding, down, &window->pad_top);
  if (status != Status::kOk) return status;
  return prepare_axis(context, in, out, options.padding, across, &window->pad_left);
}

bool check_window(const Window& window) {
  return windows_touch_input(window.in_h, window.out_h, window.kernel_h, window.stride_h, window.dilation_h,
                             window.pad_top) &&
         windows_touch_input(window.in_w, window.out_w, window.kernel_w, window.stride_w, window.dilation_w,
                             window.pad_left);
}

bool add_image(Operand operand, const Image& image, Footprint* footprint) {
  uint32_t rows = image.batches;
  uint32_t row_bytes = image.element_bytes;
  if (!multiply_checked(image.height, &rows) || !multiply_checked(image.width, &row_bytes) ||
      !multiply_checked(image.channels, &row_bytes)) {
    return false;
  }
  uint32_t bytes = rows;
  if (!multiply_checked(row_bytes, &bytes)) return false;
  footprint->add_view(operand, rows, row_bytes, static_cast<uint8_t>(image.element_bytes));
  return true;
}

bool window_footprint(const Window& window, uint32_t element_bytes, Footprint* footprint) {
  const Image in = {window.batches, window.in_h, window.in_w, window.in_c, element_bytes};
  const Image out = {window.batches, window.out_h, window.out_w, window.out_c, element_bytes};
  return check_window(window) && add_image(input_operand(0), in, footprint) &&
         add_image(output_operand(0), out, footprint);
}

Rows window_input_rows(const void* params, uint32_t, Rows rows) {
  const Window& window = *static_cast<const Window*>(params);
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

const uint8_t* TapRows::begin(const View& input, uint32_t row, uint32_t row_step) {
  step_ = row_step * input.row_stride;
  ring_bytes_ = input.ring_rows * input.row_stride;
  ring_end_ = input.base + ring_bytes_;
  return input.row(row);
}

void WindowPosition::set_row(uint32_t row) {
  const uint32_t batch = row / window_.out_h;
  const uint32_t start = (row - batch * window_.out_h) * window_.stride_h;
  const Taps taps = clip_taps(start, window_.pad_top, window_.kernel_h, window_.dilation_h, window_.in_h);
  taps_h = taps.count;
  row_tap_ = taps.first * window_.kernel_w;
  row_ = begin(input_, batch * window_.in_h + taps.position, window_.dilation_h);
}

void WindowPosition::set_column(uint32_t out_x) {
  const uint32_t start = out_x * window_.stride_w;
  const Taps taps = clip_taps(start, window_.pad_left, window_.kernel_w, window_.dilation_w, window_.in_w);
  taps_w = taps.count;
  first_tap = row_tap_ + taps.first;
  x = row_ + taps.position * pixel_bytes_;
}

uint64_t window_outputs(const Window& window) {
  return static_cast<uint64_t>(window.batches) * window.out_h * window.out_w * window.out_c;
}

}  // namespace microplan
