// SPDX-License-Identifier: Apache-2.0
// AVERAGE_POOL_2D and MAX_POOL_2D.
#include "case_values.h"
#include "differential.h"

namespace differential {

namespace {

// Fields of the schema's Pool2DOptions.
constexpr uint8_t kPadding = 0;
constexpr uint8_t kStrideW = 1;
constexpr uint8_t kStrideH = 2;
constexpr uint8_t kFilterWidth = 3;
constexpr uint8_t kFilterHeight = 4;
constexpr uint8_t kFusedActivation = 5;

template <DataType kType>
void make(FakeOperator& op) {
  Random& random = op.random;
  constexpr uint32_t kElement = microplan::element_bytes(kType);
  WindowCase window;
  uint32_t channels, taps;
  do {
    window = random_window(random, false);
    // The whole image, as a classifier's last pool takes it.
    if (random.one_in(5)) {
      window.padding = kPaddingValid;
      window.in_h = window.kernel_h;
      window.in_w = window.kernel_w;
      window.out_h = window.out_w = 1;
    }
    channels = random_channels(random);
    taps = window.kernel_h * window.kernel_w;
  } while (!shrink(random, &window, random_mac_budget(random) / (taps * channels) + 3, channels * kElement,
                   channels * kElement));
  op.set_option(kPadding, window.padding);
  op.set_option(kStrideW, static_cast<int32_t>(window.stride_w));
  op.set_option(kStrideH, static_cast<int32_t>(window.stride_h));
  op.set_option(kFilterWidth, static_cast<int32_t>(window.kernel_w));
  op.set_option(kFilterHeight, static_cast<int32_t>(window.kernel_h));
  op.set_option(kFusedActivation, static_cast<int32_t>(random.below(kActivations)));
  TensorInfo& input = op.add_input(kType, shape(window.batches, window.in_h, window.in_w, channels));
  TensorInfo& output = op.add_output(kType, shape(window.batches, window.out_h, window.out_w, channels));
  fill(op, input, 4);
  quantize(op, input);
  if (kType != DataType::kFloat32) op.set_quantization(output, input.scale(), input.zero_point());
}

constexpr Generator kGenerators[] = {
    {"average_pool_2d_int8", make<DataType::kInt8>},   {"average_pool_2d_int16", make<DataType::kInt16>},
    {"average_pool_2d_float", make<DataType::kFloat32>}, {"max_pool_2d_int8", make<DataType::kInt8>},
    {"max_pool_2d_int16", make<DataType::kInt16>},     {"max_pool_2d_float", make<DataType::kFloat32>},
};

}  // namespace

const Generators kPoolCases(kGenerators);

}  // namespace differential
