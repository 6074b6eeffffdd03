// SPDX-License-Identifier: Apache-2.0
// ADD and MUL int8 by CMSIS-NN.
#include "microplan/kernels.h"
#include "microplan/kernels/binary_shape.h"
#include "microplan/kernels/cmsis_nn.h"

namespace microplan {

namespace {

// The library does not broadcast. Both Params begin with the shape.
bool supports(const void* in, const Target&) {
  const BinaryShape& shape = *static_cast<const BinaryShape*>(in);
  return shape.broadcast[0] == 0 && shape.broadcast[1] == 0;
}

template <uint32_t kInstructions>
Cost cost(const void* in, const Target&) {
  return binary_cost(*static_cast<const BinaryShape*>(in), kInstructions);
}

}  // namespace

namespace kernels {

const Variant add_int8_cmsis_nn_variant = {
    add_int8_cmsis_nn, "add_int8_cmsis_nn", "ADD", 0,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "without broadcasting",
    true, Overlap::kNone, sizeof(AddParams),
    AddOf<int8_t>::prepare, supports, AddOf<int8_t>::footprint, binary_input_rows, nullptr, nullptr, cost<30>,
    kFeatureCmsisNn};

const Variant mul_int8_cmsis_nn_variant = {
    mul_int8_cmsis_nn, "mul_int8_cmsis_nn", "MUL", 18,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "without broadcasting",
    true, Overlap::kNone, sizeof(MulParams),
    MulOf<int8_t>::prepare, supports, MulOf<int8_t>::footprint, binary_input_rows, nullptr, nullptr, cost<20>,
    kFeatureCmsisNn};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_CMSIS_NN

namespace microplan {

namespace {

// Both inputs and the output, which have equal shapes.
struct Whole {
  Whole(const BinaryShape& shape, const Io& io) {
    const uint32_t row_bytes = shape.dims[RowDims::kWidth] * shape.dims[RowDims::kChannels];
    uint32_t rows = 1;
    for (uint32_t d = 0; d < RowDims::kOuter; ++d) rows *= shape.dims[d];
    for (uint32_t i = 0; i < 3; ++i) data[i] = cmsis_nn::whole(io.view(i), rows, row_bytes);
    count = cmsis_nn::dim(rows * row_bytes);
  }
  bool is_missing() const { return data[0] == nullptr || data[1] == nullptr || data[2] == nullptr; }

  int8_t* data[3];
  int32_t count;
};

}  // namespace

namespace kernels {

Status add_int8_cmsis_nn_run(const void* in, Rows, const Io& io, void*) {
  constexpr int32_t kLeft = 20;  // of both inputs before anything is rounded
  const AddParams& params = *static_cast<const AddParams*>(in);
  const Whole whole(params.shape, io);
  if (whole.is_missing()) return Status::kBadPlan;
  // Half of the input with the larger scale. Of the other one prepare takes the double, and it may have moved a bit more
  // from the right shift to the left one.
  const Requantize wide = {1 << 30, 0};
  const Requantize narrow = {params.narrow_multiplier, params.narrow_left - (kLeft + 1) - params.narrow_right};
  const int8_t* const first = whole.data[params.wide];
  const int8_t* const second = whole.data[1 - params.wide];
  return cmsis_nn::status_of(arm_elementwise_add_s8(
      first, second, params.wide_offset, wide.multiplier, wide.shift, params.narrow_offset, narrow.multiplier,
      narrow.shift, kLeft, whole.data[2], params.output_offset, params.output_multiplier, -params.output_right,
      params.act_min, params.act_max, whole.count));
}

Status mul_int8_cmsis_nn_run(const void* in, Rows, const Io& io, void*) {
  const MulParams& params = *static_cast<const MulParams*>(in);
  const Whole whole(params.shape, io);
  if (whole.is_missing()) return Status::kBadPlan;
  return cmsis_nn::status_of(arm_elementwise_mul_s8(
      whole.data[0], whole.data[1], params.offset[0], params.offset[1], whole.data[2], params.output_offset,
      params.by.multiplier, params.by.shift, params.act_min, params.act_max, whole.count));
}

}  // namespace kernels
}  // namespace microplan

#endif
