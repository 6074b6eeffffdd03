// SPDX-License-Identifier: Apache-2.0
// How an LSTM goes through its time steps, and such a step in float32.
#ifndef MICROPLAN_KERNELS_LSTM_ROWS_H_
#define MICROPLAN_KERNELS_LSTM_ROWS_H_

#include <stdint.h>
#include <string.h>

#include "microplan/kernel.h"
#include "microplan/kernels/float_math.h"
#include "microplan/kernels/lstm.h"

namespace microplan {

// Weights and biases by gate.
template <typename Weight, typename Bias>
struct LstmWeights {
  const Weight* input[kLstmGates];
  const Weight* recurrent[kLstmGates];
  const Bias* bias[kLstmGates];

  explicit LstmWeights(const Io& io) {
    for (uint32_t gate = 0; gate < kLstmGates; ++gate) {
      input[gate] = io.constant<Weight>(gate);
      recurrent[gate] = io.constant<Weight>(kLstmGates + gate);
      bias[gate] = io.constant<Bias>(2 * kLstmGates + gate);
    }
  }
};

// Calls step(x, h, c, y) for every row in order, then makes y the hidden state. y can serve for the new state
// meanwhile: its row does not overlap the inputs that are still read.
template <typename T, typename Cell, typename Step>
Status run_lstm_rows(const LstmShape& shape, Rows rows, const Io& io, Step step) {
  const View input = io.view(0);
  T* const hidden = io.view(1).row_as<T>(0);
  Cell* const cell = io.view(2).row_as<Cell>(0);
  const View output = io.view(3);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const uint32_t batch = shape.time_major != 0 ? row % shape.batches : row / shape.steps;
    T* const h = hidden + batch * shape.units;
    T* const y = output.row_as<T>(row);
    step(input.row_as<T>(row), h, cell + batch * shape.units, y);
    memcpy(h, y, shape.units * sizeof(T));
  }
  return Status::kOk;
}

// Sums()(shape, weights, unit, x, h, arguments) computes the arguments of a unit's gates.
template <typename Sums>
Status run_lstm_float(const void* in, Rows rows, const Io& io) {
  const LstmFloatParams& params = *static_cast<const LstmFloatParams*>(in);
  const LstmWeights<float, float> weights(io);
  const auto step = [&params, &weights](const float* x, const float* h, float* c, float* y) {
    for (uint32_t unit = 0; unit < params.shape.units; ++unit) {
      float arguments[kLstmGates];
      Sums()(params.shape, weights, unit, x, h, arguments);
      const float input_gate = float_logistic(arguments[static_cast<uint32_t>(LstmGate::kInput)]);
      const float forget_gate = float_logistic(arguments[static_cast<uint32_t>(LstmGate::kForget)]);
      const float cell_gate = float_tanh(arguments[static_cast<uint32_t>(LstmGate::kCell)]);
      const float output_gate = float_logistic(arguments[static_cast<uint32_t>(LstmGate::kOutput)]);
      const float cell = forget_gate * c[unit] + input_gate * cell_gate;
      c[unit] = clamp(cell, params.cell_min, params.cell_max);
      y[unit] = float_tanh(c[unit]) * output_gate;
    }
  };
  return run_lstm_rows<float, float>(params.shape, rows, io, step);
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_LSTM_ROWS_H_
