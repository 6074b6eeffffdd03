// SPDX-License-Identifier: Apache-2.0
// The pass table and optimize_model.
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include "microplan/planner/passes/passes.h"

#include <utility>

#include "microplan/planner/passes/evaluate.h"
#include "microplan/planner/tflite_reader.h"

namespace microplan {

// A row's number is its bit in the plan's header.
const Pass kPasses[] = {
    {"dead_operators", "operators whose outputs nobody reads go", drop_dead_operators},
    {"constant_folding", "operators on constants alone are computed now", fold_constants},
    {"transposes", "TRANSPOSE operators in a row become one, and those that move nothing views", join_transposes},
    {"identities", "views in a row become one, QUANTIZE operators too where that is exact; what changes no byte goes",
     drop_identities},
    {"activation_fusion", "RELU, RELU6 and QUANTIZE that only clamp become the fused activation before them",
     fuse_activations},
    {"pad_folding", "PAD becomes the padding of the convolution or MAX_POOL_2D behind it", fold_pads},
    {"dead_channels", "channels that are proved constant, and those that nobody reads, are not computed",
     drop_dead_channels},
    {"operator_order", "of a network with branches, in the order that has the fewest bytes alive at once",
     order_operators},
};
const uint32_t kPassCount = sizeof kPasses / sizeof kPasses[0];

namespace {

// Each round removes something; no model needs more than a few.
constexpr uint32_t kMaxRounds = 16;

void run_passes(uint32_t passes, Network& network, std::vector<PassReport>& reports) {
  for (uint32_t round = 0; round < kMaxRounds; ++round) {
    const size_t before = reports.size();
    for (uint32_t i = 0; i < kPassCount; ++i) {
      if (!(passes >> i & 1)) continue;
      std::vector<std::string> lines;
      kPasses[i].run(network, lines);
      for (std::string& line : lines) reports.push_back({i, std::move(line)});
    }
    if (reports.size() == before) return;
  }
}

}  // namespace

Optimized optimize_model(ConstBuffer source, uint32_t passes) {
  Optimized result;
  Network network;
  // Passes trust what the planner has checked.
  if (passes != 0 && model_cost(source).plans && load_network(source, &network)) {
    run_passes(passes, network, result.reports);
  }
  if (result.reports.empty()) {
    const uint8_t* const bytes = static_cast<const uint8_t*>(source.data);
    result.model.assign(bytes, bytes + source.bytes);
    return result;
  }
  WrittenNetwork written = write_network(network);
  result.model = std::move(written.content);
  for (NetworkOperator& op : network.operators) result.operators.push_back({std::move(op.sources)});
  for (const uint32_t index : written.tensors) {
    NetworkTensor& tensor = network.tensors[index];
    result.tensors.push_back({tensor.source, std::move(tensor.channels)});
  }
  return result;
}

std::string name_of(const NetworkOperator& op) {
  return "operator " + std::to_string(op.sources[0]) + " " + builtin_operator_name(op.code);
}

std::string name_of(const Network& network, int32_t tensor) {
  constexpr size_t kLongest = 60;
  const std::string& name = network.tensor(tensor).name;
  // Converters join the names of fused operators: beginning and end tell them apart.
  return "\"" + (name.size() <= kLongest ? name : name.substr(0, 20) + "..." + name.substr(name.size() - 37)) + "\"";
}

std::string in_words(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

}  // namespace microplan

#endif  // MICROPLAN_PASSES
