// SPDX-License-Identifier: Apache-2.0
// What the reference kernels of UNIDIRECTIONAL_SEQUENCE_LSTM share.
#ifndef MICROPLAN_KERNELS_LSTM_REFERENCE_H_
#define MICROPLAN_KERNELS_LSTM_REFERENCE_H_

#include <stdint.h>
#include <string.h>

#include "microplan/kernels/lstm.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

// A field of the schema's UnidirectionalSequenceLSTMOptions.
constexpr uint32_t kLstmCellClip = 1;

// Checks all that does not depend on quantization.
Status lstm_prepare_shape(const OperatorContext& context, LstmShape* shape);
// Views, filters and biases of elements with so many bytes.
bool lstm_footprint(const LstmShape& shape, uint32_t element, uint32_t cell_element, uint32_t filter_element,
                    uint32_t bias_element, Footprint* footprint);
void lstm_pack_weights(ConstantWriter& writer, uint32_t filter_alignment, uint32_t bias_alignment);

// Both Params begin with the shape.
template <uint32_t kConstantBytes>
Cost lstm_reference_cost(const void* in, const Target&) {
  const LstmShape& shape = *static_cast<const LstmShape*>(in);
  const uint64_t outputs = static_cast<uint64_t>(shape.batches) * shape.steps * shape.units;
  // Two requantizations and a table for each gate, as much again for the states.
  return reference_cost(outputs * kLstmGates * (static_cast<uint64_t>(shape.depth) + shape.units),
                        outputs * 4 * kLstmGates, kConstantBytes);
}

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

// Calls step(x, h, c, y) for every row in order, then makes y the hidden state. y can serve for the new state meanwhile:
// its row does not overlap the inputs that are still read.
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

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_LSTM_REFERENCE_H_
