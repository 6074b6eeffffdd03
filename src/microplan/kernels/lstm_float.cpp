// SPDX-License-Identifier: Apache-2.0
// UNIDIRECTIONAL_SEQUENCE_LSTM, float32: the reference kernel, and what its variants share.
#include "microplan/kernels.h"
#include "microplan/kernels/dot.h"
#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/lstm_reference.h"
#include "microplan/kernels/lstm_rows.h"

namespace microplan {

Status lstm_prepare_float(const OperatorContext& context, void* out) {
  LstmFloatParams& params = *static_cast<LstmFloatParams*>(out);
  constexpr float kLargest = 3.402823466e+38f;
  const float clip = context.options().float_field(kLstmCellClip, 0);
  params.cell_max = clip > 0 && clip < kLargest ? clip : kLargest;
  params.cell_min = -params.cell_max;
  return lstm_prepare_shape(context, &params.shape);
}

bool lstm_float_footprint(const void* in, Footprint* footprint) {
  return lstm_footprint(static_cast<const LstmFloatParams*>(in)->shape, 4, 4, 4, 4, footprint);
}

void lstm_pack_float(const OperatorContext&, const void*, ConstantWriter& writer) { lstm_pack_weights(writer, 4, 4); }

namespace {

Cost cost(const void* in, const Target& target) {
  const LstmShape& shape = *static_cast<const LstmShape*>(in);
  constexpr uint32_t kUnit = 5 * 27 + 6;  // the functions and the products of gates
  const Cost result = lstm_reference_cost<0>(in, target);
  return with_floats(result, target, 2 * result.macs + uint64_t{shape.batches} * shape.steps * shape.units * kUnit);
}

struct ReferenceSums {
  static float dot(const float* x, const float* filter, uint32_t depth) {
    return microplan::dot<FloatProducts>(x, filter, depth, 0, 0);
  }
  void operator()(const LstmShape& shape, const LstmWeights<float, float>& weights, uint32_t unit, const float* x,
                  const float* h, float* arguments) const {
    for (uint32_t gate = 0; gate < kLstmGates; ++gate) {
      const float from_input = dot(x, weights.input[gate] + unit * shape.depth, shape.depth) + weights.bias[gate][unit];
      arguments[gate] = from_input + dot(h, weights.recurrent[gate] + unit * shape.units, shape.units);
    }
  }
};

}  // namespace

namespace kernels {

Status lstm_float_run(const void* in, Rows rows, const Io& io, void*) {
  return run_lstm_float<ReferenceSums>(in, rows, io);
}

const Variant lstm_float_variant = {
    lstm_float, "lstm_float", "UNIDIRECTIONAL_SEQUENCE_LSTM", 44,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "no peephole, projection or normalization",
    false, Overlap::kRows, sizeof(LstmFloatParams),
    lstm_prepare_float, nullptr, lstm_float_footprint, lstm_input_rows, nullptr, lstm_pack_float, cost};

}  // namespace kernels

}  // namespace microplan
