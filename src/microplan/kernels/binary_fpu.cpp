// SPDX-License-Identifier: Apache-2.0
// ADD, SUB and MUL of float32 for cores with a scalar floating-point unit: 8 elements at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/binary_shape.h"
#include "microplan/kernels/fpu_clamp.h"

namespace microplan {

namespace {

Cost cost(const void* in, const Target&) {
  constexpr uint32_t kInstructions = 5;
  return binary_cost(static_cast<const BinaryFloatParams*>(in)->shape, kInstructions);
}

constexpr Variant variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t code) {
  return {kernel, name, operator_name, code,
          DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "broadcasting on both sides",
          false, Overlap::kElementwise, sizeof(BinaryFloatParams),
          BinaryFloat::prepare, nullptr, BinaryFloat::footprint, binary_input_rows, nullptr, nullptr, cost,
          kFeatureFpu};
}

}  // namespace

namespace kernels {

const Variant add_float_fpu_variant = variant(add_float_fpu, "add_float_fpu", "ADD", 0);
const Variant sub_float_fpu_variant = variant(sub_float_fpu, "sub_float_fpu", "SUB", 41);
const Variant mul_float_fpu_variant = variant(mul_float_fpu, "mul_float_fpu", "MUL", 18);

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_HAS_FPU

namespace microplan {

namespace {

constexpr uint32_t kBlock = 8;

// Read by assembly: the order matters.
struct Blocks {
  const float* a;
  const float* b;
  uint32_t count;           // of blocks, at least one
  uint32_t a_step, b_step;  // bytes from block to block: 0 for an input that repeats
  float* y;
  fpu::Clamp clamp;
  float high;
};

// The number of blocks that are left when one is not done here: it is general, or may have an infinity or NaN.
using BlockFunction = uint32_t (*)(const Blocks*);

#if defined(__arm__) && defined(__ARM_FP) && (__ARM_FP & 4)

// r0 a, r1 b, r2 blocks, r3 and r9 steps, r8 y, r10 clamp, lr its bound.
#define MICROPLAN_BLOCKS(op)      \
  ".syntax unified\n"             \
  "push {r4-r11, lr}\n"           \
  "vpush {s16-s23}\n"             \
  "mov r12, r0\n"                 \
  "ldm r12, {r0-r4, r8, r10, lr}\n" \
  "mov r9, r4\n"                  \
  "1:\n"                          \
  "vldmia r0, {s0-s7}\n"          \
  "add r0, r0, r3\n"              \
  "vldmia r1, {s8-s15}\n"         \
  "add r1, r1, r9\n"              \
  op " s16, s0, s8\n"             \
  op " s17, s1, s9\n"             \
  op " s18, s2, s10\n"            \
  op " s19, s3, s11\n"            \
  op " s20, s4, s12\n"            \
  op " s21, s5, s13\n"            \
  op " s22, s6, s14\n"            \
  op " s23, s7, s15\n"            \
  MICROPLAN_FPU_STORE_CLAMPED     \
  "subs r2, r2, #1\n"             \
  "bne 1b\n"                      \
  "29:\n"                         \
  "mov r0, r2\n"                  \
  "vpop {s16-s23}\n"              \
  "pop {r4-r11, pc}\n"

__attribute__((naked, noinline)) uint32_t add_blocks(const Blocks*) { asm volatile(MICROPLAN_BLOCKS("vadd.f32")); }
__attribute__((naked, noinline)) uint32_t sub_blocks(const Blocks*) { asm volatile(MICROPLAN_BLOCKS("vsub.f32")); }
__attribute__((naked, noinline)) uint32_t mul_blocks(const Blocks*) { asm volatile(MICROPLAN_BLOCKS("vmul.f32")); }

#undef MICROPLAN_BLOCKS

#else

// Every block is done by the caller.
uint32_t add_blocks(const Blocks* blocks) { return blocks->count; }
uint32_t sub_blocks(const Blocks* blocks) { return blocks->count; }
uint32_t mul_blocks(const Blocks* blocks) { return blocks->count; }

#endif

// Eight times the number.
struct Repeated {
  float values[kBlock];

  const float* fill(const float* number) {
    for (float& value : values) value = *number;
    return values;
  }
};

template <typename Op, BlockFunction run_blocks>
Status run(const void* in, Rows rows, const Io& io) {
  const BinaryFloatParams& params = *static_cast<const BinaryFloatParams*>(in);
  const BinarySide a(params.shape, io, 0);
  const BinarySide b(params.shape, io, 1);
  const Clamped<float, Op> op = {Op(), params.act_min, params.act_max};
  constexpr uint32_t kBlockBytes = kBlock * sizeof(float);
  Blocks blocks = {nullptr, nullptr, 0, a.step * kBlockBytes, b.step * kBlockBytes, nullptr,
                   fpu::clamp_of(params.act_min, params.act_max), params.act_max};
  const auto run_channels = [&](const float* a_run, const float* b_run, float* y, uint32_t count) {
    Repeated repeated;
    while (count >= kBlock && blocks.clamp != fpu::Clamp::kGeneral) {
      blocks.a = a.step == 0 ? repeated.fill(a_run) : a_run;
      blocks.b = b.step == 0 ? repeated.fill(b_run) : b_run;
      blocks.y = y;
      blocks.count = count / kBlock;
      const uint32_t left = run_blocks(&blocks);
      // One block is done by comparisons, and then the others are tried again.
      const uint32_t done = (blocks.count - left) * kBlock;
      const uint32_t slow = left == 0 ? 0 : kBlock;
      run_binary_channels(op, a_run + done * a.step, a.step, b_run + done * b.step, b.step, y + done, slow);
      a_run += (done + slow) * a.step;
      b_run += (done + slow) * b.step;
      y += done + slow;
      count -= done + slow;
    }
    run_binary_channels(op, a_run, a.step, b_run, b.step, y, count);
  };
  return run_binary_runs<float>(params.shape, run_channels, a, b, rows, io);
}

}  // namespace

namespace kernels {

Status add_float_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  return run<FloatSum, add_blocks>(in, rows, io);
}

Status sub_float_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  return run<FloatDifference, sub_blocks>(in, rows, io);
}

Status mul_float_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  return run<FloatProduct, mul_blocks>(in, rows, io);
}

}  // namespace kernels

}  // namespace microplan

#endif
