// SPDX-License-Identifier: Apache-2.0
// The planner's working copy of the model: which operator becomes which step, where every tensor lives and how long.
#ifndef MICROPLAN_PLANNER_GRAPH_H_
#define MICROPLAN_PLANNER_GRAPH_H_

#include <stdint.h>

#include "microplan/operator.h"
#include "microplan/planner.h"
#include "microplan/planner/place.h"
#include "microplan/planner/tflite_reader.h"

namespace microplan {

enum class Storage : uint8_t {
  kUnknown,   // not computed by any operator so far
  kConstant,  // in the model
  kArena,
  kState,
};

struct TensorRecord {
  uint32_t root = 0;  // the tensor whose memory this one is: itself, or what it is a view of
  Storage storage = Storage::kUnknown;
  bool checked = false;
  bool sound = false;  // checked without a finding
};

// An operator that only renames its input's elements and needs no step.
struct ViewOperator {
  uint8_t code;
  const char* name;
};
extern const ViewOperator kViewOperators[];
extern const uint32_t kViewOperatorsCount;

// How the steps run.
struct Arrangement {
  const PlanRun* runs = nullptr;  // nullptr: each step once, with all its rows; kPlanAwait: with kPlanTakesRows
  uint32_t run_count = 0;
  const uint32_t* ring_rows = nullptr;  // by tensor, 0: whole; nullptr: all are whole
};

class Graph;

// Arranges a graph that was built: gives every placement with bytes its offset.
class Arranger {
 public:
  // Sets `arena_bytes`, UINT32_MAX when it exceeds 256 MB. The arrangement's memory is the arranger's. What stops it is
  // reported to the graph.
  virtual Arrangement arrange(Graph& graph, uint32_t* arena_bytes) = 0;

 protected:
  ~Arranger() = default;
};

class Graph {
 public:
  Graph(ConstBuffer model, VariantTable variants, const PlanOptions& options, const PlanObserver& observer,
        PlanResult& result)
      : reader_(model), variants_(variants), options_(options), observer_(observer), result_(result) {}

  // Opens the model, takes the workspace, walks all operators: chooses kernels, finds lifetimes. Reports every finding.
  Status build(Buffer workspace);
  // Gives every tensor and scratch buffer its offset.
  Status place();

  // An operator made ready: its kernel and Params. variant is nullptr for a view.
  struct Prepared {
    const Variant* variant = nullptr;
    alignas(8) uint8_t params[kMaxParamsBytes] = {};
    Footprint footprint;
  };
  class Context;
  // Chooses the operator's kernel: the cheapest that supports it. Reports what stops it.
  Status prepare(const Context& context, Prepared* prepared);

  // Whether the builtin operator is one of kViewOperators.
  static bool is_view(uint32_t code);

  TfliteReader& reader() { return reader_; }
  const PlanOptions& options() const { return options_; }
  const PlanObserver& observer() const { return observer_; }
  const VariantTable& variants() const { return variants_; }
  uint32_t step_count() const { return step_count_; }
  const Arrangement& arrangement() const { return arrangement_; }
  uint32_t operand_words() const { return operand_words_; }
  bool used(uint32_t variant) const { return used_[variant] != 0; }
  const TensorRecord& tensor(uint32_t index) const { return tensors_[tensors_[index].root]; }
  // Whether an operator uses the tensor and it is a variable.
  bool is_state(uint32_t index) const { return tensors_[index].storage == Storage::kState; }
  // Arena or state reference of a tensor that has one.
  Ref ref(uint32_t index) const;
  Ref scratch_ref(uint32_t operator_index) const;
  // The tensor whose memory tensor `index` is.
  uint32_t root(uint32_t index) const { return tensors_[index].root; }
  // What lies in the arena, without bytes for what does not: of a root tensor, of an operator's scratch.
  Placement& placement(uint32_t tensor) { return placements_[tensor]; }
  Placement& scratch_placement(uint32_t operator_index) { return placements_[reader_.tensor_count() + operator_index]; }
  uint32_t placement_count() { return reader_.tensor_count() + reader_.operator_count(); }

  Status report(const Diagnostic& diagnostic);

 private:
  Status take(Buffer workspace);
  Status declare_inputs();
  Status finish_outputs();
  Status visit(uint32_t operator_index);
  Status visit_view(const Context& context);
  Status visit_step(const Context& context);
  bool check_operands(const Context& context);
  bool check_tensor(int32_t operator_index, uint32_t tensor);
  Status define_output(const Context& context, uint32_t output, uint32_t root);
  void use(uint32_t tensor, uint32_t step, uint32_t alignment);

  TfliteReader reader_;
  VariantTable variants_;
  const PlanOptions& options_;
  const PlanObserver& observer_;
  PlanResult& result_;
  TensorRecord* tensors_ = nullptr;
  Placement* placements_ = nullptr;  // of every tensor, then of every operator's scratch
  uint8_t* used_ = nullptr;          // 1 for each variant that a step uses
  uint32_t step_count_ = 0;
  uint32_t operand_words_ = 0;
  Arrangement arrangement_;
};

// One operator of the model, for prepare and pack.
class Graph::Context final : public OperatorContext, public Options {
 public:
  Context(Graph& graph, uint32_t operator_index, const TfliteReader::OperatorInfo& info)
      : graph_(graph), operator_index_(operator_index), info_(info) {}

  uint32_t operator_index() const { return operator_index_; }
  const TfliteReader::OperatorInfo& info() const { return info_; }
  // Whether an option that was asked for could not be read.
  bool options_damaged() const { return options_damaged_; }
  // Tensor index of an operand, -1 when absent.
  int32_t tensor(Operand operand) const;

  uint32_t input_count() const override { return info_.inputs.count; }
  uint32_t output_count() const override { return info_.outputs.count; }
  TensorInfo input(uint32_t index) const override { return tensor_info(input_operand(static_cast<uint8_t>(index))); }
  TensorInfo output(uint32_t index) const override { return tensor_info(output_operand(static_cast<uint8_t>(index))); }
  const Options& options() const override { return *this; }
  Status fail(Status status, Operand operand, const char* reason, const char* fix, int64_t found) const override;

  int32_t int32_field(uint32_t field, int32_t absent) const override;
  uint8_t uint8_field(uint32_t field, uint8_t absent) const override;
  float float_field(uint32_t field, float absent) const override;

 private:
  TensorInfo tensor_info(Operand operand) const;
  template <typename T>
  T option(uint32_t field, T absent) const;

  Graph& graph_;
  uint32_t operator_index_;
  TfliteReader::OperatorInfo info_;
  // Reading a tensor takes about a thousand instructions and kernels ask again and again: the first inputs and the first
  // output are kept.
  static constexpr uint32_t kCachedInputs = 3;
  mutable TensorInfo cache_[kCachedInputs + 1];
  mutable uint32_t cache_filled_ = 0;
  mutable bool options_damaged_ = false;
};

}  // namespace microplan

#endif  // MICROPLAN_PLANNER_GRAPH_H_
