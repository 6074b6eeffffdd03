// SPDX-License-Identifier: Apache-2.0
// MEAN, int8, int16 and float32: prepare and the reference kernels. Elements are added in the order in which they lie
// in the input, as in TensorFlow Lite.
#include "microplan/kernels/mean.h"

#include "microplan/kernels.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

constexpr uint8_t kAxes = 1;

constexpr uint32_t kOuter = RowDims::kOuter;
constexpr uint32_t kWidth = RowDims::kWidth;
constexpr uint32_t kChannels = RowDims::kChannels;
constexpr uint32_t kDims = RowDims::kCount;

// Means that are computed side by side: as many as there are registers for their sums.
constexpr uint32_t kBlock = 4;

}  // namespace

uint32_t mean_product(const MeanShape& shape, uint32_t first, uint32_t last, bool reduced) {
  uint32_t result = 1;
  for (uint32_t d = first; d < last; ++d) result *= is_reduced(shape, d) == reduced ? shape.dims[d] : 1;
  return result;
}

namespace {

Status prepare_shape(const OperatorContext& context, MeanShape* shape) {
  Status status = check_arity(context, 2, 2);
  if (status == Status::kOk) status = check_constant(context, kAxes);
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(0);
  const TensorInfo axes = context.input(kAxes);
  const TensorInfo output = context.output(0);
  if (axes.type != DataType::kInt32) {
    return context.fail(Status::kUnsupportedType, input_operand(kAxes),
                        MICROPLAN_DIAGNOSTIC_TEXT("the axes are not int32"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), static_cast<int64_t>(axes.type));
  }
  for (uint32_t& dim : shape->dims) dim = 1;
  for (uint32_t axis = 0; axis < input.rank; ++axis) shape->dims[row_dim(input.rank, axis)] = input.dims[axis];
  const int32_t rank = input.rank;
  for (uint32_t i = 0; i < axes.elements; ++i) {
    const int32_t axis = axes.int32_at(i);
    if (axis < -rank || axis >= rank) {
      return context.fail(Status::kUnsupportedOption, input_operand(kAxes),
                          MICROPLAN_DIAGNOSTIC_TEXT("an axis is not a dimension of the input"),
                          MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), axis);
    }
    shape->reduced |= 1u << row_dim(input.rank, static_cast<uint32_t>(axis < 0 ? axis + rank : axis));
  }
  if (output.elements != mean_product(*shape, 0, kDims, false)) {
    return context.fail(Status::kUnsupportedShape, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("the output does not have the input's other dimensions"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), output.elements);
  }
  if (is_reduced(*shape, kWidth) == is_reduced(*shape, kChannels) || shape->dims[kWidth] == 1) {
    // Width and channels are one run.
    shape->dims[kChannels] *= shape->dims[kWidth];
    shape->dims[kWidth] = 1;
  }
  const RowSplit split = split_rows(output);
  shape->output_rows = split.rows;
  shape->output_elements = split.elements;
  return Status::kOk;
}

// The requantization with the division by `count`, as in TensorFlow Lite: the multiplier is shifted left as far as the
// division will shift it right, but not so far that the shift leaves its range.
Requantize divide(Requantize by, uint32_t count) {
  int32_t shift = 0;
  while (count >> shift > 1 && shift < 31 + by.shift) ++shift;
  return {static_cast<int32_t>((static_cast<int64_t>(by.multiplier) << shift) / count), by.shift - shift};
}

}  // namespace

Status mean_integer_prepare(const OperatorContext& context, void* out) {
  MeanParams& params = *static_cast<MeanParams*>(out);
  Status status = prepare_shape(context, &params.shape);
  if (status == Status::kOk) status = check_per_tensor(context, input_operand(0));
  if (status == Status::kOk) status = check_per_tensor(context, output_operand(0));
  if (status != Status::kOk) return status;
  const TensorInfo input = context.input(0);
  const TensorInfo output = context.output(0);
  Requantize by;
  if (!requantize_from(static_cast<double>(input.scale()) / static_cast<double>(output.scale()), &by)) {
    return context.fail(Status::kUnsupportedQuantization, output_operand(0),
                        MICROPLAN_DIAGNOSTIC_TEXT("input scale / output scale exceeds 2^30"),
                        MICROPLAN_DIAGNOSTIC_TEXT("quantize the model again with representative data"));
  }
  const uint32_t count = mean_product(params.shape, 0, kDims, true);
  params.start = wrap_mul(-input.zero_point(), static_cast<int32_t>(count));
  params.by = divide(by, count);
  params.output_offset = output.zero_point();
  return Status::kOk;
}

Status mean_float_prepare(const OperatorContext& context, void* out) {
  MeanFloatParams& params = *static_cast<MeanFloatParams*>(out);
  const Status status = prepare_shape(context, &params.shape);
  params.count = static_cast<float>(mean_product(params.shape, 0, kDims, true));
  return status;
}

namespace {

// Both Params begin with the shape.
template <typename T>
bool footprint(const void* in, Footprint* footprint) {
  const MeanShape& shape = *static_cast<const MeanShape*>(in);
  uint32_t input_total = sizeof(T);
  uint32_t output_total = sizeof(T);
  for (uint32_t dim : shape.dims) {
    if (!multiply_checked(dim, &input_total)) return false;
  }
  if (!multiply_checked(shape.output_rows, &output_total) || !multiply_checked(shape.output_elements, &output_total) ||
      output_total != mean_product(shape, 0, kDims, false) * sizeof(T)) {
    return false;
  }
  const uint32_t input_bytes = shape.dims[kWidth] * shape.dims[kChannels] * static_cast<uint32_t>(sizeof(T));
  footprint->add_view(input_operand(0), input_total / input_bytes, input_bytes, sizeof(T));
  footprint->add_view(output_operand(0), shape.output_rows, output_total / shape.output_rows, sizeof(T));
  return true;
}

}  // namespace

bool mean_int8_footprint(const void* in, Footprint* result) { return footprint<int8_t>(in, result); }

bool mean_float_footprint(const void* in, Footprint* result) { return footprint<float>(in, result); }

MeanPosition mean_position(const MeanShape& shape, uint32_t mean) {
  MeanPosition position = {0, 0};
  uint32_t stride = 1;
  for (uint32_t d = kDims; d-- > 0;) {
    if (d == kOuter - 1) stride = 1;
    if (!is_reduced(shape, d)) {
      (d < kOuter ? position.row : position.element) += mean % shape.dims[d] * stride;
      mean /= shape.dims[d];
    }
    stride *= shape.dims[d];
  }
  return position;
}

namespace {

// How far the row of a mean that counts as number `index` lies behind its first one.
uint32_t row_behind(const MeanShape& shape, uint32_t index) {
  uint32_t behind = 0;
  uint32_t stride = 1;
  for (uint32_t d = kOuter; d-- > 0;) {
    if (is_reduced(shape, d)) {
      behind += index % shape.dims[d] * stride;
      index /= shape.dims[d];
    }
    stride *= shape.dims[d];
  }
  return behind;
}

}  // namespace

Rows mean_input_rows(const void* in, uint32_t, Rows rows) {
  const MeanShape& shape = *static_cast<const MeanShape*>(in);
  const uint32_t last_mean = rows.last * shape.output_elements - 1;
  const uint32_t last_behind = row_behind(shape, mean_product(shape, 0, kOuter, true) - 1);
  return {mean_position(shape, rows.first * shape.output_elements).row,
          mean_position(shape, last_mean).row + last_behind + 1};
}

MeanRows::MeanRows(const MeanShape& shape)
    : shape_(shape), count_(mean_product(shape, 0, kOuter, true)), step_(row_behind(shape, 1)) {
  // Strides only grow from dimension to dimension, so that there are no gaps when the last row lies where it would.
  is_even_ = row_behind(shape, count_ - 1) == (count_ - 1) * step_;
}

uint32_t MeanRows::uneven(uint32_t index) const { return row_behind(shape_, index); }

namespace {

uint64_t elements_of(const MeanShape& shape) {
  uint64_t elements = 1;
  for (uint32_t dim : shape.dims) elements *= dim;
  return elements;
}

Cost cost(const void* in, const Target&) {
  const MeanShape& shape = *static_cast<const MeanShape*>(in);
  constexpr uint32_t kElement = 4;
  constexpr uint32_t kMean = 90;
  const uint64_t elements = elements_of(shape);
  return {0, elements * kElement + static_cast<uint64_t>(shape.output_rows) * shape.output_elements * kMean, 0};
}

Cost cost_float(const void* in, const Target& target) {
  return with_floats(cost(in, target), target, elements_of(*static_cast<const MeanShape*>(in)));
}

uint32_t smallest(uint32_t a, uint32_t b) { return a < b ? a : b; }

// Adds `count` groups of kWide elements, `step` elements apart, to the sums of kWide means. A function of its own, so that
// the loop has the registers to itself.
template <uint32_t kWide, typename T, typename Sum>
[[gnu::noinline]] void add_elements(const T* x, uint32_t count, uint32_t step, Sum* sums) {
  Sum sum[kWide];
#pragma GCC unroll 4
  for (uint32_t c = 0; c < kWide; ++c) sum[c] = sums[c];
  for (; count != 0; --count) {
#pragma GCC unroll 4
    for (uint32_t c = 0; c < kWide; ++c) sum[c] += static_cast<Sum>(x[c]);
    x += step;
  }
#pragma GCC unroll 4
  for (uint32_t c = 0; c < kWide; ++c) sums[c] = sum[c];
}

// The sum of `count` elements side by side, in their order.
template <typename T, typename Sum>
[[gnu::noinline]] Sum add_run(const T* x, uint32_t count, Sum sum) {
  for (const T* const end = x + count; x != end; ++x) sum += static_cast<Sum>(*x);
  return sum;
}

// T: an element; Sum: of elements, begins with `start`; `finish` makes an element of a sum.
template <typename T, typename Sum, typename Finish>
void run(const MeanShape& shape, Sum start, Finish finish, Rows rows, const Io& io) {
  const View input = io.view(0);
  const View output = io.view(1);
  const uint32_t channels = shape.dims[kChannels];
  const bool sums_channels = is_reduced(shape, kChannels);
  const MeanRows summed_rows(shape);
  // Of a row: channels, which lie side by side, or columns.
  const uint32_t summed = mean_product(shape, kWidth, kChannels, true) * (sums_channels ? channels : 1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    T* const y = output.row_as<T>(row);
    uint32_t count;
    for (uint32_t e = 0; e < shape.output_elements; e += count) {
      const MeanPosition first = mean_position(shape, row * shape.output_elements + e);
      count = sums_channels ? 1 : smallest(channels - first.element % channels, shape.output_elements - e);
      count = smallest(count, kBlock);
      Sum sums[kBlock];
      for (Sum& sum : sums) sum = start;
      for (uint32_t r = 0; r < summed_rows.count(); ++r) {
        const T* x = input.row_as<T>(first.row + summed_rows.behind(r)) + first.element;
        if (sums_channels) {
          sums[0] = add_run(x, summed, sums[0]);
        } else if (count == kBlock) {
          add_elements<kBlock>(x, summed, channels, sums);
        } else {
          for (uint32_t c = 0; c < count; ++c) add_elements<1>(x + c, summed, channels, sums + c);
        }
      }
      for (uint32_t c = 0; c < count; ++c) y[e + c] = finish(sums[c]);
    }
  }
}

template <typename T>
Status run_integer(const void* in, Rows rows, const Io& io) {
  const MeanParams& params = *static_cast<const MeanParams*>(in);
  constexpr int32_t kHigh = (1 << (8 * sizeof(T) - 1)) - 1;
  const auto finish = [&params](uint32_t sum) {
    const int32_t value = wrap_add(requantize(static_cast<int32_t>(sum), params.by), params.output_offset);
    return static_cast<T>(clamp(value, -kHigh - 1, kHigh));
  };
  // Sums wrap modulo 2^32, as in TensorFlow Lite.
  run<T, uint32_t>(params.shape, static_cast<uint32_t>(params.start), finish, rows, io);
  return Status::kOk;
}

}  // namespace

namespace kernels {

Status mean_int8_run(const void* in, Rows rows, const Io& io, void*) { return run_integer<int8_t>(in, rows, io); }

Status mean_int16_run(const void* in, Rows rows, const Io& io, void*) { return run_integer<int16_t>(in, rows, io); }

Status mean_float_run(const void* in, Rows rows, const Io& io, void*) {
  const MeanFloatParams& params = *static_cast<const MeanFloatParams*>(in);
  const auto finish = [&params](float sum) { return sum / params.count; };
  run<float, float>(params.shape, 0.0f, finish, rows, io);
  return Status::kOk;
}

const Variant mean_int8_variant = {
    mean_int8, "mean_int8", "MEAN", 40,
    DataType::kInt8, DataType::kNone, DataType::kInt8, "constant axes",
    false, Overlap::kRows, sizeof(MeanParams),
    mean_integer_prepare, nullptr, footprint<int8_t>, mean_input_rows, nullptr, nullptr, cost};

const Variant mean_int16_variant = {
    mean_int16, "mean_int16", "MEAN", 40,
    DataType::kInt16, DataType::kNone, DataType::kInt16, "constant axes",
    false, Overlap::kRows, sizeof(MeanParams),
    mean_integer_prepare, nullptr, footprint<int16_t>, mean_input_rows, nullptr, nullptr, cost};

const Variant mean_float_variant = {
    mean_float, "mean_float", "MEAN", 40,
    DataType::kFloat32, DataType::kNone, DataType::kFloat32, "constant axes",
    false, Overlap::kRows, sizeof(MeanFloatParams),
    mean_float_prepare, nullptr, footprint<float>, mean_input_rows, nullptr, nullptr, cost_float};

}  // namespace kernels

}  // namespace microplan
