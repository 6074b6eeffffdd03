// SPDX-License-Identifier: Apache-2.0
// AVERAGE_POOL_2D and MAX_POOL_2D int8 by CMSIS-NN.
#include "microplan/kernels.h"
#include "microplan/kernels/cmsis_nn.h"
#include "microplan/kernels/pool_2d.h"

namespace microplan {

namespace {

// Sums of the channels on cores with the DSP extension.
uint32_t scratch_bytes(const void* in, uint32_t) { return static_cast<const Window*>(in)->in_c * 4u; }

constexpr Variant variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t operator_code,
                          uint32_t (*scratch)(const void*, uint32_t)) {
  return {kernel, name, operator_name, operator_code,
          DataType::kInt8, DataType::kNone, DataType::kInt8, "",
          true, Overlap::kNone, sizeof(Pool2dParams),
          prepare_pool_2d, nullptr, footprint_pool_2d_int8, window_input_rows, scratch, nullptr,
          pool_2d_cost<40, 120, 40>, kFeatureCmsisNn};
}

}  // namespace

namespace kernels {

const Variant average_pool_2d_int8_cmsis_nn_variant = variant(
    average_pool_2d_int8_cmsis_nn, "average_pool_2d_int8_cmsis_nn", "AVERAGE_POOL_2D", 1, scratch_bytes);
const Variant max_pool_2d_int8_cmsis_nn_variant =
    variant(max_pool_2d_int8_cmsis_nn, "max_pool_2d_int8_cmsis_nn", "MAX_POOL_2D", 17, nullptr);

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_CMSIS_NN

namespace microplan {

namespace {

template <typename Function>
Status pool(const void* in, const Io& io, const cmsis_nn_context& context, Function function) {
  const Pool2dParams& params = *static_cast<const Pool2dParams*>(in);
  const Window& window = params.window;
  const cmsis_nn::Windowed on(window, io);
  if (on.input == nullptr) return Status::kBadPlan;
  const cmsis_nn_pool_params pooling = {on.stride, on.padding, {params.act_min, params.act_max}};
  const cmsis_nn_dims filter = cmsis_nn::dims(1, window.kernel_h, window.kernel_w, 1);
  return cmsis_nn::status_of(
      function(&context, &pooling, &on.input_dims, on.input, &filter, &on.output_dims, on.output));
}

}  // namespace

namespace kernels {

Status average_pool_2d_int8_cmsis_nn_run(const void* in, Rows, const Io& io, void* scratch) {
  const Window& window = *static_cast<const Window*>(in);
  const cmsis_nn_context context = {scratch, static_cast<int32_t>(scratch_bytes(in, 0))};
  if (arm_avgpool_s8_get_buffer_size(window.out_w, window.in_c) > context.size) return Status::kVendorRefused;
  return pool(in, io, context, arm_avgpool_s8);
}

Status max_pool_2d_int8_cmsis_nn_run(const void* in, Rows, const Io& io, void*) {
  return pool(in, io, cmsis_nn_context{nullptr, 0}, arm_max_pool_s8);
}

}  // namespace kernels
}  // namespace microplan

#endif
