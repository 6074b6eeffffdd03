// SPDX-License-Identifier: Apache-2.0
// ADD of int8 and int16 with the DSP extension, rounding for rounding as the reference does it: of int8 for sums
// without a linear form, and for plans without constants of their own.
#include "microplan/kernels.h"
#include "microplan/kernels/binary.h"
#include "microplan/kernels/binary_shape.h"
#include "microplan/kernels/dsp.h"

namespace microplan {

namespace {

// Shift of the wide input in AddParams: twice the sum in steps of 2^-20 and 2^-15.
template <typename T>
constexpr int32_t kWideLeft = sizeof(T) == 1 ? 20 : 15;
template <typename T>
constexpr int32_t kNarrowLeft = sizeof(T) == 1 ? 21 : 16;

// Larger right shifts leave no room for the zero point beside the rounding.
constexpr int32_t kMostRight = 22;

// int8: the values are below 2^29. Twice those of int16 fit 32 bits, too, so that with right shifts of at least 1 each
// rescaling is that of requantize_fast() with twice the value given. Without a right shift there is no second rounding:
// the narrow input of int16 may have none. kFull: the clamp is the type's own.
template <typename T, bool kFull>
struct Add {
  int32_t wide_offset;
  int32_t narrow_offset, narrow_multiplier, narrow_rounding, narrow_right, narrow_sign_mask;
  int32_t output_multiplier, output_rounding, output_right;
  int32_t act_min, act_max;

  explicit Add(const AddParams& params)
      : wide_offset(shift_left(params.wide_offset, kWideLeft<T>)),
        narrow_offset(shift_left(params.narrow_offset, kNarrowLeft<T>)),
        narrow_multiplier(params.narrow_multiplier),
        narrow_rounding(params.narrow_right == 0 ? 0 : fast_rounding(0, params.narrow_right)),
        narrow_right(params.narrow_right & 31),
        narrow_sign_mask(params.narrow_right == 0 ? 0 : -1),
        output_multiplier(params.output_multiplier),
        output_rounding(fast_rounding(params.output_offset, params.output_right)),
        output_right(params.output_right & 31),
        act_min(params.act_min),
        act_max(params.act_max) {}

  T operator()(T wide, T narrow) const {
    const int32_t value = wrap_add(narrow_offset, shift_left(narrow, kNarrowLeft<T>));
    const int32_t sign = sizeof(T) == 1 ? value >> 31 : (value >> 31) & narrow_sign_mask;
    const int32_t scaled = dsp::smmlar(value, narrow_multiplier, wrap_add(narrow_rounding, sign)) >> narrow_right;
    const int32_t sum = wrap_add(wrap_add(wide_offset, shift_left(wide, kWideLeft<T>)), shift_left(scaled, 1));
    const int32_t output = dsp::smmlar(sum, output_multiplier, wrap_add(output_rounding, sum >> 31)) >> output_right;
    return static_cast<T>(kFull ? dsp::ssat<8 * sizeof(T)>(output) : clamp(output, act_min, act_max));
  }
};

template <typename T>
bool supports(const void* in, const Target&) {
  const AddParams& params = *static_cast<const AddParams*>(in);
  return params.narrow_left == kNarrowLeft<T> && params.narrow_right >= (sizeof(T) == 1 ? 1 : 0) &&
         params.output_right >= 1 && params.output_right <= kMostRight;
}

template <uint32_t kInstructions>
Cost cost(const void* in, const Target&) {
  return binary_cost(static_cast<const AddParams*>(in)->shape, kInstructions);
}

template <typename T>
Status run(const void* in, Rows rows, const Io& io) {
  const AddParams& params = *static_cast<const AddParams*>(in);
  const BinarySide wide(params.shape, io, params.wide);
  const BinarySide narrow(params.shape, io, 1 - params.wide);
  constexpr int32_t kMin = sizeof(T) == 1 ? INT8_MIN : INT16_MIN;
  constexpr int32_t kMax = sizeof(T) == 1 ? INT8_MAX : INT16_MAX;
  if (params.act_min == kMin && params.act_max == kMax) {
    return run_binary<T>(params.shape, Add<T, true>(params), wide, narrow, rows, io);
  }
  return run_binary<T>(params.shape, Add<T, false>(params), wide, narrow, rows, io);
}

}  // namespace

namespace kernels {

Status add_int8_dsp_run(const void* in, Rows rows, const Io& io, void*) { return run<int8_t>(in, rows, io); }

Status add_int16_dsp_run(const void* in, Rows rows, const Io& io, void*) { return run<int16_t>(in, rows, io); }

const Variant add_int8_dsp_variant = {
    add_int8_dsp, "add_int8_dsp", "ADD", 0,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "broadcasting on both sides",
    false, Overlap::kElementwise, sizeof(AddParams),
    AddOf<int8_t>::prepare, supports<int8_t>, AddOf<int8_t>::footprint, binary_input_rows, nullptr, nullptr, cost<17>,
    kFeatureDsp};

const Variant add_int16_dsp_variant = {
    add_int16_dsp, "add_int16_dsp", "ADD", 0,
    DataType::kInt16, DataType::kInt16, DataType::kInt16, "broadcasting on both sides",
    false, Overlap::kElementwise, sizeof(AddParams),
    AddOf<int16_t>::prepare, supports<int16_t>, AddOf<int16_t>::footprint, binary_input_rows, nullptr, nullptr,
    cost<18>, kFeatureDsp};

}  // namespace kernels

}  // namespace microplan
