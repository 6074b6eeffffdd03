// SPDX-License-Identifier: Apache-2.0
// The kernels to choose from: `kernels::conv_2d_int8` and so on are rows for a KernelTable; only what a table names is
// linked. `kernels::conv_2d_int8_variant` is the planner's side, for firmware that plans.
#ifndef MICROPLAN_KERNELS_H_
#define MICROPLAN_KERNELS_H_

#include "microplan/config.h"
#include "microplan/kernel.h"
#include "microplan/operator.h"

namespace microplan {
namespace kernels {

// A kernel whose features the build does not have is a row without a function: a laptop plans with it.
#define MICROPLAN_KERNEL(symbol, id, abi, features)                                                            \
  Status symbol##_run(const void* params, Rows rows, const Io& io, void* scratch);                             \
  constexpr Kernel symbol{id, abi, (kKernelFeatures & (features)) == (features) ? symbol##_run : nullptr};     \
  extern const Variant symbol##_variant;
#include "microplan/kernels/kernels.def"
#undef MICROPLAN_KERNEL

}  // namespace kernels

// Every kernel that the library has, for the laptop and for firmware that takes any model.
extern const Variant* const kAllVariants[];
extern const uint32_t kAllVariantsCount;

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_H_
