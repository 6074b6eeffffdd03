// SPDX-License-Identifier: Apache-2.0
// ADD and SUB of int8 as one linear form: output = clamp((slope[0] * a + slope[1] * b + start) >> shift). The reference
// rounds three times, each time a real number of far more bits than are left in the end, so that nearly always some linear
// form gives the same byte for each of the 65,536 pairs of inputs. Planning looks for one and tries them all; where none
// is found the kernels are not supported. The form stands in the plan's constants.
#ifndef MICROPLAN_KERNELS_BINARY_LINEAR_H_
#define MICROPLAN_KERNELS_BINARY_LINEAR_H_

#include <stdint.h>

#include "microplan/kernels/binary.h"
#include "microplan/kernels/binary_shape.h"
#include "microplan/operator.h"

namespace microplan {

struct LinearSum {
  int32_t slope[2];  // of input 0 and input 1
  int32_t start;     // with the rounding and all zero points
  int32_t shift;     // [0, 30]
};

// What the form shall equal.
struct SumOfPairs {
  const void* params;
  int32_t (*value)(const void* params, int8_t a, int8_t b);  // clamped to [act_min, act_max]
  int32_t act_min, act_max;
  double slope[2];  // of the real function, and its value where both inputs are 0
  double at_zero;
};

// False when there is none. A function of integers and of double-precision sums and products, the same on every machine.
bool find_linear_sum(const SumOfPairs& pairs, LinearSum* found);

SumOfPairs sum_of_pairs(const AddParams& params);
SumOfPairs sum_of_pairs(const SubParams& params);

// The real number that a requantization multiplies by.
double as_real(Requantize by);

void pack_linear_sum(const SumOfPairs& pairs, ConstantWriter& writer);

// A run of elements of both inputs, of which none repeats.
struct LinearRun {
  LinearSum sum;
  int32_t act_min, act_max;
  const int8_t* a;
  const int8_t* b;
  int8_t* y;
  uint32_t count;  // not 0

  // An input that repeats becomes part of the form's start; what the other one has stands in for it.
  void repeat(uint32_t input, int8_t value) {
    sum.start = wrap_add(sum.start, wrap_mul(sum.slope[input], value));
    sum.slope[input] = 0;
    (input == 0 ? a : b) = input == 0 ? b : a;
  }
};

// For Params of ADD or SUB; `loop` computes a LinearRun.
template <typename Params, typename Loop>
Status run_linear(const void* in, Rows rows, const Io& io, Loop loop) {
  const Params& params = *static_cast<const Params*>(in);
  const BinarySide a(params.shape, io, 0);
  const BinarySide b(params.shape, io, 1);
  const LinearSum& sum = *io.constant<LinearSum>(0);
  const auto run = [&](const int8_t* a_run, const int8_t* b_run, int8_t* y, uint32_t count) {
    LinearRun linear = {sum, params.act_min, params.act_max, a_run, b_run, y, count};
    if (a.step == 0) linear.repeat(0, *a_run);
    if (b.step == 0) linear.repeat(1, *b_run);
    loop(linear);
  };
  return run_binary_runs<int8_t>(params.shape, run, a, b, rows, io);
}

// The row of a kernel for Params of ADD or SUB. `Operator` is AddOf<int8_t> or SubOf<int8_t>. Constants: LinearSum.
template <typename Operator, typename Params, uint32_t kInstructions>
struct LinearRow {
  static bool supports(const void* in, const Target&) {
    LinearSum found;
    return find_linear_sum(sum_of_pairs(*static_cast<const Params*>(in)), &found);
  }
  static bool footprint(const void* in, Footprint* footprint) {
    if (!Operator::footprint(in, footprint)) return false;
    footprint->add_constant(sizeof(LinearSum), 4);
    return true;
  }
  static void pack(const OperatorContext&, const void* in, ConstantWriter& writer) {
    pack_linear_sum(sum_of_pairs(*static_cast<const Params*>(in)), writer);
  }
  static Cost cost(const void* in, const Target&) {
    Cost result = binary_cost(static_cast<const Params*>(in)->shape, kInstructions);
    result.constant_bytes = sizeof(LinearSum);
    return result;
  }
  static constexpr Variant variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t code,
                                   uint32_t features) {
    return {kernel, name, operator_name, code,
            DataType::kInt8, DataType::kInt8, DataType::kInt8, "broadcasting on both sides",
            false, Overlap::kElementwise, sizeof(Params),
            Operator::prepare, supports, footprint, binary_input_rows, nullptr, pack, cost, features, true};
  }
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_BINARY_LINEAR_H_
