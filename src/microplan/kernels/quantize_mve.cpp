// SPDX-License-Identifier: Apache-2.0
// QUANTIZE from int8 to int8 with Helium: by a linear form, or by a table where speed is worth its bytes.
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

// Eight elements, as even and odd ones: the upper halves of their sums are the results before the clamp.
int16x8_t linear(int16x8_t x, int32x4_t slope, int32_t start) {
  const int32x4_t even = vmlasq_n_s32(vmovlbq_s16(x), slope, start);
  const int32x4_t odd = vmlasq_n_s32(vmovltq_s16(x), slope, start);
  const int16x8_t value = vshrntq_n_s32(vshrnbq_n_s32(x, even, LinearForm::kShift), odd, LinearForm::kShift);
  return vreinterpretq_s16_s8(vqmovnbq_s16(vreinterpretq_s8_s16(value), value));
}

[[gnu::noinline]] void run_row(const int8_t* x, int8_t* y, uint32_t elements, const LinearForm& form) {
  const int32x4_t slope = vdupq_n_s32(form.slope);
  const int32_t start = form.start;
  for (uint32_t blocks = elements / 8; blocks != 0; --blocks) {
    vstrbq_s16(y, linear(vldrbq_s16(x), slope, start));
    x += 8;
    y += 8;
  }
  if (elements % 8 == 0) return;
  const mve_pred16_t lanes = vctp16q(elements % 8);
  vstrbq_p_s16(y, linear(vldrbq_z_s16(x, lanes), slope, start), lanes);
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
    LinearFormRow<int8_t, 6>::variant(requantize_int8_mve, "requantize_int8_mve", kFeatureMve);

const Variant requantize_int8_mve_table_variant =
    requantize_table_variant<1>(requantize_int8_mve_table, "requantize_int8_mve_table", kFeatureMve);

}  // namespace kernels

}  // namespace microplan
