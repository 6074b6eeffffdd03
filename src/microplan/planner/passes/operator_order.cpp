// SPDX-License-Identifier: Apache-2.0
// operator_order: in a network with branches, the order of operators in which the most bytes of activations alive at once
// are fewest. Orders are searched by the set of operators that have run, which decides what is alive.
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include <algorithm>
#include <map>
#include <utility>

#include "microplan/planner/passes/passes.h"
#include "microplan/planner/tflite_schema.h"

namespace microplan {

namespace {

class OrderSearch {
 public:
  explicit OrderSearch(const Network& network) : network_(network) {
    const size_t count = network.operators.size();
    root_.resize(network.tensors.size());
    for (size_t i = 0; i < root_.size(); ++i) root_[i] = static_cast<int32_t>(i);
    readers_.resize(network.tensors.size());
    needs_.resize(count);
    std::vector<int32_t> producer(network.tensors.size(), -1);
    int32_t last_with_state = -1;
    for (uint32_t i = 0; i < count; ++i) {
      const NetworkOperator& op = network.operators[i];
      if (is_view(op)) root_[static_cast<size_t>(op.outputs[0])] = root_[static_cast<size_t>(op.inputs[0])];
      for (const int32_t tensor : op.inputs) {
        if (tensor < 0) continue;
        add_once(readers_[static_cast<size_t>(root_[static_cast<size_t>(tensor)])], i);
        if (producer[static_cast<size_t>(tensor)] >= 0) {
          add_once(needs_[i], static_cast<uint32_t>(producer[static_cast<size_t>(tensor)]));
        }
      }
      for (const int32_t tensor : op.outputs) producer[static_cast<size_t>(tensor)] = static_cast<int32_t>(i);
      if (!network.has_state(op)) continue;
      // Variables are read and written in the order in which the model says.
      if (last_with_state >= 0) add_once(needs_[i], static_cast<uint32_t>(last_with_state));
      last_with_state = static_cast<int32_t>(i);
    }
  }

  // Bytes alive at once in the present order.
  uint64_t present_peak() const {
    State state = start();
    for (uint32_t i = 0; i < network_.operators.size(); ++i) state = run(state, i);
    return state.peak;
  }

  // The best order and its peak; empty when there are too many orders.
  std::vector<uint32_t> best(uint64_t* peak) const {
    std::vector<std::map<std::vector<bool>, State>> layers(1);
    layers[0].emplace(start().done, start());
    size_t states = 0;
    for (size_t length = 0; length < network_.operators.size(); ++length) {
      layers.emplace_back();
      for (const auto& entry : layers[length]) {
        for (uint32_t i = 0; i < network_.operators.size(); ++i) {
          if (!is_ready(entry.first, i)) continue;
          State next = run(entry.second, i);
          const auto found = layers[length + 1].find(next.done);
          if (found == layers[length + 1].end()) {
            if (++states > kMostStates) return {};
            std::vector<bool> key = next.done;
            layers[length + 1].emplace(std::move(key), std::move(next));
          } else if (next.peak < found->second.peak) {
            found->second = std::move(next);
          }
        }
      }
    }
    const State* at = &layers.back().begin()->second;
    *peak = at->peak;
    std::vector<uint32_t> order;
    for (size_t length = layers.size() - 1; length > 0; --length) {
      order.push_back(at->last);
      std::vector<bool> before = at->done;
      before[at->last] = false;
      at = &layers[length - 1].at(before);
    }
    std::reverse(order.begin(), order.end());
    return order;
  }

 private:
  static constexpr size_t kMostStates = 20000;

  struct State {
    std::vector<bool> done;
    uint64_t alive = 0, peak = 0;
    uint32_t last = 0;
  };

  static bool is_view(const NetworkOperator& op) {
    return op.code == kOpReshape || op.code == kOpSqueeze || op.code == kOpExpandDims;
  }
  static void add_once(std::vector<uint32_t>& list, uint32_t value) {
    if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
  }

  uint64_t bytes(int32_t index) const {
    const NetworkTensor& tensor = network_.tensor(index);
    if (tensor.is_constant || tensor.is_variable) return 0;
    return uint64_t{tensor.elements()} * element_bytes(tensor.type);
  }
  bool is_root(int32_t tensor) const { return root_[static_cast<size_t>(tensor)] == tensor; }

  State start() const {
    State state;
    state.done.assign(network_.operators.size(), false);
    for (const int32_t input : network_.inputs) state.alive += bytes(input);
    state.peak = state.alive;
    return state;
  }

  bool is_ready(const std::vector<bool>& done, uint32_t op) const {
    if (done[op]) return false;
    return std::all_of(needs_[op].begin(), needs_[op].end(), [&](uint32_t needed) { return done[needed]; });
  }

  bool outlives(int32_t root, const std::vector<bool>& done) const {
    for (const int32_t output : network_.outputs) {
      if (root_[static_cast<size_t>(output)] == root) return true;
    }
    const std::vector<uint32_t>& readers = readers_[static_cast<size_t>(root)];
    return !std::all_of(readers.begin(), readers.end(), [&](uint32_t reader) { return done[reader]; });
  }

  State run(const State& before, uint32_t index) const {
    const NetworkOperator& op = network_.operators[index];
    State state = before;
    state.done[index] = true;
    state.last = index;
    std::vector<int32_t> touched;
    for (const int32_t output : op.outputs) {
      if (!is_root(output)) continue;
      state.alive += bytes(output);
      touched.push_back(output);
    }
    state.peak = std::max(state.peak, state.alive);
    for (const int32_t input : op.inputs) {
      if (input < 0) continue;
      const int32_t root = root_[static_cast<size_t>(input)];
      if (std::find(touched.begin(), touched.end(), root) == touched.end()) touched.push_back(root);
    }
    for (const int32_t root : touched) {
      if (!outlives(root, state.done)) state.alive -= bytes(root);
    }
    return state;
  }

  const Network& network_;
  std::vector<int32_t> root_;                    // the tensor whose memory a tensor is
  std::vector<std::vector<uint32_t>> readers_;   // of a root and its views
  std::vector<std::vector<uint32_t>> needs_;     // operators that must have run
};

}  // namespace

void order_operators(Network& network, std::vector<std::string>& report) {
  const OrderSearch search(network);
  const uint64_t before = search.present_peak();
  uint64_t after = before;
  const std::vector<uint32_t> order = search.best(&after);
  if (order.empty() || after >= before) return;
  std::vector<NetworkOperator> operators;
  for (const uint32_t index : order) operators.push_back(std::move(network.operators[index]));
  network.operators = std::move(operators);
  report.push_back("another order of operators: bytes alive at once " + in_words(before) + " -> " + in_words(after));
}

}  // namespace microplan

#endif  // MICROPLAN_PASSES
