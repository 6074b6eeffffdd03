// SPDX-License-Identifier: Apache-2.0
#include "case_values.h"

#include "microplan/types.h"

namespace differential {

namespace {

// 2^exponent, of normal floats.
float power_of_two(int32_t exponent) {
  const uint32_t bits = static_cast<uint32_t>(exponent + 127) << 23;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

float root(float value) {
  float guess = value < 1 ? 1 : value;
  for (uint32_t i = 0; i < 24; ++i) guess = (guess + value / guess) / 2;
  return guess;
}

struct Range {
  int64_t low, high;
};

Range range_of(DataType type) {
  switch (type) {
    case DataType::kInt8: return {INT8_MIN, INT8_MAX};
    case DataType::kUInt8: return {0, UINT8_MAX};
    case DataType::kInt16: return {INT16_MIN, INT16_MAX};
    default: return {INT32_MIN, INT32_MAX};
  }
}

void put_integer(FakeOperator& op, TensorInfo& tensor, uint32_t index, int64_t value) {
  switch (microplan::element_bytes(tensor.type)) {
    case 1: op.put(tensor, index, static_cast<int8_t>(value)); break;
    case 2: op.put(tensor, index, static_cast<int16_t>(value)); break;
    case 4: op.put(tensor, index, static_cast<int32_t>(value)); break;
    default: op.put(tensor, index, value); break;
  }
}

int64_t random_integer(Random& random, const Range& range) {
  const uint64_t width = static_cast<uint64_t>(range.high - range.low) + 1;
  return range.low + static_cast<int64_t>((static_cast<uint64_t>(random.next()) * width) >> 32);
}

void fill_integers(FakeOperator& op, TensorInfo& tensor, const Range& range) {
  Random& random = op.random;
  const uint32_t pattern = random.below(10);
  for (uint32_t i = 0; i < tensor.elements; ++i) {
    int64_t value = random_integer(random, range);
    if (pattern == 0) value = range.low;
    if (pattern == 1) value = range.high;
    if (pattern == 2) value = (i & 1) != 0 ? range.low : range.high;
    if (pattern == 3 && value % 4 != 0) value = 0;
    if (pattern == 4) value /= 16;
    put_integer(op, tensor, i, value);
  }
}

}  // namespace

float random_special(Random& random) {
  const float specials[] = {__builtin_inff(), -__builtin_inff(), __builtin_nanf(""), -__builtin_nanf("")};
  return random.pick(specials);
}

namespace {

void fill_floats(FakeOperator& op, TensorInfo& tensor, float largest) {
  const uint32_t pattern = op.random.below(10);
  for (uint32_t i = 0; i < tensor.elements; ++i) {
    float value = op.random.real(-largest, largest);
    if (pattern == 0) value = -largest;
    if (pattern == 1) value = largest;
    if (pattern == 2 && !op.random.one_in(4)) value = 0;
    // Few, so that most sums have none.
    if (pattern == 3 && op.random.one_in(40)) value = random_special(op.random);
    op.put(tensor, i, value);
  }
}

// A significand in [1, 2): also the two ends, where a multiplier is 2^30 and 2^31 - 1.
float random_significand(Random& random) {
  switch (random.below(6)) {
    case 0: return 1;
    case 1: return 2 - 1.0f / 8388608;
    default: return random.real(1, 2);
  }
}

// input scale * filter scale / output scale, for outputs that use their range: products have the size of a quarter of both
// ranges.
float usual_factor(const MacCase& mac, Random& random) {
  const float inputs = mac.type == DataType::kInt16 ? 9000.0f : 70.0f;
  const float outputs = mac.type == DataType::kInt16 ? 16000.0f : 64.0f;
  return outputs / (inputs * 40.0f * root(static_cast<float>(mac.depth))) * random.real(0.3f, 3.0f);
}

// How a case's factors lie.
enum class Edge : uint8_t { kUsual, kMixed, kRight, kNoShift, kLeft, kTiny };

Edge random_edge(Random& random) {
  constexpr Edge kEdges[] = {Edge::kUsual, Edge::kUsual, Edge::kUsual,   Edge::kUsual, Edge::kUsual,
                             Edge::kMixed, Edge::kRight, Edge::kNoShift, Edge::kLeft,  Edge::kTiny};
  return random.pick(kEdges);
}

float random_factor(const MacCase& mac, Edge edge, Random& random) {
  switch (edge) {
    case Edge::kUsual: return usual_factor(mac, random);
    case Edge::kRight: return random_significand(random) * power_of_two(-static_cast<int32_t>(random.between(2, 24)));
    case Edge::kNoShift: return random_significand(random) * power_of_two(-1);
    case Edge::kLeft: return random_significand(random) * power_of_two(static_cast<int32_t>(random.below(8)));
    case Edge::kTiny: {
      // Right shifts of 21 to 24, of 30 and 31, and those that make the multiplier 0.
      constexpr int32_t kExponents[] = {-22, -23, -24, -25, -31, -32, -33, -40};
      return random_significand(random) * power_of_two(random.pick(kExponents));
    }
    case Edge::kMixed: break;
  }
  constexpr Edge kEach[] = {Edge::kUsual, Edge::kUsual, Edge::kRight, Edge::kNoShift, Edge::kLeft, Edge::kTiny};
  return random_factor(mac, random.pick(kEach), random);
}

// Sums stay small, so that outputs do not all saturate where a factor is large, and a large bias decides where it is small.
void fill_small(FakeOperator& op, TensorInfo& tensor, int32_t center, uint32_t zeros) {
  for (uint32_t i = 0; i < tensor.elements; ++i) {
    const int32_t value = center + (op.random.one_in(zeros) ? op.random.between_signed(-3, 3) : 0);
    const bool inside = tensor.type != DataType::kInt8 || (value >= INT8_MIN && value <= INT8_MAX);
    put_integer(op, tensor, i, inside ? value : center);
  }
}

constexpr uint32_t kMaxChannels = 128 * 8;

// Where the accumulator is up to 2^30, requantize_fast() begins to be exact.
int64_t random_bias(const MacCase& mac, float factor, uint32_t kind, Random& random) {
  const int64_t products = int64_t{mac.depth} * 128 * 255;
  const bool negative = random.one_in(2);
  int64_t value = 0;
  switch (kind) {
    case 0: return 0;
    case 1: value = random.below(1u << 10); break;
    case 2: {
      // Outputs of about 1 to 200 steps whatever the factor is.
      const float steps = random.real(0, mac.type == DataType::kInt16 ? 30000.0f : 200.0f) / factor;
      const float highest = 1073741824.0f - static_cast<float>(products);
      value = static_cast<int64_t>(steps < highest ? steps : highest);
      break;
    }
    case 3: value = (int64_t{1} << 30) - products + static_cast<int64_t>(random.below(3)) - 1; break;
    case 4: value = INT32_MAX - random.below(3); break;
    default: value = random.below(1u << 20); break;
  }
  if (value < 0) value = 0;
  return negative ? -value : value;
}

void add_bias(FakeOperator& op, const MacCase& mac, uint32_t channels, const float* factors, uint32_t factor_count) {
  Random& random = op.random;
  const bool wide = mac.type == DataType::kInt16 && (mac.narrow_bias == DataType::kNone || random.one_in(2));
  const bool absent = random.one_in(5);
  if (mac.type == DataType::kInt16 && mac.bias_type_option != MacCase::kNoBiasOption && absent) {
    op.set_option(mac.bias_type_option, static_cast<int32_t>(wide ? DataType::kInt64 : DataType::kInt32));
  }
  if (absent) {
    op.add_absent_input();
    return;
  }
  if (mac.type == DataType::kFloat32) {
    TensorInfo& bias = op.add_constant(DataType::kFloat32, shape(channels));
    fill(op, bias);
    return;
  }
  const DataType narrow = mac.type == DataType::kInt16 ? mac.narrow_bias : DataType::kInt32;
  TensorInfo& bias = op.add_constant(wide ? DataType::kInt64 : narrow, shape(channels));
  const uint32_t kind = random.below(6);
  for (uint32_t c = 0; c < channels; ++c) {
    int64_t value = random_bias(mac, factors[factor_count == 1 ? 0 : c], kind, random);
    if (wide && kind == 4) value *= 256;
    put_integer(op, bias, c, value);
  }
}

}  // namespace

uint32_t random_mac_budget(Random& random) {
  constexpr uint32_t kBudgets[] = {4000, 4000, 4000, 12000, 12000, 50000};
  return random.pick(kBudgets);
}

void fill(FakeOperator& op, TensorInfo& tensor, float largest) {
  if (tensor.type == DataType::kFloat32) {
    fill_floats(op, tensor, largest);
  } else {
    fill_integers(op, tensor, range_of(tensor.type));
  }
}

void fill_filter(FakeOperator& op, TensorInfo& filter, float largest) {
  if (filter.type == DataType::kFloat32) {
    fill_floats(op, filter, largest);
  } else {
    fill_integers(op, filter, {op.random.one_in(2) ? INT8_MIN : -INT8_MAX, INT8_MAX});
  }
}

int32_t random_zero_point(Random& random, DataType type) {
  if (type != DataType::kInt8 && type != DataType::kUInt8) return 0;
  const int32_t low = type == DataType::kInt8 ? INT8_MIN : 0;
  switch (random.below(5)) {
    case 0: return low;
    case 1: return low + UINT8_MAX;
    case 2: return low + 128;
    default: return low + static_cast<int32_t>(random.below(256));
  }
}

float random_scale(Random& random) {
  const float scale = power_of_two(-static_cast<int32_t>(random.between(2, 10)));
  return random.one_in(3) ? scale : scale * random.real(0.5f, 1);
}

void quantize(FakeOperator& op, TensorInfo& tensor) {
  if (tensor.type == DataType::kFloat32) return;
  op.set_quantization(tensor, random_scale(op.random), random_zero_point(op.random, tensor.type));
}

uint32_t random_channels(Random& random) {
  switch (random.below(4)) {
    case 0: return random.between(1, 9);
    case 1: return 4 * random.between(1, 16);
    default: return random.between(1, 70);
  }
}

namespace {

uint32_t extent(uint32_t kernel, uint32_t dilation) { return (kernel - 1) * dilation + 1; }

uint32_t out_size(uint32_t in, uint32_t kernel, uint32_t stride, uint32_t dilation, int32_t padding) {
  return (in + stride - (padding == kPaddingSame ? 1 : extent(kernel, dilation))) / stride;
}

void set_outputs(WindowCase* window) {
  window->out_h = out_size(window->in_h, window->kernel_h, window->stride_h, window->dilation_h, window->padding);
  window->out_w = out_size(window->in_w, window->kernel_w, window->stride_w, window->dilation_w, window->padding);
}

uint32_t lowest(uint32_t kernel, uint32_t dilation, int32_t padding) {
  return padding == kPaddingSame ? 1 : extent(kernel, dilation);
}

}  // namespace

WindowCase random_window(Random& random, bool dilated) {
  WindowCase window = {};
  switch (random.below(8)) {
    case 0:
    case 1: window.kernel_h = window.kernel_w = 1; break;
    case 2:
    case 3: window.kernel_h = window.kernel_w = 3; break;
    case 4: window.kernel_h = 10, window.kernel_w = 4; break;
    case 5: window.kernel_h = window.kernel_w = 5; break;
    default: window.kernel_h = random.between(1, 7), window.kernel_w = random.between(1, 7); break;
  }
  window.stride_h = window.stride_w = random.one_in(2) ? 1 : random.between(1, 3);
  if (random.one_in(4)) window.stride_w = random.between(1, 3);
  window.dilation_h = window.dilation_w = 1;
  if (dilated && random.one_in(4)) window.dilation_h = random.between(1, 3), window.dilation_w = random.between(1, 3);
  window.padding = random.one_in(2) ? kPaddingSame : kPaddingValid;
  window.batches = random.one_in(3) ? random.between(1, 3) : 1;
  const uint32_t low_h = lowest(window.kernel_h, window.dilation_h, window.padding);
  const uint32_t low_w = lowest(window.kernel_w, window.dilation_w, window.padding);
  window.in_h = random.between(low_h, low_h > 20 ? low_h : 20);
  window.in_w = random.between(low_w, low_w > 20 ? low_w : 20);
  set_outputs(&window);
  return window;
}

WindowCase random_image_window(Random& random) {
  WindowCase window = random_window(random, false);
  window.kernel_h = window.kernel_w = 3;
  window.stride_h = window.stride_w = random.between(1, 2);
  window.in_h = random.between(3, 7);
  window.in_w = random.one_in(2) ? random.between(33, 150) : random.between(3, 20);
  set_outputs(&window);
  return window;
}

bool shrink(Random& random, WindowCase* window, uint32_t max_outputs, uint32_t in_bytes, uint32_t out_bytes) {
  const uint32_t low_h = lowest(window->kernel_h, window->dilation_h, window->padding);
  const uint32_t low_w = lowest(window->kernel_w, window->dilation_w, window->padding);
  for (;;) {
    const uint32_t outputs = window->batches * window->out_h * window->out_w;
    const uint32_t inputs = window->batches * window->in_h * window->in_w;
    if (outputs <= max_outputs && inputs * in_bytes <= kMaxTensorBytes && outputs * out_bytes <= kMaxTensorBytes) {
      return true;
    }
    if (window->batches == 1 && window->in_h == low_h && window->in_w == low_w) return false;
    switch (random.below(3)) {
      case 0: window->batches = random.between(1, window->batches); break;
      case 1: window->in_h = random.between(low_h, window->in_h); break;
      default: window->in_w = random.between(low_w, window->in_w); break;
    }
    set_outputs(window);
  }
}

Shape random_shape(Random& random, uint32_t max_rank, uint32_t max_elements) {
  Shape result = {random.between(1, max_rank), {}};
  uint32_t left = max_elements;
  for (uint32_t i = result.rank; i-- > 0;) {
    const uint32_t wanted = i + 1 == result.rank ? random_channels(random) : random.between(1, 9);
    result.dims[i] = wanted < left ? wanted : left;
    left /= result.dims[i];
  }
  return result;
}

void add_mac_operands(FakeOperator& op, const MacCase& mac) {
  static float factors[kMaxChannels];
  static float scales[kMaxChannels];
  Random& random = op.random;
  const uint32_t channels = mac.filter.dims[mac.channel_axis];
  TensorInfo& first = mac.filter_first ? op.add_constant(mac.filter_type, mac.filter) : op.add_input(mac.type, mac.input);
  TensorInfo& second = mac.filter_first ? op.add_input(mac.type, mac.input) : op.add_constant(mac.filter_type, mac.filter);
  TensorInfo& input = mac.filter_first ? second : first;
  TensorInfo& filter = mac.filter_first ? first : second;
  fill(op, input, 2);
  if (random.one_in(2)) quantize(op, input);
  if (mac.type != DataType::kFloat32 && input.scale_count == 0) {
    op.set_quantization(input, power_of_two(-7), random_zero_point(random, mac.type));
  }
  if (mac.type == DataType::kFloat32) input.scale_count = input.zero_point_count = 0;

  // So that sums are about 1.
  fill_filter(op, filter, 1.5f / root(static_cast<float>(mac.depth)));
  const float output_scale = random.one_in(3) ? power_of_two(-5) : random_scale(random);
  uint32_t count = 0;
  if (mac.filter_type == DataType::kInt8) {
    const bool hybrid = mac.type == DataType::kFloat32;
    const Edge edge = hybrid || mac.usual ? Edge::kUsual : random_edge(random);
    if (!hybrid && !random.one_in(edge == Edge::kUsual ? 1 : 3)) {
      fill_small(op, input, input.zero_point(), 2);
      fill_small(op, filter, 0, mac.depth < 4 ? 1 : mac.depth / 4);
    }
    count = random.one_in(3) ? 1 : channels;
    for (uint32_t c = 0; c < count; ++c) {
      factors[c] = hybrid ? random.real(0.5f, 2) / (64 * root(static_cast<float>(mac.depth)))
                          : random_factor(mac, edge, random);
      scales[c] = hybrid ? factors[c] : factors[c] * output_scale / input.scale();
    }
    op.set_channel_scales(filter, count, mac.channel_axis, scales);
  }
  add_bias(op, mac, channels, factors, count);
  TensorInfo& output = op.add_output(mac.type, mac.output);
  if (mac.type != DataType::kFloat32) op.set_quantization(output, output_scale, random_zero_point(random, mac.type));
}

}  // namespace differential
