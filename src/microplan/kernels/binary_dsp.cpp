// SPDX-License-Identifier: Apache-2.0
// ADD of int8 with the DSP extension, rounding for rounding as the reference does it: for sums without a linear form, and
// for plans without constants of their own.
#include "microplan/kernels.h"
#include "microplan/kernels/binary.h"
#include "microplan/kernels/binary_shape.h"
#include "microplan/kernels/dsp.h"

namespace microplan {

namespace {

// Shifts of the inputs in AddParams: twice the sum in steps of 2^-20.
constexpr int32_t kWideLeft = 20;
constexpr int32_t kNarrowLeft = 21;

// Larger right shifts leave no room for the zero point beside the rounding.
constexpr int32_t kMostRight = 22;

// The values are below 2^29 and the right shifts at least 1, so that each rescaling is that of requantize_fast() with
// twice the value given. kFull: the clamp is the type's own.
template <bool kFull>
struct Add {
  int32_t wide_offset;
  int32_t narrow_offset, narrow_multiplier, narrow_rounding, narrow_right;
  int32_t output_multiplier, output_rounding, output_right;
  int32_t act_min, act_max;

  explicit Add(const AddParams& params)
      : wide_offset(shift_left(params.wide_offset, kWideLeft)),
        narrow_offset(shift_left(params.narrow_offset, kNarrowLeft)),
        narrow_multiplier(params.narrow_multiplier),
        narrow_rounding(fast_rounding(0, params.narrow_right)),
        narrow_right(params.narrow_right & 31),
        output_multiplier(params.output_multiplier),
        output_rounding(fast_rounding(params.output_offset, params.output_right)),
        output_right(params.output_right & 31),
        act_min(params.act_min),
        act_max(params.act_max) {}

  int8_t operator()(int8_t wide, int8_t narrow) const {
    const int32_t value = wrap_add(narrow_offset, shift_left(narrow, kNarrowLeft));
    const int32_t scaled =
        dsp::smmlar(value, narrow_multiplier, wrap_add(narrow_rounding, value >> 31)) >> narrow_right;
    const int32_t sum = wrap_add(wrap_add(wide_offset, shift_left(wide, kWideLeft)), shift_left(scaled, 1));
    const int32_t output = dsp::smmlar(sum, output_multiplier, wrap_add(output_rounding, sum >> 31)) >> output_right;
    return static_cast<int8_t>(kFull ? dsp::ssat<8>(output) : clamp(output, act_min, act_max));
  }
};

bool supports(const void* in, const Target&) {
  const AddParams& params = *static_cast<const AddParams*>(in);
  return params.narrow_left == kNarrowLeft && params.narrow_right >= 1 && params.output_right >= 1 &&
         params.output_right <= kMostRight;
}

Cost cost(const void* in, const Target&) {
  constexpr uint32_t kInstructions = 17;
  return binary_cost(static_cast<const AddParams*>(in)->shape, kInstructions);
}

}  // namespace

namespace kernels {

Status add_int8_dsp_run(const void* in, Rows rows, const Io& io, void*) {
  const AddParams& params = *static_cast<const AddParams*>(in);
  const BinarySide wide(params.shape, io, params.wide);
  const BinarySide narrow(params.shape, io, 1 - params.wide);
  if (params.act_min == INT8_MIN && params.act_max == INT8_MAX) {
    return run_binary<int8_t>(params.shape, Add<true>(params), wide, narrow, rows, io);
  }
  return run_binary<int8_t>(params.shape, Add<false>(params), wide, narrow, rows, io);
}

const Variant add_int8_dsp_variant = {
    add_int8_dsp, "add_int8_dsp", "ADD", 0,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "broadcasting on both sides",
    false, Overlap::kElementwise, sizeof(AddParams),
    AddOf<int8_t>::prepare, supports, AddOf<int8_t>::footprint, binary_input_rows, nullptr, nullptr, cost,
    kFeatureDsp};

}  // namespace kernels

}  // namespace microplan
