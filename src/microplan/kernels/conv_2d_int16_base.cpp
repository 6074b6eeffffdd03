// SPDX-License-Identifier: Apache-2.0
// CONV_2D, int16 with int8 filters, for cores without SIMD.
#include "microplan/kernels.h"
#include "microplan/kernels/int16_kernels.h"
#include "microplan/kernels/mac_int16_base.h"

namespace microplan {
namespace kernels {

using Conv = Conv2dInt16<BaseInt16Pixels>;

Status conv_2d_int16_base_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return Conv::run(in, rows, io, scratch);
}

const Variant conv_2d_int16_base_variant =
    Conv::variant(conv_2d_int16_base, "conv_2d_int16_base",
                  "bias int64 or int32, per tensor and per channel, grouped, dilated",
                  Conv::cost<30, 36, 6, 30>, 0);

}  // namespace kernels
}  // namespace microplan
