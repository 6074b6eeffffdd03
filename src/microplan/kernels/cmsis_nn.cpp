// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/cmsis_nn.h"

namespace microplan {
namespace cmsis_nn {

void set_channel_constants(Footprint* footprint) {
  // filter_footprint() has added filter, bias and requantization. The bias is always there.
  const uint32_t bytes = footprint->constant[kBias].bytes;
  footprint->constant[kBias] = {bytes, 4, false};
  footprint->constant[kMultiplier] = {bytes, 4, false};
  footprint->constant_count = kShift;
  footprint->add_constant(bytes, 4);
}

void pack_channel_constants(const OperatorContext& context, const MacOperator& op, const ChannelQuantization& params,
                            ConstantWriter& writer) {
  writer.tensor(op.filter, 1);
  const ChannelPacker packer(context, op, params);
  const uint32_t channels = context.input(op.filter).dims[op.channel_axis];
  for (uint32_t constant = kBias; constant <= kShift; ++constant) {
    if (!writer.begin(channels * static_cast<uint32_t>(sizeof(int32_t)))) continue;
    for (uint32_t c = 0; c < channels; ++c) {
      const Requantize by = packer.requantize(c);
      const int32_t value = constant == kBias ? packer.bias(c) : constant == kMultiplier ? by.multiplier : by.shift;
      writer.append(&value, sizeof value);
    }
  }
}

uint32_t convolve_scratch_bytes(uint32_t depth) { return 4 * ((depth + 15) & ~15u); }

Cost mac_cost(uint64_t macs, uint64_t outputs, uint32_t constant_bytes, const Target& target) {
  if (target.features & kFeatureMve) return {macs, macs / 3 + outputs * 8, constant_bytes};
  if (target.features & kFeatureDsp) return {macs, macs * 2 + outputs * 30, constant_bytes};
  return {macs, macs * 3 + outputs * 35, constant_bytes};
}

}  // namespace cmsis_nn
}  // namespace microplan

#if MICROPLAN_CMSIS_NN

namespace microplan {
namespace cmsis_nn {

Windowed::Windowed(const Window& window, const Io& io)
    : input_dims(dims(window.batches, window.in_h, window.in_w, window.in_c)),
      output_dims(dims(window.batches, window.out_h, window.out_w, window.out_c)),
      channels(dims(1, 1, 1, window.out_c)),
      stride{window.stride_w, window.stride_h},
      padding{window.pad_left, window.pad_top},
      dilation{window.dilation_w, window.dilation_h},
      input(whole(io.view(0), uint32_t{window.batches} * window.in_h, uint32_t{window.in_w} * window.in_c)),
      output(whole(io.view(1), uint32_t{window.batches} * window.out_h, uint32_t{window.out_w} * window.out_c)) {
  if (output == nullptr) input = nullptr;
}

}  // namespace cmsis_nn
}  // namespace microplan

#endif
