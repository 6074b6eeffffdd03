// SPDX-License-Identifier: Apache-2.0
// UNIDIRECTIONAL_SEQUENCE_LSTM in float32 for cores with a scalar floating-point unit: the four gates of a unit at a
// time.
#include "microplan/kernels.h"
#include "microplan/kernels/lstm_rows.h"
#include "microplan/kernels/fpu_dot.h"

namespace microplan {

namespace {

Cost cost(const void* in, const Target&) {
  const LstmShape& shape = *static_cast<const LstmShape*>(in);
  constexpr uint32_t kUnit = 400;
  const uint64_t outputs = static_cast<uint64_t>(shape.batches) * shape.steps * shape.units;
  const uint64_t macs = outputs * kLstmGates * (static_cast<uint64_t>(shape.depth) + shape.units);
  return {macs, macs * 12 / 8 + outputs * kUnit, 0};
}

}  // namespace

namespace kernels {

const Variant lstm_float_fpu_variant = {
    lstm_float_fpu, "lstm_float_fpu", "UNIDIRECTIONAL_SEQUENCE_LSTM", 44,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "no peephole, projection or normalization",
    false, Overlap::kRows, sizeof(LstmFloatParams),
    lstm_prepare_float, nullptr, lstm_float_footprint, lstm_input_rows, nullptr, lstm_pack_float, cost,
    kFeatureFpu};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_HAS_FPU

namespace microplan {

namespace {

struct GateSums {
  void operator()(const LstmShape& shape, const LstmWeights<float, float>& weights, uint32_t unit, const float* x,
                  const float* h, float* arguments) const {
    fpu::Block block = {};
    block.x[0] = x;
    block.count = shape.depth;
    for (uint32_t gate = 0; gate < kLstmGates; ++gate) {
      block.filter[gate] = weights.input[gate] + unit * shape.depth;
      block.sum[gate][0] = weights.bias[gate][unit];
    }
    fpu::dot_4x1(&block);
    block.x[0] = h;
    block.count = shape.units;
    for (uint32_t gate = 0; gate < kLstmGates; ++gate) {
      block.filter[gate] = weights.recurrent[gate] + unit * shape.units;
    }
    fpu::dot_4x1(&block);
    for (uint32_t gate = 0; gate < kLstmGates; ++gate) arguments[gate] = block.sum[gate][0];
  }
};

}  // namespace

namespace kernels {

Status lstm_float_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  return run_lstm_float<GateSums>(in, rows, io);
}

}  // namespace kernels

}  // namespace microplan

#endif
