// SPDX-License-Identifier: Apache-2.0
// Model: runs a plan. Tensor: typed access to an input or output.
#ifndef MICROPLAN_MODEL_H_
#define MICROPLAN_MODEL_H_

#include <stdint.h>

#include "microplan/kernel.h"
#include "microplan/plan.h"
#include "microplan/status.h"
#include "microplan/types.h"

namespace microplan {

// Nearest integer to real / scale, halves away from zero, plus zero_point, kept within [low, high]. NaN gives low.
int32_t quantize_value(float real, float scale, int32_t zero_point, int32_t low, int32_t high);

// An input or output of a model: where its elements lie and what they mean. Valid as long as the model.
class Tensor {
 public:
  Tensor(const PlanIo* io, uint8_t* data) : io_(io), data_(data) {}

  DataType type() const { return io_->type; }
  uint32_t rank() const { return io_->rank; }
  uint32_t dim(uint32_t axis) const { return io_->dims[axis]; }
  uint32_t bytes() const { return io_->bytes; }
  uint32_t elements() const { return io_->bytes / element_bytes(io_->type); }
  float scale() const { return io_->scale; }
  int32_t zero_point() const { return io_->zero_point; }

  // nullptr when T is not the tensor's element type.
  template <typename T>
  T* data() const {
    return type() == type_of(static_cast<T*>(nullptr)) ? reinterpret_cast<T*>(data_) : nullptr;
  }
  uint8_t* raw() const { return data_; }

  // Writes real values, at most elements() of them: element i becomes values[i] * unit, quantized when the tensor is.
  // `unit` is the real value of one step of an integer source: 1 / 255.f for pixels in 0..1.
  template <typename T>
  void quantize(const T* values, uint32_t count, float unit = 1.0f) const {
    if (count > elements()) count = elements();
    for (uint32_t i = 0; i < count; ++i) set(i, static_cast<float>(values[i]) * unit);
  }
  template <typename T, uint32_t kCount>
  void quantize(const T (&values)[kCount], float unit = 1.0f) const {
    quantize(values, kCount, unit);
  }

  // Element `index` as a real number; 0 beyond the end.
  float dequantize(uint32_t index) const;

  // Writes element `index` from a real number; ignored beyond the end.
  void set(uint32_t index, float real) const;

  // Index of the largest element, the first of equal ones.
  uint32_t argmax() const;

 private:
  static constexpr DataType type_of(const float*) { return DataType::kFloat32; }
  static constexpr DataType type_of(const int32_t*) { return DataType::kInt32; }
  static constexpr DataType type_of(const int16_t*) { return DataType::kInt16; }
  static constexpr DataType type_of(const int8_t*) { return DataType::kInt8; }
  static constexpr DataType type_of(const uint8_t*) { return DataType::kUInt8; }

  const PlanIo* io_;
  uint8_t* data_;
};

enum class StepPhase : uint8_t { kBegin, kEnd };

// Called around every run of a kernel: output rows `rows` of step `step` of the plan's step table. With kEnd these rows are
// still in place.
using StepHook = void (*)(void* user, uint32_t step, Rows rows, StepPhase phase);

// The buffers beside the plan that a Model works with. Everything stays the caller's and must outlive the model.
struct Memory {
  Buffer arena;
  Buffer state;                      // needed when the plan has state_bytes
  ConstBuffer model;                 // needed when the plan refers to constants in the .tflite file
  ConstBuffer external;              // needed when the plan refers to constants kept elsewhere
  uint8_t* const* extra = nullptr;   // needed when the plan refers to further buffers, indexed from Segment::kExtra

  constexpr Memory() = default;
  constexpr Memory(Buffer arena_buffer, Buffer state_buffer = {}, ConstBuffer model_file = {})
      : arena(arena_buffer), state(state_buffer), model(model_file) {}
};

// The row that the kernel table needs beside the plan's kernels when the plan takes rows. All that list 0 of such a plan
// runs is this kernel, which refuses: so invoke() and step() tell it without a check that all other plans would pay for.
Status await_rows_run(const void* params, Rows rows, const Io& io, void* scratch);
constexpr Kernel kAwaitRows{0, 1, await_rows_run};

// Runs one plan. Nothing is allocated; two models, or one plan in two tasks, need two Models and two arenas. No function
// may be called on one Model from two contexts at once.
class Model {
 public:
  constexpr Model() = default;

  // Checks that plan, kernels and memory fit each other, and resets the state. `plan` is trusted to be what the planner
  // made: one that comes from outside the firmware goes through verify_plan() first.
  Status init(const void* plan, KernelTable kernels, const Memory& memory);

  // After init() returned kArenaTooSmall, kStateTooSmall: the bytes that are needed. After kArenaMisaligned or another
  // alignment error: the alignment. After kKernelMissing, kKernelAbi: the kernel's id. After kSegmentMissing: the segment.
  // After push_rows(): the rows that the inference still takes.
  uint32_t needed() const { return needed_; }

  // Runs the inference to its end. Inputs are consumed unless the plan pins them: write all of them before each call.
  // `budget` bounds the number of runs, for plans that loop; 0 is no bound. An inference that step() began is continued.
  Status invoke(uint32_t budget = 0);

  // Makes one run of a step. kMore: there are more; kOk: the inference is complete and the next call begins another.
  Status step();

  // For plans that take rows: gives the next `count` rows of input 0, which lie one behind the other, and runs as far as
  // they allow. kNotReady: more are needed; kOk: the inference is complete, its outputs are valid until the next call, which
  // begins another. Rows are the outermost dimension of the input above 1, lines of an image; see input_rows(). Other inputs
  // are written before the first of the rows.
  Status push_rows(const void* rows, uint32_t count);

  // The rows of input 0 for one inference, and the bytes of each; 0 when the plan does not take rows.
  uint32_t input_rows() const;
  uint32_t input_row_bytes() const;

  // Sets the state (variables, recurrent state, stream history) back to its initial value and drops a half-run inference.
  void reset();

  // `index` is below input_count() or output_count().
  Tensor input(uint32_t index = 0) const { return io(index); }
  Tensor output(uint32_t index = 0) const { return io(header()->input_count + index); }
  uint32_t input_count() const { return header()->input_count; }
  uint32_t output_count() const { return header()->output_count; }
  const PlanHeader& plan() const { return *header(); }

  void on_step(StepHook hook, void* user) {
    hook_ = hook;
    hook_user_ = user;
  }

  // Memory of step `step`'s view `view`, for hooks that look at intermediate tensors.
  View step_view(uint32_t step, uint32_t view) const;

 private:
  const PlanHeader* header() const {
    return reinterpret_cast<const PlanHeader*>(bases_.base[static_cast<uint32_t>(Segment::kPlan)]);
  }
  template <typename T>
  const T* at(uint32_t offset) const {
    return reinterpret_cast<const T*>(bases_.base[static_cast<uint32_t>(Segment::kPlan)] + offset);
  }
  Tensor io(uint32_t index) const;
  Status refuse(Status status, uint32_t needed);
  void tell(const PlanRun& run, StepPhase phase) const;
  Status run(uint32_t budget);

  Bases bases_ = {};
  KernelTable kernels_;
  StepHook hook_ = nullptr;
  void* hook_user_ = nullptr;
  Position next_ = {0, 0};
  uint32_t needed_ = 0;
};

}  // namespace microplan

#endif  // MICROPLAN_MODEL_H_
