// SPDX-License-Identifier: Apache-2.0
// CONV_2D, int16 with int8 filters, for the DSP extension.
#include "microplan/kernels.h"
#include "microplan/kernels/int16_kernels.h"
#include "microplan/kernels/mac_int16_dsp.h"

namespace microplan {
namespace kernels {

using Conv = Conv2dInt16<dsp::Int16Pixels>;

#if defined(__ARM_FEATURE_DSP) || MICROPLAN_EMULATE_DSP

Status conv_2d_int16_dsp_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return Conv::run(in, rows, io, scratch);
}

#endif

const Variant conv_2d_int16_dsp_variant =
    Conv::variant(conv_2d_int16_dsp, "conv_2d_int16_dsp",
                  "bias int64 or int32, per tensor and per channel, grouped, dilated, filters of 4 elements and more",
                  Conv::cost<17, 28, 5, 40>, kFeatureDsp);

}  // namespace kernels
}  // namespace microplan
