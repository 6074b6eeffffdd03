// SPDX-License-Identifier: Apache-2.0
// CONV_2D.
#include "case_values.h"
#include "differential.h"

namespace differential {

namespace {

// Fields of the schema's Conv2DOptions.
constexpr uint8_t kPadding = 0;
constexpr uint8_t kStrideW = 1;
constexpr uint8_t kStrideH = 2;
constexpr uint8_t kFusedActivation = 3;
constexpr uint8_t kDilationW = 4;
constexpr uint8_t kDilationH = 5;
constexpr uint8_t kQuantizedBiasType = 6;

struct Channels {
  uint32_t in, filter, out;
};

Channels random_conv_channels(Random& random) {
  if (!random.one_in(5)) {
    const uint32_t in = random_channels(random);
    return {in, in, random_channels(random)};
  }
  const uint32_t groups = random.between(1, 6);
  const uint32_t filter = random.between(1, 12);
  return {groups * filter, filter, groups * random.between(1, 12)};
}

template <DataType kType, DataType kFilterType>
void make(FakeOperator& op) {
  Random& random = op.random;
  constexpr uint32_t kElement = microplan::element_bytes(kType);
  WindowCase window;
  Channels channels;
  uint32_t depth;
  do {
    window = random_window(random, true);
    channels = random_conv_channels(random);
    depth = window.kernel_h * window.kernel_w * channels.filter;
  } while (depth * channels.out * microplan::element_bytes(kFilterType) > kMaxFilterBytes ||
           !shrink(random, &window, random_mac_budget(random) / (depth * channels.out) + 3, channels.in * kElement,
                   channels.out * kElement));
  op.set_option(kPadding, window.padding);
  op.set_option(kStrideW, static_cast<int32_t>(window.stride_w));
  op.set_option(kStrideH, static_cast<int32_t>(window.stride_h));
  op.set_option(kFusedActivation, static_cast<int32_t>(random.below(kActivations)));
  op.set_option(kDilationW, static_cast<int32_t>(window.dilation_w));
  op.set_option(kDilationH, static_cast<int32_t>(window.dilation_h));
  MacCase mac;
  mac.type = kType;
  mac.filter_type = kFilterType;
  mac.input = shape(window.batches, window.in_h, window.in_w, channels.in);
  mac.filter = shape(channels.out, window.kernel_h, window.kernel_w, channels.filter);
  mac.output = shape(window.batches, window.out_h, window.out_w, channels.out);
  mac.channel_axis = 0;
  mac.depth = depth;
  mac.narrow_bias = DataType::kInt32;
  mac.bias_type_option = kQuantizedBiasType;
  add_mac_operands(op, mac);
}

constexpr Generator kGenerators[] = {
    {"conv_2d_int8", make<DataType::kInt8, DataType::kInt8>},
    {"conv_2d_int16", make<DataType::kInt16, DataType::kInt8>},
    {"conv_2d_float", make<DataType::kFloat32, DataType::kFloat32>},
    {"conv_2d_hybrid", make<DataType::kFloat32, DataType::kInt8>},
};

}  // namespace

const Generators kConvCases(kGenerators);

}  // namespace differential
