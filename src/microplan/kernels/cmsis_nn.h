// SPDX-License-Identifier: Apache-2.0
// What the adapters to CMSIS-NN share. They pass a step's Params on to its public functions, which work on whole
// tensors; the user's build brings the library (MICROPLAN_CMSIS_NN). CMSIS-NN equals the reference bit for bit in its
// default configuration.
#ifndef MICROPLAN_KERNELS_CMSIS_NN_H_
#define MICROPLAN_KERNELS_CMSIS_NN_H_

#include <stdint.h>

#include "microplan/config.h"
#include "microplan/kernels/accumulator.h"
#include "microplan/kernels/window.h"

namespace microplan {
namespace cmsis_nn {

// Changes the footprint of an operator with filters from the reference kernel's constants to these: filter as it lies
// in the model, then for each output channel bias int32, Q31 multiplier int32 and shift int32 (positive shifts left),
// each in an array of its own.
void set_channel_constants(Footprint* footprint);
void pack_channel_constants(const OperatorContext& context, const MacOperator& op, const ChannelQuantization& params,
                            ConstantWriter& writer);
enum ChannelConstant : uint32_t { kFilter, kBias, kMultiplier, kShift };

// The functions of a Variant that follow from these constants. `Shared`: Conv2d<Int8Accumulator> and so on.
template <typename Shared>
bool mac_footprint(const void* in, Footprint* result) {
  if (!Shared::footprint(in, result)) return false;
  set_channel_constants(result);
  return true;
}
template <typename Shared, const MacOperator& kOperator>
void pack_mac(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const auto& params = *static_cast<const typename Shared::Params*>(in);
  pack_channel_constants(context, kOperator, params.quantization, writer);
}

// Bytes of scratch that CMSIS-NN's convolution takes at most, whatever the core: up to four columns of im2col in bytes,
// in blocks of 16 (Helium), or two in halves (DSP extension).
uint32_t convolve_scratch_bytes(uint32_t depth);

// Estimated instructions on a core with these features. CMSIS-NN is compared with, and taken where it is asked for.
Cost mac_cost(uint64_t macs, uint64_t outputs, uint32_t constant_bytes, const Target& target);

}  // namespace cmsis_nn
}  // namespace microplan

#if MICROPLAN_CMSIS_NN

#include <arm_nnfunctions.h>

namespace microplan {
namespace cmsis_nn {

// A tensor in one piece, or nullptr: the public functions know neither rings nor strides.
inline int8_t* whole(const View& view, uint32_t rows, uint32_t row_bytes) {
  return view.ring_rows >= rows && view.row_stride == row_bytes ? reinterpret_cast<int8_t*>(view.base) : nullptr;
}

inline int32_t dim(uint32_t value) { return static_cast<int32_t>(value); }
inline cmsis_nn_dims dims(uint32_t n, uint32_t h, uint32_t w, uint32_t c) { return {dim(n), dim(h), dim(w), dim(c)}; }

inline Status status_of(arm_cmsis_nn_status status) {
  return status == ARM_CMSIS_NN_SUCCESS ? Status::kOk : Status::kVendorRefused;
}

// The library only reads its quantization parameters; the types of its fields do not say so.
inline cmsis_nn_per_channel_quant_params per_channel(const Io& io) {
  return {const_cast<int32_t*>(io.constant<int32_t>(kMultiplier)), const_cast<int32_t*>(io.constant<int32_t>(kShift))};
}

// Operands of the operators with a window.
struct Windowed {
  Windowed(const Window& window, const Io& io);

  cmsis_nn_dims input_dims, output_dims, channels;
  cmsis_nn_tile stride, padding, dilation;
  const int8_t* input;  // nullptr when a tensor is not whole
  int8_t* output;
};

}  // namespace cmsis_nn
}  // namespace microplan

#endif

#endif  // MICROPLAN_KERNELS_CMSIS_NN_H_
