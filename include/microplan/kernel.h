// SPDX-License-Identifier: Apache-2.0
// What a kernel is to the executor: an identity and a run function over a range of output rows.
#ifndef MICROPLAN_KERNEL_H_
#define MICROPLAN_KERNEL_H_

#include <stdint.h>

#include "microplan/plan.h"
#include "microplan/status.h"

namespace microplan {

// Rows of a tensor in memory: the whole of it, or a ring that holds the newest ring_rows of them.
struct View {
  uint8_t* base;
  uint32_t row_stride;
  uint32_t ring_rows;

  uint8_t* row(uint32_t index) const {
    if (index >= ring_rows) return base + remainder(index, ring_rows) * row_stride;
    return base + index * row_stride;
  }
  template <typename T>
  T* row_as(uint32_t index) const {
    return reinterpret_cast<T*>(row(index));
  }

  // Out of line and cold: compilers would rather prepare the division for all the views that are whole, and branch over
  // the call.
  [[gnu::noinline, gnu::cold]] static uint32_t remainder(uint32_t index, uint32_t rows) { return index % rows; }
};

// Where the executor goes on: run `run` of list `list`.
struct Position {
  uint16_t list;
  uint16_t run;
};

// The base address of every segment, indexed by Segment; segments from kExtra on go through `extra`.
struct Bases {
  const uint8_t* base[static_cast<uint32_t>(Segment::kExtra)];
  uint8_t* const* extra;

  const uint8_t* resolve(Ref ref) const {
    const uint32_t segment = static_cast<uint32_t>(ref.segment());
    return segment < kExtra ? base[segment] + ref.offset() : resolve_extra(ref);
  }

 private:
  static constexpr uint32_t kExtra = static_cast<uint32_t>(Segment::kExtra);

  // Out of line, because few operands lie there: this must not cost the others.
  [[gnu::noinline, gnu::cold]] const uint8_t* resolve_extra(Ref ref) const {
    return extra[static_cast<uint32_t>(ref.segment()) - kExtra] + ref.offset();
  }
};

// The operands of one step. Views come first (inputs, then outputs), in the order that the kernel's footprint names
// them; constants follow.
class Io {
 public:
  Io(const Bases& bases, const void* operands, uint32_t view_count, Position* next)
      : bases_(bases),
        views_(static_cast<const PlanView*>(operands)),
        constants_(reinterpret_cast<const Ref*>(views_ + view_count)),
        next_(next) {}

  View view(uint32_t index) const {
    const PlanView& view = views_[index];
    return View{const_cast<uint8_t*>(bases_.resolve(view.ref)), view.row_stride, view.ring_rows};
  }

  // nullptr for an absent operand.
  template <typename T>
  const T* constant(uint32_t index) const {
    return reinterpret_cast<const T*>(bases_.resolve(constants_[index]));
  }

  // For control kernels: where the executor goes on instead of the following run.
  void jump(Position position) const { *next_ = position; }

 private:
  const Bases& bases_;
  const PlanView* views_;
  const Ref* constants_;
  Position* next_;
};

// Computes output rows `rows`. `params` is what the kernel's prepare made, `scratch` is scratch_bytes() long and
// 16-aligned. Returns kOk, kPending (call again with the same arguments), or an error that ends the inference.
using RunFunction = Status (*)(const void* params, Rows rows, const Io& io, void* scratch);

struct Kernel {
  uint16_t id;
  uint16_t abi;
  RunFunction run;  // nullptr where the build lacks what it needs
};

// The kernels that a firmware has; steps name them by id, the order does not matter.
struct KernelTable {
  const Kernel* kernels = nullptr;
  uint32_t count = 0;

  constexpr KernelTable() = default;
  template <uint32_t kCount>
  constexpr KernelTable(const Kernel (&table)[kCount]) : kernels(table), count(kCount) {}
  constexpr KernelTable(const Kernel* table, uint32_t size) : kernels(table), count(size) {}

  // nullptr when there is none that can run.
  const Kernel* find(uint16_t id) const {
    for (uint32_t i = 0; i < count; ++i) {
      if (kernels[i].id == id) return kernels[i].run != nullptr ? &kernels[i] : nullptr;
    }
    return nullptr;
  }

  // One that find() finds.
  const Kernel& get(uint16_t id) const {
    const Kernel* kernel = kernels;
    while (kernel->id != id) ++kernel;
    return *kernel;
  }
};

}  // namespace microplan

#endif  // MICROPLAN_KERNEL_H_
