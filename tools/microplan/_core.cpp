// SPDX-License-Identifier: Apache-2.0
// The Python extension microplan._core: the planner, the verifier and the executor as they are. It holds no knowledge of
// its own; the package around it turns what it returns into messages, tables and files.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "_core_contracts.h"
#include "_core_executor.h"
#include "_core_host.h"
#include "_core_passes.h"
#include "microplan/planner/graph.h"
#include "microplan/planner/layout/layout.h"
#include "microplan/planner/tflite_reader.h"

namespace microplan_python {
namespace {

// ---- What a model holds

struct PyTensor {
  nb::str name;
  std::string type;  // "" when no kernel handles it
  std::vector<uint32_t> shape;
  uint32_t bytes;
  bool is_constant;
};

struct PyOperator {
  nb::str name;
  std::vector<int32_t> inputs, outputs;  // tensor indices, -1 for an absent input
};

struct PyModel {
  std::vector<PyTensor> tensors;
  std::vector<PyOperator> operators;
  std::vector<uint32_t> inputs, outputs;
};

nb::str to_str(TfliteReader::Text text) {
  return nb::steal<nb::str>(PyUnicode_DecodeUTF8(text.data, static_cast<Py_ssize_t>(text.bytes), "replace"));
}

// Nothing when the file's frame is broken. What is wrong inside it reads as empty: plan() tells.
std::optional<PyModel> describe(const nb::bytes& model) {
  const HostBuffer file(model);
  TfliteReader reader(file);
  if (reader.open().status != Status::kOk) return std::nullopt;
  PyModel content;
  for (uint32_t i = 0; i < reader.tensor_count(); ++i) {
    TensorInfo info;
    (void)reader.tensor(i, &info);
    content.tensors.push_back({to_str(reader.tensor_name(i)), type_name(info.type),
                               std::vector<uint32_t>(info.dims, info.dims + info.rank), info.bytes, info.is_constant});
  }
  for (uint32_t i = 0; i < reader.operator_count(); ++i) {
    TfliteReader::OperatorInfo info;
    const bool readable = reader.op(i, &info).status == Status::kOk;
    const TfliteReader::Text custom = reader.custom_name(i);
    PyOperator op{custom.bytes != 0 ? to_str(custom) : nb::str(builtin_operator_name(info.builtin_code)), {}, {}};
    for (uint32_t k = 0; readable && k < info.inputs.count; ++k) op.inputs.push_back(reader.operand(info.inputs, k));
    for (uint32_t k = 0; readable && k < info.outputs.count; ++k) op.outputs.push_back(reader.operand(info.outputs, k));
    content.operators.push_back(std::move(op));
  }
  for (uint32_t i = 0; i < reader.input_count(); ++i) content.inputs.push_back(reader.input(i));
  for (uint32_t i = 0; i < reader.output_count(); ++i) content.outputs.push_back(reader.output(i));
  return content;
}

// ---- Planning

struct PyDiagnostic {
  std::string status, reason, fix;
  int32_t operator_index, tensor_index;
  std::optional<int64_t> found;
};

// What one operator of the model became.
struct PyStep {
  int32_t operator_index;
  int32_t step;  // -1: a view of its input, or folded into what is around it
  std::vector<int32_t> inputs, outputs;  // tensor indices; -1: absent, or made by a graph pass
  std::string kernel;
  uint16_t kernel_id;
  uint64_t macs, instructions;
  uint32_t constant_bytes;  // beyond the model's
  uint32_t plan_constant_bytes;
};

struct PyPlacement {
  int32_t tensor_index;
  std::string segment;  // "arena" or "state"
  uint32_t offset, bytes, first_step, last_step;
};

// What the arranger says of its work.
struct PyLayout {
  uint32_t live_bytes, bound_bytes, runs;
  uint64_t nodes;
};

struct PyPlan {
  std::string status;
  nb::bytes data;
  uint32_t plan_bytes, workspace_bytes, arena_bytes, state_bytes, constant_bytes;
  std::vector<PyDiagnostic> diagnostics;
  std::vector<PyStep> steps;
  std::vector<PyPlacement> placements;
  std::optional<PyLayout> layout;
};

struct Observations {
  std::vector<PyDiagnostic> diagnostics;
  std::vector<PyStep> steps;
  std::vector<PyPlacement> placements;
};

PlanObserver observe(Observations& into) {
  PlanObserver observer;
  observer.user = &into;
  observer.diagnostic = [](void* user, const Diagnostic& found) {
    const std::optional<int64_t> number = found.found == kNoNumber ? std::nullopt : std::optional(found.found);
    static_cast<Observations*>(user)->diagnostics.push_back({status_name(found.status), found.reason, found.fix,
                                                             found.operator_index, found.tensor_index, number});
  };
  observer.step = [](void* user, uint32_t operator_index, int32_t step, const Variant* variant, const Cost& cost) {
    static_cast<Observations*>(user)->steps.push_back({static_cast<int32_t>(operator_index), step, {}, {},
                                                       variant ? variant->name : "view",
                                                       variant ? variant->kernel.id : uint16_t{0}, cost.macs,
                                                       cost.instructions, cost.constant_bytes, 0});
  };
  // Comes after the operator's step.
  observer.constants = [](void* user, uint32_t, uint32_t bytes) {
    static_cast<Observations*>(user)->steps.back().plan_constant_bytes = bytes;
  };
  observer.placed = [](void* user, int32_t tensor_index, Ref ref, uint32_t bytes, uint32_t first, uint32_t last) {
    static_cast<Observations*>(user)->placements.push_back(
        {tensor_index, ref.segment() == Segment::kState ? "state" : "arena", ref.offset(), bytes, first, last});
  };
  return observer;
}

// The variants of these names, in their order; all without `names`.
std::vector<const Variant*> choose_variants(const std::optional<std::vector<std::string>>& names) {
  std::vector<const Variant*> chosen;
  if (!names.has_value()) return std::vector<const Variant*>(kAllVariants, kAllVariants + kAllVariantsCount);
  for (const std::string& name : *names) {
    for (uint32_t i = 0; i < kAllVariantsCount; ++i) {
      if (name == kAllVariants[i]->name) chosen.push_back(kAllVariants[i]);
    }
  }
  if (chosen.size() != names->size()) throw nb::value_error("unknown variant name");
  return chosen;
}

void name_operands(const HostBuffer& planned, std::vector<PyStep>& steps) {
  TfliteReader reader(planned);
  if (steps.empty() || reader.open().status != Status::kOk) return;
  for (PyStep& step : steps) {
    TfliteReader::OperatorInfo info;
    (void)reader.op(static_cast<uint32_t>(step.operator_index), &info);
    for (uint32_t k = 0; k < info.inputs.count; ++k) step.inputs.push_back(reader.operand(info.inputs, k));
    for (uint32_t k = 0; k < info.outputs.count; ++k) step.outputs.push_back(reader.operand(info.outputs, k));
  }
}

// Makes what was seen of an optimized model speak of the source's operators and tensors. An operator of the source that
// is not the main one of a step comes before the next that is, as folded.
void map_to_source(const PyOptimized& optimized, const HostBuffer& source, Observations& seen) {
  for (PyDiagnostic& diagnostic : seen.diagnostics) {
    diagnostic.operator_index = optimized.source_operator(diagnostic.operator_index);
    diagnostic.tensor_index = optimized.source_tensor(diagnostic.tensor_index);
  }
  for (PyPlacement& placed : seen.placements) placed.tensor_index = optimized.source_tensor(placed.tensor_index);
  TfliteReader reader(source);
  if (seen.steps.empty() || reader.open().status != Status::kOk) return;
  std::vector<bool> is_main(reader.operator_count(), false);
  for (PyStep& step : seen.steps) {
    step.operator_index = optimized.source_operator(step.operator_index);
    for (int32_t& tensor : step.inputs) tensor = optimized.source_tensor(tensor);
    for (int32_t& tensor : step.outputs) tensor = optimized.source_tensor(tensor);
    is_main.at(static_cast<size_t>(step.operator_index)) = true;
  }
  for (size_t i = 0; i < is_main.size(); ++i) {
    if (is_main[i]) continue;
    const int32_t index = static_cast<int32_t>(i);
    const auto later = [index](const PyStep& step) { return step.operator_index > index; };
    const auto at = std::find_if(seen.steps.begin(), seen.steps.end(), later);
    seen.steps.insert(at, PyStep{index, -1, {}, {}, "folded", 0, 0, 0, 0});
  }
}

// Plans `model`, or, in its place, what passes made of it.
PyPlan plan(const nb::bytes& model, uint32_t flags, uint32_t features,
            const std::optional<std::vector<std::string>>& variants, const PyOptimized* optimized) {
  const HostBuffer source(model);
  const HostBuffer file(optimized == nullptr ? model : optimized->model);
  const std::vector<const Variant*> chosen = choose_variants(variants);
  const VariantTable table(chosen.data(), static_cast<uint32_t>(chosen.size()));
  PlanOptions options;
  options.target.features = features;
  options.flags = flags;
  if (optimized != nullptr) {
    options.source = source;
    options.passes = optimized->passes;
  }

  Layout layout;
  if (flags & kPlanArranged) options.arranger = &layout;

  // The first rounds find the sizes of the buffers, the last one plans. Arranging takes longest: a plan that is not much
  // larger than its model needs no round of its own.
  PlanResult result;
  uint32_t workspace_bytes = 0;
  uint32_t plan_bytes = file.bytes() + 65536;
  for (;;) {
    Observations seen;
    const HostBuffer workspace(workspace_bytes);
    const HostBuffer output(plan_bytes);
    result = plan_model(file, table, options, workspace, Buffer(output), observe(seen));
    if (result.status == Status::kWorkspaceTooSmall && result.workspace_bytes > workspace_bytes) {
      workspace_bytes = result.workspace_bytes;
      continue;
    }
    if (result.status == Status::kPlanTooSmall && result.plan_bytes > plan_bytes) {
      plan_bytes = result.plan_bytes;
      continue;
    }
    name_operands(file, seen.steps);
    if (optimized != nullptr) map_to_source(*optimized, source, seen);
    const Layout::Report& report = layout.report();
    return {status_name(result.status),
            nb::bytes(output.data(), result.status == Status::kOk ? result.plan_bytes : 0),
            result.plan_bytes,          result.workspace_bytes,
            result.arena_bytes,         result.state_bytes,
            result.constant_bytes,      std::move(seen.diagnostics),
            std::move(seen.steps),      std::move(seen.placements),
            options.arranger == nullptr
                ? std::nullopt
                : std::optional(PyLayout{report.live_bytes, report.bound_bytes, report.runs, report.nodes})};
  }
}

std::string verify(const nb::bytes& plan, uint32_t model_bytes) {
  const HostBuffer content(plan);
  return status_name(verify_plan(content, VariantTable(kAllVariants, kAllVariantsCount), model_bytes));
}

// ---- What there is

// A row of the support table.
struct PyVariant {
  std::string name, operator_name, note;
  uint16_t id, abi;
  std::string input_type, filter_type, output_type;
  uint32_t features;
  bool packs;
};

std::vector<PyVariant> variants() {
  std::vector<PyVariant> all;
  for (uint32_t i = 0; i < kAllVariantsCount; ++i) {
    const Variant& row = *kAllVariants[i];
    all.push_back({row.name, row.operator_name, row.note, row.kernel.id, row.kernel.abi, type_name(row.input_type),
                   type_name(row.filter_type), type_name(row.output_type), row.features, row.packs});
  }
  return all;
}

// Operators that become views of their input and need no kernel.
std::vector<std::string> view_operators() {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < kViewOperatorsCount; ++i) names.push_back(kViewOperators[i].name);
  return names;
}

// Name and text of every status, by number.
std::vector<std::tuple<std::string, std::string>> statuses() {
  return {
#define MICROPLAN_STATUS_PAIR(name, text) {#name, text},
      MICROPLAN_STATUS_LIST(MICROPLAN_STATUS_PAIR)
#undef MICROPLAN_STATUS_PAIR
  };
}

using FloatArray = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

std::vector<int32_t> quantize(FloatArray values, float scale, int32_t zero_point, int32_t low, int32_t high) {
  std::vector<int32_t> quantized;
  for (size_t i = 0; i < values.shape(0); ++i) {
    quantized.push_back(quantize_value(values.data()[i], scale, zero_point, low, high));
  }
  return quantized;
}

}  // namespace
}  // namespace microplan_python

using namespace microplan_python;

NB_MODULE(_core, module) {
  module.attr("VERSION") = MICROPLAN_VERSION;
  module.attr("PLAN_FORMAT") = uint32_t{kPlanFormat};
  module.attr("OWNS_CONSTANTS") = static_cast<uint32_t>(kPlanOwnsConstants);
  module.attr("TAKES_FIRST") = static_cast<uint32_t>(kPlanTakesFirst);
  module.attr("PREFERS_SPEED") = static_cast<uint32_t>(kPlanPrefersSpeed);
  module.attr("PREFERS_RAM") = static_cast<uint32_t>(kPlanPrefersRam);
  module.attr("PREFERS_FLASH") = static_cast<uint32_t>(kPlanPrefersFlash);
  module.attr("ARRANGED") = static_cast<uint32_t>(kPlanArranged);
  module.attr("PINS_INPUTS") = static_cast<uint32_t>(kPlanPinsInputs);
  module.attr("TAKES_ROWS") = static_cast<uint32_t>(kPlanTakesRows);
  module.attr("SHARES_CONSTANTS") = static_cast<uint32_t>(kPlanSharesConstants);
  module.attr("FEATURE_DSP") = static_cast<uint32_t>(kFeatureDsp);
  module.attr("FEATURE_MVE") = static_cast<uint32_t>(kFeatureMve);
  module.attr("FEATURE_MVE_F") = static_cast<uint32_t>(kFeatureMveF);
  module.attr("FEATURE_FPU") = static_cast<uint32_t>(kFeatureFpu);
  module.attr("FEATURE_CMSIS_NN") = static_cast<uint32_t>(kFeatureCmsisNn);
  module.attr("KERNEL_FEATURES") = uint32_t{kKernelFeatures};

  nb::class_<PyTensor>(module, "TensorInfo")
      .def_ro("name", &PyTensor::name)
      .def_ro("type", &PyTensor::type)
      .def_ro("shape", &PyTensor::shape)
      .def_ro("bytes", &PyTensor::bytes)
      .def_ro("is_constant", &PyTensor::is_constant);
  nb::class_<PyOperator>(module, "OperatorInfo")
      .def_ro("name", &PyOperator::name)
      .def_ro("inputs", &PyOperator::inputs)
      .def_ro("outputs", &PyOperator::outputs);
  nb::class_<PyModel>(module, "ModelInfo")
      .def_ro("tensors", &PyModel::tensors)
      .def_ro("operators", &PyModel::operators)
      .def_ro("inputs", &PyModel::inputs)
      .def_ro("outputs", &PyModel::outputs);
  nb::class_<PyDiagnostic>(module, "Diagnostic")
      .def_ro("status", &PyDiagnostic::status)
      .def_ro("reason", &PyDiagnostic::reason)
      .def_ro("fix", &PyDiagnostic::fix)
      .def_ro("operator_index", &PyDiagnostic::operator_index)
      .def_ro("tensor_index", &PyDiagnostic::tensor_index)
      .def_ro("found", &PyDiagnostic::found);
  nb::class_<PyStep>(module, "Step")
      .def_ro("operator_index", &PyStep::operator_index)
      .def_ro("step", &PyStep::step)
      .def_ro("inputs", &PyStep::inputs)
      .def_ro("outputs", &PyStep::outputs)
      .def_ro("kernel", &PyStep::kernel)
      .def_ro("kernel_id", &PyStep::kernel_id)
      .def_ro("macs", &PyStep::macs)
      .def_ro("instructions", &PyStep::instructions)
      .def_ro("constant_bytes", &PyStep::constant_bytes)
      .def_ro("plan_constant_bytes", &PyStep::plan_constant_bytes);
  nb::class_<PyPlacement>(module, "Placement")
      .def_ro("tensor_index", &PyPlacement::tensor_index)
      .def_ro("segment", &PyPlacement::segment)
      .def_ro("offset", &PyPlacement::offset)
      .def_ro("bytes", &PyPlacement::bytes)
      .def_ro("first_step", &PyPlacement::first_step)
      .def_ro("last_step", &PyPlacement::last_step);
  nb::class_<PyLayout>(module, "Layout")
      .def_ro("live_bytes", &PyLayout::live_bytes)
      .def_ro("bound_bytes", &PyLayout::bound_bytes)
      .def_ro("runs", &PyLayout::runs)
      .def_ro("nodes", &PyLayout::nodes);
  nb::class_<PyPlan>(module, "Plan")
      .def_ro("status", &PyPlan::status)
      .def_ro("data", &PyPlan::data)
      .def_ro("plan_bytes", &PyPlan::plan_bytes)
      .def_ro("workspace_bytes", &PyPlan::workspace_bytes)
      .def_ro("arena_bytes", &PyPlan::arena_bytes)
      .def_ro("state_bytes", &PyPlan::state_bytes)
      .def_ro("constant_bytes", &PyPlan::constant_bytes)
      .def_ro("diagnostics", &PyPlan::diagnostics)
      .def_ro("steps", &PyPlan::steps)
      .def_ro("placements", &PyPlan::placements)
      .def_ro("layout", &PyPlan::layout);
  nb::class_<PyOptimized>(module, "Optimized")
      .def_ro("model", &PyOptimized::model)
      .def_ro("passes", &PyOptimized::passes)
      .def_ro("operators", &PyOptimized::operators)
      .def_ro("tensors", &PyOptimized::tensors)
      .def_ro("reports", &PyOptimized::reports);
  nb::class_<PyIo>(module, "Io")
      .def_ro("type", &PyIo::type)
      .def_ro("shape", &PyIo::shape)
      .def_ro("scale", &PyIo::scale)
      .def_ro("zero_point", &PyIo::zero_point)
      .def_ro("bytes", &PyIo::bytes);
  nb::class_<PyStepOutput>(module, "StepOutput")
      .def_ro("step", &PyStepOutput::step)
      .def_ro("output", &PyStepOutput::output)
      .def_ro("data", &PyStepOutput::data);
  nb::class_<PyVariant>(module, "Variant")
      .def_ro("name", &PyVariant::name)
      .def_ro("operator_name", &PyVariant::operator_name)
      .def_ro("note", &PyVariant::note)
      .def_ro("id", &PyVariant::id)
      .def_ro("abi", &PyVariant::abi)
      .def_ro("input_type", &PyVariant::input_type)
      .def_ro("filter_type", &PyVariant::filter_type)
      .def_ro("output_type", &PyVariant::output_type)
      .def_ro("features", &PyVariant::features)
      .def_ro("packs", &PyVariant::packs);
  nb::class_<PyOperandView>(module, "OperandView")
      .def_ro("is_output", &PyOperandView::is_output)
      .def_ro("index", &PyOperandView::index)
      .def_ro("rows", &PyOperandView::rows)
      .def_ro("row_bytes", &PyOperandView::row_bytes)
      .def_ro("alignment", &PyOperandView::alignment)
      .def_ro("written", &PyOperandView::written);
  nb::class_<Contract>(module, "Contract")
      .def_prop_ro("kernel", &Contract::kernel)
      .def_prop_ro("whole_only", &Contract::whole_only)
      .def_prop_ro("overlap", &Contract::overlap)
      .def_prop_ro("views", &Contract::views)
      .def("input_rows", &Contract::input_rows)
      .def("scratch_bytes", &Contract::scratch_bytes);
  nb::class_<Executor>(module, "Executor")
      .def(nb::init<const nb::bytes&, const nb::bytes&, std::optional<uint32_t>, uint32_t>(), nb::arg("plan"),
           nb::arg("model"), nb::arg("arena_bytes") = nb::none(), nb::arg("arena_misalignment") = 0)
      .def_prop_ro("status", &Executor::status)
      .def_prop_ro("needed", &Executor::needed)
      .def("inputs", &Executor::inputs)
      .def("outputs", &Executor::outputs)
      .def("set_input", &Executor::set_input)
      .def("output", &Executor::output)
      .def("invoke", &Executor::invoke, nb::arg("budget") = 0)
      .def("push_rows", &Executor::push_rows)
      .def_prop_ro("input_rows", &Executor::input_rows)
      .def("step", &Executor::step)
      .def("reset", &Executor::reset)
      .def("keep_step_outputs", &Executor::keep_step_outputs)
      .def("take_step_outputs", &Executor::take_step_outputs)
      .def("state", &Executor::state)
      .def("set_state", &Executor::set_state);

  module.def("describe", &describe);
  module.def("plan", &plan, nb::arg("model"), nb::arg("flags"), nb::arg("features"),
             nb::arg("variants") = nb::none(), nb::arg("optimized") = nb::none());
  module.def("optimize", &optimize, nb::arg("model"), nb::arg("passes"));
  module.def("passes", &passes);
  module.def("verify", &verify, nb::arg("plan"), nb::arg("model_bytes"));
  module.def("contracts", &contracts, nb::arg("plan"));
  module.def("variants", &variants);
  module.def("view_operators", &view_operators);
  module.def("statuses", &statuses);
  module.def("quantize", &quantize);
}
