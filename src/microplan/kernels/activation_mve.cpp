// SPDX-License-Identifier: Apache-2.0
// Activations of int8 with Helium: sixteen lookups at a time.
#include "microplan/kernels/mve_table.h"

#if defined(__ARM_FEATURE_MVE)

#include "microplan/kernels.h"
#include "microplan/kernels/elementwise.h"

namespace microplan {
namespace kernels {

Status logistic_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run_table(mve::look_up, in, rows, io);
}

Status relu_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run_table(mve::look_up, in, rows, io);
}

Status relu6_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run_table(mve::look_up, in, rows, io);
}

Status leaky_relu_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run_table(mve::look_up, in, rows, io);
}

Status tanh_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run_table(mve::look_up, in, rows, io);
}

}  // namespace kernels
}  // namespace microplan

#endif
