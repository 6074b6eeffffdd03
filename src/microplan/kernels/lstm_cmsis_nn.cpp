// SPDX-License-Identifier: Apache-2.0
// UNIDIRECTIONAL_SEQUENCE_LSTM int8 by CMSIS-NN.
#include "microplan/kernels.h"
#include "microplan/kernels/cmsis_nn.h"
#include "microplan/kernels/lstm.h"

namespace microplan {

namespace {

// Constants: those of the reference kernel, then int32[gates][units] twice: the sums of the filters' rows times the
// offset of what they are multiplied with, of the input filters with the bias, and of the recurrent filters.

// The library does not saturate the sums over the hidden state before it adds those over the input, nor what a step
// gains before it adds what the cell kept; where the cell's scale is at least 2^-15 the latter cannot saturate.
bool supports(const void* in, const Target&) {
  const LstmParams& params = *static_cast<const LstmParams*>(in);
  return params.hidden_fits && params.cell.shift <= -14;
}

bool footprint(const void* in, Footprint* result) {
  if (!lstm_int8_footprint(in, result)) return false;
  const uint32_t bytes = kLstmGates * static_cast<const LstmParams*>(in)->shape.units * 4;
  result->add_constant(bytes, 4);
  result->add_constant(bytes, 4);
  return true;
}

void pack_sums(const OperatorContext& context, uint8_t first_filter, int32_t offset, bool add_bias, uint32_t units,
               ConstantWriter& writer) {
  if (!writer.begin(kLstmGates * units * 4)) return;
  for (uint32_t gate = 0; gate < kLstmGates; ++gate) {
    const TensorInfo filter = context.input(first_filter + gate);
    const TensorInfo bias = context.input(kLstmBias + gate);
    const uint32_t depth = filter.elements / units;
    for (uint32_t unit = 0; unit < units; ++unit) {
      int32_t sum = 0;
      for (uint32_t i = 0; i < depth; ++i) sum += static_cast<int8_t>(filter.data[unit * depth + i]);
      const int32_t value = wrap_add(wrap_mul(sum, offset), add_bias ? bias.int32_at(unit) : 0);
      writer.append(&value, sizeof value);
    }
  }
}

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const LstmParams& params = *static_cast<const LstmParams*>(in);
  for (uint32_t gate = 0; gate < kLstmGates; ++gate) writer.tensor(kLstmInputFilter + gate, 1);
  for (uint32_t gate = 0; gate < kLstmGates; ++gate) writer.tensor(kLstmRecurrentFilter + gate, 1);
  for (uint32_t gate = 0; gate < kLstmGates; ++gate) writer.tensor(kLstmBias + gate, 4);
  if (writer.begin(kLstmGates * static_cast<uint32_t>(sizeof(LstmRequantize)))) {
    for (uint32_t gate = 0; gate < kLstmGates; ++gate) {
      const LstmRequantize by = lstm_gate_requantize(context, gate);
      writer.append(&by, sizeof by);
    }
  }
  pack_sums(context, kLstmInputFilter, params.input_offset, true, params.shape.units, writer);
  pack_sums(context, kLstmRecurrentFilter, params.hidden_offset, false, params.shape.units, writer);
}

// Two gates of a step.
uint32_t scratch_bytes(const void* in, uint32_t) {
  const LstmShape& shape = static_cast<const LstmParams*>(in)->shape;
  return 2 * 2 * shape.batches * shape.units;
}

Cost cost(const void* in, const Target& target) {
  const LstmShape& shape = static_cast<const LstmParams*>(in)->shape;
  const uint64_t outputs = uint64_t{kLstmGates} * shape.batches * shape.steps * shape.units;
  return cmsis_nn::mac_cost(outputs * (uint64_t{shape.depth} + shape.units), outputs * 4, kLstmGates * shape.units * 8,
                            target);
}

}  // namespace

namespace kernels {

const Variant lstm_int8_cmsis_nn_variant = {
    lstm_int8_cmsis_nn, "lstm_int8_cmsis_nn", "UNIDIRECTIONAL_SEQUENCE_LSTM", 44,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "as lstm_int8, where no gate saturates",
    true, Overlap::kNone, sizeof(LstmParams),
    lstm_prepare_integer, supports, footprint, lstm_input_rows, scratch_bytes, pack, cost,
    kFeatureCmsisNn};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_CMSIS_NN

namespace microplan {

namespace {

// The cell state's scale is 2^(that).
int32_t cell_scale_power(const LstmParams& params) {
  int32_t left = -params.tanh_shift;
  for (int32_t multiplier = 3; multiplier < params.tanh_multiplier && left < 14; multiplier *= 2) ++left;
  return left - 12;
}

constexpr uint32_t kRequantize = 3 * kLstmGates;
constexpr uint32_t kInputSums = kRequantize + 1;
constexpr uint32_t kRecurrentSums = kInputSums + 1;

cmsis_nn_lstm_gate gate_of(const LstmParams& params, const Io& io, LstmGate which, arm_nn_activation_type activation) {
  const uint32_t gate = static_cast<uint32_t>(which);
  const uint32_t first = gate * params.shape.units;
  const LstmRequantize by = io.constant<LstmRequantize>(kRequantize)[gate];
  cmsis_nn_lstm_gate result;
  result.input_multiplier = by.input.multiplier;
  result.input_shift = by.input.shift;
  result.input_weights = io.constant<int8_t>(gate);
  result.input_effective_bias = io.constant<int32_t>(kInputSums) + first;
  result.hidden_multiplier = by.recurrent.multiplier;
  result.hidden_shift = by.recurrent.shift;
  result.hidden_weights = io.constant<int8_t>(kLstmGates + gate);
  result.hidden_effective_bias = io.constant<int32_t>(kRecurrentSums) + first;
  result.bias = io.constant<int32_t>(2 * kLstmGates + gate);
  result.activation_type = activation;
  return result;
}

}  // namespace

namespace kernels {

Status lstm_int8_cmsis_nn_run(const void* in, Rows, const Io& io, void* scratch) {
  const LstmParams& params = *static_cast<const LstmParams*>(in);
  const LstmShape& shape = params.shape;
  const int8_t* const input = cmsis_nn::whole(io.view(0), shape.batches * shape.steps, shape.depth);
  int8_t* const output = cmsis_nn::whole(io.view(3), shape.batches * shape.steps, shape.units);
  if (input == nullptr || output == nullptr) return Status::kBadPlan;
  cmsis_nn_lstm_params lstm;
  lstm.time_major = cmsis_nn::dim(shape.time_major);
  lstm.batch_size = cmsis_nn::dim(shape.batches);
  lstm.time_steps = cmsis_nn::dim(shape.steps);
  lstm.input_size = cmsis_nn::dim(shape.depth);
  lstm.hidden_size = cmsis_nn::dim(shape.units);
  lstm.input_offset = params.input_offset;
  lstm.forget_to_cell_multiplier = 1 << 30;
  lstm.forget_to_cell_shift = -14;
  lstm.input_to_cell_multiplier = params.cell.multiplier;
  lstm.input_to_cell_shift = params.cell.shift;
  lstm.cell_clip = params.cell_min == -params.cell_max ? params.cell_max : 0;  // 0: none
  lstm.cell_scale_power = cell_scale_power(params);
  lstm.output_multiplier = params.hidden.multiplier;
  lstm.output_shift = params.hidden.shift;
  lstm.output_offset = -params.hidden_offset;
  lstm.forget_gate = gate_of(params, io, LstmGate::kForget, ARM_SIGMOID);
  lstm.input_gate = gate_of(params, io, LstmGate::kInput, ARM_SIGMOID);
  lstm.cell_gate = gate_of(params, io, LstmGate::kCell, ARM_TANH);
  lstm.output_gate = gate_of(params, io, LstmGate::kOutput, ARM_SIGMOID);
  cmsis_nn_lstm_context buffers;
  buffers.temp1 = scratch;
  buffers.temp2 = static_cast<int16_t*>(scratch) + shape.batches * shape.units;
  buffers.cell_state = io.view(2).row_as<int16_t>(0);
  buffers.hidden_state = io.view(1).row_as<int8_t>(0);
  return cmsis_nn::status_of(arm_lstm_unidirectional_s8(input, output, &lstm, &buffers));
}

}  // namespace kernels
}  // namespace microplan

#endif
