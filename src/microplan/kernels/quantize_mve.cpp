// SPDX-License-Identifier: Apache-2.0
// QUANTIZE from int8 to int8 with Helium: by a linear form, or by a table where speed is worth its bytes. DEQUANTIZE of
// int8.
#include "microplan/kernels.h"
#include "microplan/kernels/mve_table.h"
#include "microplan/kernels/quantize_linear.h"
#include "microplan/kernels/quantize_table.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#endif

namespace microplan {

#if defined(__ARM_FEATURE_MVE)

namespace {

// Eight elements at a time, as even and odd ones: the upper halves of their sums are the results before the clamp.
[[gnu::noinline]] void run_row(const int8_t* x, int8_t* y, uint32_t elements, const LinearForm& form) {
  const int32x4_t slope = vdupq_n_s32(form.slope);
  int16x8_t value;
  int32x4_t even, odd;
  asm volatile(
      "dlstp.16 lr, %[count]\n"
      "1:\n"
      "vldrb.s16 %q[value], [%[x]], #8\n"
      "vmovlb.s16 %q[even], %q[value]\n"
      "vmovlt.s16 %q[odd], %q[value]\n"
      "vmlas.s32 %q[even], %q[slope], %[start]\n"
      "vmlas.s32 %q[odd], %q[slope], %[start]\n"
      "vshrnb.i32 %q[value], %q[even], #16\n"
      "vshrnt.i32 %q[value], %q[odd], #16\n"
      "vqmovnb.s16 %q[value], %q[value]\n"
      "vstrb.16 %q[value], [%[y]], #8\n"
      "letp lr, 1b\n"
      : [x] "+l"(x), [y] "+l"(y), [value] "=&w"(value), [even] "=&w"(even), [odd] "=&w"(odd)
      : [count] "r"(elements), [slope] "w"(slope), [start] "r"(form.start)
      : "lr", "memory");
}

}  // namespace

namespace kernels {

Status requantize_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run_linear_form<int8_t>(in, rows, io, run_row);
}

Status requantize_int8_mve_table_run(const void* in, Rows rows, const Io& io, void*) {
  return run_table(mve::look_up, in, rows, io);
}

}  // namespace kernels

#endif

namespace kernels {

const Variant requantize_int8_mve_variant =
    LinearFormRow<int8_t, 5>::variant(requantize_int8_mve, "requantize_int8_mve", kFeatureMve);

const Variant requantize_int8_mve_table_variant =
    requantize_table_variant<1>(requantize_int8_mve_table, "requantize_int8_mve_table", kFeatureMve);

}  // namespace kernels

}  // namespace microplan
