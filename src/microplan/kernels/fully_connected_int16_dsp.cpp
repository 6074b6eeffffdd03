// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED, int16 with int8 filters, for the DSP extension.
#include "microplan/kernels.h"
#include "microplan/kernels/int16_kernels.h"
#include "microplan/kernels/mac_int16_dsp.h"

namespace microplan {
namespace kernels {

using Connected = FullyConnectedInt16<dsp::Int16Pixels>;

#if defined(__ARM_FEATURE_DSP) || MICROPLAN_EMULATE_DSP

Status fully_connected_int16_dsp_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return Connected::run(in, rows, io, scratch);
}

#endif

const Variant fully_connected_int16_dsp_variant =
    Connected::variant(fully_connected_int16_dsp, "fully_connected_int16_dsp",
                       "bias int64 or int32, per tensor and per channel, depth 4 and more",
                       Connected::cost<23, 45, 5>, kFeatureDsp);

}  // namespace kernels
}  // namespace microplan
