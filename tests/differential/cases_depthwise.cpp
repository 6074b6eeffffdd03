// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D.
#include "case_values.h"
#include "differential.h"

namespace differential {

namespace {

// Fields of the schema's DepthwiseConv2DOptions.
constexpr uint8_t kPadding = 0;
constexpr uint8_t kStrideW = 1;
constexpr uint8_t kStrideH = 2;
constexpr uint8_t kFusedActivation = 4;
constexpr uint8_t kDilationW = 5;
constexpr uint8_t kDilationH = 6;

template <DataType kType, DataType kFilterType>
void make(FakeOperator& op) {
  Random& random = op.random;
  constexpr uint32_t kElement = microplan::element_bytes(kType);
  WindowCase window;
  uint32_t in, out, taps, budget;
  const bool is_image = random.one_in(3);
  do {
    uint32_t multiplier = 1;
    if (is_image) {
      window = random_image_window(random);
      in = random.between(4, window.in_w > 20 ? 9 : 40);
      budget = 40000;
    } else {
      window = random_window(random, true);
      if (!random.one_in(2)) multiplier = random.between(1, 8);
      in = multiplier == 1 ? random_channels(random) : random.one_in(4) ? 1 : random.between(1, 20);
      budget = random_mac_budget(random);
    }
    out = in * multiplier;
    taps = window.kernel_h * window.kernel_w;
  } while (taps * out * microplan::element_bytes(kFilterType) > kMaxFilterBytes ||
           !shrink(random, &window, budget / (taps * out) + 3, in * kElement, out * kElement));
  op.set_option(kPadding, window.padding);
  op.set_option(kStrideW, static_cast<int32_t>(window.stride_w));
  op.set_option(kStrideH, static_cast<int32_t>(window.stride_h));
  op.set_option(kFusedActivation, static_cast<int32_t>(random.below(kActivations)));
  op.set_option(kDilationW, static_cast<int32_t>(window.dilation_w));
  op.set_option(kDilationH, static_cast<int32_t>(window.dilation_h));
  MacCase mac;
  mac.type = kType;
  mac.filter_type = kFilterType;
  mac.input = shape(window.batches, window.in_h, window.in_w, in);
  mac.filter = shape(1, window.kernel_h, window.kernel_w, out);
  mac.output = shape(window.batches, window.out_h, window.out_w, out);
  mac.channel_axis = 3;
  mac.depth = taps;
  mac.usual = is_image;
  add_mac_operands(op, mac);
}

constexpr Generator kGenerators[] = {
    {"depthwise_conv_2d_int8", make<DataType::kInt8, DataType::kInt8>},
    {"depthwise_conv_2d_int16", make<DataType::kInt16, DataType::kInt8>},
    {"depthwise_conv_2d_float", make<DataType::kFloat32, DataType::kFloat32>},
    {"depthwise_conv_2d_hybrid", make<DataType::kFloat32, DataType::kInt8>},
};

}  // namespace

const Generators kDepthwiseCases(kGenerators);

}  // namespace differential
