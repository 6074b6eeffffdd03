// SPDX-License-Identifier: Apache-2.0
// SOFTMAX int8 by CMSIS-NN.
#include "microplan/kernels.h"
#include "microplan/kernels/cmsis_nn.h"
#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/softmax.h"

namespace microplan {

namespace {

// The library's sum of exponentials has 32 bits.
constexpr uint32_t kMaxDepth = 511;

bool supports(const void* in, const Target&) {
  const SoftmaxParams& params = *static_cast<const SoftmaxParams*>(in);
  return params.depth <= kMaxDepth && params.multiplier > 0;
}

Cost cost(const void* in, const Target&) {
  const SoftmaxParams& params = *static_cast<const SoftmaxParams*>(in);
  return {0, uint64_t{params.rows} * (200 + uint64_t{params.depth} * 250), 0};
}

}  // namespace

namespace kernels {

const Variant softmax_int8_cmsis_nn_variant = {
    softmax_int8_cmsis_nn, "softmax_int8_cmsis_nn", "SOFTMAX", 25,
    DataType::kInt8, DataType::kNone, DataType::kInt8, "up to 511 classes",
    true, Overlap::kNone, sizeof(SoftmaxParams),
    softmax_int8_prepare, supports, softmax_int8_footprint, equal_rows, nullptr, nullptr, cost,
    kFeatureCmsisNn};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_CMSIS_NN

namespace microplan {
namespace kernels {

Status softmax_int8_cmsis_nn_run(const void* in, Rows, const Io& io, void*) {
  const SoftmaxParams& params = *static_cast<const SoftmaxParams*>(in);
  const int8_t* const input = cmsis_nn::whole(io.view(0), params.rows, params.depth);
  int8_t* const output = cmsis_nn::whole(io.view(1), params.rows, params.depth);
  if (input == nullptr || output == nullptr) return Status::kBadPlan;
  arm_softmax_s8(input, cmsis_nn::dim(params.rows), cmsis_nn::dim(params.depth), params.multiplier, params.left_shift,
                 params.diff_min, output);
  return Status::kOk;
}

}  // namespace kernels
}  // namespace microplan

#endif
