// SPDX-License-Identifier: Apache-2.0
// What the planner sides of UNIDIRECTIONAL_SEQUENCE_LSTM share.
#ifndef MICROPLAN_KERNELS_LSTM_REFERENCE_H_
#define MICROPLAN_KERNELS_LSTM_REFERENCE_H_

#include <stdint.h>

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

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_LSTM_REFERENCE_H_
