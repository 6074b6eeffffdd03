// SPDX-License-Identifier: Apache-2.0
// Plans a model, for the seeds of fuzz_plan:  dump_plan MODEL PLAN compiled|interpreted
// An interpreted plan refers to its model, which is first filled up to the size that fuzz_plan has.
#include <fstream>
#include <iterator>
#include <string>

#include "fuzz.h"

int main(int count, char** values) {
  using namespace microplan;
  if (count != 4) return 2;
  const bool compiled = std::string(values[3]) == "compiled";
  std::ifstream file(values[1], std::ios::binary);
  std::vector<uint8_t> bytes(std::istreambuf_iterator<char>(file), {});
  if (!compiled && bytes.size() <= fuzz::kModelBytes) bytes.resize(fuzz::kModelBytes);
  const fuzz::Block model(bytes.data(), bytes.size());

  PlanOptions options;
  options.flags = compiled ? uint32_t{kPlanOwnsConstants} : 0;
  PlanResult result = plan_model(model, fuzz::all_variants(), options, Buffer{}, Buffer{});
  const fuzz::Block workspace(result.workspace_bytes);
  result = plan_model(model, fuzz::all_variants(), options, workspace, Buffer{});
  if (result.status != Status::kOk) {
    std::fprintf(stderr, "%s: %s\n", values[1], status_text(result.status));
    return 1;
  }
  const fuzz::Block plan(result.plan_bytes);
  result = plan_model(model, fuzz::all_variants(), options, workspace, plan);
  std::ofstream(values[2], std::ios::binary).write(reinterpret_cast<const char*>(plan.data()), plan.bytes());
  return 0;
}
