// SPDX-License-Identifier: Apache-2.0
// UNIDIRECTIONAL_SEQUENCE_LSTM, the standard one: for each time step, with h the hidden and c the cell state,
//   i, f, o = logistic(input_filter . x + recurrent_filter . h + bias) and g = tanh(the same), each with its own weights;
//   c = clip(f * c + i * g); h = o * tanh(c); output = h.
#ifndef MICROPLAN_KERNELS_LSTM_H_
#define MICROPLAN_KERNELS_LSTM_H_

#include <stdint.h>

#include "microplan/kernels/quantization.h"
#include "microplan/operator.h"

namespace microplan {

// The order of the operator's weights and biases.
enum class LstmGate : uint8_t { kInput, kForget, kCell, kOutput };
constexpr uint32_t kLstmGates = 4;

struct LstmShape {
  uint32_t batches, steps;
  uint32_t time_major;  // 1: rows are [steps][batches]; 0: [batches][steps]
  uint32_t depth;       // of the input
  uint32_t units;       // of states and output
};

// Views: input, hidden state [batches][units], cell state [batches][units], output. A row is one time step of one batch.
// Constants, each for the four gates: input filter [units][depth], recurrent filter [units][units], bias [units]; then
// LstmRequantize[4] (integer only).
struct LstmParams {
  LstmShape shape;
  int32_t input_offset;   // minus the input's zero point
  int32_t hidden_offset;  // minus the hidden state's
  int32_t cell_min, cell_max;
  Requantize cell;    // from the product of input gate and cell gate to the cell state
  Requantize hidden;  // from the product of output gate and tanh(c) to the hidden state
  // From the cell state to int16_tanh's argument: (c * multiplier + 2^(shift - 1)) >> shift.
  int32_t tanh_multiplier, tanh_shift;
  // 1: requantize_fast() is exact everywhere, whatever inputs and states are, if it adds no zero point; int8 only.
  uint32_t fast;
  // 1: no sum over the hidden state exceeds 16 bits when it is requantized, whatever the state is; int8 only.
  uint32_t hidden_fits;
};

// From accumulators to a gate's argument in steps of 2^-12.
struct LstmRequantize {
  Requantize input, recurrent;
};

struct LstmFloatParams {
  LstmShape shape;
  float cell_min, cell_max;
};

// The operator's inputs: the first of four in the order of LstmGate.
constexpr uint8_t kLstmInputFilter = 1;
constexpr uint8_t kLstmRecurrentFilter = 5;
constexpr uint8_t kLstmBias = 12;

// What the int8 variants share.
Status lstm_prepare_integer(const OperatorContext& context, void* params);
bool lstm_int8_footprint(const void* params, Footprint* footprint);
Rows lstm_input_rows(const void* params, uint32_t view, Rows rows);
// What the float32 variants share.
Status lstm_prepare_float(const OperatorContext& context, void* params);
bool lstm_float_footprint(const void* params, Footprint* footprint);
void lstm_pack_float(const OperatorContext& context, const void* params, ConstantWriter& writer);
// After lstm_prepare_integer().
LstmRequantize lstm_gate_requantize(const OperatorContext& context, uint32_t gate);
// What the sum of a unit's recurrent or input filter begins with: the operand's zero point and the bias, which recurrent
// filters have none of.
int32_t lstm_int8_start(const OperatorContext& context, const LstmParams& params, bool recurrent, uint32_t gate,
                        uint32_t unit);

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_LSTM_H_
