// SPDX-License-Identifier: Apache-2.0
// ADD, SUB and MUL of int16 with Helium, four elements at a time, rounding for rounding as the reference does it.
#include "microplan/kernels.h"
#include "microplan/kernels/binary.h"
#include "microplan/kernels/binary_shape.h"
#include "microplan/kernels/mve.h"

namespace microplan {

namespace {

bool is_right(int32_t shift) { return shift <= 0 && shift >= -31; }

bool supports_add(const void* in, const Target&) {
  const AddParams& params = *static_cast<const AddParams*>(in);
  return params.narrow_left == 16 && is_right(-params.narrow_right) && is_right(-params.output_right);
}

bool supports_sub(const void* in, const Target&) {
  const SubParams& params = *static_cast<const SubParams*>(in);
  return is_right(params.input[0].shift) && is_right(params.input[1].shift) && is_right(params.output.shift);
}

template <typename Params, uint32_t kInstructions>
Cost cost(const void* in, const Target&) {
  return binary_cost(static_cast<const Params*>(in)->shape, kInstructions);
}

#if defined(__ARM_FEATURE_MVE)

// requantize() with a shift to the right, or none.
inline int32x4_t scale(int32x4_t value, int32_t multiplier, int32x4_t shift) {
  const int32x4_t high = vqrdmulhq_n_s32(value, multiplier);
  return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(vandq_s32(high, shift), 31)), shift);
}

struct Add {
  static constexpr int32_t kHalfLeft = 14;
  int32_t narrow_multiplier, output_multiplier;
  int32x4_t narrow_shift, output_shift;

  explicit Add(const AddParams& params)
      : narrow_multiplier(params.narrow_multiplier),
        output_multiplier(params.output_multiplier),
        narrow_shift(vdupq_n_s32(wrap_sub(0, params.narrow_right))),
        output_shift(vdupq_n_s32(wrap_sub(0, params.output_right))) {}
  int32x4_t operator()(int32x4_t wide, int32x4_t narrow) const {
    const int32x4_t scaled = scale(vshlq_n_s32(narrow, kHalfLeft + 1), narrow_multiplier, narrow_shift);
    return scale(vaddq_s32(vshlq_n_s32(wide, kHalfLeft), scaled), output_multiplier, output_shift);
  }
};

struct Sub {
  static constexpr int32_t kLeft = 15;
  int32_t offset[2], multiplier[2], output_multiplier, output_offset;
  int32x4_t shift[2], output_shift;

  explicit Sub(const SubParams& params)
      : offset{params.offset[0], params.offset[1]},
        multiplier{params.input[0].multiplier, params.input[1].multiplier},
        output_multiplier(params.output.multiplier),
        output_offset(params.output_offset),
        shift{vdupq_n_s32(params.input[0].shift), vdupq_n_s32(params.input[1].shift)},
        output_shift(vdupq_n_s32(params.output.shift)) {}
  int32x4_t operator()(int32x4_t a, int32x4_t b) const {
    const int32x4_t left = scale(vshlq_n_s32(vaddq_n_s32(a, offset[0]), kLeft), multiplier[0], shift[0]);
    const int32x4_t right = scale(vshlq_n_s32(vaddq_n_s32(b, offset[1]), kLeft), multiplier[1], shift[1]);
    return vaddq_n_s32(scale(vsubq_s32(left, right), output_multiplier, output_shift), output_offset);
  }
};

struct Mul {
  int32_t offset[2], output_offset;
  Requantize by;

  explicit Mul(const MulParams& params)
      : offset{params.offset[0], params.offset[1]}, output_offset(params.output_offset), by(params.by) {}
  int32x4_t operator()(int32x4_t a, int32x4_t b) const {
    const int32x4_t product = vmulq_s32(vaddq_n_s32(a, offset[0]), vaddq_n_s32(b, offset[1]));
    return vaddq_n_s32(mve::requantize(product, by.multiplier, by.shift), output_offset);
  }
};

// An input that repeats is four of its element, and does not advance.
struct Side {
  const int16_t* at;
  uint32_t step;
  int16_t four[4];

  Side(const int16_t* from, bool repeats) : at(from), step(4) {
    if (!repeats) return;
    for (int16_t& element : four) element = *from;
    at = four;
    step = 0;
  }
};

template <typename Op>
[[gnu::noinline]] void run_loop(const Op& of_caller, const Side& a_side, const Side& b_side, int16_t* y, uint32_t count,
                                int32_t act_min, int32_t act_max) {
  const Op op = of_caller;
  const int32x4_t low = vdupq_n_s32(act_min), high = vdupq_n_s32(act_max);
  const int16_t* a = a_side.at;
  const int16_t* b = b_side.at;
  const uint32_t a_step = a_side.step, b_step = b_side.step;
  for (int32_t left = static_cast<int32_t>(count); left > 0; left -= 4) {
    const mve_pred16_t lanes = vctp32q(static_cast<uint32_t>(left));
    const int32x4_t value = op(vldrhq_z_s32(a, lanes), vldrhq_z_s32(b, lanes));
    vstrhq_p_s32(y, mve::clamp(value, low, high), lanes);
    a += a_step;
    b += b_step;
    y += 4;
  }
}

template <typename Op, typename Params>
Status run(const Params& params, uint32_t first, const Io& io, Rows rows) {
  const BinarySide a(params.shape, io, first);
  const BinarySide b(params.shape, io, 1 - first);
  const Op op(params);
  const auto run_one = [&](const int16_t* a_run, const int16_t* b_run, int16_t* y, uint32_t count) {
    run_loop(op, Side(a_run, a.step == 0), Side(b_run, b.step == 0), y, count, params.act_min, params.act_max);
  };
  return run_binary_runs<int16_t>(params.shape, run_one, a, b, rows, io);
}

#endif

template <typename Shared, typename Params>
constexpr Variant variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t code,
                          bool (*supports)(const void*, const Target&), Cost (*cost_of)(const void*, const Target&)) {
  return {kernel, name, operator_name, code,
          DataType::kInt16, DataType::kInt16, DataType::kInt16, "broadcasting on both sides",
          false, Overlap::kElementwise, sizeof(Params),
          Shared::prepare, supports, Shared::footprint, binary_input_rows, nullptr, nullptr, cost_of, kFeatureMve};
}

}  // namespace

namespace kernels {

#if defined(__ARM_FEATURE_MVE)

Status add_int16_mve_run(const void* in, Rows rows, const Io& io, void*) {
  const AddParams& params = *static_cast<const AddParams*>(in);
  return run<Add>(params, params.wide, io, rows);
}

Status sub_int16_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run<Sub>(*static_cast<const SubParams*>(in), 0, io, rows);
}

Status mul_int16_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run<Mul>(*static_cast<const MulParams*>(in), 0, io, rows);
}

#endif

const Variant add_int16_mve_variant = variant<AddOf<int16_t>, AddParams>(add_int16_mve, "add_int16_mve", "ADD", 0,
                                                                         supports_add, cost<AddParams, 6>);

const Variant sub_int16_mve_variant = variant<SubOf<int16_t>, SubParams>(sub_int16_mve, "sub_int16_mve", "SUB", 41,
                                                                         supports_sub, cost<SubParams, 9>);

const Variant mul_int16_mve_variant = variant<MulOf<int16_t>, MulParams>(mul_int16_mve, "mul_int16_mve", "MUL", 18,
                                                                         nullptr, cost<MulParams, 6>);

}  // namespace kernels

}  // namespace microplan
