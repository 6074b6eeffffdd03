// SPDX-License-Identifier: Apache-2.0
// PAD and PADV2 int8 by CMSIS-NN.
#include "microplan/kernels.h"
#include "microplan/kernels/cmsis_nn.h"
#include "microplan/kernels/pad.h"

namespace microplan {

namespace {

// The library knows four dimensions; the last four.
bool supports(const void* in, const Target&) { return static_cast<const PadParams*>(in)->output[0] == 1; }

uint64_t elements(const uint32_t* dims) { return uint64_t{dims[1]} * dims[2] * dims[3] * dims[4]; }

Cost cost(const void* in, const Target&) {
  const PadParams& params = *static_cast<const PadParams*>(in);
  return {0, 100 + elements(params.output) / 2, 0};
}

constexpr Variant variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t operator_code) {
  return {kernel, name, operator_name, operator_code,
          DataType::kInt8, DataType::kNone, DataType::kInt8, "up to 4 dimensions",
          true, Overlap::kNone, sizeof(PadParams),
          pad_prepare, supports, pad_int8_footprint, pad_input_rows, nullptr, nullptr, cost,
          kFeatureCmsisNn};
}

}  // namespace

namespace kernels {

const Variant pad_int8_cmsis_nn_variant = variant(pad_int8_cmsis_nn, "pad_int8_cmsis_nn", "PAD", 34);
const Variant pad_v2_int8_cmsis_nn_variant = variant(pad_v2_int8_cmsis_nn, "pad_v2_int8_cmsis_nn", "PADV2", 60);

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_CMSIS_NN

namespace microplan {
namespace kernels {

Status pad_int8_cmsis_nn_run(const void* in, Rows, const Io& io, void*) {
  const PadParams& params = *static_cast<const PadParams*>(in);
  const uint32_t* const from = params.input;
  const uint32_t* const to = params.output;
  const uint32_t* const before = params.before;
  uint32_t after[PadParams::kDims];
  for (uint32_t d = 0; d < PadParams::kDims; ++d) after[d] = to[d] - from[d] - before[d];
  const int8_t* const input = cmsis_nn::whole(io.view(0), from[1] * from[2], from[3] * from[4]);
  int8_t* const output = cmsis_nn::whole(io.view(1), to[1] * to[2], to[3] * to[4]);
  if (input == nullptr || output == nullptr || to[0] != 1) return Status::kBadPlan;
  const cmsis_nn_dims size = cmsis_nn::dims(from[1], from[2], from[3], from[4]);
  const cmsis_nn_dims front = cmsis_nn::dims(before[1], before[2], before[3], before[4]);
  const cmsis_nn_dims back = cmsis_nn::dims(after[1], after[2], after[3], after[4]);
  return cmsis_nn::status_of(arm_pad_s8(input, output, static_cast<int8_t>(params.value), &size, &front, &back));
}

Status pad_v2_int8_cmsis_nn_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return pad_int8_cmsis_nn_run(in, rows, io, scratch);
}

}  // namespace kernels
}  // namespace microplan

#endif
