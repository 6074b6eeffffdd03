// SPDX-License-Identifier: Apache-2.0
// ADD and SUB of int8 by a linear form: two multiplications, a shift and a clamp.
#include "microplan/kernels.h"
#include "microplan/kernels/binary_linear.h"
#include "microplan/kernels/dsp.h"

namespace microplan {

namespace {

// kFull: the clamp is the type's own, one instruction on most cores. A function of its own has the
// registers to itself.
template <bool kFull>
[[gnu::noinline]] void run_loop(const LinearRun& run) {
  const LinearSum sum = run.sum;
  const int32_t low = run.act_min;
  const int32_t high = run.act_max;
  const int8_t* a = run.a;
  const int8_t* b = run.b;
  int8_t* y = run.y;
  int8_t* const end = y + run.count;
  do {
    const int32_t products = wrap_add(wrap_mul(sum.slope[0], *a++), wrap_mul(sum.slope[1], *b++));
    const int32_t value = wrap_add(products, sum.start) >> (sum.shift & 31);
    *y++ = static_cast<int8_t>(kFull ? dsp::ssat<8>(value) : clamp(value, low, high));
  } while (y != end);
}

void run_any(const LinearRun& run) {
  if (run.act_min == INT8_MIN && run.act_max == INT8_MAX) {
    run_loop<true>(run);
  } else {
    run_loop<false>(run);
  }
}

constexpr uint32_t kInstructions = 10;
using Add = LinearRow<AddOf<int8_t>, AddParams, kInstructions>;
using Sub = LinearRow<SubOf<int8_t>, SubParams, kInstructions>;

}  // namespace

namespace kernels {

Status add_int8_base_run(const void* in, Rows rows, const Io& io, void*) {
  return run_linear<AddParams>(in, rows, io, run_any);
}

Status sub_int8_base_run(const void* in, Rows rows, const Io& io, void*) {
  return run_linear<SubParams>(in, rows, io, run_any);
}

const Variant add_int8_base_variant = Add::variant(add_int8_base, "add_int8_base", "ADD", 0, 0);

const Variant sub_int8_base_variant = Sub::variant(sub_int8_base, "sub_int8_base", "SUB", 41, 0);

}  // namespace kernels

}  // namespace microplan
