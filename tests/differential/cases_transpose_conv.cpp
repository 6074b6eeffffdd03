// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV: a window slides over the output.
#include "case_values.h"
#include "differential.h"

namespace differential {

namespace {

// Fields of the schema's TransposeConvOptions.
constexpr uint8_t kPadding = 0;
constexpr uint8_t kStrideW = 1;
constexpr uint8_t kStrideH = 2;
constexpr uint8_t kFusedActivation = 3;

template <DataType kType, DataType kFilterType>
void make(FakeOperator& op) {
  Random& random = op.random;
  constexpr uint32_t kElement = microplan::element_bytes(kType);
  WindowCase window;
  uint32_t in, out, taps;
  do {
    window = random_window(random, false);
    in = random_channels(random);
    out = random_channels(random);
    taps = window.kernel_h * window.kernel_w;
  } while (taps * in * out * microplan::element_bytes(kFilterType) > kMaxFilterBytes ||
           !shrink(random, &window, random_mac_budget(random) / (taps * in * out) + 3, out * kElement, in * kElement));
  op.set_option(kPadding, window.padding);
  op.set_option(kStrideW, static_cast<int32_t>(window.stride_w));
  op.set_option(kStrideH, static_cast<int32_t>(window.stride_h));
  op.set_option(kFusedActivation, static_cast<int32_t>(random.below(kActivations)));
  MacCase mac;
  mac.type = kType;
  mac.filter_type = kFilterType;
  mac.input = shape(window.batches, window.out_h, window.out_w, in);
  mac.filter = shape(out, window.kernel_h, window.kernel_w, in);
  mac.output = shape(window.batches, window.in_h, window.in_w, out);
  mac.channel_axis = 0;
  mac.depth = taps * in;
  mac.narrow_bias = DataType::kInt16;
  mac.filter_first = true;
  TensorInfo& dims = op.add_constant(DataType::kInt32, shape(4));
  for (uint32_t i = 0; i < 4; ++i) op.put(dims, i, mac.output.dims[i]);
  add_mac_operands(op, mac);
}

constexpr Generator kGenerators[] = {
    {"transpose_conv_int8", make<DataType::kInt8, DataType::kInt8>},
    {"transpose_conv_int16", make<DataType::kInt16, DataType::kInt8>},
    {"transpose_conv_float", make<DataType::kFloat32, DataType::kFloat32>},
};

}  // namespace

const Generators kTransposeConvCases(kGenerators);

}  // namespace differential
