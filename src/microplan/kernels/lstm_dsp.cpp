// SPDX-License-Identifier: Apache-2.0
// UNIDIRECTIONAL_SEQUENCE_LSTM, int8, for the DSP extension: the four gates of a unit are a quad of dsp_dot.h.
#include <string.h>

#include "microplan/kernels.h"
#include "microplan/kernels/dsp.h"
#include "microplan/kernels/dsp_dot.h"
#include "microplan/kernels/int16_math.h"
#include "microplan/kernels/lstm.h"

namespace microplan {

namespace {

static_assert(kLstmGates == 4, "a quad");

// Units whose gates are made at once, on the stack.
constexpr uint32_t kBlock = 4;

// Constants, for the input and for the hidden state: the filter [units][4] as quads, and what sums begin with,
// int32[units][4]; then DotScale[2][4].
uint32_t filter_bytes(uint32_t units, uint32_t depth) { return units * kLstmGates * dsp::dot_words(depth) * 4; }
constexpr uint32_t kScaleBytes = 2 * kLstmGates * sizeof(dsp::DotScale);

bool footprint(const void* in, Footprint* footprint) {
  const LstmShape& shape = static_cast<const LstmParams*>(in)->shape;
  if (!lstm_int8_footprint(in, footprint)) return false;
  footprint->constant_count = 0;
  footprint->add_constant(filter_bytes(shape.units, shape.depth), 4);
  footprint->add_constant(shape.units * kLstmGates * 4, 4);
  footprint->add_constant(filter_bytes(shape.units, shape.units), 4);
  footprint->add_constant(shape.units * kLstmGates * 4, 4);
  footprint->add_constant(kScaleBytes, 4);
  return true;
}

bool supports(const void* in, const Target&) { return static_cast<const LstmParams*>(in)->fast != 0; }

void pack_filter(const OperatorContext& context, uint8_t first, uint32_t units, uint32_t depth,
                 ConstantWriter& writer) {
  if (!writer.begin(filter_bytes(units, depth))) return;
  const uint8_t* rows[kLstmGates];
  for (uint8_t gate = 0; gate < kLstmGates; ++gate) rows[gate] = context.input(static_cast<uint8_t>(first + gate)).data;
  for (uint32_t unit = 0; unit < units; ++unit) {
    dsp::pack_dot_group(writer, rows, kLstmGates, depth);
    for (const uint8_t*& row : rows) row += depth;
  }
}

void pack_start(const OperatorContext& context, const LstmParams& params, bool recurrent, ConstantWriter& writer) {
  if (!writer.begin(params.shape.units * kLstmGates * 4)) return;
  for (uint32_t unit = 0; unit < params.shape.units; ++unit) {
    for (uint32_t gate = 0; gate < kLstmGates; ++gate) {
      const int32_t start = lstm_int8_start(context, params, recurrent, gate, unit);
      writer.append(&start, sizeof start);
    }
  }
}

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const LstmParams& params = *static_cast<const LstmParams*>(in);
  const uint32_t units = params.shape.units;
  const uint32_t depth = params.shape.depth;
  pack_filter(context, kLstmInputFilter, units, depth, writer);
  pack_start(context, params, false, writer);
  pack_filter(context, kLstmRecurrentFilter, units, units, writer);
  pack_start(context, params, true, writer);
  writer.begin(kScaleBytes);
  for (uint32_t recurrent = 0; recurrent < 2; ++recurrent) {
    for (uint32_t gate = 0; gate < kLstmGates; ++gate) {
      const LstmRequantize by = lstm_gate_requantize(context, gate);
      const dsp::DotScale scale(recurrent != 0 ? by.recurrent : by.input);
      writer.append(&scale, sizeof scale);
    }
  }
}

Cost cost(const void* in, const Target&) {
  const LstmShape& shape = static_cast<const LstmParams*>(in)->shape;
  const uint64_t rows = static_cast<uint64_t>(shape.batches) * shape.steps;
  const uint64_t words = uint64_t{dsp::dot_words(shape.depth)} + dsp::dot_words(shape.units);
  return {rows * shape.units * kLstmGates * (static_cast<uint64_t>(shape.depth) + shape.units),
          rows * (150 + 6 * words + shape.units * (330 + 17 * words)), shape.units * 16 + kScaleBytes};
}

// A Requantize as dsp::requantize() takes it.
struct FastRequantize {
  int32_t multiplier, rounding, right;

  explicit FastRequantize(Requantize by)
      : multiplier(by.multiplier), rounding(fast_rounding(0, wrap_sub(0, by.shift))), right(wrap_sub(0, by.shift)) {}
  int32_t operator()(int32_t value) const { return dsp::requantize(value, multiplier, rounding, right); }
};

// From the gates of a unit to its states.
struct Cell {
  const FastRequantize cell, hidden;
  const int32_t cell_min, cell_max;
  const int32_t tanh_multiplier, tanh_rounding, tanh_shift;
  const int32_t hidden_offset;

  explicit Cell(const LstmParams& params)
      : cell(params.cell),
        hidden(params.hidden),
        cell_min(params.cell_min),
        cell_max(params.cell_max),
        tanh_multiplier(params.tanh_multiplier),
        tanh_rounding(params.tanh_shift > 0 ? 1 << (params.tanh_shift - 1) : 0),
        tanh_shift(params.tanh_shift),
        hidden_offset(params.hidden_offset) {}

  // `arguments` of the gates in the order of LstmGate, in steps of 2^-12. Returns the hidden state.
  int8_t next(const int16_t* arguments, int16_t* c) const {
    const FastRequantize forget(Requantize{1 << 30, -14});  // 2^-15
    const int32_t input_gate = int16_logistic(3 * arguments[0]);
    const int32_t forget_gate = int16_logistic(3 * arguments[1]);
    const int32_t cell_gate = int16_tanh(3 * arguments[2]);
    const int32_t output_gate = int16_logistic(3 * arguments[3]);
    const int32_t gained = dsp::ssat<16>(cell(input_gate * cell_gate));
    const int32_t state = clamp(forget(forget_gate * *c) + gained, cell_min, cell_max);
    *c = static_cast<int16_t>(state);
    const int32_t squashed = int16_tanh(wrap_add(wrap_mul(state, tanh_multiplier), tanh_rounding) >> tanh_shift);
    return static_cast<int8_t>(dsp::ssat<8>(wrap_sub(hidden(squashed * output_gate), hidden_offset)));
  }
};

// A product of which `units` quads at a time are made.
struct GateProduct {
  dsp::DotQuads quads;
  const uint32_t* filter;

  GateProduct(const int8_t* x, uint32_t depth, const Io& io, uint32_t constant)
      : filter(io.constant<uint32_t>(constant)) {
    dsp::dot_input(quads, x, depth);
    quads.start = io.constant<int32_t>(constant + 1);
    quads.scale = io.constant<dsp::DotScale>(4) + constant / 2 * kLstmGates;
    quads.scale_step = sizeof(dsp::DotScale);
    quads.odd_zero_point = 1;
  }
  void next(uint32_t units, int16_t* out) {
    quads.output = out;
    quads.end = out + units * kLstmGates;
    filter = dsp::dot_quads_int16(quads, filter);
  }
};

}  // namespace

namespace kernels {

Status lstm_int8_dsp_run(const void* in, Rows rows, const Io& io, void*) {
  const LstmParams& params = *static_cast<const LstmParams*>(in);
  const LstmShape& shape = params.shape;
  const Cell cell(params);
  const View input = io.view(0);
  const View output = io.view(3);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const uint32_t batch = shape.time_major != 0 ? row % shape.batches : row / shape.steps;
    int8_t* const h = io.view(1).row_as<int8_t>(0) + batch * shape.units;
    int16_t* c = io.view(2).row_as<int16_t>(0) + batch * shape.units;
    int8_t* const out = output.row_as<int8_t>(row);
    int8_t* y = out;
    GateProduct from_input(input.row_as<int8_t>(row), shape.depth, io, 0);
    GateProduct from_hidden(h, shape.units, io, 2);
    for (uint32_t left = shape.units; left != 0;) {
      alignas(4) int16_t arguments[kBlock * kLstmGates];
      alignas(4) int16_t recurrent[kBlock * kLstmGates];
      const uint32_t units = left < kBlock ? left : kBlock;
      from_input.next(units, arguments);
      from_hidden.next(units, recurrent);
      for (uint32_t i = 0; i < units * kLstmGates; i += 2) {
        dsp::store_word(arguments + i, dsp::qadd16(dsp::load_word(arguments + i), dsp::load_word(recurrent + i)));
      }
      for (uint32_t i = 0; i < units; ++i) *y++ = cell.next(arguments + kLstmGates * i, c++);
      left -= units;
    }
    memcpy(h, out, shape.units);
  }
  return Status::kOk;
}

const Variant lstm_int8_dsp_variant = {
    lstm_int8_dsp, "lstm_int8_dsp", "UNIDIRECTIONAL_SEQUENCE_LSTM", 44,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "int16 cell state; no peephole, projection or normalization",
    false, Overlap::kRows, sizeof(LstmParams),
    lstm_prepare_integer, supports, footprint, lstm_input_rows, nullptr, pack, cost,
    kFeatureDsp, true};

}  // namespace kernels

}  // namespace microplan
