// SPDX-License-Identifier: Apache-2.0
// CONV_2D, int8, for Helium: each output is a dot product over adjacent bytes. A window that is one run of the input
// is read where it lies; others are copied together into scratch, some pixels at a time, which the output channels
// share.
#include "microplan/kernels.h"
#include "microplan/kernels/conv_2d.h"
#include "microplan/kernels/mve_conv.h"
#include "microplan/kernels/mve_windows.h"

namespace microplan {

namespace {

using Shared = Conv2d<Int8Accumulator>;

mve::Windows windows_of(const void* in) {
  const auto& params = *static_cast<const Conv2dParams*>(in);
  return {params.window, params.filter_c};
}

bool footprint(const void* in, Footprint* result) {
  if (!Shared::footprint(in, result)) return false;
  result->constant_count = 0;
  result->add_constant(windows_of(in).packed_bytes(), 4);
  return true;
}

uint8_t element(const mve::Filters& filters, uint32_t channel, uint32_t k) {
  return filters.data[channel * filters.depth + k];
}

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const auto& params = *static_cast<const Conv2dParams*>(in);
  const mve::Windows windows = windows_of(in);
  const mve::Filters filters = {context.input(kConv2d.filter).data, windows.groups(), windows.channels_per_group(),
                                windows.depth(), element, in};
  mve::pack_blocks(ChannelPacker(context, kConv2d, params.quantization), params.quantization, filters, writer);
}

uint32_t scratch_bytes(const void* in, uint32_t) { return windows_of(in).scratch_bytes(); }

Cost cost(const void* in, const Target&) { return windows_of(in).cost(); }

}  // namespace

namespace kernels {

const Variant conv_2d_int8_mve_variant = {
    conv_2d_int8_mve, "conv_2d_int8_mve", "CONV_2D", 3,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "per tensor and per channel, grouped, dilated",
    false, Overlap::kRows, sizeof(Conv2dParams),
    Shared::prepare, nullptr, footprint, window_input_rows, scratch_bytes, pack, cost,
    kFeatureMve, true};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE)

namespace microplan {
namespace kernels {

Status conv_2d_int8_mve_run(const void* in, Rows rows, const Io& io, void* scratch) {
  mve::convolve(windows_of(in), static_cast<const Conv2dParams*>(in)->quantization, rows, io, scratch);
  return Status::kOk;
}

}  // namespace kernels
}  // namespace microplan

#endif
