// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED.
#include "case_values.h"
#include "differential.h"

namespace differential {

namespace {

// Fields of the schema's FullyConnectedOptions.
constexpr uint8_t kFusedActivation = 0;
constexpr uint8_t kAsymmetricQuantizeInputs = 3;
constexpr uint8_t kQuantizedBiasType = 4;

template <DataType kType, DataType kFilterType>
void make(FakeOperator& op) {
  Random& random = op.random;
  constexpr uint32_t kFilterElement = microplan::element_bytes(kFilterType);
  // Sums of more than 511 products with int16 need more than 32 bits.
  const uint32_t depth = random.one_in(12)  ? random.between(500, 1300)
                         : random.one_in(3) ? random.between(1, 400)
                                            : random_channels(random);
  const uint32_t most = kMaxFilterBytes / kFilterElement / depth;
  const uint32_t wanted = random.one_in(4) ? random.between(1, 130) : random_channels(random);
  const uint32_t channels = wanted < most ? wanted : most;
  const uint32_t rows = random.one_in(2) ? 1 : random.between(1, 7);
  op.set_option(kFusedActivation, static_cast<int32_t>(random.below(kActivations)));
  if (kType != kFilterType) op.set_option(kAsymmetricQuantizeInputs, static_cast<int32_t>(random.below(2)));
  MacCase mac;
  mac.type = kType;
  mac.filter_type = kFilterType;
  mac.input = shape(rows, depth);
  mac.filter = shape(channels, depth);
  mac.output = shape(rows, channels);
  mac.channel_axis = 0;
  mac.depth = depth;
  mac.narrow_bias = DataType::kInt32;
  mac.bias_type_option = kQuantizedBiasType;
  add_mac_operands(op, mac);
}

constexpr Generator kGenerators[] = {
    {"fully_connected_int8", make<DataType::kInt8, DataType::kInt8>},
    {"fully_connected_int16", make<DataType::kInt16, DataType::kInt8>},
    {"fully_connected_float", make<DataType::kFloat32, DataType::kFloat32>},
    {"fully_connected_hybrid", make<DataType::kFloat32, DataType::kInt8>},
};

}  // namespace

const Generators kFullyConnectedCases(kGenerators);

}  // namespace differential
