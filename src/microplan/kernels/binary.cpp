// SPDX-License-Identifier: Apache-2.0
// ADD and MUL, int8 and int16: prepare and the reference kernels.
#include "microplan/kernels/binary.h"

#include "microplan/kernels.h"
#include "microplan/kernels/binary_linear.h"
#include "microplan/kernels/binary_shape.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Field of the schema's AddOptions and MulOptions.
constexpr uint32_t kFusedActivation = 0;

constexpr Operand kOperands[3] = {input_operand(0), input_operand(1), output_operand(0)};

Status prepare_operands(const OperatorContext& context, BinaryShape* shape) {
  Status status = prepare_binary_shape(context, shape);
  for (const Operand operand : kOperands) {
    if (status == Status::kOk) status = check_per_tensor(context, operand);
  }
  if (status != Status::kOk || context.output(0).type != DataType::kInt16) return status;
  for (const Operand operand : kOperands) {
    const TensorInfo tensor = operand.is_output ? context.output(0) : context.input(operand.index);
    if (tensor.zero_point() != 0) {
      return context.fail(Status::kUnsupportedQuantization, operand,
                          MICROPLAN_DIAGNOSTIC_TEXT("an int16 tensor's zero point is not 0"),
                          MICROPLAN_DIAGNOSTIC_TEXT("convert the model with symmetric int16 activations"),
                          tensor.zero_point());
    }
  }
  return Status::kOk;
}

template <typename T>
bool footprint(const BinaryShape& shape, Footprint* footprint) {
  return binary_footprint(shape, sizeof(T), footprint);
}

template <typename Params>
Cost cost(const void* in, const Target&) {
  constexpr uint32_t kInstructions = 35;
  return binary_cost(static_cast<const Params*>(in)->shape, kInstructions);
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

template <typename T>
constexpr int32_t kSumBits = sizeof(T) == 1 ? 20 : 15;

// int8 values can be shifted left by one more bit, and so their right shift is never 0: see prepare_add.
template <typename T>
constexpr bool kSparesBit = sizeof(T) == 1;

template <typename T>
struct Add {
  int32_t wide_offset, narrow_offset, narrow_left;
  int32_t narrow_multiplier, narrow_right, narrow_half, narrow_sign_mask;
  int32_t output_multiplier, output_right, output_half, output_sign_mask;
  int32_t output_offset, act_min, act_max;

  explicit Add(const AddParams& params)
      : wide_offset(shift_left(params.wide_offset, kSumBits<T>)),
        narrow_offset(params.narrow_offset),
        narrow_left(params.narrow_left),
        narrow_multiplier(params.narrow_multiplier),
        narrow_right(params.narrow_right & 31),
        narrow_half(half_of(narrow_right)),
        narrow_sign_mask(narrow_right == 0 ? 0 : -1),
        output_multiplier(params.output_multiplier),
        output_right(params.output_right & 31),
        output_half(half_of(output_right)),
        output_sign_mask(output_right == 0 ? 0 : -1),
        output_offset(params.output_offset),
        act_min(params.act_min),
        act_max(params.act_max) {}

  T operator()(T wide_q, T narrow_q) const {
    const int32_t narrow_value = shift_left(wrap_add(narrow_q, narrow_offset), narrow_left);
    const int32_t sign = kSparesBit<T> ? narrow_value >> 31 : (narrow_value >> 31) & narrow_sign_mask;
    const int32_t narrow = scale_doubled(narrow_value, narrow_multiplier, wrap_add(narrow_half, sign), narrow_right);
    // Twice the sum: below 2^29 with the offsets of int8 tensors; with int16 and no offsets it just fits.
    const int32_t wide = wrap_add(shift_left(wide_q, kSumBits<T>), wide_offset);
    const int32_t sum = wrap_add(wide, shift_left(narrow, 1));
    const int32_t output = scale_doubled(sum, output_multiplier, wrap_add(output_half, (sum >> 31) & output_sign_mask),
                                         output_right);
    return static_cast<T>(clamp(wrap_add(output, output_offset), act_min, act_max));
  }
};

int32_t add_value(const void* in, int8_t a, int8_t b) {
  const AddParams& params = *static_cast<const AddParams*>(in);
  return Add<int8_t>(params)(params.wide == 0 ? a : b, params.wide == 0 ? b : a);
}

}  // namespace

SumOfPairs sum_of_pairs(const AddParams& params) {
  const double output = as_real({params.output_multiplier, -params.output_right});
  const double wide = output * static_cast<double>(1 << (kSumBits<int8_t> - 1));
  const double narrow = output * as_real({params.narrow_multiplier, params.narrow_left - 1 - params.narrow_right});
  const double at_zero = params.output_offset + wide * params.wide_offset + narrow * params.narrow_offset;
  SumOfPairs pairs = {&params, add_value, params.act_min, params.act_max, {wide, wide}, at_zero};
  pairs.slope[1 - params.wide] = narrow;
  return pairs;
}

template <typename T>
Status AddOf<T>::prepare(const OperatorContext& context, void* out) {
  AddParams& params = *static_cast<AddParams*>(out);
  Status status = prepare_operands(context, &params.shape);
  if (status != Status::kOk) return status;
  params.wide = context.input(1).scale() > context.input(0).scale() ? 1 : 0;
  const TensorInfo wide = context.input(params.wide);
  const TensorInfo narrow = context.input(1 - params.wide);
  const TensorInfo output = context.output(0);
  const double twice_scale = 2 * static_cast<double>(wide.scale());

  // At most 1/2, so that its shift is not positive.
  Requantize by;
  requantize_from(static_cast<double>(narrow.scale()) / twice_scale, &by);
  params.narrow_multiplier = by.multiplier;
  params.narrow_left = kSumBits<T> + 1;
  params.narrow_right = -by.shift;
  if (by.shift == 0 && kSparesBit<T>) {
    // Exactly 1/2, or 0: one more bit to the left, and a right shift of 1 that has nothing to round.
    ++params.narrow_left;
    ++params.narrow_right;
  }

  const double steps = static_cast<double>(1 << kSumBits<T>);
  const double output_real = twice_scale / (steps * static_cast<double>(output.scale()));
  if (output_real >= 1 || !requantize_from(output_real, &by) || by.shift > 0) {
    return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the larger input scale is 2^19 (int16: 2^14) times the output scale "
                                                  "or more"),
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

template <typename T>
bool AddOf<T>::footprint(const void* in, Footprint* footprint) {
  const AddParams& params = *static_cast<const AddParams*>(in);
  return params.wide <= 1 && binary_footprint(params.shape, sizeof(T), footprint);
}

template struct AddOf<int8_t>;
template struct AddOf<int16_t>;

namespace {

template <typename T>
Status run_add(const void* in, Rows rows, const Io& io) {
  const AddParams& params = *static_cast<const AddParams*>(in);
  const BinarySide wide(params.shape, io, params.wide);
  const BinarySide narrow(params.shape, io, 1 - params.wide);
  return run_binary<T>(params.shape, Add<T>(params), wide, narrow, rows, io);
}

}  // namespace

template <typename T>
Status MulOf<T>::prepare(const OperatorContext& context, void* out) {
  MulParams& params = *static_cast<MulParams*>(out);
  const Status status = prepare_operands(context, &params.shape);
  if (status != Status::kOk) return status;
  const TensorInfo output = context.output(0);
  const double product = static_cast<double>(context.input(0).scale()) * static_cast<double>(context.input(1).scale());
  if (!requantize_from(product / static_cast<double>(output.scale()), &params.by)) {
    return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the product of the input scales / output scale exceeds 2^30"),
                        MICROPLAN_DIAGNOSTIC_TEXT("quantize the model again with representative data"));
  }
  for (uint32_t i = 0; i < 2; ++i) params.offset[i] = -context.input(i).zero_point();
  params.output_offset = output.zero_point();
  return activation_range(context, context.options().uint8_field(kFusedActivation, 0), output, &params.act_min,
                          &params.act_max);
}

template <typename T>
bool MulOf<T>::footprint(const void* in, Footprint* footprint) {
  return binary_footprint(static_cast<const MulParams*>(in)->shape, sizeof(T), footprint);
}

template struct MulOf<int8_t>;
template struct MulOf<int16_t>;

namespace {

template <typename T>
Status run_mul(const void* in, Rows rows, const Io& io) {
  const MulParams& params = *static_cast<const MulParams*>(in);
  const BinarySide a(params.shape, io, 0);
  const BinarySide b(params.shape, io, 1);
  const int32_t a_offset = params.offset[0];
  const int32_t b_offset = params.offset[1];
  const int32_t act_min = params.act_min;
  const int32_t act_max = params.act_max;
  // Products of int8 are below 2^17, those of int16 may be 2^30.
  if (sizeof(T) == 1 && params.by.shift <= -1 && params.by.shift >= -22) {
    const int32_t multiplier = params.by.multiplier;
    const int32_t right = -params.by.shift;
    const int32_t rounding = fast_rounding(params.output_offset, right);
    const auto fast = [=](T x, T y) {
      const int32_t product = wrap_mul(wrap_add(x, a_offset), wrap_add(y, b_offset));
      return static_cast<T>(clamp(requantize_fast(product, multiplier, rounding, right), act_min, act_max));
    };
    return run_binary<T>(params.shape, fast, a, b, rows, io);
  }
  const Requantize by = params.by;
  const int32_t output_offset = params.output_offset;
  const auto op = [=](T x, T y) {
    const int32_t product = wrap_mul(wrap_add(x, a_offset), wrap_add(y, b_offset));
    return static_cast<T>(clamp(wrap_add(requantize(product, by), output_offset), act_min, act_max));
  };
  return run_binary<T>(params.shape, op, a, b, rows, io);
}

}  // namespace

namespace kernels {

Status add_int8_run(const void* in, Rows rows, const Io& io, void*) { return run_add<int8_t>(in, rows, io); }

Status add_int16_run(const void* in, Rows rows, const Io& io, void*) { return run_add<int16_t>(in, rows, io); }

Status mul_int8_run(const void* in, Rows rows, const Io& io, void*) { return run_mul<int8_t>(in, rows, io); }

Status mul_int16_run(const void* in, Rows rows, const Io& io, void*) { return run_mul<int16_t>(in, rows, io); }

const Variant add_int8_variant = {
    add_int8, "add_int8", "ADD", 0,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "broadcasting on both sides",
    false, Overlap::kElementwise, sizeof(AddParams),
    AddOf<int8_t>::prepare, nullptr, AddOf<int8_t>::footprint, binary_input_rows, nullptr, nullptr, cost<AddParams>};

const Variant add_int16_variant = {
    add_int16, "add_int16", "ADD", 0,
    DataType::kInt16, DataType::kInt16, DataType::kInt16, "broadcasting on both sides",
    false, Overlap::kElementwise, sizeof(AddParams),
    AddOf<int16_t>::prepare, nullptr, AddOf<int16_t>::footprint, binary_input_rows, nullptr, nullptr, cost<AddParams>};

const Variant mul_int8_variant = {
    mul_int8, "mul_int8", "MUL", 18,
    DataType::kInt8, DataType::kInt8, DataType::kInt8, "broadcasting on both sides",
    false, Overlap::kElementwise, sizeof(MulParams),
    MulOf<int8_t>::prepare, nullptr, MulOf<int8_t>::footprint, binary_input_rows, nullptr, nullptr, cost<MulParams>};

const Variant mul_int16_variant = {
    mul_int16, "mul_int16", "MUL", 18,
    DataType::kInt16, DataType::kInt16, DataType::kInt16, "broadcasting on both sides",
    false, Overlap::kElementwise, sizeof(MulParams),
    MulOf<int16_t>::prepare, nullptr, MulOf<int16_t>::footprint, binary_input_rows, nullptr, nullptr, cost<MulParams>};

}  // namespace kernels

}  // namespace microplan
