// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED, int16 with int8 filters, for cores without SIMD.
#include "microplan/kernels.h"
#include "microplan/kernels/int16_kernels.h"
#include "microplan/kernels/mac_int16_base.h"

namespace microplan {
namespace kernels {

using Connected = FullyConnectedInt16<BaseInt16Pixels>;

Status fully_connected_int16_base_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return Connected::run(in, rows, io, scratch);
}

const Variant fully_connected_int16_base_variant =
    Connected::variant(fully_connected_int16_base, "fully_connected_int16_base",
                       "bias int64 or int32, per tensor and per channel",
                       Connected::cost<41, 60, 0>, 0);

}  // namespace kernels
}  // namespace microplan
