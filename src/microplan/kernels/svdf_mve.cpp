// SPDX-License-Identifier: Apache-2.0
// SVDF, int8 with a state of int8 or int16, for Helium: the state of all filters moves on as one vector; features, four
// filters at a time, go where it leaves gaps; the time products of a unit are one dot product.
#include "microplan/kernels.h"
#include "microplan/kernels/mve.h"
#include "microplan/kernels/mve_dot.h"
#include "microplan/kernels/svdf.h"

namespace microplan {

namespace {

constexpr uint32_t kLanes = 4;

uint32_t filters_of(const SvdfShape& shape) { return shape.units * shape.rank; }
uint32_t start_bytes(const SvdfShape& shape) { return (filters_of(shape) + shape.units) * 4; }

// Constants: feature and time weights as the model has them; what sums begin with, int32[filters] and int32[units].
template <typename T>
bool footprint(const void* in, Footprint* footprint) {
  if (!svdf_footprint<T>(in, footprint)) return false;
  footprint->constant_count = 2;
  footprint->add_constant(start_bytes(static_cast<const SvdfParams*>(in)->shape), 4);
  return true;
}

template <typename T>
void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const SvdfParams& params = *static_cast<const SvdfParams*>(in);
  writer.tensor(kSvdfFeature, 1);
  writer.tensor(kSvdfTime, sizeof(T));
  if (!writer.begin(start_bytes(params.shape))) return;
  for (uint32_t filter = 0; filter < filters_of(params.shape); ++filter) {
    const int32_t start = svdf_feature_start(context, params, filter);
    writer.append(&start, sizeof start);
  }
  for (uint32_t unit = 0; unit < params.shape.units; ++unit) {
    const int32_t start = svdf_time_start<T>(context, params, unit);
    writer.append(&start, sizeof start);
  }
}

uint64_t quotient_up(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

template <typename T>
Cost cost(const void* in, const Target&) {
  const SvdfShape& shape = static_cast<const SvdfParams*>(in)->shape;
  const uint64_t filters = filters_of(shape);
  const uint64_t products = filters < kLanes ? filters : quotient_up(filters, kLanes);
  const uint64_t features = products * (65 + 10 * quotient_up(shape.depth, 16));
  const uint64_t times = shape.units * (8 + 4 * quotient_up(uint64_t{shape.rank} * shape.memory * sizeof(T), 16)) +
                         quotient_up(shape.units, kLanes) * 50;
  const uint64_t moves = 3 * quotient_up(filters * shape.memory * sizeof(T), 16);
  return {shape.rows * filters * (static_cast<uint64_t>(shape.depth) + shape.memory),
          100 + shape.rows * (100 + features + times + moves), static_cast<uint32_t>(filters) * 4};
}

template <typename T>
constexpr Variant variant(const Kernel& kernel, const char* name, const char* note) {
  return {kernel, name, "SVDF", 27,
          DataType::kInt8, DataType::kInt8, DataType::kInt8, note,
          false, Overlap::kRows, sizeof(SvdfParams),
          svdf_prepare_integer, svdf_supports<T>, footprint<T>, svdf_input_rows, nullptr, pack<T>, cost<T>,
          kFeatureMve};
}

}  // namespace

namespace kernels {

const Variant svdf_int8_mve_variant = variant<int8_t>(svdf_int8_mve, "svdf_int8_mve", "int8 state");
const Variant svdf_int8_int16_mve_variant =
    variant<int16_t>(svdf_int8_int16_mve, "svdf_int8_int16_mve", "int16 state and time weights");

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE)

namespace microplan {

namespace {

// Units whose sums over time are made at once, on the stack; a multiple of kLanes.
constexpr uint32_t kBlock = 16;

// memmove() towards lower addresses. Loops with tail predication, which compilers do not make.
[[gnu::naked, gnu::noinline]] void move_down(void*, const void*, uint32_t) {
  asm volatile(
      ".syntax unified\n"
      "  push {r4, lr}\n"
      "  wlstp.8 lr, r2, 2f\n"
      "1:\n"
      "  vldrb.8 q0, [r1], #16\n"
      "  vstrb.8 q0, [r0], #16\n"
      "  letp lr, 1b\n"
      "2:\n"
      "  pop {r4, pc}\n");
}

// sums[i] = sum over k of a[i * length + k] * b[i * length + k], modulo 2^32, for `count` sums, at least 1. r6: from
// where a sum's loop ends to where the next one begins.
#define MICROPLAN_MVE_DOT_PAIRS(size, load, round, bytes) \
  asm volatile(                                           \
      ".syntax unified\n"                                 \
      "  push {r4, r5, r6, lr}\n"                         \
      "  ldr r5, [sp, #16]\n"                             \
      "  mov r4, r0\n"                                    \
      "  add r6, r3, #" round "\n"                        \
      "  bic r6, r6, #" round "\n"                        \
      "  sub r6, r3, r6\n"                                \
      bytes                                               \
      "3:\n"                                              \
      "  movs r0, #0\n"                                   \
      "  wlstp." size " lr, r3, 2f\n"                     \
      "1:\n"                                              \
      "  " load " q0, [r1], #16\n"                        \
      "  " load " q1, [r2], #16\n"                        \
      "  vmladava.s" size " r0, q0, q1\n"                 \
      "  letp lr, 1b\n"                                   \
      "2:\n"                                              \
      "  add r1, r1, r6\n"                                \
      "  add r2, r2, r6\n"                                \
      "  str r0, [r4], #4\n"                              \
      "  subs r5, r5, #1\n"                               \
      "  bne 3b\n"                                        \
      "  pop {r4, r5, r6, pc}\n")

[[gnu::naked, gnu::noinline]] void dot_pairs(int32_t*, const int8_t*, const int8_t*, uint32_t, uint32_t) {
  MICROPLAN_MVE_DOT_PAIRS("8", "vldrb.8", "15", "");
}
[[gnu::naked, gnu::noinline]] void dot_pairs(int32_t*, const int16_t*, const int16_t*, uint32_t, uint32_t) {
  MICROPLAN_MVE_DOT_PAIRS("16", "vldrh.16", "7", "  lsls r6, r6, #1\n");
}

#undef MICROPLAN_MVE_DOT_PAIRS

// One value for each lane of `used`, `stride` elements from each other.
void scatter(int8_t* to, uint32_t stride, int32x4_t values, mve_pred16_t used) {
  vstrbq_scatter_offset_p_s32(to, vmulq_n_u32(vidupq_n_u32(0, 1), stride), values, used);
}
void scatter(int16_t* to, uint32_t stride, int32x4_t values, mve_pred16_t used) {
  vstrhq_scatter_shifted_offset_p_s32(to, vmulq_n_u32(vidupq_n_u32(0, 1), stride), values, used);
}

int32x4_t requantize(int32x4_t value, Requantize by) {
  return by.shift < 0 ? mve::requantize_fast(value, by.multiplier, by.shift)
                      : mve::requantize(value, by.multiplier, by.shift);
}

// The newest value of every filter.
template <typename T>
void append_features(const SvdfParams& params, const int8_t* x, const int8_t* feature, const int32_t* starts,
                     T* state) {
  const SvdfShape& shape = params.shape;
  const uint32_t filters = filters_of(shape);
  const uint32_t lanes = filters < kLanes ? filters : kLanes;
  const mve_pred16_t used = vctp32q(lanes);
  constexpr int32_t kHigh = sizeof(T) == 1 ? INT8_MAX : INT16_MAX;
  T* const newest = state + shape.memory - 1;
  for (uint32_t filter = 0; filter < filters; filter += lanes) {
    // The last block begins so early that it is whole.
    if (filter + lanes > filters) filter = filters - lanes;
    const int32x4_t sums = mve::dot_lanes(vldrwq_z_s32(starts + filter, used), x, feature + filter * shape.depth,
                                          shape.depth, lanes);
    const int32x4_t value = mve::clamp(requantize(sums, params.feature), vdupq_n_s32(-kHigh - 1), vdupq_n_s32(kHigh));
    // As in TensorFlow Lite the clamp comes before the zero point, so that a value far from it wraps.
    scatter(newest + filter * shape.memory, shape.memory, vaddq_n_s32(value, params.state_zero_point), used);
  }
}

template <typename T>
void make_outputs(const SvdfParams& params, const T* state, const T* time, const int32_t* starts, int8_t* y) {
  const uint32_t length = params.shape.rank * params.shape.memory;
  const uint32_t units = params.shape.units;
  for (uint32_t first = 0; first < units; first += kBlock) {
    int32_t sums[kBlock];
    const uint32_t count = units - first < kBlock ? units - first : kBlock;
    dot_pairs(sums, state + first * length, time + first * length, length, count);
    for (uint32_t i = 0; i < count; i += kLanes) {
      const mve_pred16_t used = vctp32q(count - i);
      const int32x4_t sum = vaddq_s32(vldrwq_z_s32(sums + i, used), vldrwq_z_s32(starts + first + i, used));
      const int32x4_t value = vaddq_n_s32(requantize(sum, params.time), params.output_offset);
      vstrbq_p_s32(y + first + i, mve::clamp(value, vdupq_n_s32(INT8_MIN), vdupq_n_s32(INT8_MAX)), used);
    }
  }
}

template <typename T>
Status run(const void* in, Rows rows, const Io& io) {
  const SvdfParams& params = *static_cast<const SvdfParams*>(in);
  const uint32_t filters = filters_of(params.shape);
  const uint32_t values = filters * params.shape.memory;
  const View input = io.view(0);
  const View output = io.view(2);
  const int32_t* const starts = io.constant<int32_t>(2);
  T* state = io.view(1).row_as<T>(0) + rows.first * values;
  for (uint32_t row = rows.first; row < rows.last; ++row, state += values) {
    // Where a filter gets the next one's oldest value its newest comes.
    move_down(state, state + 1, (values - 1) * static_cast<uint32_t>(sizeof(T)));
    append_features(params, input.row_as<int8_t>(row), io.constant<int8_t>(0), starts, state);
    make_outputs(params, state, io.constant<T>(1), starts + filters, output.row_as<int8_t>(row));
  }
  return Status::kOk;
}

}  // namespace

namespace kernels {

Status svdf_int8_mve_run(const void* in, Rows rows, const Io& io, void*) { return run<int8_t>(in, rows, io); }
Status svdf_int8_int16_mve_run(const void* in, Rows rows, const Io& io, void*) { return run<int16_t>(in, rows, io); }

}  // namespace kernels

}  // namespace microplan

#endif
