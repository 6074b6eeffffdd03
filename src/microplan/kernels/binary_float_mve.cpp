// SPDX-License-Identifier: Apache-2.0
// ADD, SUB and MUL of float32 for Helium: 4 elements at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/binary_shape.h"
#include "microplan/kernels/mve_float.h"

namespace microplan {

namespace {

Cost cost(const void* in, const Target&) {
  constexpr uint32_t kInstructions = 3;
  return binary_cost(static_cast<const BinaryFloatParams*>(in)->shape, kInstructions);
}

constexpr Variant variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t code) {
  return {kernel, name, operator_name, code,
          DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "broadcasting on both sides",
          false, Overlap::kElementwise, sizeof(BinaryFloatParams),
          BinaryFloat::prepare, nullptr, BinaryFloat::footprint, binary_input_rows, nullptr, nullptr, cost,
          kFeatureMveF};
}

}  // namespace

namespace kernels {

const Variant add_float_mve_variant = variant(add_float_mve, "add_float_mve", "ADD", 0);
const Variant sub_float_mve_variant = variant(sub_float_mve, "sub_float_mve", "SUB", 41);
const Variant mul_float_mve_variant = variant(mul_float_mve, "mul_float_mve", "MUL", 18);

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

namespace microplan {

namespace {

// A run of elements of both inputs; steps are bytes from vector to vector, 0 for an input that repeats.
struct VectorRun {
  const float* a;
  const float* b;
  float* y;
  uint32_t a_step, b_step;
  uint32_t count;  // elements
  FloatRange range;
};

// In assembly, since compilers write no tail-predicated loops and carry predicates through general registers.
// NaN stays: it compares as less than anything, but not as greater.
#define MICROPLAN_FLOAT_LOOP(op)                                                                           \
  const float* a = run.a;                                                                                  \
  const float* b = run.b;                                                                                  \
  float* y = run.y;                                                                                        \
  const float32x4_t lows = vdupq_n_f32(run.range.act_min);                                                 \
  float32x4_t value, other;                                                                                \
  asm volatile(                                                                                            \
      "dlstp.32 lr, %[count]\n"                                                                            \
      "1:\n"                                                                                               \
      "vldrw.32 %q[value], [%[a]]\n"                                                                       \
      "vldrw.32 %q[other], [%[b]]\n"                                                                       \
      op " %q[value], %q[value], %q[other]\n"                                                              \
      "add %[a], %[a], %[a_step]\n"                                                                        \
      "vpt.f32 gt, %q[lows], %q[value]\n"                                                                  \
      "vdupt.32 %q[value], %[low]\n"                                                                       \
      "vpt.f32 gt, %q[value], %[high]\n"                                                                   \
      "vdupt.32 %q[value], %[high]\n"                                                                      \
      "add %[b], %[b], %[b_step]\n"                                                                        \
      "vstrw.32 %q[value], [%[y]], #16\n"                                                                  \
      "letp lr, 1b\n"                                                                                      \
      : [a] "+r"(a), [b] "+r"(b), [y] "+l"(y), [value] "=&w"(value), [other] "=&w"(other)                  \
      : [count] "r"(run.count), [a_step] "r"(run.a_step), [b_step] "r"(run.b_step), [low] "r"(run.range.act_min), \
        [high] "r"(run.range.act_max), [lows] "w"(lows)                                                    \
      : "lr", "cc", "memory")

struct Add {
  [[gnu::noinline]] static void loop(const VectorRun& run) { MICROPLAN_FLOAT_LOOP("vadd.f32"); }
};
struct Subtract {
  [[gnu::noinline]] static void loop(const VectorRun& run) { MICROPLAN_FLOAT_LOOP("vsub.f32"); }
};
struct Multiply {
  [[gnu::noinline]] static void loop(const VectorRun& run) { MICROPLAN_FLOAT_LOOP("vmul.f32"); }
};

#undef MICROPLAN_FLOAT_LOOP

template <typename Op>
Status run(const void* in, Rows rows, const Io& io) {
  const BinaryFloatParams& params = *static_cast<const BinaryFloatParams*>(in);
  const BinarySide a(params.shape, io, 0);
  const BinarySide b(params.shape, io, 1);
  constexpr uint32_t kVectorBytes = 16;
  VectorRun run = {};
  run.a_step = a.step * kVectorBytes;
  run.b_step = b.step * kVectorBytes;
  run.range = {params.act_min, params.act_max};
  const auto run_channels = [&](const float* a_run, const float* b_run, float* y, uint32_t count) {
    float repeated[4];
    run.a = a_run;
    run.b = b_run;
    if ((a.step & b.step) == 0) {
      vstrwq_f32(repeated, vdupq_n_f32(a.step == 0 ? *a_run : *b_run));
      (a.step == 0 ? run.a : run.b) = repeated;
    }
    run.y = y;
    run.count = count;
    Op::loop(run);
  };
  return run_binary_runs<float>(params.shape, run_channels, a, b, rows, io);
}

}  // namespace

namespace kernels {

Status add_float_mve_run(const void* in, Rows rows, const Io& io, void*) { return run<Add>(in, rows, io); }

Status sub_float_mve_run(const void* in, Rows rows, const Io& io, void*) { return run<Subtract>(in, rows, io); }

Status mul_float_mve_run(const void* in, Rows rows, const Io& io, void*) { return run<Multiply>(in, rows, io); }

}  // namespace kernels

}  // namespace microplan

#endif
