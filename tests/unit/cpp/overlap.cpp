// SPDX-License-Identifier: Apache-2.0
// Runs every step of a model with its output lying over its first input, as far as overlap_bytes() allows,
// to prove the kernels' word.
//
//   overlap MODEL.tflite SEED
//
// Prints "N of M steps overlap, K bytes saved" and exits with 0 when all outputs are equal.
#include <random>
#include <vector>

#include "planned_model.h"

using namespace microplan;

int main(int argc, char** argv) {
  if (argc != 3) die("usage: overlap MODEL.tflite SEED");
  std::mt19937 random(static_cast<uint32_t>(strtoul(argv[2], nullptr, 10)));
  PlannedModel model(argv[1]);
  model.run(random);
  uint32_t overlapping = 0;
  size_t saved = 0;
  for (uint32_t step = 0; step < model.head().step_count; ++step) {
    const uint32_t distance = overlap_bytes(model.variant(step), model.at<void>(model.step(step).params));
    if (distance == kNoOverlap) continue;
    const std::vector<uint8_t>& input = model.inputs[step][0];
    const std::vector<uint8_t>& output = model.outputs[step];
    const size_t needed = distance + input.size() > output.size() ? distance + input.size() : output.size();
    const Memory16 shared(needed);
    memcpy(shared.data + distance, input.data(), input.size());

    std::vector<uint8_t*> memory = {shared.data + distance};
    std::vector<uint32_t> rows = {model.view(step, 0).ring_rows};
    for (uint32_t v = 1; v < model.inputs[step].size(); ++v) {
      memory.push_back(model.inputs[step][v].data());
      rows.push_back(model.view(step, v).ring_rows);
    }
    memory.push_back(shared.data);
    rows.push_back(model.view(step, model.step(step).view_count - 1u).ring_rows);
    model.call(step, Rows{0, model.view(step, model.step(step).view_count - 1u).ring_rows}, memory, rows);
    if (memcmp(shared.data, output.data(), output.size()) != 0) {
      fprintf(stderr, "step %u (%s) differs when its output lies over its input\n", step, model.variant(step).name);
      return 1;
    }
    ++overlapping;
    saved += input.size() + output.size() - needed;
  }
  printf("%u of %u steps overlap, %zu bytes saved\n", overlapping, model.head().step_count, saved);
  return 0;
}
