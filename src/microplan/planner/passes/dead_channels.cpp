// SPDX-License-Identifier: Apache-2.0
// dead_channels: of int8 activations, the channels that intervals prove constant and those that nobody reads are
// neither computed nor stored. What a constant channel adds to the sums of a convolution goes into its bias. That is exact when
// the window has no padding, or when the constant is the zero point, which padding stands for; else the channel stays.
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include <string.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "microplan/planner/passes/evaluate.h"
#include "microplan/planner/passes/intervals.h"
#include "microplan/planner/passes/passes.h"
#include "microplan/planner/tflite_schema.h"

namespace microplan {

namespace {

// Which channels of every tensor must be there. It only grows until no operator asks for more.
class Needs {
 public:
  Needs(const Network& network, const std::vector<Channels>& intervals) : network_(network), intervals_(intervals) {
    needed_.resize(network.tensors.size());
    for (size_t i = 0; i < needed_.size(); ++i) needed_[i].assign(network.tensors[i].last_dim(), false);
    for (const int32_t index : network.inputs) need_all(index);
    for (const int32_t index : network.outputs) need_all(index);
    for (const NetworkTensor& tensor : network.tensors) {
      if (tensor.is_variable) need_all(static_cast<int32_t>(&tensor - network.tensors.data()));
    }
    views_.resize(network.operators.size());
    for (size_t i = 0; i < views_.size(); ++i) {
      if (view_mac(network, network.operators[i], &views_[i].mac)) find_foldable(i);
    }
    settle();
    // Tensors without channels do not exist.
    for (std::vector<bool>& channels : needed_) {
      if (std::find(channels.begin(), channels.end(), true) == channels.end()) channels[0] = true;
    }
    settle();
    make_even();
  }

  const std::vector<bool>& of(int32_t tensor) const { return needed_[static_cast<size_t>(tensor)]; }
  bool all(int32_t tensor) const {
    const std::vector<bool>& channels = of(tensor);
    return std::find(channels.begin(), channels.end(), false) == channels.end();
  }
  // The operator as a MacView; outputs is 0 when it is none.
  const MacView& mac(size_t op) const { return views_[op].mac; }
  // The channels' indices.
  std::vector<uint32_t> list(int32_t tensor) const {
    std::vector<uint32_t> result;
    const std::vector<bool>& channels = of(tensor);
    for (uint32_t c = 0; c < channels.size(); ++c) {
      if (channels[c]) result.push_back(c);
    }
    return result;
  }

 private:
  struct View {
    MacView mac;
    std::vector<bool> folds;  // by input channel: its effect can go into the bias
  };

  void find_foldable(size_t index) {
    const NetworkOperator& op = network_.operators[index];
    View& view = views_[index];
    const MacView& mac = view.mac;
    const Channels& input = intervals_[static_cast<size_t>(op.inputs[0])];
    view.folds.assign(mac.channels, false);
    for (uint32_t c = 0; c < mac.channels; ++c) {
      view.folds[c] = input[c].is_constant() && (!mac.is_padded || input[c].low == mac.input_zero_point);
    }
    // Biases stay within 32 bits, whichever of them are folded.
    const std::vector<int32_t> bias = bias_of(network_, op, mac.outputs);
    for (uint32_t o = 0; o < mac.outputs; ++o) {
      int64_t magnitude = std::llabs(bias[o]);
      for (uint32_t tap = 0; tap < mac.taps; ++tap) {
        for (uint32_t i = 0; i < mac.depth; ++i) {
          const uint32_t c = mac.channel(o, i);
          const int64_t effect = int64_t{mac.weight(o, tap, i)} * (input[c].low - mac.input_zero_point);
          if (view.folds[c]) magnitude += std::llabs(effect);
        }
      }
      if (magnitude > INT32_MAX) {
        view.folds.assign(mac.channels, false);
        return;
      }
    }
  }

  void need(int32_t tensor, uint32_t channel) {
    std::vector<bool>::reference needed = needed_[static_cast<size_t>(tensor)][channel];
    if (needed) return;
    needed = true;
    has_grown_ = true;
  }
  void need_all(int32_t tensor) {
    for (uint32_t c = 0; tensor >= 0 && c < of(tensor).size(); ++c) need(tensor, c);
  }
  // Both are there or neither.
  void tie(int32_t a, uint32_t channel_of_a, int32_t b, uint32_t channel_of_b) {
    if (of(a)[channel_of_a]) need(b, channel_of_b);
    if (of(b)[channel_of_b]) need(a, channel_of_a);
  }

  void settle() {
    do {
      has_grown_ = false;
      for (size_t i = views_.size(); i-- > 0;) visit(i);
    } while (has_grown_);
  }

  // Kernels take channels by twos, and a last one alone costs more than two: one more stays where there is one.
  void make_even() {
    for (std::vector<bool>& channels : needed_) {
      const auto count = std::count(channels.begin(), channels.end(), true);
      const auto dropped = std::find(channels.begin(), channels.end(), false);
      if (count < 3 || count % 2 == 0 || dropped == channels.end()) continue;
      *dropped = true;
      settle();
    }
  }

  void visit(size_t index) {
    const NetworkOperator& op = network_.operators[index];
    const MacView& mac = views_[index].mac;
    uint32_t inputs = 1;
    if (mac.outputs != 0 && !mac.is_grouped) {
      if (mac.is_depthwise) {
        for (uint32_t o = 0; o < mac.outputs; ++o) tie(op.inputs[0], mac.channel(o, 0), op.outputs[0], o);
      } else {
        visit_sums(op, views_[index]);
      }
    } else if (op.code == kOpConcatenation && is_int8(op)) {
      inputs = static_cast<uint32_t>(op.inputs.size());
      visit_concatenation(op);
    } else if ((op.code == kOpReshape || op.code == kOpSqueeze || op.code == kOpExpandDims) && is_int8(op)) {
      visit_view(op);
    } else if (keeps_channels(network_, op, &inputs)) {
      for (uint32_t i = 0; i < inputs; ++i) {
        for (uint32_t c = 0; c < of(op.outputs[0]).size(); ++c) tie(op.inputs[i], c, op.outputs[0], c);
      }
    } else {
      inputs = 0;
      for (const int32_t tensor : op.outputs) need_all(tensor);
    }
    // Filters, biases, axes, and all that is read as a whole.
    for (size_t i = inputs; i < op.inputs.size(); ++i) need_all(op.inputs[i]);
  }

  bool is_int8(const NetworkOperator& op) const {
    return op.outputs.size() == 1 && network_.tensor(op.outputs[0]).type == DataType::kInt8;
  }

  void visit_sums(const NetworkOperator& op, const View& view) {
    const MacView& mac = view.mac;
    for (uint32_t o = 0; o < mac.outputs; ++o) {
      if (!of(op.outputs[0])[o]) continue;
      for (uint32_t i = 0; i < mac.depth; ++i) {
        const uint32_t c = mac.channel(o, i);
        if (view.folds[c] || of(op.inputs[0])[c]) continue;
        for (uint32_t tap = 0; tap < mac.taps; ++tap) {
          if (mac.weight(o, tap, i) != 0) need(op.inputs[0], c);
        }
      }
    }
  }

  void visit_concatenation(const NetworkOperator& op) {
    size_t channels = 0;
    for (const int32_t tensor : op.inputs) channels += of(tensor).size();
    const size_t output = of(op.outputs[0]).size();
    const bool joins_channels = channels == output;
    uint32_t first = 0;
    for (const int32_t tensor : op.inputs) {
      const uint32_t count = static_cast<uint32_t>(of(tensor).size());
      for (uint32_t c = 0; c < count; ++c) tie(tensor, c, op.outputs[0], first + c);
      if (joins_channels) first += count;
    }
  }

  void visit_view(const NetworkOperator& op) {
    const uint32_t in = static_cast<uint32_t>(of(op.inputs[0]).size());
    const uint32_t out = static_cast<uint32_t>(of(op.outputs[0]).size());
    if (in % out != 0 && out % in != 0) {
      need_all(op.inputs[0]);
      need_all(op.outputs[0]);
      return;
    }
    for (uint32_t c = 0; c < std::max(in, out); ++c) tie(op.inputs[0], c % in, op.outputs[0], c % out);
  }

  const Network& network_;
  const std::vector<Channels>& intervals_;
  std::vector<std::vector<bool>> needed_;  // by tensor and channel
  std::vector<View> views_;                // by operator
  bool has_grown_ = false;
};

// The elements of a constant whose last dimension's index is in `kept`.
template <typename T>
std::vector<T> gather(const std::vector<T>& data, size_t channels, size_t element, const std::vector<uint32_t>& kept) {
  std::vector<T> result;
  for (size_t row = 0; row < data.size(); row += channels * element) {
    for (const uint32_t c : kept) {
      const auto first = data.begin() + static_cast<std::ptrdiff_t>(row + c * element);
      result.insert(result.end(), first, first + static_cast<std::ptrdiff_t>(element));
    }
  }
  return result;
}

// Writes the operators anew for the channels that are left.
class Rewriter {
 public:
  Rewriter(Network& network, const std::vector<Channels>& intervals, const Needs& needs)
      : network_(network), intervals_(intervals), needs_(needs) {}

  void run() {
    // Filters are made of what the tensors were.
    for (size_t i = 0; i < network_.operators.size(); ++i) {
      NetworkOperator& op = network_.operators[i];
      if (needs_.mac(i).outputs == 0 || (needs_.all(op.inputs[0]) && needs_.all(op.outputs[0]))) continue;
      rewrite_mac(op, needs_.mac(i));
    }
    const size_t tensors = intervals_.size();
    for (size_t i = 0; i < tensors; ++i) {
      const int32_t index = static_cast<int32_t>(i);
      if (network_.tensors[i].type == DataType::kInt8 && !needs_.all(index)) shrink(index);
    }
    for (NetworkOperator& op : network_.operators) {
      if (op.code == kOpReshape && op.input(1) >= 0) rewrite_shape(op);
    }
  }

 private:
  void rewrite_mac(NetworkOperator& op, const MacView& mac) {
    const std::vector<uint32_t> outputs = needs_.list(op.outputs[0]);
    const Channels& input = intervals_[static_cast<size_t>(op.inputs[0])];
    const std::vector<bool>& is_kept = needs_.of(op.inputs[0]);
    const std::vector<int32_t> old_bias = bias_of(network_, op, mac.outputs);
    const NetworkTensor old_filter = network_.tensor(op.inputs[1]);

    NetworkTensor filter = old_filter;
    filter.source = -1;
    std::vector<int32_t> bias;
    if (mac.is_depthwise) {
      filter.data = gather(old_filter.data, mac.outputs, 1, outputs);
      filter.dims.back() = static_cast<uint32_t>(outputs.size());
      for (const uint32_t o : outputs) bias.push_back(old_bias[o]);
    } else {
      filter.data.clear();
      for (const uint32_t o : outputs) bias.push_back(old_bias[o] + rewrite_sum(mac, o, is_kept, input, filter.data));
      filter.dims[0] = static_cast<uint32_t>(outputs.size());
      filter.dims.back() = static_cast<uint32_t>(filter.data.size() / outputs.size() / mac.taps);
    }
    if (old_filter.scales.size() == mac.outputs) filter.scales = gather(old_filter.scales, mac.outputs, 1, outputs);
    if (old_filter.zero_points.size() == mac.outputs) {
      filter.zero_points = gather(old_filter.zero_points, mac.outputs, 1, outputs);
    }
    const std::string name = old_filter.name;
    op.inputs[1] = network_.add_tensor(std::move(filter));
    set_bias(op, name, old_bias, bias);
  }

  // Appends output channel `o`'s filter for the channels that are left. Returns what the others add to its sums.
  static int32_t rewrite_sum(const MacView& mac, uint32_t o, const std::vector<bool>& is_kept, const Channels& input,
                             std::vector<uint8_t>& filter) {
    int32_t folded = 0;
    for (uint32_t tap = 0; tap < mac.taps; ++tap) {
      for (uint32_t i = 0; i < mac.depth; ++i) {
        const uint32_t c = mac.channel(o, i);
        const int32_t weight = mac.weight(o, tap, i);
        if (is_kept[c]) {
          filter.push_back(static_cast<uint8_t>(weight));
        } else if (weight != 0) {
          folded += weight * (input[c].low - mac.input_zero_point);
        }
      }
    }
    return folded;
  }

  void set_bias(NetworkOperator& op, const std::string& filter, const std::vector<int32_t>& before,
                const std::vector<int32_t>& bias) {
    const int32_t old = op.input(2);
    if (old < 0 && std::count(bias.begin(), bias.end(), 0) == static_cast<std::ptrdiff_t>(bias.size())) return;
    if (old >= 0 && bias == before) return;
    op.inputs.resize(3, -1);
    op.inputs[2] = network_.add_int32(old < 0 ? filter + "/bias" : network_.tensor(old).name,
                                      {static_cast<uint32_t>(bias.size())}, bias);
    if (old < 0) return;
    // The product of the input's and the filter's scales, which only other readers look at.
    NetworkTensor& tensor = network_.tensor(op.inputs[2]);
    const NetworkTensor& old_tensor = network_.tensor(old);
    const std::vector<uint32_t> outputs = needs_.list(op.outputs[0]);
    const bool per_channel = old_tensor.scales.size() == before.size();
    tensor.scales = per_channel ? gather(old_tensor.scales, before.size(), 1, outputs) : old_tensor.scales;
    tensor.zero_points.assign(tensor.scales.size(), 0);
  }

  void shrink(int32_t index) {
    NetworkTensor& tensor = network_.tensor(index);
    const std::vector<uint32_t> kept = needs_.list(index);
    const uint32_t channels = tensor.last_dim();
    if (tensor.is_constant) tensor.data = gather(tensor.data, channels, 1, kept);
    if (tensor.channels.empty()) {
      tensor.channels = kept;
    } else {
      tensor.channels = gather(tensor.channels, channels, 1, kept);
    }
    tensor.dims.back() = static_cast<uint32_t>(kept.size());
  }

  // The planner takes the output's shape; other readers look here.
  void rewrite_shape(NetworkOperator& op) {
    const std::vector<uint32_t>& dims = network_.tensor(op.outputs[0]).dims;
    const std::vector<int32_t> shape(dims.begin(), dims.end());
    const NetworkTensor& old = network_.tensor(op.inputs[1]);
    if (!old.is_constant || old.type != DataType::kInt32 || old.data.size() != 4 * shape.size() || shape.empty() ||
        memcmp(old.data.data(), shape.data(), old.data.size()) == 0) {
      return;
    }
    op.inputs[1] = network_.add_int32(old.name, {static_cast<uint32_t>(shape.size())}, shape);
  }

  Network& network_;
  const std::vector<Channels>& intervals_;
  const Needs& needs_;
};

uint32_t constant_bytes(const Network& network, const NetworkOperator& op) {
  size_t bytes = 0;
  for (const int32_t index : op.inputs) bytes += index >= 0 ? network.tensor(index).data.size() : 0;
  return static_cast<uint32_t>(bytes);
}

// A tensor with the same values whatever the inputs are becomes a constant, unless it is larger than what computes it.
void replace_constant_tensors(Network& network, std::vector<std::string>& report) {
  const std::vector<Channels> intervals = analyse_intervals(network);
  for (uint32_t i = static_cast<uint32_t>(network.operators.size()); i-- > 0;) {
    const NetworkOperator& op = network.operators[i];
    if (op.outputs.size() != 1 || !network.is_intermediate(op.outputs[0])) continue;
    const Channels& channels = intervals[static_cast<size_t>(op.outputs[0])];
    NetworkTensor& tensor = network.tensor(op.outputs[0]);
    const auto is_constant = [](const Interval& channel) { return channel.is_constant(); };
    if (channels.empty() || !std::all_of(channels.begin(), channels.end(), is_constant) ||
        tensor.elements() > constant_bytes(network, op)) {
      continue;
    }
    tensor.is_constant = true;
    for (uint32_t e = 0; e < tensor.elements(); ++e) {
      tensor.data.push_back(static_cast<uint8_t>(channels[e % channels.size()].low));
    }
    report.push_back(name_of(op) + " always computes the same, " + name_of(network, op.outputs[0]));
    network.remove_operator(i);
  }
}

}  // namespace

void drop_dead_channels(Network& network, std::vector<std::string>& report) {
  const std::vector<Channels> intervals = analyse_intervals(network);
  const Needs needs(network, intervals);
  uint32_t constant = 0, unread = 0, tensors = 0;
  for (const NetworkOperator& op : network.operators) {
    const int32_t output = op.outputs.size() == 1 ? op.outputs[0] : -1;
    if (output < 0 || network.tensor(output).type != DataType::kInt8 || needs.all(output)) continue;
    uint32_t dropped = 0;
    for (uint32_t c = 0; c < needs.of(output).size(); ++c) {
      if (needs.of(output)[c]) continue;
      ++dropped;
      ++(intervals[static_cast<size_t>(output)][c].is_constant() ? constant : unread);
    }
    ++tensors;
    report.push_back(name_of(op) + ", " + name_of(network, output) + ": " + in_words(dropped) + " of " +
                     in_words(needs.of(output).size()) + " channels dropped");
  }
  if (tensors == 0) return replace_constant_tensors(network, report);
  const uint64_t before = count_macs(network);
  Rewriter(network, intervals, needs).run();
  report.push_back(in_words(constant) + " constant channels and " + in_words(unread) +
                   " that nobody reads dropped in " + in_words(tensors) + " tensors: MACs " + in_words(before) +
                   " -> " + in_words(count_macs(network)));
}

}  // namespace microplan

#endif  // MICROPLAN_PASSES
