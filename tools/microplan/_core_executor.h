// SPDX-License-Identifier: Apache-2.0
// Executor: a plan that runs on the host.
#ifndef MICROPLAN_CORE_EXECUTOR_H_
#define MICROPLAN_CORE_EXECUTOR_H_

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "_core_host.h"

namespace microplan_python {

// An input or output of a plan.
struct PyIo {
  std::string type;
  std::vector<uint32_t> shape;
  float scale;
  int32_t zero_point;
  uint32_t bytes;
};

// An output of a step, put together from the rows of its runs as each was when it ended.
struct PyStepOutput {
  uint32_t step;
  uint32_t output;  // of the step's operator
  nb::bytes data;
};

// A plan, its buffers and a Model over them. The plan is proved before it runs: it may come from anywhere.
class Executor {
 public:
  Executor(const nb::bytes& plan, const nb::bytes& model, std::optional<uint32_t> arena_bytes,
           uint32_t arena_misalignment)
      : plan_(plan), model_file_(model) {
    for (uint32_t i = 0; i < kAllVariantsCount; ++i) kernels_.push_back(kAllVariants[i]->kernel);
    kernels_.push_back(kAwaitRows);
    status_ = verify_plan(plan_, VariantTable(kAllVariants, kAllVariantsCount), model_file_.bytes());
    if (status_ != Status::kOk) return;
    const PlanHeader& header = *reinterpret_cast<const PlanHeader*>(plan_.data());
    arena_.emplace(arena_bytes.value_or(header.arena_bytes), arena_misalignment);
    state_.emplace(header.state_bytes);
    const KernelTable table(kernels_.data(), static_cast<uint32_t>(kernels_.size()));
    status_ = runner_.init(plan_.data(), table, Memory(*arena_, *state_, model_file_));
  }
  Executor(const Executor&) = delete;

  std::string status() const { return status_name(status_); }
  uint32_t needed() const { return runner_.needed(); }

  std::vector<PyIo> inputs() {
    std::vector<PyIo> all;
    for (uint32_t i = 0; i < runner().input_count(); ++i) all.push_back(describe(runner_.input(i)));
    return all;
  }
  std::vector<PyIo> outputs() {
    std::vector<PyIo> all;
    for (uint32_t i = 0; i < runner().output_count(); ++i) all.push_back(describe(runner_.output(i)));
    return all;
  }

  void set_input(uint32_t index, const nb::bytes& content) {
    if (index >= runner().input_count()) throw nb::index_error("no such input");
    const Tensor tensor = runner_.input(index);
    if (content.size() != tensor.bytes()) throw nb::value_error("the input has another size");
    memcpy(tensor.raw(), content.c_str(), tensor.bytes());
  }
  nb::bytes output(uint32_t index) {
    if (index >= runner().output_count()) throw nb::index_error("no such output");
    const Tensor tensor = runner_.output(index);
    return nb::bytes(tensor.raw(), tensor.bytes());
  }

  std::string invoke(uint32_t budget) { return status_name(runner().invoke(budget)); }
  // Rows of input 0; returns the status after them.
  std::string push_rows(const nb::bytes& rows) {
    const uint32_t row_bytes = runner().input_row_bytes();
    if (row_bytes != 0 && rows.size() % row_bytes != 0) throw nb::value_error("a part of a row");
    return status_name(runner_.push_rows(rows.c_str(), row_bytes == 0 ? 0 : static_cast<uint32_t>(rows.size() / row_bytes)));
  }
  uint32_t input_rows() { return runner().input_rows(); }
  std::string step() { return status_name(runner().step()); }
  void reset() { runner().reset(); }

  // From now on every step's outputs are copied as they are computed; take_step_outputs() returns and forgets those that
  // are complete.
  void keep_step_outputs() {
    runner().on_step([](void* user, uint32_t step, Rows rows, StepPhase phase) {
      if (phase == StepPhase::kEnd) static_cast<Executor*>(user)->copy_outputs(step, rows);
    }, this);
  }
  std::vector<PyStepOutput> take_step_outputs() {
    std::vector<PyStepOutput> taken;
    std::vector<Copy> left;
    for (Copy& copy : copies_) {
      if (copy.rows_left == 0) {
        taken.push_back({copy.step, copy.output, nb::bytes(copy.content.data(), copy.content.size())});
      } else {
        left.push_back(std::move(copy));
      }
    }
    copies_.swap(left);
    return taken;
  }

  nb::bytes state() {
    runner();
    return state_->to_bytes();
  }
  void set_state(const nb::bytes& content) {
    runner();
    if (content.size() != state_->bytes()) throw nb::value_error("the state has another size");
    memcpy(state_->data(), content.c_str(), state_->bytes());
  }

 private:
  static PyIo describe(const Tensor& tensor) {
    PyIo io{type_name(tensor.type()), {}, tensor.scale(), tensor.zero_point(), tensor.bytes()};
    for (uint32_t axis = 0; axis < tensor.rank(); ++axis) io.shape.push_back(tensor.dim(axis));
    return io;
  }

  Model& runner() {
    if (status_ != Status::kOk) throw std::runtime_error(status_text(status_));
    return runner_;
  }

  // Of a step's output.
  struct Copy {
    uint32_t step, output;
    uint32_t rows_left;
    std::string content;
  };

  // The one that rows are missing from, or another.
  Copy& copy_of(uint32_t step, uint32_t output, const Footprint::TensorRows& tensor) {
    for (Copy& copy : copies_) {
      if (copy.step == step && copy.output == output && copy.rows_left != 0) return copy;
    }
    copies_.push_back({step, output, tensor.rows, std::string(size_t{tensor.rows} * tensor.row_bytes, '\0')});
    return copies_.back();
  }

  void copy_outputs(uint32_t step, Rows rows) {
    const uint8_t* plan = plan_.data();
    const PlanHeader& header = *reinterpret_cast<const PlanHeader*>(plan);
    const PlanStep& entry = reinterpret_cast<const PlanStep*>(plan + header.steps)[step];
    Footprint footprint;
    // Both were proved by verify_plan.
    find_variant(entry.kernel)->footprint(plan + entry.params, &footprint);
    for (uint32_t i = 0; i < footprint.view_count; ++i) {
      const Footprint::TensorRows& tensor = footprint.view[i];
      if (!tensor.operand.is_output) continue;
      const View view = runner_.step_view(step, i);
      Copy& copy = copy_of(step, tensor.operand.index, tensor);
      for (uint32_t row = rows.first; row != rows.last; ++row) {
        memcpy(&copy.content[size_t{row} * tensor.row_bytes], view.row(row), tensor.row_bytes);
      }
      copy.rows_left -= rows.last - rows.first < copy.rows_left ? rows.last - rows.first : copy.rows_left;
    }
  }

  HostBuffer plan_;
  HostBuffer model_file_;
  std::vector<Kernel> kernels_;
  std::optional<HostBuffer> arena_, state_;
  Model runner_;
  Status status_ = Status::kNotInitialized;
  std::vector<Copy> copies_;
};

}  // namespace microplan_python

#endif  // MICROPLAN_CORE_EXECUTOR_H_
