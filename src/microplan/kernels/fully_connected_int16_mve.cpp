// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED, int16 with int8 filters, for Helium.
#include "microplan/kernels.h"
#include "microplan/kernels/int16_kernels.h"
#include "microplan/kernels/mac_int16_mve.h"

namespace microplan {
namespace kernels {

using Connected = FullyConnectedInt16<mve::Int16Pixels>;

#if defined(__ARM_FEATURE_MVE)

Status fully_connected_int16_mve_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return Connected::run(in, rows, io, scratch);
}

#endif

const Variant fully_connected_int16_mve_variant =
    Connected::variant(fully_connected_int16_mve, "fully_connected_int16_mve",
                       "bias int64 or int32, per tensor and per channel",
                       Connected::cost<5, 12, 0>, kFeatureMve);

}  // namespace kernels
}  // namespace microplan
