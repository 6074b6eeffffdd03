// SPDX-License-Identifier: Apache-2.0
// CONV_2D, int16 with int8 filters, for Helium.
#include "microplan/kernels.h"
#include "microplan/kernels/int16_kernels.h"
#include "microplan/kernels/mac_int16_mve.h"

namespace microplan {
namespace kernels {

using Conv = Conv2dInt16<mve::Int16Pixels>;

#if defined(__ARM_FEATURE_MVE)

Status conv_2d_int16_mve_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return Conv::run(in, rows, io, scratch);
}

#endif

const Variant conv_2d_int16_mve_variant =
    Conv::variant(conv_2d_int16_mve, "conv_2d_int16_mve",
                  "bias int64 or int32, per tensor and per channel, grouped, dilated",
                  Conv::cost<4, 13, 1, 60>, kFeatureMve);

}  // namespace kernels
}  // namespace microplan
