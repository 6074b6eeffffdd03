// SPDX-License-Identifier: Apache-2.0
// UNIDIRECTIONAL_SEQUENCE_LSTM, float32: the reference kernel.
#include "microplan/kernels.h"
#include "microplan/kernels/float_math.h"
#include "microplan/kernels/lstm_reference.h"

namespace microplan {

namespace {

Status prepare_float(const OperatorContext& context, void* out) {
  LstmFloatParams& params = *static_cast<LstmFloatParams*>(out);
  constexpr float kLargest = 3.402823466e+38f;
  const float clip = context.options().float_field(kLstmCellClip, 0);
  params.cell_max = clip > 0 && clip < kLargest ? clip : kLargest;
  params.cell_min = -params.cell_max;
  return lstm_prepare_shape(context, &params.shape);
}

bool footprint_float(const void* in, Footprint* footprint) {
  return lstm_footprint(static_cast<const LstmFloatParams*>(in)->shape, 4, 4, 4, 4, footprint);
}

void pack_float(const OperatorContext&, const void*, ConstantWriter& writer) { lstm_pack_weights(writer, 4, 4); }

float float_dot(const float* x, const float* filter, uint32_t depth) {
  float sum = 0;
  for (uint32_t i = 0; i < depth; ++i) sum += x[i] * filter[i];
  return sum;
}

struct FloatStep {
  const LstmFloatParams& params;
  const LstmWeights<float, float> weights;

  FloatStep(const LstmFloatParams& lstm_params, const Io& io) : params(lstm_params), weights(io) {}

  float argument(LstmGate which, uint32_t unit, const float* x, const float* h) const {
    const uint32_t gate = static_cast<uint32_t>(which);
    const uint32_t depth = params.shape.depth;
    const uint32_t units = params.shape.units;
    const float from_input = float_dot(x, weights.input[gate] + unit * depth, depth) + weights.bias[gate][unit];
    return from_input + float_dot(h, weights.recurrent[gate] + unit * units, units);
  }

  void operator()(const float* x, const float* h, float* c, float* y) const {
    for (uint32_t unit = 0; unit < params.shape.units; ++unit) {
      const float input_gate = float_logistic(argument(LstmGate::kInput, unit, x, h));
      const float forget_gate = float_logistic(argument(LstmGate::kForget, unit, x, h));
      const float cell_gate = float_tanh(argument(LstmGate::kCell, unit, x, h));
      const float output_gate = float_logistic(argument(LstmGate::kOutput, unit, x, h));
      float cell = forget_gate * c[unit] + input_gate * cell_gate;
      if (cell < params.cell_min) cell = params.cell_min;
      if (cell > params.cell_max) cell = params.cell_max;
      c[unit] = cell;
      y[unit] = float_tanh(cell) * output_gate;
    }
  }
};

}  // namespace

namespace kernels {

Status lstm_float_run(const void* in, Rows rows, const Io& io, void*) {
  const LstmFloatParams& params = *static_cast<const LstmFloatParams*>(in);
  return run_lstm_rows<float, float>(params.shape, rows, io, FloatStep(params, io));
}

const Variant lstm_float_variant = {
    lstm_float, "lstm_float", "UNIDIRECTIONAL_SEQUENCE_LSTM", 44,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "no peephole, projection or normalization",
    false, Overlap::kRows, sizeof(LstmFloatParams),
    prepare_float, nullptr, footprint_float, lstm_input_rows, nullptr, pack_float, lstm_reference_cost<0>};

}  // namespace kernels

}  // namespace microplan
