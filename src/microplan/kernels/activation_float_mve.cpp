// SPDX-License-Identifier: Apache-2.0
// RELU, RELU6 and LEAKY_RELU of float32 with Helium: 4 elements at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/activation.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)
#include <arm_mve.h>
#endif

namespace microplan {

namespace kernels {

const Variant relu_float_mve_variant =
    activation_float_variant<ActivationParams, 2>(relu_float_mve, "relu_float_mve", "RELU", 19, kFeatureMveF);
const Variant relu6_float_mve_variant =
    activation_float_variant<ActivationParams, 2>(relu6_float_mve, "relu6_float_mve", "RELU6", 21, kFeatureMveF);
const Variant leaky_relu_float_mve_variant = activation_float_variant<LeakyReluFloatParams, 2>(
    leaky_relu_float_mve, "leaky_relu_float_mve", "LEAKY_RELU", 98, kFeatureMveF);

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

namespace microplan {

namespace {

// In assembly, since compilers write no tail-predicated loops and carry predicates through general registers. NaN compares as less
// than anything, but not as greater; multiplied it stays.
#define MICROPLAN_ACTIVATION(name, operations)                                             \
  [[gnu::noinline]] void name(const float* x, float* y, uint32_t elements, float factor) { \
    const float32x4_t zeros = vdupq_n_f32(0);                                              \
    float32x4_t value;                                                                     \
    asm volatile(                                                                          \
        "dlstp.32 lr, %[elements]\n"                                                       \
        "1:\n"                                                                             \
        "vldrw.32 %q[value], [%[x]], #16\n" operations                                     \
        "vstrw.32 %q[value], [%[y]], #16\n"                                                \
        "letp lr, 1b\n"                                                                    \
        : [x] "+l"(x), [y] "+l"(y), [value] "=&w"(value)                                   \
        : [elements] "r"(elements), [factor] "r"(factor), [zero] "r"(0), [zeros] "w"(zeros)\
        : "lr", "cc", "memory");                                                           \
  }

MICROPLAN_ACTIVATION(relu_row, "vpt.f32 gt, %q[zeros], %q[value]\nvdupt.32 %q[value], %[zero]\n")
MICROPLAN_ACTIVATION(relu6_row,
                     "vpt.f32 gt, %q[zeros], %q[value]\nvdupt.32 %q[value], %[zero]\n"
                     "vpt.f32 gt, %q[value], %[factor]\nvdupt.32 %q[value], %[factor]\n")
MICROPLAN_ACTIVATION(leaky_relu_row, "vpt.f32 le, %q[value], zr\nvmult.f32 %q[value], %q[value], %[factor]\n")

#undef MICROPLAN_ACTIVATION

Status run(void (*run_row)(const float*, float*, uint32_t, float), float factor, const void* in, Rows rows,
           const Io& io) {
  const uint32_t elements = static_cast<const RowSplit*>(in)->elements;
  const View input = io.view(0);
  const View output = io.view(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    run_row(input.row_as<float>(row), output.row_as<float>(row), elements, factor);
  }
  return Status::kOk;
}

}  // namespace

namespace kernels {

Status relu_float_mve_run(const void* in, Rows rows, const Io& io, void*) { return run(relu_row, 0, in, rows, io); }

Status relu6_float_mve_run(const void* in, Rows rows, const Io& io, void*) { return run(relu6_row, 6, in, rows, io); }

Status leaky_relu_float_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run(leaky_relu_row, static_cast<const LeakyReluFloatParams*>(in)->alpha, in, rows, io);
}

}  // namespace kernels

}  // namespace microplan

#endif
