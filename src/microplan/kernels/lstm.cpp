// SPDX-License-Identifier: Apache-2.0
// UNIDIRECTIONAL_SEQUENCE_LSTM, int8 and int16, both with int8 weights and an int16 cell state: prepare and the reference
// kernels.
#include "microplan/kernels/lstm.h"

#include <string.h>

#include "microplan/kernels.h"
#include "microplan/kernels/dot.h"
#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/int16_math.h"
#include "microplan/kernels/lstm_reference.h"
#include "microplan/kernels/lstm_rows.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Fields of the schema's UnidirectionalSequenceLSTMOptions.
constexpr uint32_t kFusedActivation = 0;
constexpr uint32_t kTimeMajor = 3;
constexpr uint8_t kTanh = 4;  // of ActivationFunctionType

// The operator's other inputs.
constexpr uint8_t kInput = 0;
constexpr uint8_t kPeephole = 9;
constexpr uint8_t kProjection = 16;
constexpr uint8_t kHiddenState = 18;
constexpr uint8_t kCellState = 19;
constexpr uint8_t kNormalization = 20;
constexpr uint8_t kInputs = 24;

// A gate's arguments have the scale 2^-12, its results 2^-15.
constexpr double kArgumentScale = 1.0 / 4096;
constexpr double kResultScale = 1.0 / 32768;

// The largest left shift of a requantization of 64-bit sums.
constexpr int32_t kMostShift64 = 7;

Status refuse_inputs(const OperatorContext& context, uint8_t first, uint8_t last, const char* reason) {
  for (uint8_t i = first; i < last; ++i) {
    if (context.input(i).index < 0) continue;
    return context.fail(Status::kUnsupportedOption, input_operand(i), reason,
                        MICROPLAN_DIAGNOSTIC_TEXT("use a standard LSTM, as keras.layers.LSTM makes"));
  }
  return Status::kOk;
}

Status check_weight(const OperatorContext& context, uint8_t index, DataType type, uint32_t units, uint32_t depth) {
  const TensorInfo weight = context.input(index);
  if (weight.index < 0) {
    return context.fail(Status::kUnsupportedOption, input_operand(index),
                        MICROPLAN_DIAGNOSTIC_TEXT("a gate has no weights or no bias (coupled gates, CIFG)"),
                        MICROPLAN_DIAGNOSTIC_TEXT("use a standard LSTM, as keras.layers.LSTM makes"));
  }
  if (weight.type != type) {
    return context.fail(Status::kUnsupportedType, input_operand(index),
                        MICROPLAN_DIAGNOSTIC_TEXT("weights are not int8 (float32 with float32 inputs), or biases are "
                                                  "not int32 (int64 with int16 inputs)"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model with int8 post-training quantization"),
                        static_cast<int64_t>(weight.type));
  }
  if (weight.elements != units * depth || weight.dims[0] != units) {
    return context.fail(Status::kUnsupportedShape, input_operand(index),
                        MICROPLAN_DIAGNOSTIC_TEXT("weights or bias do not go with the shapes of input and state"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), weight.elements);
  }
  return check_constant(context, index);
}

Status check_filter_scale(const OperatorContext& context, uint8_t index) {
  const TensorInfo filter = context.input(index);
  if (filter.type == DataType::kFloat32) return Status::kOk;
  const Status status = check_per_tensor(context, input_operand(index));
  if (status != Status::kOk || filter.zero_point() == 0) return status;
  return context.fail(Status::kUnsupportedQuantization, input_operand(index),
                      MICROPLAN_DIAGNOSTIC_TEXT("the filter's zero point is not 0"),
                      MICROPLAN_DIAGNOSTIC_TEXT("convert the model with symmetric int8 filters"), filter.zero_point());
}

Status check_weights(const OperatorContext& context, const LstmShape& shape) {
  const DataType type = context.input(kInput).type;
  const DataType filter_type = type == DataType::kFloat32 ? type : DataType::kInt8;
  const DataType bias_type = type == DataType::kFloat32 ? type
                             : type == DataType::kInt8  ? DataType::kInt32
                                                        : DataType::kInt64;
  for (uint8_t gate = 0; gate < kLstmGates; ++gate) {
    const uint8_t input_filter = static_cast<uint8_t>(kLstmInputFilter + gate);
    const uint8_t recurrent_filter = static_cast<uint8_t>(kLstmRecurrentFilter + gate);
    const uint8_t bias = static_cast<uint8_t>(kLstmBias + gate);
    Status status = check_weight(context, input_filter, filter_type, shape.units, shape.depth);
    if (status == Status::kOk) status = check_weight(context, recurrent_filter, filter_type, shape.units, shape.units);
    if (status == Status::kOk) status = check_weight(context, bias, bias_type, shape.units, 1);
    if (status == Status::kOk) status = check_filter_scale(context, input_filter);
    if (status == Status::kOk) status = check_filter_scale(context, recurrent_filter);
    if (status != Status::kOk) return status;
  }
  return Status::kOk;
}

Status check_state(const OperatorContext& context, uint8_t index, DataType type, uint32_t elements) {
  const TensorInfo state = context.input(index);
  if (state.is_variable && state.type == type && state.elements == elements) return Status::kOk;
  return context.fail(Status::kUnsupportedShape, input_operand(index),
                      MICROPLAN_DIAGNOSTIC_TEXT("a state is not a variable of [batch, units] elements: the hidden state "
                                                "of the input's type, the cell state int16 or float32"),
                      MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), state.elements);
}

}  // namespace

Status lstm_prepare_shape(const OperatorContext& context, LstmShape* shape) {
  // Models from before layer normalization have no inputs for it.
  Status status = check_arity(context, kNormalization, kInputs);
  if (status == Status::kOk) {
    status = refuse_inputs(context, kPeephole, kLstmBias, MICROPLAN_DIAGNOSTIC_TEXT("the LSTM has peephole connections"));
  }
  if (status == Status::kOk) {
    status = refuse_inputs(context, kProjection, kHiddenState, MICROPLAN_DIAGNOSTIC_TEXT("the LSTM has a projection"));
  }
  if (status == Status::kOk) {
    status = refuse_inputs(context, kNormalization, kInputs,
                           MICROPLAN_DIAGNOSTIC_TEXT("the LSTM has layer normalization"));
  }
  if (status != Status::kOk) return status;
  const uint8_t activation = context.options().uint8_field(kFusedActivation, 0);
  if (activation != kTanh) {
    return context.fail(Status::kUnsupportedOption, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the activation of the cell gate is not TANH"),
                        MICROPLAN_DIAGNOSTIC_TEXT("use a standard LSTM, as keras.layers.LSTM makes"), activation);
  }
  const TensorInfo input = context.input(kInput);
  const TensorInfo output = context.output(0);
  if (input.rank != 3 || output.rank != 3 || input.dims[0] != output.dims[0] || input.dims[1] != output.dims[1]) {
    return context.fail(Status::kUnsupportedShape, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("input and output are not sequences of equal length"),
                        MICROPLAN_DIAGNOSTIC_TEXT("both are [batch, time, depth] or, time major, [time, batch, depth]"),
                        input.rank);
  }
  const bool time_major = context.options().uint8_field(kTimeMajor, 0) != 0;
  *shape = {input.dims[time_major ? 1 : 0], input.dims[time_major ? 0 : 1], time_major, input.dims[2], output.dims[2]};
  const DataType cell = input.type == DataType::kFloat32 ? DataType::kFloat32 : DataType::kInt16;
  const uint32_t elements = shape->batches * shape->units;
  status = check_state(context, kHiddenState, input.type, elements);
  if (status == Status::kOk) status = check_state(context, kCellState, cell, elements);
  return status == Status::kOk ? check_weights(context, *shape) : status;
}

namespace {

Status prepare_cell(const OperatorContext& context, LstmParams* params) {
  constexpr int32_t kMostLeft = 14;  // 3 * 2^14 * 2^15 fits 32 bits
  constexpr int32_t kMostRight = 30;
  constexpr uint32_t kMantissaBits = 23;
  const float scale = context.input(kCellState).scale();
  uint32_t bits;
  memcpy(&bits, &scale, sizeof bits);
  // From a cell state in steps of 2^e to steps of 2^-12.
  const int32_t left = static_cast<int32_t>(bits >> kMantissaBits) - 127 + 12;
  if ((bits & ((1u << kMantissaBits) - 1)) != 0 || left > kMostLeft || left < -kMostRight) {
    return context.fail(Status::kUnsupportedQuantization, input_operand(kCellState),
                        MICROPLAN_DIAGNOSTIC_TEXT("the cell state's scale is not a power of two from 2^-42 to 2^2"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model with int8 post-training quantization"));
  }
  params->tanh_multiplier = left > 0 ? 3 << left : 3;
  params->tanh_shift = left < 0 ? -left : 0;
  params->cell_min = INT16_MIN;
  params->cell_max = INT16_MAX;
  const float clip = context.options().float_field(kLstmCellClip, 0);
  if (clip > 0) {
    const double steps = static_cast<double>(clip) / static_cast<double>(scale);
    params->cell_max = steps < INT16_MAX ? static_cast<int32_t>(steps) : INT16_MAX;
    params->cell_min = -params->cell_max;
  }
  return Status::kOk;
}

bool gate_requantize(const OperatorContext& context, uint8_t operand, uint8_t filter, Requantize* by) {
  const double product = static_cast<double>(context.input(operand).scale()) *
                         static_cast<double>(context.input(filter).scale());
  if (!requantize_from(product / kArgumentScale, by)) return false;
  return context.input(kInput).type != DataType::kInt16 || by->shift <= kMostShift64;
}

bool gate_requantize(const OperatorContext& context, uint8_t gate, LstmRequantize* by) {
  return gate_requantize(context, kInput, static_cast<uint8_t>(kLstmInputFilter + gate), &by->input) &&
         gate_requantize(context, kHiddenState, static_cast<uint8_t>(kLstmRecurrentFilter + gate), &by->recurrent);
}

// requantize_fast() is exact for values below this and such shifts, when it adds no zero point.
constexpr uint64_t kFastLimit = 1u << 30;
bool shifts_fast(Requantize by) { return by.shift <= -1 && by.shift >= -30; }

// No sum of the gate is larger than what products of 8 by 9 bits and the biases give.
bool gate_is_fast(const OperatorContext& context, uint8_t gate, const LstmShape& shape) {
  constexpr uint64_t kProduct = (INT8_MAX + 1) * UINT8_MAX;
  const LstmRequantize by = lstm_gate_requantize(context, gate);
  const TensorInfo bias = context.input(static_cast<uint8_t>(kLstmBias + gate));
  uint64_t largest_bias = 0;
  for (uint32_t i = 0; i < shape.units; ++i) {
    const int64_t value = bias.int32_at(i);
    const uint64_t magnitude = static_cast<uint64_t>(value < 0 ? -value : value);
    if (magnitude > largest_bias) largest_bias = magnitude;
  }
  return shape.depth * kProduct + largest_bias < kFastLimit && shape.units * kProduct < kFastLimit &&
         shifts_fast(by.input) && shifts_fast(by.recurrent);
}

// Whether the requantized sums of a gate's recurrent filter fit 16 bits for all hidden states.
bool recurrent_sums_fit(const OperatorContext& context, uint8_t gate, const LstmParams& params) {
  LstmRequantize by;
  if (!gate_requantize(context, gate, &by) || by.recurrent.shift > 0) return false;
  const TensorInfo filter = context.input(static_cast<uint8_t>(kLstmRecurrentFilter + gate));
  const uint32_t units = params.shape.units;
  // Of a value of the state with its offset.
  const int32_t largest = params.hidden_offset > 0 ? INT8_MAX + params.hidden_offset : -INT8_MIN - params.hidden_offset;
  for (uint32_t unit = 0; unit < units; ++unit) {
    int64_t sum = 0;
    for (uint32_t i = 0; i < units; ++i) {
      const int32_t weight = static_cast<int8_t>(filter.data[unit * units + i]);
      sum += largest * (weight < 0 ? -weight : weight);
    }
    if (sum > INT32_MAX || requantize(static_cast<int32_t>(sum), by.recurrent) > INT16_MAX) return false;
  }
  return true;
}

}  // namespace

Status lstm_prepare_integer(const OperatorContext& context, void* out) {
  LstmParams& params = *static_cast<LstmParams*>(out);
  Status status = lstm_prepare_shape(context, &params.shape);
  if (status == Status::kOk) status = prepare_cell(context, &params);
  if (status != Status::kOk) return status;
  const TensorInfo hidden = context.input(kHiddenState);
  const double product = kResultScale * kResultScale;
  bool fits = requantize_from(product / static_cast<double>(context.input(kCellState).scale()), &params.cell) &&
              requantize_from(product / static_cast<double>(hidden.scale()), &params.hidden);
  for (uint8_t gate = 0; gate < kLstmGates; ++gate) {
    LstmRequantize by;
    fits = fits && gate_requantize(context, gate, &by);
  }
  if (!fits) {
    return context.fail(Status::kUnsupportedQuantization, input_operand(kHiddenState),
                        MICROPLAN_DIAGNOSTIC_TEXT("a product of scales is beyond what the gates' arguments can hold"),
                        MICROPLAN_DIAGNOSTIC_TEXT("quantize the model again with representative data"));
  }
  params.input_offset = -context.input(kInput).zero_point();
  params.hidden_offset = -hidden.zero_point();
  params.fast = context.input(kInput).type == DataType::kInt8 && shifts_fast(params.cell) && shifts_fast(params.hidden);
  for (uint8_t gate = 0; gate < kLstmGates && params.fast; ++gate) {
    params.fast = gate_is_fast(context, gate, params.shape);
  }
  params.hidden_fits = context.input(kInput).type == DataType::kInt8;
  for (uint8_t gate = 0; gate < kLstmGates && params.hidden_fits; ++gate) {
    params.hidden_fits = recurrent_sums_fit(context, gate, params);
  }
  return Status::kOk;
}

bool lstm_footprint(const LstmShape& shape, uint32_t element, uint32_t cell_element, uint32_t filter_element,
                    uint32_t bias_element, Footprint* footprint) {
  uint32_t rows = shape.batches;
  uint32_t input_bytes = element;
  uint32_t output_bytes = element;
  uint32_t states = shape.batches;
  if (shape.time_major > 1 || !multiply_checked(shape.steps, &rows) || !multiply_checked(shape.depth, &input_bytes) ||
      !multiply_checked(shape.units, &output_bytes) || !multiply_checked(shape.units, &states)) {
    return false;
  }
  uint32_t hidden_bytes = element;
  uint32_t cell_bytes = cell_element;
  uint32_t input_filter_bytes = filter_element;
  uint32_t recurrent_filter_bytes = filter_element;
  uint32_t bias_bytes = bias_element;
  if (!multiply_checked(states, &hidden_bytes) || !multiply_checked(states, &cell_bytes) ||
      !multiply_checked(shape.units, &input_filter_bytes) || !multiply_checked(shape.depth, &input_filter_bytes) ||
      !multiply_checked(shape.units, &recurrent_filter_bytes) ||
      !multiply_checked(shape.units, &recurrent_filter_bytes) || !multiply_checked(shape.units, &bias_bytes)) {
    return false;
  }
  const uint8_t alignment = static_cast<uint8_t>(element);
  footprint->add_view(input_operand(kInput), rows, input_bytes, alignment);
  footprint->add_state(input_operand(kHiddenState), hidden_bytes, alignment);
  footprint->add_state(input_operand(kCellState), cell_bytes, static_cast<uint8_t>(cell_element));
  footprint->add_view(output_operand(0), rows, output_bytes, alignment);
  const uint8_t filter_alignment = static_cast<uint8_t>(filter_element);
  for (uint32_t gate = 0; gate < kLstmGates; ++gate) footprint->add_constant(input_filter_bytes, filter_alignment);
  for (uint32_t gate = 0; gate < kLstmGates; ++gate) footprint->add_constant(recurrent_filter_bytes, filter_alignment);
  for (uint32_t gate = 0; gate < kLstmGates; ++gate) {
    footprint->add_constant(bias_bytes, static_cast<uint8_t>(bias_element));
  }
  return true;
}

namespace {

template <typename T, typename Bias>
bool footprint_integer(const void* in, Footprint* footprint) {
  const LstmParams& params = *static_cast<const LstmParams*>(in);
  // Minus zero points of type T; the inner loops count on it.
  constexpr int32_t kHighest = sizeof(T) == 1 ? -INT8_MIN : -INT16_MIN;
  if (params.input_offset > kHighest || params.input_offset <= -kHighest || params.hidden_offset > kHighest ||
      params.hidden_offset <= -kHighest || params.tanh_shift < 0 || params.tanh_shift > 31 || params.fast > 1 ||
      params.hidden_fits > 1 ||
      !lstm_footprint(params.shape, sizeof(T), 2, 1, sizeof(Bias), footprint)) {
    return false;
  }
  footprint->add_constant(kLstmGates * static_cast<uint32_t>(sizeof(LstmRequantize)), 4);
  return true;
}

}  // namespace

bool lstm_int8_footprint(const void* params, Footprint* footprint) {
  return footprint_integer<int8_t, int32_t>(params, footprint);
}

Rows lstm_input_rows(const void*, uint32_t view, Rows rows) { return view == 0 ? rows : Rows{0, 1}; }

LstmRequantize lstm_gate_requantize(const OperatorContext& context, uint32_t gate) {
  LstmRequantize by = {};
  (void)gate_requantize(context, static_cast<uint8_t>(gate), &by);
  return by;
}

int32_t lstm_int8_start(const OperatorContext& context, const LstmParams& params, bool recurrent, uint32_t gate,
                        uint32_t unit) {
  const uint32_t filter = (recurrent ? kLstmRecurrentFilter : kLstmInputFilter) + gate;
  const uint32_t depth = recurrent ? params.shape.units : params.shape.depth;
  const uint8_t* const row = context.input(static_cast<uint8_t>(filter)).data + unit * depth;
  int32_t sum = 0;
  for (uint32_t i = 0; i < depth; ++i) sum += static_cast<int8_t>(row[i]);
  if (recurrent) return wrap_mul(params.hidden_offset, sum);
  return wrap_add(context.input(static_cast<uint8_t>(kLstmBias + gate)).int32_at(unit),
                  wrap_mul(params.input_offset, sum));
}

void lstm_pack_weights(ConstantWriter& writer, uint32_t filter_alignment, uint32_t bias_alignment) {
  for (uint32_t gate = 0; gate < kLstmGates; ++gate) writer.tensor(kLstmInputFilter + gate, filter_alignment);
  for (uint32_t gate = 0; gate < kLstmGates; ++gate) writer.tensor(kLstmRecurrentFilter + gate, filter_alignment);
  for (uint32_t gate = 0; gate < kLstmGates; ++gate) writer.tensor(kLstmBias + gate, bias_alignment);
}

namespace {

template <typename Bias>
void pack_integer(const OperatorContext& context, const void*, ConstantWriter& writer) {
  lstm_pack_weights(writer, 1, sizeof(Bias));
  writer.begin(kLstmGates * static_cast<uint32_t>(sizeof(LstmRequantize)));
  for (uint8_t gate = 0; gate < kLstmGates; ++gate) {
    const LstmRequantize by = lstm_gate_requantize(context, gate);
    writer.append(&by, sizeof by);
  }
}

int32_t clamp16(int32_t value) { return clamp(value, INT16_MIN, INT16_MAX); }

int32_t project(const int8_t* x, const int8_t* filter, uint32_t depth, int32_t offset, int32_t start, Requantize by) {
  const uint32_t sum = dot(x, filter, depth, offset, static_cast<uint32_t>(start));
  return clamp16(requantize(static_cast<int32_t>(sum), by));
}

// 64-bit sums are rounded once, by a multiplier of 16 bits, as in TensorFlow Lite.
int32_t project(const int16_t* x, const int8_t* filter, uint32_t depth, int32_t offset, int64_t start, Requantize by) {
  const int16_t* const end = x + depth;
  uint64_t sum = static_cast<uint64_t>(start);
  while (x != end) sum += static_cast<uint64_t>((*x++ + offset) * *filter++);
  const int64_t multiplier = by.multiplier < 0x7fff0000 ? (by.multiplier + (1 << 15)) >> 16 : INT16_MAX;
  const uint32_t right = static_cast<uint32_t>(wrap_sub(15, by.shift)) & 63;
  const uint64_t rounded = sum * static_cast<uint64_t>(multiplier) + ((uint64_t{1} << right) >> 1);
  return clamp16(static_cast<int32_t>(static_cast<int64_t>(rounded) >> right));
}

template <typename T, typename Bias>
struct IntegerStep {
  const LstmParams& params;
  const LstmWeights<int8_t, Bias> weights;
  const LstmRequantize* const by;

  IntegerStep(const LstmParams& lstm_params, const Io& io)
      : params(lstm_params), weights(io), by(io.constant<LstmRequantize>(3 * kLstmGates)) {}

  // A gate's argument for int16_logistic or int16_tanh.
  int32_t argument(LstmGate which, uint32_t unit, const T* x, const T* h) const {
    const uint32_t gate = static_cast<uint32_t>(which);
    const uint32_t depth = params.shape.depth;
    const uint32_t units = params.shape.units;
    const int32_t from_input = project(x, weights.input[gate] + unit * depth, depth, params.input_offset,
                                       weights.bias[gate][unit], by[gate].input);
    const int32_t from_hidden = project(h, weights.recurrent[gate] + unit * units, units, params.hidden_offset, Bias{0},
                                        by[gate].recurrent);
    return 3 * clamp16(from_input + from_hidden);
  }

  void operator()(const T* x, const T* h, int16_t* c, T* y) const {
    constexpr Requantize kForget = {1 << 30, -14};  // 2^-15
    constexpr int32_t kLow = sizeof(T) == 1 ? INT8_MIN : INT16_MIN;
    constexpr int32_t kHigh = sizeof(T) == 1 ? INT8_MAX : INT16_MAX;
    const int32_t half = params.tanh_shift > 0 ? 1 << (params.tanh_shift - 1) : 0;
    for (uint32_t unit = 0; unit < params.shape.units; ++unit) {
      const int32_t input_gate = int16_logistic(argument(LstmGate::kInput, unit, x, h));
      const int32_t forget_gate = int16_logistic(argument(LstmGate::kForget, unit, x, h));
      const int32_t cell_gate = int16_tanh(argument(LstmGate::kCell, unit, x, h));
      const int32_t output_gate = int16_logistic(argument(LstmGate::kOutput, unit, x, h));
      const int32_t kept = requantize(forget_gate * c[unit], kForget);
      const int32_t gained = clamp16(requantize(input_gate * cell_gate, params.cell));
      const int32_t cell = clamp(kept + gained, params.cell_min, params.cell_max);
      c[unit] = static_cast<int16_t>(cell);
      const int32_t squashed = int16_tanh(wrap_add(wrap_mul(cell, params.tanh_multiplier), half) >> params.tanh_shift);
      const int32_t value = wrap_sub(requantize(squashed * output_gate, params.hidden), params.hidden_offset);
      y[unit] = static_cast<T>(clamp(value, kLow, kHigh));
    }
  }
};

}  // namespace

namespace kernels {

Status lstm_int8_run(const void* in, Rows rows, const Io& io, void*) {
  const LstmParams& params = *static_cast<const LstmParams*>(in);
  return run_lstm_rows<int8_t, int16_t>(params.shape, rows, io, IntegerStep<int8_t, int32_t>(params, io));
}

Status lstm_int16_run(const void* in, Rows rows, const Io& io, void*) {
  const LstmParams& params = *static_cast<const LstmParams*>(in);
  return run_lstm_rows<int16_t, int16_t>(params.shape, rows, io, IntegerStep<int16_t, int64_t>(params, io));
}

const Variant lstm_int8_variant = {
    lstm_int8, "lstm_int8", "UNIDIRECTIONAL_SEQUENCE_LSTM", 44,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "int16 cell state; no peephole, projection or normalization",
    false, Overlap::kRows, sizeof(LstmParams),
    lstm_prepare_integer, nullptr, lstm_int8_footprint, lstm_input_rows, nullptr, pack_integer<int32_t>,
    lstm_reference_cost<kLstmGates * sizeof(LstmRequantize)>};

const Variant lstm_int16_variant = {
    lstm_int16, "lstm_int16", "UNIDIRECTIONAL_SEQUENCE_LSTM", 44,
    DataType::kInt16, DataType::kInt8, DataType::kInt16, "int16 cell state; no peephole, projection or normalization",
    false, Overlap::kRows, sizeof(LstmParams),
    lstm_prepare_integer, nullptr, footprint_integer<int16_t, int64_t>, lstm_input_rows, nullptr, pack_integer<int64_t>,
    lstm_reference_cost<kLstmGates * sizeof(LstmRequantize)>};

}  // namespace kernels

}  // namespace microplan
