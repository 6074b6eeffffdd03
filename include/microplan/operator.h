// SPDX-License-Identifier: Apache-2.0
// The planner's side of a kernel: how an operator of a model is checked, prepared, sized and packed. Portable code, so that
// a laptop can plan for any board. Whoever writes a kernel reads this file and kernel.h.
#ifndef MICROPLAN_OPERATOR_H_
#define MICROPLAN_OPERATOR_H_

#include <stdint.h>
#include <string.h>

#include "microplan/config.h"
#include "microplan/kernel.h"
#include "microplan/status.h"
#include "microplan/types.h"

namespace microplan {

// The largest Params of a kernel, in bytes.
constexpr uint32_t kMaxParamsBytes = 128;

// What kernels are chosen for.
struct Target {
  uint32_t features;  // TargetFeature bits
};

// A tensor of the model as prepare sees it.
struct TensorInfo {
  int32_t index = -1;  // in the model's subgraph
  DataType type = DataType::kNone;
  uint8_t rank = 0;
  bool is_constant = false;
  bool is_variable = false;
  uint32_t dims[kMaxRank] = {};
  uint32_t elements = 0;
  uint32_t bytes = 0;
  const uint8_t* data = nullptr;  // of a constant; any alignment
  uint32_t scale_count = 0;       // 0: not quantized, 1: per tensor, else per channel
  uint32_t zero_point_count = 0;
  int32_t quantized_dimension = 0;
  const uint8_t* scales = nullptr;       // float32[scale_count], any alignment
  const uint8_t* zero_points = nullptr;  // int64[zero_point_count], any alignment

  float scale(uint32_t channel = 0) const {
    float value;
    memcpy(&value, scales + 4 * channel, sizeof value);
    return value;
  }
  // 0 when the model gives none; the planner has checked that it fits the tensor's type.
  int32_t zero_point(uint32_t channel = 0) const {
    if (channel >= zero_point_count) return 0;
    int64_t value;
    memcpy(&value, zero_points + 8 * channel, sizeof value);
    return static_cast<int32_t>(value);
  }
  // Constant element `i`, for int32 data.
  int32_t int32_at(uint32_t i) const {
    int32_t value;
    memcpy(&value, data + 4 * i, sizeof value);
    return value;
  }
  // Product of the dimensions [first, last).
  uint32_t product(uint32_t first, uint32_t last) const {
    uint32_t result = 1;
    for (uint32_t i = first; i < last; ++i) result *= dims[i];
    return result;
  }
};

// The scalars of an operator's builtin_options table, by field number of the schema; absent fields have the default.
class Options {
 public:
  virtual int32_t int32_field(uint32_t field, int32_t absent) const = 0;
  virtual uint8_t uint8_field(uint32_t field, uint8_t absent) const = 0;
  virtual float float_field(uint32_t field, float absent) const = 0;

 protected:
  ~Options() = default;
};

// An operand of an operator, for messages and footprints.
struct Operand {
  bool is_output;
  uint8_t index;
};
constexpr Operand input_operand(uint8_t index) { return {false, index}; }
constexpr Operand output_operand(uint8_t index) { return {true, index}; }

// What is wrong with a model: one finding. The texts are English clauses without a full stop, "" without MICROPLAN_TEXT.
struct Diagnostic {
  Status status;
  int32_t operator_index;  // -1: not about one operator
  int32_t tensor_index;    // -1: not about one tensor
  const char* reason;      // what is wrong
  const char* fix;         // what to do
  int64_t found;           // the offending number; INT64_MIN when there is none
};
constexpr int64_t kNoNumber = INT64_MIN;

#if MICROPLAN_TEXT
#define MICROPLAN_DIAGNOSTIC_TEXT(text) text
#else
#define MICROPLAN_DIAGNOSTIC_TEXT(text) ""
#endif

// One operator of the model, checked for what holds for all operators: indices in range, types known, shapes fixed,
// dimension products below 2^28, int8 and int16 activations with a positive finite scale and a zero point within the type.
class OperatorContext {
 public:
  static constexpr uint32_t kMaxInputs = 24;
  static constexpr uint32_t kMaxOutputs = 4;

  virtual uint32_t input_count() const = 0;
  virtual uint32_t output_count() const = 0;
  // A tensor with index -1 when the operand is absent.
  virtual TensorInfo input(uint32_t index) const = 0;
  virtual TensorInfo output(uint32_t index) const = 0;
  virtual const Options& options() const = 0;
  // Reports a finding and returns its status: `return context.fail(...)`.
  virtual Status fail(Status status, Operand operand, const char* reason, const char* fix,
                      int64_t found = kNoNumber) const = 0;

 protected:
  ~OperatorContext() = default;
};

// Receives a step's constants in the order of its footprint.
class ConstantWriter {
 public:
  // Input `index` of the operator as it lies in the model, aligned to `alignment`; an absent input becomes kNone.
  virtual void tensor(uint32_t index, uint32_t alignment) = 0;
  // Begins a constant of `bytes` made by the kernel, 4-aligned; append() calls fill it. False while only sizes are asked
  // for: the content need not be computed then.
  virtual bool begin(uint32_t bytes) = 0;
  virtual void append(const void* data, uint32_t bytes) = 0;

 protected:
  ~ConstantWriter() = default;
};

// What a step with given Params touches when all of its rows run. The planner makes the step so, verify_plan proves it.
struct Footprint {
  static constexpr uint32_t kMaxViews = 11;
  static constexpr uint32_t kMaxConstants = 24;

  struct TensorRows {
    Operand operand;
    uint32_t rows;
    uint32_t row_bytes;
    uint8_t alignment;  // of every row, a power of two up to 16
    bool written;       // an output, or an input that is a variable of the model and carries state
  };
  struct Constant {
    uint32_t bytes;
    uint8_t alignment;
    bool optional;  // may be kNone
  };

  uint32_t view_count = 0;
  uint32_t constant_count = 0;
  TensorRows view[kMaxViews];
  Constant constant[kMaxConstants];

  // Inputs first, the output last.
  void add_view(Operand operand, uint32_t rows, uint32_t row_bytes, uint8_t alignment) {
    view[view_count++] = {operand, rows, row_bytes, alignment, operand.is_output};
  }
  // A variable: one row of state that the kernel reads and writes.
  void add_state(Operand operand, uint32_t bytes, uint8_t alignment) {
    view[view_count++] = {operand, 1, bytes, alignment, true};
  }
  void add_constant(uint32_t bytes, uint8_t alignment, bool optional = false) {
    constant[constant_count++] = {bytes, alignment, optional};
  }
};

// How a kernel's output may lie over its first input when both are whole tensors.
enum class Overlap : uint8_t {
  kNone,         // not at all
  kElementwise,  // element i is read before it is written and not read again: output address <= input address
  kRows,         // a finished row may cover input rows that no later row reads
  kPixels,       // as kRows; and a pixel is read before any later pixel's, or its own, output is written
};

struct Cost {
  uint64_t macs;            // multiply-accumulates of the operator as the model states it
  uint64_t instructions;    // estimate for all rows
  uint32_t constant_bytes;  // plan constants beyond those of the model
};

// A kernel's planner side. Data of one operator's variants differs in the row; the functions are shared where they can be.
struct Variant {
  Kernel kernel;
  const char* name;           // "conv_2d_int8"
  const char* operator_name;  // as in the schema: "CONV_2D"
  uint8_t operator_code;      // BuiltinOperator of the schema
  // Of input 0, input 1, output 0. kNone: any type of an input, the type of input 0 for the output.
  DataType input_type, filter_type, output_type;
  const char* note;           // what is supported beyond the types, for the support table
  bool whole_only;            // cannot run a part of its rows, nor views whose rows lie apart or in a ring
  Overlap overlap;
  uint32_t params_bytes;

  // Checks the operator and fills `params` (zeroed, params_bytes long). Shared by the variants of an operator and type.
  Status (*prepare)(const OperatorContext& context, void* params);
  // nullptr: always.
  bool (*supports)(const void* params, const Target& target);
  // False when no model can have these params. Trusts no byte of them: verify_plan calls it with bytes from outside.
  bool (*footprint)(const void* params, Footprint* footprint);
  // The rows of view `view` that output rows `rows` read; {0, 1} for state.
  Rows (*input_rows)(const void* params, uint32_t view, Rows rows);
  // Scratch for running `rows` rows in one call, 16-aligned. nullptr: none.
  uint32_t (*scratch_bytes)(const void* params, uint32_t rows);
  // Writes the step's constants. nullptr: none.
  void (*pack)(const OperatorContext& context, const void* params, ConstantWriter& writer);
  Cost (*cost)(const void* params, const Target& target);
  // TargetFeature bits that `run` needs.
  uint32_t features = 0;
  // Its constants are rearranged filters, which only a plan that owns its constants has room for; where a plan refers to
  // the model, kernels read filters as they lie there.
  bool packs = false;
  // Its constants are larger than the model's by more than a tenth and 12 bytes a channel: only for kPlanPrefersSpeed.
  bool expands = false;
};

// How many bytes the start of the output may lie before the start of the first input, at least, so that running all rows
// in order reads no byte that was overwritten: 0 for in place, kNoOverlap when never.
constexpr uint32_t kNoOverlap = UINT32_MAX;
uint32_t overlap_bytes(const Variant& variant, const void* params);

// Whether an output at the address of the first input, or below, covers no byte that is still to be read: as kElementwise,
// and where kPixels makes each output pixel of the input pixel at the same place, which is not smaller.
bool runs_in_place(const Variant& variant, const void* params);

// Estimated instructions of one run over `rows` rows of the operator's output, the call included.
uint64_t run_instructions(const Variant& variant, const void* params, const Target& target, uint32_t rows);

}  // namespace microplan

#endif  // MICROPLAN_OPERATOR_H_
