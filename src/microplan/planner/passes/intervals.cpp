// SPDX-License-Identifier: Apache-2.0
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include <string.h>

#include <algorithm>

#include "microplan/kernels.h"
#include "microplan/kernels/conv_2d.h"
#include "microplan/kernels/depthwise_conv_2d.h"
#include "microplan/kernels/fully_connected.h"
#include "microplan/kernels/mean.h"
#include "microplan/kernels/pool_2d.h"
#include "microplan/kernels/prepare.h"
#include "microplan/planner/passes/evaluate.h"
#include "microplan/planner/passes/intervals.h"
#include "microplan/planner/tflite_schema.h"

namespace microplan {

namespace {

bool is_int8(const Network& network, int32_t index) {
  return index >= 0 && network.tensor(index).type == DataType::kInt8;
}

void take(const ChannelQuantization& quantization, MacView* view) {
  view->input_zero_point = -quantization.input_offset;
  view->output_zero_point = quantization.output_offset;
  view->act_min = quantization.act_min;
  view->act_max = quantization.act_max;
}

// Whether the taps of one axis reach beyond the input.
bool reaches_beyond(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t dilation, uint32_t pad) {
  return pad != 0 || (out - 1) * stride + (kernel - 1) * dilation >= in + pad;
}

void take(const Window& window, MacView* view) {
  view->window = window;
  view->taps = uint32_t{window.kernel_h} * window.kernel_w;
  view->is_padded = reaches_beyond(window.in_h, window.out_h, window.kernel_h, window.stride_h, window.dilation_h,
                                   window.pad_top) ||
                    reaches_beyond(window.in_w, window.out_w, window.kernel_w, window.stride_w, window.dilation_w,
                                   window.pad_left);
}

bool view_conv_2d(const NetworkContext& context, MacView* view) {
  Conv2dParams params = {};
  if (Conv2d<Int8Accumulator>::prepare(context, &params) != Status::kOk) return false;
  take(params.quantization, view);
  take(params.window, view);
  view->outputs = params.window.out_c;
  view->depth = params.filter_c;
  view->channels = params.window.in_c;
  view->is_grouped = params.filter_c != params.window.in_c;
  view->group_outputs = view->outputs / (view->channels / view->depth);
  return true;
}

bool view_depthwise(const NetworkContext& context, MacView* view) {
  DepthwiseConv2dParams params = {};
  if (DepthwiseConv2d<Int8Accumulator>::prepare(context, &params) != Status::kOk) return false;
  take(params.quantization, view);
  take(params.window, view);
  view->is_depthwise = true;
  view->outputs = params.window.out_c;
  view->depth = 1;
  view->channels = params.window.in_c;
  view->group_outputs = params.depth_multiplier;
  return true;
}

bool view_fully_connected(const NetworkContext& context, MacView* view) {
  FullyConnectedParams params = {};
  if (FullyConnected<Int8Accumulator>::prepare(context, &params) != Status::kOk) return false;
  take(params.quantization, view);
  const TensorInfo input = context.input(0);
  view->outputs = view->group_outputs = params.shape.channels;
  view->taps = 1;
  view->depth = params.shape.depth;
  view->channels = input.rank == 0 ? 1 : input.dims[input.rank - 1];
  view->window.kernel_h = view->window.kernel_w = view->window.in_h = view->window.in_w = 1;
  view->window.out_h = view->window.out_w = view->window.stride_h = view->window.stride_w = 1;
  view->window.dilation_h = view->window.dilation_w = 1;
  const TensorInfo output = context.output(0);
  return view->depth % view->channels == 0 && output.rank != 0 && output.dims[output.rank - 1] == view->outputs;
}

}  // namespace

bool view_mac(const Network& network, const NetworkOperator& op, MacView* view) {
  if (op.inputs.size() < 2 || op.outputs.size() != 1 || !is_int8(network, op.inputs[0]) ||
      !is_int8(network, op.inputs[1]) || !is_int8(network, op.outputs[0])) {
    return false;
  }
  *view = {};
  const NetworkContext context(network, op);
  const bool sound = op.code == kOpConv2d             ? view_conv_2d(context, view)
                     : op.code == kOpDepthwiseConv2d  ? view_depthwise(context, view)
                     : op.code == kOpFullyConnected ? view_fully_connected(context, view)
                                                      : false;
  if (sound) view->filter = reinterpret_cast<const int8_t*>(network.tensor(op.inputs[1]).data.data());
  return sound;
}

std::vector<int32_t> bias_of(const Network& network, const NetworkOperator& op, uint32_t channels) {
  std::vector<int32_t> bias(channels, 0);
  if (op.input(2) >= 0) memcpy(bias.data(), network.tensor(op.input(2)).data.data(), 4 * bias.size());
  return bias;
}

bool keeps_channels(const Network& network, const NetworkOperator& op, uint32_t* inputs) {
  if (op.outputs.size() != 1 || !is_int8(network, op.outputs[0]) || !is_int8(network, op.input(0))) return false;
  const NetworkTensor& output = network.tensor(op.outputs[0]);
  const NetworkTensor& input = network.tensor(op.inputs[0]);
  *inputs = 1;
  if (output.dims.empty() || input.dims.empty() || output.last_dim() != input.last_dim()) return false;
  switch (op.code) {
    case kOpAdd:
    case kOpSub:
    case kOpMul:
      *inputs = 2;
      return is_int8(network, op.input(1)) && network.tensor(op.inputs[1]).last_dim() == output.last_dim();
    case kOpAveragePool2d:
    case kOpMaxPool2d:
    case kOpRelu:
    case kOpRelu6:
    case kOpLeakyRelu:
    case kOpLogistic:
    case kOpTanh:
    case kOpQuantize:
    case kOpPad:
    case kOpPadV2: return true;
    case kOpMean: {
      MeanParams params = {};
      if (kernels::mean_int8_variant.prepare(NetworkContext(network, op), &params) != Status::kOk) return false;
      // Where the mean is over channels, or over nothing, dimensions were joined.
      return !(params.shape.reduced >> RowDims::kChannels & 1) &&
             params.shape.dims[RowDims::kChannels] == output.last_dim();
    }
    default: return false;
  }
}

namespace {

// What requantization makes of a sum, monotone in it; false when the sum or what comes of it leaves 32 bits.
bool requantize_bound(int64_t sum, Requantize by, int32_t* value) {
  const int64_t shifted = by.shift > 0 ? sum * (int64_t{1} << by.shift) : sum;
  if (sum < INT32_MIN || sum > INT32_MAX || shifted < INT32_MIN || shifted > INT32_MAX) return false;
  *value = requantize(static_cast<int32_t>(sum), by);
  constexpr int32_t kLimit = 1 << 30;  // a zero point more does not overflow
  return *value > -kLimit && *value < kLimit;
}

Interval bound_output(int64_t low, int64_t high, Requantize by, int32_t zero_point, int32_t act_min, int32_t act_max) {
  int32_t low_value, high_value;
  if (!requantize_bound(low, by, &low_value) || !requantize_bound(high, by, &high_value)) return {act_min, act_max};
  return {clamp(low_value + zero_point, act_min, act_max), clamp(high_value + zero_point, act_min, act_max)};
}

// The taps along one axis that lie inside the input, for every output position: each set of them once.
struct TapRange {
  uint32_t first, end;
  bool operator==(const TapRange& other) const { return first == other.first && end == other.end; }
};

std::vector<TapRange> tap_ranges(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t dilation,
                                 uint32_t pad) {
  std::vector<TapRange> ranges;
  for (uint32_t o = 0; o < out; ++o) {
    const uint32_t start = o * stride;
    const uint32_t first = start < pad ? (pad - start + dilation - 1) / dilation : 0;
    const uint32_t end = std::min(kernel, (in + pad - start + dilation - 1) / dilation);
    const TapRange range = {first, std::max(first, end)};
    // Both ends only fall from one position to the next, so that equal ranges lie side by side.
    if (ranges.empty() || !(ranges.back() == range)) ranges.push_back(range);
  }
  return ranges;
}

struct SumBounds {
  int64_t low, high;
};

// Each output channel's sums are bounded for every set of taps that some output position has inside the input.
Channels bound_mac(const Network& network, const NetworkOperator& op, const MacView& view, const Channels& input) {
  const Window& window = view.window;
  const std::vector<TapRange> down =
      tap_ranges(window.in_h, window.out_h, window.kernel_h, window.stride_h, window.dilation_h, window.pad_top);
  const std::vector<TapRange> across =
      tap_ranges(window.in_w, window.out_w, window.kernel_w, window.stride_w, window.dilation_w, window.pad_left);
  Channels result(view.outputs, Interval{view.act_min, view.act_max});
  // Windows that are mostly padding have too many such sets.
  constexpr uint64_t kMostWork = uint64_t{1} << 24;
  if (uint64_t{down.size()} * across.size() > kMostWork / view.taps / view.outputs) return result;
  const NetworkContext context(network, op);
  const MacOperator& mac = op.code == kOpConv2d            ? kConv2d
                           : op.code == kOpDepthwiseConv2d ? kDepthwiseConv2d
                                                           : kFullyConnected;
  ChannelQuantization quantization = {};
  quantization.per_channel = context.input(mac.filter).scale_count > 1;
  const ChannelPacker packer(context, mac, quantization);
  std::vector<SumBounds> tap_sums(view.taps);
  for (uint32_t o = 0; o < view.outputs; ++o) {
    for (uint32_t tap = 0; tap < view.taps; ++tap) {
      SumBounds sum = {0, 0};
      for (uint32_t i = 0; i < view.depth; ++i) {
        const Interval& x = input[view.channel(o, i)];
        const int64_t weight = view.weight(o, tap, i);
        const int64_t at_low = weight * (x.low - view.input_zero_point);
        const int64_t at_high = weight * (x.high - view.input_zero_point);
        sum.low += std::min(at_low, at_high);
        sum.high += std::max(at_low, at_high);
      }
      tap_sums[tap] = sum;
    }
    const Requantize by = packer.requantize(o);
    bool is_first = true;
    for (const TapRange& y : down) {
      for (const TapRange& x : across) {
        SumBounds sum = {packer.bias(o), packer.bias(o)};
        for (uint32_t ky = y.first; ky < y.end; ++ky) {
          for (uint32_t kx = x.first; kx < x.end; ++kx) {
            sum.low += tap_sums[ky * window.kernel_w + kx].low;
            sum.high += tap_sums[ky * window.kernel_w + kx].high;
          }
        }
        const Interval output =
            bound_output(sum.low, sum.high, by, view.output_zero_point, view.act_min, view.act_max);
        if (is_first) result[o] = output;
        result[o].include(output);
        is_first = false;
      }
    }
  }
  return result;
}

Channels bound_mean(const Network& network, const NetworkOperator& op, const Channels& input) {
  MeanParams params = {};
  if (kernels::mean_int8_variant.prepare(NetworkContext(network, op), &params) != Status::kOk) {
    return Channels(input.size());
  }
  const int64_t count = network.tensor(op.inputs[0]).elements() / network.tensor(op.outputs[0]).elements();
  constexpr int64_t kMostElements = 1 << 22;  // sums of more wrap
  if (count > kMostElements) return Channels(input.size());
  Channels result;
  for (const Interval& x : input) {
    result.push_back(bound_output(params.start + count * x.low, params.start + count * x.high, params.by,
                                  params.output_offset, INT8_MIN, INT8_MAX));
  }
  return result;
}

// A maximum or an average of values lies between them; the clamp of an activation follows.
Channels bound_pool(const Network& network, const NetworkOperator& op, const Channels& input) {
  Pool2dParams params = {};
  if (prepare_pool_2d(NetworkContext(network, op), &params) != Status::kOk) return Channels(input.size());
  Channels result;
  for (const Interval& x : input) {
    result.push_back({clamp(x.low, params.act_min, params.act_max), clamp(x.high, params.act_min, params.act_max)});
  }
  return result;
}

// Any function of one element: what its kernel makes of each value in the interval.
Channels bound_elements(const Network& network, const NetworkOperator& op, const Channels& input) {
  std::vector<int8_t> values;
  for (int32_t value = INT8_MIN; value <= INT8_MAX; ++value) values.push_back(static_cast<int8_t>(value));
  const std::vector<int8_t> outputs = evaluate_elements(network, op, values);
  if (outputs.size() != values.size()) return Channels(input.size());
  Channels result;
  for (const Interval& x : input) {
    const auto bounds =
        std::minmax_element(outputs.begin() + (x.low - INT8_MIN), outputs.begin() + (x.high - INT8_MIN) + 1);
    result.push_back({*bounds.first, *bounds.second});
  }
  return result;
}

// ADD grows with both inputs.
Channels bound_sum(const Network& network, const NetworkOperator& op, const Channels& a, const Channels& b) {
  std::vector<int8_t> low_a, high_a, low_b, high_b;
  for (size_t c = 0; c < a.size(); ++c) {
    low_a.push_back(static_cast<int8_t>(a[c].low));
    high_a.push_back(static_cast<int8_t>(a[c].high));
    low_b.push_back(static_cast<int8_t>(b[c].low));
    high_b.push_back(static_cast<int8_t>(b[c].high));
  }
  const std::vector<int8_t> low = evaluate_pairs(network, op, low_a, low_b);
  const std::vector<int8_t> high = evaluate_pairs(network, op, high_a, high_b);
  Channels result(a.size());
  for (size_t c = 0; c < a.size() && low.size() == a.size() && high.size() == a.size(); ++c) {
    result[c] = {low[c], high[c]};
  }
  return result;
}

// The value that PAD adds: its own, or the zero point.
Channels bound_pad(const Network& network, const NetworkOperator& op, const Channels& input) {
  const NetworkTensor& output = network.tensor(op.outputs[0]);
  const int32_t zero_point = output.zero_points.empty() ? 0 : static_cast<int32_t>(output.zero_points[0]);
  const int32_t given = op.input(2);
  const int32_t value = given < 0 ? zero_point : static_cast<int8_t>(network.tensor(given).data[0]);
  Channels result = input;
  for (Interval& x : result) x.include({value, value});
  return result;
}

// Elements keep their order: element i is in channel i % channels of either shape.
Channels bound_view(const Channels& input, uint32_t channels) {
  Channels result(channels);
  const size_t count = input.size();
  if (channels % count == 0) {
    for (uint32_t c = 0; c < channels; ++c) result[c] = input[c % count];
  } else if (count % channels == 0) {
    std::copy(input.begin(), input.begin() + channels, result.begin());
    for (size_t c = channels; c < count; ++c) result[c % channels].include(input[c]);
  }
  return result;
}

Channels bound_constant(const NetworkTensor& tensor) {
  Channels result(tensor.last_dim());
  for (size_t i = 0; i < tensor.data.size(); ++i) {
    const int32_t value = static_cast<int8_t>(tensor.data[i]);
    Interval& channel = result[i % result.size()];
    if (i < result.size()) channel = {value, value};
    channel.include({value, value});
  }
  return result;
}

Channels bound_output_of(const Network& network, const NetworkOperator& op, const std::vector<Channels>& known) {
  const NetworkTensor& output = network.tensor(op.outputs[0]);
  const Channels unknown(output.last_dim());
  if (!is_int8(network, op.input(0))) return unknown;
  const Channels& input = known[static_cast<size_t>(op.inputs[0])];
  MacView view;
  if (view_mac(network, op, &view)) return bound_mac(network, op, view, input);
  if (op.code == kOpReshape || op.code == kOpSqueeze || op.code == kOpExpandDims) {
    return bound_view(input, output.last_dim());
  }
  if (op.code == kOpConcatenation) {
    Channels joined;
    for (const int32_t index : op.inputs) {
      const Channels& part = known[static_cast<size_t>(index)];
      joined.insert(joined.end(), part.begin(), part.end());
    }
    // Along another axis all inputs have these channels.
    return joined.size() == output.last_dim() ? joined : bound_view(joined, output.last_dim());
  }
  uint32_t inputs;
  if (!keeps_channels(network, op, &inputs)) return unknown;
  switch (op.code) {
    case kOpMean: return bound_mean(network, op, input);
    case kOpAveragePool2d:
    case kOpMaxPool2d: return bound_pool(network, op, input);
    case kOpPad:
    case kOpPadV2: return bound_pad(network, op, input);
    case kOpAdd: return bound_sum(network, op, input, known[static_cast<size_t>(op.inputs[1])]);
    case kOpSub:
    case kOpMul: return unknown;
    default: return bound_elements(network, op, input);
  }
}

}  // namespace

std::vector<Channels> analyse_intervals(const Network& network) {
  std::vector<Channels> known(network.tensors.size());
  for (size_t i = 0; i < known.size(); ++i) {
    const NetworkTensor& tensor = network.tensors[i];
    if (tensor.type != DataType::kInt8) continue;
    known[i] = tensor.is_constant ? bound_constant(tensor) : Channels(tensor.last_dim());
  }
  for (const NetworkOperator& op : network.operators) {
    if (op.outputs.size() != 1 || !is_int8(network, op.outputs[0]) || network.has_state(op)) continue;
    known[static_cast<size_t>(op.outputs[0])] = bound_output_of(network, op, known);
  }
  return known;
}

}  // namespace microplan

#endif  // MICROPLAN_PASSES
