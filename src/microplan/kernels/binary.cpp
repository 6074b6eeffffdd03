// SPDX-License-Identifier: Apache-2.0
// Operators on two int8 tensors with broadcasting: the shapes they share, and ADD.
#include "microplan/kernels/binary.h"

#include "microplan/kernels.h"
#include "microplan/kernels/elementwise.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Fields of the schema's AddOptions.
constexpr uint32_t kFusedActivation = 0;

constexpr uint32_t kOuter = BinaryShape::kOuter;
constexpr uint32_t kWidth = kOuter;
constexpr uint32_t kChannels = kOuter + 1;
constexpr uint32_t kOuterMask = (1u << kOuter) - 1;

constexpr Operand kOperands[3] = {input_operand(0), input_operand(1), output_operand(0)};

bool repeats(const BinaryShape& shape, uint32_t input, uint32_t dim) {
  return (shape.broadcast[input] >> dim & 1) != 0;
}

// Whether both inputs run through width and channels as through one dimension.
bool row_is_flat(const BinaryShape& shape) {
  if (shape.dims[kWidth] == 1 || shape.dims[kChannels] == 1) return true;
  return repeats(shape, 0, kWidth) == repeats(shape, 0, kChannels) &&
         repeats(shape, 1, kWidth) == repeats(shape, 1, kChannels);
}

Status prepare_shape(const OperatorContext& context, BinaryShape* shape) {
  Status status = check_arity(context, 2, 2);
  if (status != Status::kOk) return status;
  const TensorInfo tensor[3] = {context.input(0), context.input(1), context.output(0)};
  uint32_t rank = 0;
  for (const TensorInfo& t : tensor) rank = t.rank > rank ? t.rank : rank;
  for (uint32_t& dim : shape->dims) dim = 1;
  for (uint32_t axis = 0; axis < rank; ++axis) {
    // Shapes are aligned at their ends. Up to three dimensions, all but the last one are rows.
    const uint32_t from_end = rank - 1 - axis;
    const uint32_t slot = kChannels - from_end - (rank < 4 && from_end > 0 ? 1 : 0);
    uint32_t dim[3];
    for (uint32_t i = 0; i < 3; ++i) {
      dim[i] = from_end < tensor[i].rank ? tensor[i].dims[tensor[i].rank - 1 - from_end] : 1;
    }
    for (uint32_t i = 0; i < 2; ++i) {
      if (dim[i] == dim[2]) continue;
      if (dim[i] != 1 || dim[1 - i] != dim[2]) {
        return context.fail(Status::kUnsupportedShape, input_operand(static_cast<uint8_t>(i)),
                            MICROPLAN_DIAGNOSTIC_TEXT("the inputs do not broadcast to the output's shape"),
                            MICROPLAN_DIAGNOSTIC_TEXT("each dimension of an input is 1 or the output's"), dim[i]);
      }
      shape->broadcast[i] |= 1u << slot;
    }
    shape->dims[slot] = dim[2];
  }
  if (row_is_flat(*shape)) {
    for (uint32_t& broadcast : shape->broadcast) {
      const uint32_t flat = broadcast >> (shape->dims[kChannels] == 1 ? kWidth : kChannels) & 1;
      broadcast = (broadcast & kOuterMask) | flat << kChannels;
    }
    shape->dims[kChannels] *= shape->dims[kWidth];
    shape->dims[kWidth] = 1;
  }
  return Status::kOk;
}

bool footprint_shape(const BinaryShape& shape, Footprint* footprint) {
  uint32_t total = 1;
  for (uint32_t dim : shape.dims) {
    if (!multiply_checked(dim, &total)) return false;
  }
  for (uint32_t i = 0; i < 3; ++i) {
    const uint32_t broadcast = i < 2 ? shape.broadcast[i] : 0;
    if (broadcast >> BinaryShape::kDims != 0) return false;
    uint32_t rows = 1;
    uint32_t row_bytes = 1;
    for (uint32_t d = 0; d < BinaryShape::kDims; ++d) {
      if (broadcast >> d & 1) continue;
      (d < kOuter ? rows : row_bytes) *= shape.dims[d];
    }
    footprint->add_view(kOperands[i], rows, row_bytes, 1);
  }
  return true;
}

// A repeated input is asked for whole: rows of several dimensions may return to its beginning.
Rows input_rows_shape(const BinaryShape& shape, uint32_t view, Rows rows) {
  if ((shape.broadcast[view] & kOuterMask) == 0) return rows;
  uint32_t count = 1;
  for (uint32_t d = 0; d < kOuter; ++d) count *= repeats(shape, view, d) ? 1 : shape.dims[d];
  return {0, count};
}

Cost cost_shape(const BinaryShape& shape, uint32_t instructions) {
  uint64_t elements = 1;
  for (uint32_t dim : shape.dims) elements *= dim;
  return {0, elements * instructions, 0};
}

// The input's row for the output's row.
uint32_t input_row(const BinaryShape& shape, uint32_t broadcast, uint32_t row) {
  if ((broadcast & kOuterMask) == 0) return row;
  uint32_t result = 0;
  uint32_t stride = 1;
  for (uint32_t d = kOuter; d-- > 0;) {
    const uint32_t coordinate = row % shape.dims[d];
    row /= shape.dims[d];
    if (broadcast >> d & 1) continue;
    result += coordinate * stride;
    stride *= shape.dims[d];
  }
  return result;
}

// One of the two inputs as the loops see it.
struct Side {
  View view;
  uint32_t broadcast;
  uint32_t step;        // from element to element: 0 or 1
  uint32_t width_step;  // from one run of channels to the next
};

Side side_of(const BinaryShape& shape, const Io& io, uint32_t input) {
  const uint32_t step = repeats(shape, input, kChannels) ? 0 : 1;
  const uint32_t run = step == 0 ? 1 : shape.dims[kChannels];
  return {io.view(input), shape.broadcast[input], step, repeats(shape, input, kWidth) ? 0 : run};
}

// `op` is taken by value: it lives in registers, which stores to y cannot change.
template <typename Op>
void run_channels(Op op, const int8_t* a, uint32_t a_step, const int8_t* b, uint32_t b_step, int8_t* y,
                  uint32_t count) {
  const int8_t* const end = y + count;
  if ((a_step & b_step) != 0) {
    while (y != end) *y++ = op(*a++, *b++);
    return;
  }
  while (y != end) {
    *y++ = op(*a, *b);
    a += a_step;
    b += b_step;
  }
}

template <typename Op>
void run_rows(const BinaryShape& shape, Op op, const Side& a, const Side& b, const View& output, Rows rows) {
  const uint32_t channels = shape.dims[kChannels];
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    const int8_t* a_run = a.view.row_as<int8_t>(input_row(shape, a.broadcast, row));
    const int8_t* b_run = b.view.row_as<int8_t>(input_row(shape, b.broadcast, row));
    int8_t* y = output.row_as<int8_t>(row);
    for (uint32_t w = 0; w < shape.dims[kWidth]; ++w) {
      run_channels(op, a_run, a.step, b_run, b.step, y, channels);
      a_run += a.width_step;
      b_run += b.width_step;
      y += channels;
    }
  }
}

// value * multiplier / 2^31 / 2^right rounded twice like requantize(), in its shortest form: from twice the value,
// which must fit 32 bits, the rounded product is the upper word of a 64-bit sum, and `addend` is what the second
// rounding adds: half of 2^right, less 1 for negative values. (Less 1 for negative products would be the same: where a
// negative value's product is 0, both give 0.) With a right shift of 0 there is no second rounding; `addend` is 0.
int32_t scale_doubled(int32_t doubled, int32_t multiplier, int32_t addend, int32_t right) {
  const uint64_t product = static_cast<uint64_t>(static_cast<int64_t>(doubled) * multiplier);
  const uint64_t sum = product + (static_cast<uint64_t>(static_cast<uint32_t>(addend)) << 32 | 0x80000000u);
  return static_cast<int32_t>(sum >> 32) >> right;
}
int32_t half_of(int32_t right) { return right == 0 ? 0 : 1 << (right - 1); }

constexpr int32_t kSumBits = 20;

struct Add {
  int32_t wide_offset, narrow_offset, narrow_left;
  int32_t narrow_multiplier, narrow_right, narrow_half;
  int32_t output_multiplier, output_right, output_half, output_sign_mask;
  int32_t output_offset, act_min, act_max;

  explicit Add(const AddParams& params)
      : wide_offset(shift_left(params.wide_offset, kSumBits)),
        narrow_offset(params.narrow_offset),
        narrow_left(params.narrow_left),
        narrow_multiplier(params.narrow_multiplier),
        narrow_right(params.narrow_right & 31),
        narrow_half(half_of(narrow_right)),
        output_multiplier(params.output_multiplier),
        output_right(params.output_right & 31),
        output_half(half_of(output_right)),
        output_sign_mask(output_right == 0 ? 0 : -1),
        output_offset(params.output_offset),
        act_min(params.act_min),
        act_max(params.act_max) {}

  int8_t operator()(int8_t wide_q, int8_t narrow_q) const {
    const int32_t narrow_value = shift_left(wrap_add(narrow_q, narrow_offset), narrow_left);
    const int32_t narrow = scale_doubled(narrow_value, narrow_multiplier, wrap_add(narrow_half, narrow_value >> 31),
                                         narrow_right);
    // Twice the sum; below 2^29 with the offsets of int8 tensors.
    const int32_t wide = wrap_add(shift_left(wide_q, kSumBits), wide_offset);
    const int32_t sum = wrap_add(wide, shift_left(narrow, 1));
    const int32_t output = scale_doubled(sum, output_multiplier, wrap_add(output_half, (sum >> 31) & output_sign_mask),
                                         output_right);
    return static_cast<int8_t>(clamp(wrap_add(output, output_offset), act_min, act_max));
  }
};

Status prepare_add(const OperatorContext& context, void* out) {
  AddParams& params = *static_cast<AddParams*>(out);
  Status status = prepare_shape(context, &params.shape);
  if (status != Status::kOk) return status;
  for (const Operand operand : kOperands) {
    status = check_per_tensor(context, operand);
    if (status != Status::kOk) return status;
  }
  params.wide = context.input(1).scale() > context.input(0).scale() ? 1 : 0;
  const TensorInfo wide = context.input(params.wide);
  const TensorInfo narrow = context.input(1 - params.wide);
  const TensorInfo output = context.output(0);
  const double twice_scale = 2 * static_cast<double>(wide.scale());

  Requantize by;
  requantize_from(static_cast<double>(narrow.scale()) / twice_scale, &by);
  params.narrow_multiplier = by.multiplier;
  if (by.shift < 0) {
    params.narrow_left = kSumBits + 1;
    params.narrow_right = -by.shift;
  } else {
    // Exactly 1/2, or 0: one more bit to the left, and a right shift of 1 that has nothing to round.
    params.narrow_left = kSumBits + 2;
    params.narrow_right = 1;
  }

  const double output_real = twice_scale / (static_cast<double>(1 << kSumBits) * static_cast<double>(output.scale()));
  if (output_real >= 1 || !requantize_from(output_real, &by) || by.shift > 0) {
    return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the larger input scale is 2^19 times the output scale or more"),
                        MICROPLAN_DIAGNOSTIC_TEXT("quantize the model again with representative data"));
  }
  params.output_multiplier = by.multiplier;
  params.output_right = -by.shift;
  params.wide_offset = -wide.zero_point();
  params.narrow_offset = -narrow.zero_point();
  params.output_offset = output.zero_point();
  return activation_range(context, context.options().uint8_field(kFusedActivation, 0), output, &params.act_min,
                          &params.act_max);
}

bool footprint_add(const void* in, Footprint* footprint) {
  const AddParams& params = *static_cast<const AddParams*>(in);
  return params.wide <= 1 && footprint_shape(params.shape, footprint);
}

Rows input_rows_add(const void* in, uint32_t view, Rows rows) {
  return input_rows_shape(static_cast<const AddParams*>(in)->shape, view, rows);
}

Cost cost_add(const void* in, const Target&) {
  constexpr uint32_t kInstructions = 35;
  return cost_shape(static_cast<const AddParams*>(in)->shape, kInstructions);
}

}  // namespace

namespace kernels {

Status add_int8_run(const void* in, Rows rows, const Io& io, void*) {
  const AddParams& params = *static_cast<const AddParams*>(in);
  const Side wide = side_of(params.shape, io, params.wide);
  const Side narrow = side_of(params.shape, io, 1 - params.wide);
  run_rows(params.shape, Add(params), wide, narrow, io.view(2), rows);
  return Status::kOk;
}

const Variant add_int8_variant = {
    add_int8, "add_int8", "ADD", 0,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "broadcasting on both sides",
    false, Overlap::kElementwise, sizeof(AddParams),
    prepare_add, nullptr, footprint_add, input_rows_add, nullptr, nullptr, cost_add};

}  // namespace kernels

}  // namespace microplan
