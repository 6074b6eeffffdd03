// SPDX-License-Identifier: Apache-2.0
// ADD and SUB of int8 by a linear form with Helium: four elements at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/binary_linear.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#endif

namespace microplan {

namespace {

constexpr uint32_t kInstructions = 3;
using Add = LinearRow<AddOf<int8_t>, AddParams, kInstructions>;
using Sub = LinearRow<SubOf<int8_t>, SubParams, kInstructions>;

#if defined(__ARM_FEATURE_MVE)

// A loop in assembly, since compilers write no tail-predicated loops with loads that advance their address.
void run_loop(const LinearRun& run) {
  const int32x4_t slope = vdupq_n_s32(run.sum.slope[0]);
  const int32x4_t low = vdupq_n_s32(run.act_min);
  const int32x4_t high = vdupq_n_s32(run.act_max);
  const int32_t shift = -(run.sum.shift & 31);
  const int8_t* a = run.a;
  const int8_t* b = run.b;
  int8_t* y = run.y;
  int32x4_t value, other;
  asm volatile(
      "dlstp.32 lr, %[count]\n"
      "1:\n"
      "vldrb.s32 %q[value], [%[a]], #4\n"
      "vldrb.s32 %q[other], [%[b]], #4\n"
      "vmlas.s32 %q[value], %q[slope], %[start]\n"
      "vmla.s32 %q[value], %q[other], %[other_slope]\n"
      "vshl.s32 %q[value], %[shift]\n"
      "vmax.s32 %q[value], %q[value], %q[low]\n"
      "vmin.s32 %q[value], %q[value], %q[high]\n"
      "vstrb.32 %q[value], [%[y]], #4\n"
      "letp lr, 1b\n"
      : [a] "+l"(a), [b] "+l"(b), [y] "+l"(y), [value] "=&w"(value), [other] "=&w"(other)
      : [count] "r"(run.count), [slope] "w"(slope), [start] "r"(run.sum.start), [other_slope] "r"(run.sum.slope[1]),
        [shift] "r"(shift), [low] "w"(low), [high] "w"(high)
      : "lr", "memory");
}

#endif

}  // namespace

namespace kernels {

#if defined(__ARM_FEATURE_MVE)

Status add_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run_linear<AddParams>(in, rows, io, run_loop);
}

Status sub_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run_linear<SubParams>(in, rows, io, run_loop);
}

#endif

const Variant add_int8_mve_variant = Add::variant(add_int8_mve, "add_int8_mve", "ADD", 0, kFeatureMve);

const Variant sub_int8_mve_variant = Sub::variant(sub_int8_mve, "sub_int8_mve", "SUB", 41, kFeatureMve);

}  // namespace kernels

}  // namespace microplan
