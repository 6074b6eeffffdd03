// SPDX-License-Identifier: Apache-2.0
// ADD, SUB and MUL of int8 with Helium, four elements at a time: ADD and SUB by a linear form.
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

bool supports_mul(const void* in, const Target&) { return static_cast<const MulParams*>(in)->by.shift < 0; }

Cost cost_mul(const void* in, const Target&) {
  constexpr uint32_t kMul = 4;
  return binary_cost(static_cast<const MulParams*>(in)->shape, kMul);
}

#if defined(__ARM_FEATURE_MVE)

// The loops are in assembly, since compilers write no tail-predicated loops with loads that advance their address.

[[gnu::noinline]] void run_loop(const LinearRun& run) {
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

// Products are below 2^17 and the shift goes to the right, so that halves of negative values, which VRSHL would round up,
// are rounded down by taking 1 off. Where an input repeats, its factor is not element + offset, but 0 * element + factor.
[[gnu::noinline]] void multiply(const MulParams& params, const BinarySide& a_side, const BinarySide& b_side,
                                const int8_t* a, const int8_t* b, int8_t* y, uint32_t count) {
  const int32_t a_term = wrap_add(params.offset[0], a_side.step == 0 ? *a : 0);
  const int32_t b_term = wrap_add(params.offset[1], b_side.step == 0 ? *b : 0);
  if (a_side.step == 0) a = b;
  if (b_side.step == 0) b = a;
  const int32x4_t a_unit = vdupq_n_s32(static_cast<int32_t>(a_side.step));
  const int32x4_t b_unit = vdupq_n_s32(static_cast<int32_t>(b_side.step));
  const int32x4_t multiplier = vdupq_n_s32(params.by.multiplier);
  const int32x4_t zero_point = vdupq_n_s32(params.output_offset);
  const int32x4_t low = vdupq_n_s32(params.act_min);
  const int32x4_t high = vdupq_n_s32(params.act_max);
  int32x4_t value, other;
  asm volatile(
      "dlstp.32 lr, %[count]\n"
      "1:\n"
      "vldrb.s32 %q[value], [%[a]], #4\n"
      "vldrb.s32 %q[other], [%[b]], #4\n"
      "vmlas.s32 %q[value], %q[a_unit], %[a_term]\n"
      "vmlas.s32 %q[other], %q[b_unit], %[b_term]\n"
      "vmul.i32 %q[value], %q[value], %q[other]\n"
      "vqrdmulh.s32 %q[value], %q[value], %q[multiplier]\n"
      "vshr.s32 %q[other], %q[value], #31\n"
      "vadd.i32 %q[value], %q[value], %q[other]\n"
      "vrshl.s32 %q[value], %[shift]\n"
      "vadd.i32 %q[value], %q[value], %q[zero_point]\n"
      "vmax.s32 %q[value], %q[value], %q[low]\n"
      "vmin.s32 %q[value], %q[value], %q[high]\n"
      "vstrb.32 %q[value], [%[y]], #4\n"
      "letp lr, 1b\n"
      : [a] "+l"(a), [b] "+l"(b), [y] "+l"(y), [value] "=&w"(value), [other] "=&w"(other)
      : [count] "r"(count), [a_unit] "w"(a_unit), [b_unit] "w"(b_unit), [a_term] "r"(a_term), [b_term] "r"(b_term),
        [shift] "r"(params.by.shift), [multiplier] "w"(multiplier), [zero_point] "w"(zero_point), [low] "w"(low),
        [high] "w"(high)
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

Status mul_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  const MulParams& params = *static_cast<const MulParams*>(in);
  const BinarySide a(params.shape, io, 0);
  const BinarySide b(params.shape, io, 1);
  const auto run = [&](const int8_t* a_run, const int8_t* b_run, int8_t* y, uint32_t count) {
    multiply(params, a, b, a_run, b_run, y, count);
  };
  return run_binary_runs<int8_t>(params.shape, run, a, b, rows, io);
}

#endif

const Variant add_int8_mve_variant = Add::variant(add_int8_mve, "add_int8_mve", "ADD", 0, kFeatureMve);

const Variant sub_int8_mve_variant = Sub::variant(sub_int8_mve, "sub_int8_mve", "SUB", 41, kFeatureMve);

const Variant mul_int8_mve_variant = {
    mul_int8_mve, "mul_int8_mve", "MUL", 18,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "broadcasting on both sides",
    false, Overlap::kElementwise, sizeof(MulParams),
    MulOf<int8_t>::prepare, supports_mul, MulOf<int8_t>::footprint, binary_input_rows, nullptr, nullptr, cost_mul,
    kFeatureMve};

}  // namespace kernels

}  // namespace microplan
