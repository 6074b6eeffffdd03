// SPDX-License-Identifier: Apache-2.0
// UNIDIRECTIONAL_SEQUENCE_LSTM, int8, for Helium: four units at a time, with one vector for each gate.
#include <string.h>

#include "microplan/kernels.h"
#include "microplan/kernels/int16_math.h"
#include "microplan/kernels/lstm.h"
#include "microplan/kernels/mve.h"
#include "microplan/kernels/mve_dot.h"

namespace microplan {

namespace {

constexpr uint32_t kLanes = 4;

// Constants: the input filters of the gates, their recurrent filters; LstmRequantize[4]; what sums begin with,
// int32[units] for each of the filters in this order, and zeros, so that there are four from each unit on.
constexpr uint32_t kFilters = 2 * kLstmGates;
constexpr uint32_t kScaleBytes = kLstmGates * sizeof(LstmRequantize);
constexpr uint32_t kPadding = (kLanes - 1) * 4;
uint32_t start_bytes(const LstmShape& shape) { return kFilters * shape.units * 4 + kPadding; }

bool footprint(const void* in, Footprint* footprint) {
  if (!lstm_int8_footprint(in, footprint)) return false;
  footprint->constant_count = kFilters;
  footprint->add_constant(kScaleBytes, 4);
  footprint->add_constant(start_bytes(static_cast<const LstmParams*>(in)->shape), 4);
  return true;
}

bool supports(const void* in, const Target&) { return static_cast<const LstmParams*>(in)->fast != 0; }

void pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  const LstmParams& params = *static_cast<const LstmParams*>(in);
  for (uint32_t gate = 0; gate < kLstmGates; ++gate) writer.tensor(kLstmInputFilter + gate, 1);
  for (uint32_t gate = 0; gate < kLstmGates; ++gate) writer.tensor(kLstmRecurrentFilter + gate, 1);
  writer.begin(kScaleBytes);
  for (uint32_t gate = 0; gate < kLstmGates; ++gate) {
    const LstmRequantize by = lstm_gate_requantize(context, gate);
    writer.append(&by, sizeof by);
  }
  if (!writer.begin(start_bytes(params.shape))) return;
  for (uint32_t filter = 0; filter < kFilters; ++filter) {
    for (uint32_t unit = 0; unit < params.shape.units; ++unit) {
      const int32_t start = lstm_int8_start(context, params, filter >= kLstmGates, filter % kLstmGates, unit);
      writer.append(&start, sizeof start);
    }
  }
  const uint8_t padding[kPadding] = {};
  writer.append(padding, sizeof padding);
}

Cost cost(const void* in, const Target&) {
  const LstmShape& shape = static_cast<const LstmParams*>(in)->shape;
  const uint64_t rows = static_cast<uint64_t>(shape.batches) * shape.steps;
  const uint64_t chunks = (uint64_t{shape.depth} + 15) / 16 + (uint64_t{shape.units} + 15) / 16;
  const uint64_t quads = (uint64_t{shape.units} + kLanes - 1) / kLanes;
  const uint64_t products = shape.units < kLanes ? shape.units : 1;
  return {rows * shape.units * kLstmGates * (static_cast<uint64_t>(shape.depth) + shape.units),
          100 + rows * (60 + quads * (260 + kLstmGates * products * (100 + 10 * chunks))),
          kScaleBytes + kLstmGates * shape.units * 4 + kPadding};
}

}  // namespace

namespace kernels {

const Variant lstm_int8_mve_variant = {
    lstm_int8_mve, "lstm_int8_mve", "UNIDIRECTIONAL_SEQUENCE_LSTM", 44,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "int16 cell state; no peephole, projection or normalization",
    false, Overlap::kRows, sizeof(LstmParams),
    lstm_prepare_integer, supports, footprint, lstm_input_rows, nullptr, pack, cost,
    kFeatureMve};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE)

namespace microplan {

namespace {

int32x4_t requantize(int32x4_t value, const Requantize& by) {
  return mve::requantize_fast(value, by.multiplier, by.shift);
}

int32x4_t saturate_int16(int32x4_t value) {
  return vmovlbq_s16(vqmovnbq_s32(vreinterpretq_s16_s32(value), value));
}

// The logistic function less 1/2 in steps of 2^-25, which int16_logistic() and int16_tanh() round; one step less for
// negative arguments. x in steps of 1 / (3 * 2^12), and so int16_tanh() has twice its argument.
int32x4_t centered_logistic(int32x4_t x) {
  constexpr uint32_t kFractionBits = 9;
  // Just before the last entry, which is one above the last but one, so that both functions round to their ends.
  constexpr uint32_t kLast = ((SigmoidTable::kEntries - 1) << kFractionBits) - 1;
  const uint16_t* const table = kSigmoidTable.entry;
  const uint32x4_t position = vminq_u32(vreinterpretq_u32_s32(vqabsq_s32(x)), vdupq_n_u32(kLast));
  const uint32x4_t entry = vshrq_n_u32(position, kFractionBits);
  const uint32x4_t low = vldrhq_gather_shifted_offset_u32(table, entry);
  const uint32x4_t high = vldrhq_gather_shifted_offset_u32(table + 1, entry);
  const uint32x4_t fraction = vandq_u32(position, vdupq_n_u32((1u << kFractionBits) - 1));
  const uint32x4_t base = vshlq_n_u32(vsubq_n_u32(low, 1u << 15), kFractionBits);
  const uint32x4_t value = vaddq_u32(base, vmulq_u32(fraction, vsubq_u32(high, low)));
  return veorq_s32(vreinterpretq_s32_u32(value), vshrq_n_s32(x, 31));
}

int32x4_t logistic(int32x4_t x) { return vaddq_n_s32(vrshrq_n_s32(centered_logistic(x), 10), 1 << 14); }
int32x4_t tanh(int32x4_t x) { return vrshrq_n_s32(centered_logistic(vqaddq_s32(x, x)), 9); }

// A block of units: the first `lanes` lanes of vectors.
struct Block {
  uint32_t unit, lanes;
};

// The gates of a step.
struct Gates {
  const int8_t* filters[kFilters];
  const LstmRequantize* scales;
  const int32_t* starts;
  uint32_t depth, units;
  const int8_t* x;
  const int8_t* h;

  Gates(const LstmShape& shape, const Io& io)
      : scales(io.constant<LstmRequantize>(kFilters)),
        starts(io.constant<int32_t>(kFilters + 1)),
        depth(shape.depth),
        units(shape.units) {
    for (uint32_t filter = 0; filter < kFilters; ++filter) filters[filter] = io.constant<int8_t>(filter);
  }

  // The argument for logistic() or tanh().
  int32x4_t argument(LstmGate which, Block block) const {
    const uint32_t gate = static_cast<uint32_t>(which);
    const int32x4_t from_input = product(gate, x, depth, block, scales[gate].input);
    const int32x4_t from_hidden = product(kLstmGates + gate, h, units, block, scales[gate].recurrent);
    return vmulq_n_s32(saturate_int16(vaddq_s32(from_input, from_hidden)), 3);
  }

 private:
  int32x4_t product(uint32_t filter, const int8_t* values, uint32_t values_depth, Block block,
                    const Requantize& by) const {
    const int32x4_t start = vldrwq_s32(starts + filter * units + block.unit);
    const int8_t* const rows = filters[filter] + block.unit * values_depth;
    return saturate_int16(requantize(mve::dot_lanes(start, values, rows, values_depth, block.lanes), by));
  }
};

// New states of the lanes `used`; c and y are a block's.
void step(const LstmParams& params, const Gates& gates, Block block, mve_pred16_t used, int16_t* c, int8_t* y) {
  constexpr Requantize kForget = {1 << 30, -14};  // 2^-15
  const int32x4_t forget_gate = logistic(gates.argument(LstmGate::kForget, block));
  const int32x4_t kept = requantize(vmulq_s32(forget_gate, vldrhq_z_s32(c, used)), kForget);
  const int32x4_t input_gate = logistic(gates.argument(LstmGate::kInput, block));
  const int32x4_t cell_gate = tanh(gates.argument(LstmGate::kCell, block));
  const int32x4_t gained = saturate_int16(requantize(vmulq_s32(input_gate, cell_gate), params.cell));
  const int32x4_t cell_min = vdupq_n_s32(params.cell_min);
  const int32x4_t cell = mve::clamp(vaddq_s32(kept, gained), cell_min, vdupq_n_s32(params.cell_max));
  vstrhq_p_s32(c, cell, used);
  const int32x4_t scaled = vmulq_n_s32(cell, params.tanh_multiplier);
  const int32x4_t squashed = tanh(vrshlq_n_s32(scaled, wrap_sub(0, params.tanh_shift)));
  const int32x4_t output_gate = logistic(gates.argument(LstmGate::kOutput, block));
  const int32x4_t hidden = requantize(vmulq_s32(squashed, output_gate), params.hidden);
  const int32x4_t value = vsubq_n_s32(hidden, params.hidden_offset);
  vstrbq_p_s32(y, mve::clamp(value, vdupq_n_s32(INT8_MIN), vdupq_n_s32(INT8_MAX)), used);
}

}  // namespace

namespace kernels {

Status lstm_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  const LstmParams& params = *static_cast<const LstmParams*>(in);
  const LstmShape& shape = params.shape;
  const View input = io.view(0);
  const View output = io.view(3);
  Gates gates(shape, io);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const uint32_t batch = shape.time_major != 0 ? row % shape.batches : row / shape.steps;
    int8_t* const h = io.view(1).row_as<int8_t>(0) + batch * shape.units;
    int16_t* const c = io.view(2).row_as<int16_t>(0) + batch * shape.units;
    int8_t* const y = output.row_as<int8_t>(row);
    gates.x = input.row_as<int8_t>(row);
    gates.h = h;
    for (uint32_t done = 0; done < shape.units; done += kLanes) {
      // The last block begins so early that it is whole; its first lanes are done.
      Block block = {done, shape.units < kLanes ? shape.units : kLanes};
      if (done + block.lanes > shape.units) block.unit = shape.units - block.lanes;
      const mve_pred16_t used = static_cast<mve_pred16_t>(vctp32q(block.lanes) & ~vctp32q(done - block.unit));
      step(params, gates, block, used, c + block.unit, y + block.unit);
    }
    memcpy(h, y, shape.units);
  }
  return Status::kOk;
}

}  // namespace kernels

}  // namespace microplan

#endif
