// SPDX-License-Identifier: Apache-2.0
// SVDF, int8 with a state of int8 or int16, for the DSP extension: the features are the products of dsp_dot.h; the state
// moves on and meets its time weights in one pass.
#include <stddef.h>

#include "microplan/kernels.h"
#include "microplan/kernels/dsp.h"
#include "microplan/kernels/dsp_dot.h"
#include "microplan/kernels/svdf.h"

namespace microplan {

namespace {

// Filters whose newest values are made at once, on the stack; a multiple of a quad.
constexpr uint32_t kBlock = 16;

// Words of a filter's time weights; zeros fill the last one.
template <typename T>
uint32_t time_words(const SvdfShape& shape) {
  return (shape.memory * static_cast<uint32_t>(sizeof(T)) + 3) / 4;
}
uint32_t filters_of(const SvdfShape& shape) { return shape.units * shape.rank; }
uint32_t feature_bytes(const SvdfShape& shape) { return filters_of(shape) * dsp::dot_words(shape.depth) * 4; }

// Constants: the feature weights in groups of filters; what their sums begin with, int32[filters]; the time weights;
// bias int32[units], with the state's zero point; DotScale of the features.
template <typename T>
bool footprint(const void* in, Footprint* footprint) {
  const SvdfShape& shape = static_cast<const SvdfParams*>(in)->shape;
  if (!svdf_footprint<T>(in, footprint)) return false;
  footprint->constant_count = 0;
  footprint->add_constant(feature_bytes(shape), 4);
  footprint->add_constant(filters_of(shape) * 4, 4);
  footprint->add_constant(filters_of(shape) * time_words<T>(shape) * 4, 4);
  footprint->add_constant(shape.units * 4, 4);
  footprint->add_constant(sizeof(dsp::DotScale), 4);
  return true;
}

template <typename T>
bool supports(const void* in, const Target& target) {
  return svdf_supports<T>(in, target) && static_cast<const SvdfParams*>(in)->fast != 0;
}

void pack_feature(const OperatorContext& context, const SvdfParams& params, ConstantWriter& writer) {
  const uint32_t depth = params.shape.depth;
  const uint32_t filters = filters_of(params.shape);
  const uint8_t* const feature = context.input(kSvdfFeature).data;
  if (writer.begin(feature_bytes(params.shape))) {
    for (uint32_t filter = 0; filter != filters;) {
      const uint32_t count = dsp::dot_group(filters - filter);
      const uint8_t* rows[4];
      for (uint32_t i = 0; i < count; ++i) rows[i] = feature + (filter + i) * depth;
      dsp::pack_dot_group(writer, rows, count, depth);
      filter += count;
    }
  }
  if (!writer.begin(filters * 4)) return;
  for (uint32_t filter = 0; filter < filters; ++filter) {
    const int32_t start = svdf_feature_start(context, params, filter);
    writer.append(&start, sizeof start);
  }
}

template <typename T>
void pack_time(const OperatorContext& context, const SvdfParams& params, ConstantWriter& writer) {
  const SvdfShape& shape = params.shape;
  const TensorInfo time = context.input(kSvdfTime);
  const uint32_t filters = filters_of(shape);
  if (writer.begin(filters * time_words<T>(shape) * 4)) {
    for (uint32_t filter = 0; filter < filters; ++filter) {
      const uint32_t zeros = 0;
      const uint32_t bytes = shape.memory * static_cast<uint32_t>(sizeof(T));
      writer.append(time.data + filter * bytes, bytes);
      writer.append(&zeros, time_words<T>(shape) * 4 - bytes);
    }
  }
  if (!writer.begin(shape.units * 4)) return;
  for (uint32_t unit = 0; unit < shape.units; ++unit) {
    const int32_t folded = svdf_time_start<T>(context, params, unit);
    const int32_t start = sizeof(T) == 1 ? svdf_fast_bias(folded) : folded;
    writer.append(&start, sizeof start);
  }
}

template <typename T>
void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const SvdfParams& params = *static_cast<const SvdfParams*>(in);
  pack_feature(context, params, writer);
  pack_time<T>(context, params, writer);
  const dsp::DotScale scale(params.feature);
  writer.begin(sizeof scale);
  writer.append(&scale, sizeof scale);
}

template <typename T>
Cost cost(const void* in, const Target&) {
  const SvdfShape& shape = static_cast<const SvdfParams*>(in)->shape;
  const uint64_t filters = filters_of(shape);
  const uint64_t words = dsp::dot_words(shape.depth);
  const uint64_t instructions = shape.rows * (150 + 6 * words + filters / 4 * (66 + 17 * words) +
                                              filters % 4 * (80 + 12 * words) +
                                              filters * (30 + (sizeof(T) == 1 ? 12 : 6) * time_words<T>(shape)) +
                                              25 * shape.units);
  return {shape.rows * filters * (static_cast<uint64_t>(shape.depth) + shape.memory), instructions,
          static_cast<uint32_t>(filters) * 4};
}

uint32_t make_quads(dsp::DotQuads& run, const uint32_t** filter, uint32_t filters, int8_t* newest) {
  run.end = newest + (filters & ~3u);
  *filter = dsp::dot_quads(run, *filter);
  return filters & ~3u;
}
uint32_t make_quads(dsp::DotQuads& run, const uint32_t** filter, uint32_t filters, int16_t* newest) {
  run.end = newest + (filters & ~3u);
  *filter = dsp::dot_quads_int16(run, *filter);
  return filters & ~3u;
}

// The newest values of `filters` filters, without the state's zero point.
template <typename T>
const uint32_t* make_newest(dsp::DotQuads& run, const uint32_t* filter, uint32_t filters, T* newest) {
  run.output = newest;
  uint32_t made = 0;
  if (filters >= 4) made = make_quads(run, &filter, filters, newest);
  while (made != filters) {
    constexpr int32_t kHigh = sizeof(T) == 1 ? INT8_MAX : INT16_MAX;
    const uint32_t count = dsp::dot_group(filters - made);
    int32_t sums[2];
    filter = dsp::dot_rest(run, filter, count, sums);
    for (uint32_t i = 0; i < count; ++i) {
      newest[made++] = static_cast<T>(clamp(requantize(sums[i], run.scale->requantize()), -kHigh - 1, kHigh));
    }
  }
  return filter;
}

// Drop the oldest of a filter's values, append the newest; add the dot product with its time weights to `sum`. They move
// the pointers on to the next filter.
inline int32_t remember(int8_t*& state, const uint32_t*& time, uint32_t memory, int32_t newest, int32_t sum) {
  const auto add = [&](uint32_t values) {
    const uint32_t weights = *time++;
    sum = dsp::smlad(dsp::sxtb16(values), dsp::sxtb16(weights), sum);
    sum = dsp::smlad(dsp::sxtb16_ror8(values), dsp::sxtb16_ror8(weights), sum);
  };
  for (; memory > 4; memory -= 4, state += 4) {
    const uint32_t values = dsp::load_word(state + 1);
    dsp::store_word(state, values);
    add(values);
  }
  if (memory == 4) {
    const uint32_t values = dsp::load_word(state) >> 8 | static_cast<uint32_t>(newest) << 24;
    dsp::store_word(state, values);
    state += 4;
    add(values);
    return sum;
  }
  uint32_t values = 0;
  uint32_t shift = 0;
  for (; memory > 1; --memory, ++state, shift += 8) {
    state[0] = state[1];
    values |= static_cast<uint32_t>(static_cast<uint8_t>(state[1])) << shift;
  }
  *state++ = static_cast<int8_t>(newest);
  add(values | static_cast<uint32_t>(static_cast<uint8_t>(newest)) << shift);
  return sum;
}

inline int32_t remember(int16_t*& state, const uint32_t*& time, uint32_t memory, int32_t newest, int32_t sum) {
  for (; memory > 2; memory -= 2, state += 2) {
    const uint32_t values = dsp::load_word(state + 1);
    dsp::store_word(state, values);
    sum = dsp::smlad(values, *time++, sum);
  }
  uint32_t values = static_cast<uint32_t>(newest);
  if (memory == 2) {
    values = dsp::pkhbt(static_cast<uint32_t>(state[1]), values);
    *state++ = static_cast<int16_t>(values);
  }
  *state++ = static_cast<int16_t>(newest);
  // Behind an odd number of weights lies a 0.
  return dsp::smlad(values, *time++, sum);
}

// What moves on from filter to filter, and what finishes a unit. Assembly knows where the fields lie.
template <typename T>
struct Position {
  T* state;
  const uint32_t* time;
  const int32_t* bias;  // of the next unit
  int8_t* y;
  int32_t sum;         // of the unit
  uint32_t rank_left;  // filters that it lacks, 0: it has not begun
  uint32_t rank, memory;
  int32_t zero_point;  // of the state
  // SvdfParams::time for dsp::requantize(), and the output's zero point.
  int32_t multiplier, rounding, right, offset;
};

int32_t finish(const Position<int8_t>& at) {
  return dsp::requantize(at.sum, at.multiplier, at.rounding, at.right);
}
// Sums of products of 16 bits take all 32, and so requantize_fast() cannot be had.
int32_t finish(const Position<int16_t>& at) { return requantize(at.sum, Requantize{at.multiplier, wrap_sub(0, at.right)}); }

// Takes in the newest values of `count` filters, at least 1.
template <typename T>
void take_in(const T* newest, uint32_t count, Position<T>& at) {
  do {
    if (at.rank_left == 0) {
      at.sum = *at.bias++;
      at.rank_left = at.rank;
    }
    // As in TensorFlow Lite the clamp comes before the zero point, so that a value far from it wraps.
    at.sum = remember(at.state, at.time, at.memory, wrap_add(*newest++, at.zero_point), at.sum);
    if (--at.rank_left == 0) *at.y++ = static_cast<int8_t>(dsp::ssat<8>(wrap_add(finish(at), at.offset)));
  } while (--count != 0);
}

#if defined(__ARM_FEATURE_DSP)

static_assert(offsetof(Position<int8_t>, y) == 12 && offsetof(Position<int8_t>, sum) == 16 &&
              offsetof(Position<int8_t>, rank) == 24 && offsetof(Position<int8_t>, memory) == 28 &&
              offsetof(Position<int8_t>, zero_point) == 32 && offsetof(Position<int8_t>, multiplier) == 36 &&
              offsetof(Position<int8_t>, right) == 44, "assembly knows the offsets");

#define MICROPLAN_SVDF_ADD        \
  "  ldr r10, [r5], #4\n"         \
  "  sxtb16 r11, r9\n"            \
  "  sxtb16 r8, r10\n"            \
  "  sxtb16 r9, r9, ror #8\n"     \
  "  sxtb16 r10, r10, ror #8\n"   \
  "  smlad r6, r11, r8, r6\n"     \
  "  smlad r6, r9, r10, r6\n"

// take_in() for memories of whole words. r3: Position; r4: state, r5: time, r6: sum, r7: rank_left. The first MOV is long,
// so that 2 and 3 are word-aligned: a branch there is a fetch shorter.
[[gnu::naked]] void take_in_words(const int8_t*, uint32_t, Position<int8_t>&) {
  asm volatile(
      "  push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
      "  mov.w r3, r2\n"
      "  ldrd r4, r5, [r3]\n"
      "  ldrd r6, r7, [r3, #16]\n"
      "1:\n"
      "  cbnz r7, 2f\n"
      "  ldr r9, [r3, #8]\n"
      "  ldr r6, [r9], #4\n"
      "  str r9, [r3, #8]\n"
      "  ldr r7, [r3, #24]\n"
      "2:\n"
      "  ldrsb r12, [r0], #1\n"
      "  ldrd lr, r9, [r3, #28]\n"
      "  add r12, r12, r9\n"
      "  subs lr, lr, #4\n"
      "  beq 4f\n"
      "3:\n"
      "  ldr r9, [r4, #1]\n"
      "  str r9, [r4], #4\n"
      MICROPLAN_SVDF_ADD
      "  subs lr, lr, #4\n"
      "  bne 3b\n"
      "4:\n"
      "  ldr r9, [r4]\n"
      "  lsr r9, r9, #8\n"
      "  orr r9, r9, r12, lsl #24\n"
      "  str r9, [r4], #4\n"
      MICROPLAN_SVDF_ADD
      "  subs r7, r7, #1\n"
      "  bne 5f\n"
      "  ldrd r8, r9, [r3, #36]\n"
      "  ldrd r10, r11, [r3, #44]\n"
      "  ldr r12, [r3, #12]\n"
      "  add r9, r9, r6, asr #31\n"
      "  lsl r6, r6, #1\n"
      "  smmlar r8, r6, r8, r9\n"
      "  asr r8, r8, r10\n"
      "  add r8, r8, r11\n"
      "  ssat r8, #8, r8\n"
      "  strb r8, [r12], #1\n"
      "  str r12, [r3, #12]\n"
      "5:\n"
      "  subs r1, r1, #1\n"
      "  bne 1b\n"
      "  strd r4, r5, [r3]\n"
      "  strd r6, r7, [r3, #16]\n"
      "  pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}\n");
}

#undef MICROPLAN_SVDF_ADD

#else

void take_in_words(const int8_t* newest, uint32_t count, Position<int8_t>& at) { take_in(newest, count, at); }

#endif

void take_in_block(const int8_t* newest, uint32_t count, Position<int8_t>& at) {
  (at.memory % 4 == 0 ? take_in_words : take_in<int8_t>)(newest, count, at);
}
void take_in_block(const int16_t* newest, uint32_t count, Position<int16_t>& at) { take_in(newest, count, at); }

template <typename T>
Status run(const void* in, Rows rows, const Io& io) {
  const SvdfParams& params = *static_cast<const SvdfParams*>(in);
  const SvdfShape& shape = params.shape;
  const uint32_t filters = filters_of(shape);
  const View input = io.view(0);
  const View output = io.view(2);
  Position<T> at;
  at.rank = shape.rank;
  at.memory = shape.memory;
  at.zero_point = params.state_zero_point;
  at.multiplier = params.time.multiplier;
  at.right = wrap_sub(0, params.time.shift);
  at.rounding = fast_rounding(0, at.right);
  at.offset = params.output_offset;
  at.state = io.view(1).row_as<T>(0) + rows.first * filters * shape.memory;
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    dsp::DotQuads run;
    dsp::dot_input(run, input.row_as<const int8_t>(row), shape.depth);
    run.start = io.constant<int32_t>(1);
    run.scale = io.constant<dsp::DotScale>(4);
    run.scale_step = 0;
    run.odd_zero_point = 1;
    const uint32_t* feature = io.constant<uint32_t>(0);
    at.time = io.constant<uint32_t>(2);
    at.bias = io.constant<int32_t>(3);
    at.y = output.row_as<int8_t>(row);
    at.sum = 0;
    at.rank_left = 0;
    for (uint32_t left = filters; left != 0;) {
      alignas(4) T newest[kBlock];
      const uint32_t count = left < kBlock ? left : kBlock;
      feature = make_newest(run, feature, count, newest);
      take_in_block(newest, count, at);
      left -= count;
    }
  }
  return Status::kOk;
}

template <typename T>
constexpr Variant variant(const Kernel& kernel, const char* name, const char* note) {
  return {kernel, name, "SVDF", 27,
          DataType::kInt8, DataType::kInt8, DataType::kInt8, note,
          false, Overlap::kRows, sizeof(SvdfParams),
          svdf_prepare_integer, supports<T>, footprint<T>, svdf_input_rows, nullptr, pack<T>, cost<T>,
          kFeatureDsp, true};
}

}  // namespace

namespace kernels {

Status svdf_int8_dsp_run(const void* in, Rows rows, const Io& io, void*) { return run<int8_t>(in, rows, io); }
Status svdf_int8_int16_dsp_run(const void* in, Rows rows, const Io& io, void*) { return run<int16_t>(in, rows, io); }

const Variant svdf_int8_dsp_variant = variant<int8_t>(svdf_int8_dsp, "svdf_int8_dsp", "int8 state");
const Variant svdf_int8_int16_dsp_variant =
    variant<int16_t>(svdf_int8_int16_dsp, "svdf_int8_int16_dsp", "int16 state and time weights");

}  // namespace kernels

}  // namespace microplan
