// SPDX-License-Identifier: Apache-2.0
// QUANTIZE from 8 and 16 bits to int8 with the DSP extension, rounding for rounding as the reference does it: for scales
// without a linear form, and for plans without constants of their own.
#include "microplan/kernels.h"
#include "microplan/kernels/dsp.h"
#include "microplan/kernels/quantize.h"

namespace microplan {

namespace {

// Larger right shifts leave no room for the zero point beside the rounding.
constexpr int32_t kMostRight = 22;

bool supports(const void* in, const Target&) {
  const Requantize by = static_cast<const RequantizeParams*>(in)->by;
  return by.shift < 0 && by.shift >= -kMostRight;
}

template <typename In>
struct Rescale {
  int32_t start, multiplier, rounding, right;

  explicit Rescale(const RequantizeParams& params)
      : start(wrap_mul(-2, params.input_zero_point)),
        multiplier(params.by.multiplier),
        rounding(fast_rounding(params.output_zero_point, wrap_sub(0, params.by.shift))),
        right(wrap_sub(0, params.by.shift) & 31) {}

  int8_t operator()(In q) const {
    const int32_t twice = wrap_add(start, 2 * q);
    const int32_t value = dsp::smmlar(twice, multiplier, wrap_add(rounding, twice >> 31)) >> right;
    return static_cast<int8_t>(dsp::ssat<8>(value));
  }
};

template <typename In>
Status run(const void* in, Rows rows, const Io& io) {
  return run_elements<In, int8_t>(Rescale<In>(*static_cast<const RequantizeParams*>(in)), in, rows, io);
}

constexpr uint32_t kInstructions = 10;

template <typename In>
constexpr Variant variant(const Kernel& kernel, const char* name, DataType type) {
  return {kernel, name, "QUANTIZE", 114,
          type, DataType::kNone, DataType::kInt8, "input scale below the output's",
          false, Overlap::kElementwise, sizeof(RequantizeParams),
          prepare_requantize, supports, elements_footprint<In, int8_t>, equal_rows, nullptr, nullptr,
          elements_cost<kInstructions>, kFeatureDsp};
}

}  // namespace

namespace kernels {

Status requantize_int8_dsp_run(const void* in, Rows rows, const Io& io, void*) { return run<int8_t>(in, rows, io); }

Status requantize_uint8_int8_dsp_run(const void* in, Rows rows, const Io& io, void*) {
  return run<uint8_t>(in, rows, io);
}

Status requantize_int16_int8_dsp_run(const void* in, Rows rows, const Io& io, void*) {
  return run<int16_t>(in, rows, io);
}

const Variant requantize_int8_dsp_variant = variant<int8_t>(requantize_int8_dsp, "requantize_int8_dsp", DataType::kInt8);

const Variant requantize_uint8_int8_dsp_variant =
    variant<uint8_t>(requantize_uint8_int8_dsp, "requantize_uint8_int8_dsp", DataType::kUInt8);

const Variant requantize_int16_int8_dsp_variant =
    variant<int16_t>(requantize_int16_int8_dsp, "requantize_int16_int8_dsp", DataType::kInt16);

}  // namespace kernels

}  // namespace microplan
