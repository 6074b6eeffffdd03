// SPDX-License-Identifier: Apache-2.0
// AVERAGE_POOL_2D and MAX_POOL_2D, int8, int16 and float32: prepare and the reference kernels.
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

Status prepare_shape(const OperatorContext& context, Window* window) {
  Status status = check_arity(context, 1, 1);
  if (status != Status::kOk) return status;
  const Options& options = context.options();
  WindowOptions asked;
  asked.padding = options.uint8_field(kPadding, 0);
  asked.kernel_h = options.int32_field(kFilterHeight, 0);
  asked.kernel_w = options.int32_field(kFilterWidth, 0);
  asked.stride_h = options.int32_field(kStrideH, 0);
  asked.stride_w = options.int32_field(kStrideW, 0);
  asked.dilation_h = 1;
  asked.dilation_w = 1;
  status = prepare_window(context, input_operand(0), output_operand(0), asked, window);
  if (status != Status::kOk) return status;
  if (window->in_c != window->out_c) {
    return context.fail(Status::kUnsupportedShape, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("input and output have different numbers of channels"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), window->out_c);
  }
  return Status::kOk;
}

}  // namespace

Status prepare_pool_2d(const OperatorContext& context, void* out) {
  Pool2dParamsOf<int32_t>& params = *static_cast<Pool2dParamsOf<int32_t>*>(out);
  const Status status = prepare_shape(context, &params.window);
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(0);
  const TensorInfo output = context.output(0);
  const float difference = input.scale() - output.scale();
  if (static_cast<double>(difference < 0 ? -difference : difference) > kScaleTolerance ||
      input.zero_point() != output.zero_point()) {
    return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("input and output are quantized differently"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again: pooling keeps its input's quantization"));
  }
  return activation_range(context, context.options().uint8_field(kFusedActivation, 0), output, &params.act_min,
                          &params.act_max);
}

Status prepare_pool_2d_float(const OperatorContext& context, void* out) {
  Pool2dParamsOf<float>& params = *static_cast<Pool2dParamsOf<float>*>(out);
  const Status status = prepare_shape(context, &params.window);
  if (status != Status::kOk) return status;
  return activation_range_float(context, context.options().uint8_field(kFusedActivation, 0), &params.act_min,
                                &params.act_max);
}

namespace {

// Values of an element type, and the type that they are reduced in.
template <typename T>
struct Integer {
  using Element = T;
  using Value = int32_t;
  static constexpr int32_t kLow = sizeof(T) == 1 ? INT8_MIN : INT16_MIN;
  static constexpr int32_t kHigh = sizeof(T) == 1 ? INT8_MAX : INT16_MAX;
};

struct Float {
  using Element = float;
  using Value = float;
  static constexpr float kLow = -3.402823466e+38f;
  static constexpr float kHigh = 3.402823466e+38f;
};

template <typename Type>
bool footprint(const void* in, Footprint* result) {
  const auto& params = *static_cast<const Pool2dParamsOf<typename Type::Value>*>(in);
  const Window& window = params.window;
  // Without dilation a window that touches the input has a tap in it, so no average divides by zero.
  return window.dilation_h == 1 && window.dilation_w == 1 && window.in_c == window.out_c &&
         params.act_min >= Type::kLow && params.act_min <= params.act_max && params.act_max <= Type::kHigh &&
         window_footprint(window, sizeof(typename Type::Element), result);
}

}  // namespace

bool footprint_pool_2d_int8(const void* params, Footprint* result) {
  return footprint<Integer<int8_t>>(params, result);
}

bool footprint_pool_2d_int16(const void* params, Footprint* result) {
  return footprint<Integer<int16_t>>(params, result);
}

bool footprint_pool_2d_float(const void* params, Footprint* result) { return footprint<Float>(params, result); }

namespace {

template <typename Type>
struct Average : Type {
  using Value = typename Type::Value;
  static constexpr Value kStart = 0;
  static int32_t take(int32_t sum, int32_t value) { return wrap_add(sum, value); }
  static float take(float sum, float value) { return sum + value; }
  static int32_t finish(int32_t sum, int32_t count) { return pool_quotient(sum, count); }
  static float finish(float sum, int32_t count) { return sum / static_cast<float>(count); }
};

template <typename Type>
struct Maximum : Type {
  using Value = typename Type::Value;
  static constexpr Value kStart = Type::kLow;
  static Value take(Value largest, Value value) { return value > largest ? value : largest; }
  static Value finish(Value largest, int32_t) { return largest; }
};

// Of one channel over all taps. A function of its own, so that the inner loop has the registers to itself.
template <typename Reduction>
[[gnu::noinline]] typename Reduction::Value reduce(const typename Reduction::Element* x, const WindowPosition& at,
                                                   uint32_t channels) {
  using Value = typename Reduction::Value;
  Value value = Reduction::kStart;
  for_each_tap(x, at, channels, [&](const auto* tap) { value = Reduction::take(value, Value{*tap}); });
  return value;
}

template <typename Reduction>
Status run(const void* in, Rows rows, const Io& io) {
  using Element = typename Reduction::Element;
  using Value = typename Reduction::Value;
  const auto& params = *static_cast<const Pool2dParamsOf<Value>*>(in);
  const uint32_t channels = params.window.in_c;
  const auto pixel = [&](const Element* x, Element* y, const WindowPosition& at) {
    const int32_t taps = static_cast<int32_t>(at.taps_h * at.taps_w);
    for (const Element* const end = x + channels; x != end; ++x) {
      const Value value = Reduction::finish(reduce<Reduction>(x, at, channels), taps);
      *y++ = static_cast<Element>(clamp(value, params.act_min, params.act_max));
    }
    return y;
  };
  return run_pool_2d<Element>(params.window, rows, io, pixel);
}

constexpr uint32_t kTap = 8 * 6;
constexpr uint32_t kOutput = 8 * 40;
constexpr uint32_t kPixel = 50;

template <typename T>
constexpr Variant integer_variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t code,
                                  DataType type) {
  return {kernel, name, operator_name, code,
          type, DataType::kNone, type, "equal quantization of input and output",
          false, Overlap::kRows, sizeof(Pool2dParamsOf<int32_t>),
          prepare_pool_2d, nullptr, footprint<Integer<T>>, window_input_rows, nullptr, nullptr,
          pool_2d_cost<kTap, kOutput, kPixel>};
}

Cost cost_float(const void* in, const Target& target) {
  const Window& window = *static_cast<const Window*>(in);
  constexpr uint32_t kFinish = 4;
  const uint64_t taps = static_cast<uint64_t>(window.kernel_h) * window.kernel_w;
  return with_floats(pool_2d_cost<kTap, kOutput, kPixel>(in, target), target, window_outputs(window) * (taps + kFinish));
}

constexpr Variant float_variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t code) {
  return {kernel, name, operator_name, code,
          DataType::kFloat32, DataType::kNone, DataType::kFloat32, "",
          false, Overlap::kRows, sizeof(Pool2dParamsOf<float>),
          prepare_pool_2d_float, nullptr, footprint_pool_2d_float, window_input_rows, nullptr, nullptr, cost_float};
}

constexpr char kAverage[] = "AVERAGE_POOL_2D";
constexpr char kMax[] = "MAX_POOL_2D";
constexpr uint8_t kAverageCode = 1;
constexpr uint8_t kMaxCode = 17;

}  // namespace

namespace kernels {

Status average_pool_2d_int8_run(const void* in, Rows rows, const Io& io, void*) {
  return run<Average<Integer<int8_t>>>(in, rows, io);
}

Status average_pool_2d_int16_run(const void* in, Rows rows, const Io& io, void*) {
  return run<Average<Integer<int16_t>>>(in, rows, io);
}

Status average_pool_2d_float_run(const void* in, Rows rows, const Io& io, void*) {
  return run<Average<Float>>(in, rows, io);
}

Status max_pool_2d_int8_run(const void* in, Rows rows, const Io& io, void*) {
  return run<Maximum<Integer<int8_t>>>(in, rows, io);
}

Status max_pool_2d_int16_run(const void* in, Rows rows, const Io& io, void*) {
  return run<Maximum<Integer<int16_t>>>(in, rows, io);
}

Status max_pool_2d_float_run(const void* in, Rows rows, const Io& io, void*) {
  return run<Maximum<Float>>(in, rows, io);
}

const Variant average_pool_2d_int8_variant =
    integer_variant<int8_t>(average_pool_2d_int8, "average_pool_2d_int8", kAverage, kAverageCode, DataType::kInt8);
const Variant average_pool_2d_int16_variant =
    integer_variant<int16_t>(average_pool_2d_int16, "average_pool_2d_int16", kAverage, kAverageCode, DataType::kInt16);
const Variant average_pool_2d_float_variant =
    float_variant(average_pool_2d_float, "average_pool_2d_float", kAverage, kAverageCode);

const Variant max_pool_2d_int8_variant =
    integer_variant<int8_t>(max_pool_2d_int8, "max_pool_2d_int8", kMax, kMaxCode, DataType::kInt8);
const Variant max_pool_2d_int16_variant =
    integer_variant<int16_t>(max_pool_2d_int16, "max_pool_2d_int16", kMax, kMaxCode, DataType::kInt16);
const Variant max_pool_2d_float_variant = float_variant(max_pool_2d_float, "max_pool_2d_float", kMax, kMaxCode);

}  // namespace kernels

}  // namespace microplan
