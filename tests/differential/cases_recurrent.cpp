// SPDX-License-Identifier: Apache-2.0
// SVDF and UNIDIRECTIONAL_SEQUENCE_LSTM: their states begin with any values.
#include "case_values.h"
#include "differential.h"

namespace differential {

namespace {

// Fields of the schema's SVDFOptions.
constexpr uint8_t kRank = 0;
constexpr uint8_t kSvdfActivation = 1;

// Fields of the schema's UnidirectionalSequenceLSTMOptions, and TANH as an activation.
constexpr uint8_t kLstmActivation = 0;
constexpr uint8_t kCellClip = 1;
constexpr uint8_t kTimeMajor = 3;
constexpr int32_t kTanh = 4;

// `far`: a power of two away every third time, for shifts to both sides.
float random_ratio(Random& random, float usual, bool far) {
  constexpr float kFar[] = {1.0f / 4096, 1.0f / 64, 64, 1024};
  const float ratio = usual * random.real(0.3f, 3);
  return far && random.one_in(3) ? ratio * random.pick(kFar) : ratio;
}

void fill_weights(FakeOperator& op, TensorInfo& weights, uint32_t depth) {
  fill_filter(op, weights, 1.5f / static_cast<float>(depth < 4 ? 1 : depth / 4));
}

template <DataType kType, DataType kStateType>
void make_svdf(FakeOperator& op) {
  Random& random = op.random;
  constexpr bool kFloat = kType == DataType::kFloat32;
  constexpr uint32_t kElement = microplan::element_bytes(kStateType);
  uint32_t rank, units, depth, memory, batches, filters;
  do {
    rank = random.between(1, 3);
    units = random.one_in(3) ? random.between(1, 70) : random.between(1, 20);
    depth = random_channels(random);
    memory = random.between(1, 16);
    batches = random.one_in(2) ? 1 : random.between(1, 3);
    filters = units * rank;
  } while (batches * filters * memory * kElement > kMaxTensorBytes || filters * depth * kElement > kMaxFilterBytes);
  op.set_option(kRank, static_cast<int32_t>(rank));
  op.set_option(kSvdfActivation, static_cast<int32_t>(random.below(2)));
  TensorInfo& input = op.add_input(kType, shape(batches, depth));
  TensorInfo& feature = op.add_constant(kType, shape(filters, depth));
  TensorInfo& time = op.add_constant(kStateType, shape(filters, memory));
  fill(op, input);
  fill_weights(op, feature, depth);
  if (kStateType == DataType::kInt16) {
    fill(op, time);
  } else {
    fill_weights(op, time, memory);
  }
  if (random.one_in(4)) {
    op.add_absent_input();
  } else {
    TensorInfo& bias = op.add_constant(kFloat ? DataType::kFloat32 : DataType::kInt32, shape(units));
    fill(op, bias);
    for (uint32_t i = 0; i < units && !kFloat; ++i) op.put(bias, i, random.between_signed(-100000, 100000));
  }
  TensorInfo& state = op.add_input(kStateType, shape(batches, filters * memory), Role::kVariable);
  fill(op, state);
  TensorInfo& output = op.add_output(kType, shape(batches, units));
  if (kFloat) return;
  quantize(op, input);
  const bool far = random.one_in(2);
  const float feature_scale = random_scale(random);
  op.set_quantization(feature, feature_scale, 0);
  const float wide = kStateType == DataType::kInt16 ? 256.0f : 1.0f;
  const float state_scale = input.scale() * feature_scale / random_ratio(random, wide / 400, far);
  op.set_quantization(state, state_scale, kStateType == DataType::kInt8 ? random_zero_point(random, kStateType) : 0);
  const float time_scale = random_scale(random);
  op.set_quantization(time, time_scale, 0);
  op.set_quantization(output, state_scale * time_scale / random_ratio(random, 1 / (200 * wide * wide), far),
                      random_zero_point(random, kType));
}

template <DataType kType>
void make_lstm(FakeOperator& op) {
  Random& random = op.random;
  constexpr bool kFloat = kType == DataType::kFloat32;
  constexpr DataType kFilterType = kFloat ? DataType::kFloat32 : DataType::kInt8;
  constexpr DataType kBiasType = kFloat                      ? DataType::kFloat32
                                 : kType == DataType::kInt8 ? DataType::kInt32
                                                             : DataType::kInt64;
  constexpr DataType kCellType = kFloat ? DataType::kFloat32 : DataType::kInt16;
  const uint32_t units = random.between(1, random.one_in(3) ? 36 : 20);
  const uint32_t depth = random.between(1, 40);
  const uint32_t batches = random.one_in(2) ? 1 : random.between(1, 3);
  const uint32_t steps = random.between(1, 5);
  const bool time_major = random.one_in(2);
  op.set_option(kLstmActivation, kTanh);
  if (random.one_in(3)) op.set_option(kCellClip, random.real(0.2f, 8));
  op.set_option(kTimeMajor, static_cast<int32_t>(time_major));
  const uint32_t outer = time_major ? steps : batches;
  const uint32_t inner = time_major ? batches : steps;
  TensorInfo& input = op.add_input(kType, shape(outer, inner, depth));
  fill(op, input);
  quantize(op, input);
  const float input_scale = kFloat ? 1 : input.scale();
  const float hidden_scale = kType == DataType::kInt16 ? 1.0f / 32768 : 1.0f / 128;
  // Arguments of a gate have steps of 2^-12 and are up to 8.
  const float inputs = kType == DataType::kInt16 ? 16384 : 64;
  const bool far = random.one_in(2);
  // Most states saturate a recurrent sum somewhere; kernels that do not saturate it take only filters that cannot.
  const bool mild = !far && random.one_in(2);
  for (uint32_t i = 0; i < 8; ++i) {
    const uint32_t columns = i < 4 ? depth : units;
    TensorInfo& filter = op.add_constant(kFilterType, shape(units, columns));
    fill_weights(op, filter, columns);
    if (kFloat) continue;
    float usual = 4096 / (inputs * 40 * static_cast<float>(columns < 4 ? 2 : columns / 2));
    if (mild && i >= 4) usual /= random.real(4, 16);
    const float factor = random_ratio(random, usual, far);
    op.set_quantization(filter, factor / 4096 / (i < 4 ? input_scale : hidden_scale), 0);
  }
  for (uint32_t i = 0; i < 3; ++i) op.add_absent_input();  // peephole
  for (uint32_t i = 0; i < 4; ++i) {
    TensorInfo& bias = op.add_constant(kBiasType, shape(units));
    fill(op, bias);
    if (kBiasType == DataType::kFloat32) continue;
    for (uint32_t unit = 0; unit < units; ++unit) {
      const int32_t value = random.between_signed(-50000, 50000);
      if (kBiasType == DataType::kInt32) op.put(bias, unit, value);
      if (kBiasType == DataType::kInt64) op.put(bias, unit, int64_t{value} * 64);
    }
  }
  for (uint32_t i = 0; i < 2; ++i) op.add_absent_input();  // projection
  TensorInfo& hidden = op.add_input(kType, shape(batches, units), Role::kVariable);
  TensorInfo& cell = op.add_input(kCellType, shape(batches, units), Role::kVariable);
  fill(op, hidden);
  fill(op, cell, 3);
  TensorInfo& output = op.add_output(kType, shape(outer, inner, units));
  if (kFloat) return;
  op.set_quantization(hidden, hidden_scale, random_zero_point(random, kType));
  constexpr float kCellScales[] = {1.0f / 32768, 1.0f / 8192, 1.0f / 4096, 1.0f / 2048, 1.0f / 256};
  op.set_quantization(cell, random.pick(kCellScales), 0);
  op.set_quantization(output, hidden_scale, hidden.zero_point());
}

constexpr Generator kGenerators[] = {
    {"svdf_int8", make_svdf<DataType::kInt8, DataType::kInt8>},
    {"svdf_int8_int16", make_svdf<DataType::kInt8, DataType::kInt16>},
    {"svdf_float", make_svdf<DataType::kFloat32, DataType::kFloat32>},
    {"lstm_int8", make_lstm<DataType::kInt8>},
    {"lstm_int16", make_lstm<DataType::kInt16>},
    {"lstm_float", make_lstm<DataType::kFloat32>},
};

}  // namespace

const Generators kRecurrentCases(kGenerators);

}  // namespace differential
