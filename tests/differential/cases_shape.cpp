// SPDX-License-Identifier: Apache-2.0
// Operators that move elements or reduce them along axes: CONCATENATION, PAD, PADV2, TRANSPOSE, STRIDED_SLICE, MEAN.
#include "case_values.h"
#include "differential.h"

namespace differential {

namespace {

constexpr uint32_t kMaxElements = 1200;

// The scale and zero point of another tensor.
void quantize_as(FakeOperator& op, TensorInfo& tensor, const TensorInfo& other) {
  if (other.scale_count != 0) op.set_quantization(tensor, other.scale(), other.zero_point());
}

// Now and then counted from the end.
int32_t axis_number(Random& random, uint32_t axis, uint32_t rank) {
  return static_cast<int32_t>(axis) - (random.one_in(3) ? static_cast<int32_t>(rank) : 0);
}

// Fields of the schema's ConcatenationOptions.
constexpr uint8_t kAxis = 0;

void make_concatenation(FakeOperator& op) {
  constexpr DataType kTypes[] = {DataType::kInt8,  DataType::kInt8,    DataType::kUInt8, DataType::kInt16,
                                 DataType::kInt32, DataType::kFloat32, DataType::kBool};
  Random& random = op.random;
  const DataType type = random.pick(kTypes);
  Shape tensor = random_shape(random, 5, kMaxElements / 3);
  const uint32_t axis = random.below(tensor.rank);
  op.set_option(kAxis, axis_number(random, axis, tensor.rank));
  const bool quantized = type == DataType::kInt8 || type == DataType::kUInt8 || type == DataType::kInt16;
  const float scale = random_scale(random);
  const int32_t zero_point = random_zero_point(random, type);
  const uint32_t count = random.between(1, 5);
  uint32_t total = 0;
  const uint32_t longest = tensor.dims[axis];
  for (uint32_t i = 0; i < count; ++i) {
    tensor.dims[axis] = random.between(1, longest);
    total += tensor.dims[axis];
    TensorInfo& input = op.add_input(type, tensor, random.one_in(8) ? Role::kConstant : Role::kActivation);
    fill(op, input);
    if (quantized) op.set_quantization(input, scale, zero_point);
  }
  tensor.dims[axis] = total;
  TensorInfo& output = op.add_output(type, tensor);
  if (quantized) op.set_quantization(output, scale, zero_point);
}

template <DataType kType, bool kWithValue>
void make_pad(FakeOperator& op) {
  Random& random = op.random;
  const Shape tensor = random_shape(random, 5, kMaxElements / 2);
  TensorInfo& input = op.add_input(kType, tensor);
  fill(op, input);
  if (kType != DataType::kInt32) quantize(op, input);
  const bool wide = random.one_in(4);
  TensorInfo& paddings = op.add_constant(wide ? DataType::kInt64 : DataType::kInt32, shape(tensor.rank, 2));
  Shape padded = tensor;
  for (uint32_t i = 0; i < 2 * tensor.rank; ++i) {
    // Along one or two dimensions, as models do.
    const uint32_t amount = random.one_in(3) && padded.elements() < 2 * kMaxElements ? random.between(1, 3) : 0;
    if (wide) op.put(paddings, i, static_cast<int64_t>(amount));
    if (!wide) op.put(paddings, i, static_cast<int32_t>(amount));
    padded.dims[i / 2] += amount;
  }
  if (kWithValue) {
    TensorInfo& value = op.add_constant(kType, shape(1));
    fill(op, value);
    quantize_as(op, value, input);
  }
  quantize_as(op, op.add_output(kType, padded), input);
}

constexpr DataType kCopied[] = {DataType::kInt8, DataType::kInt8, DataType::kInt16, DataType::kFloat32};

void make_transpose(FakeOperator& op) {
  Random& random = op.random;
  const DataType type = random.pick(kCopied);
  const Shape tensor = random_shape(random, 5, kMaxElements);
  TensorInfo& input = op.add_input(type, tensor);
  fill(op, input);
  uint32_t order[microplan::kMaxRank];
  for (uint32_t i = 0; i < tensor.rank; ++i) order[i] = i;
  for (uint32_t i = tensor.rank; i-- > 1;) {
    const uint32_t other = random.below(i + 1);
    const uint32_t kept = order[i];
    order[i] = order[other];
    order[other] = kept;
  }
  TensorInfo& permutation = op.add_constant(DataType::kInt32, shape(tensor.rank));
  Shape result = tensor;
  for (uint32_t i = 0; i < tensor.rank; ++i) {
    op.put(permutation, i, order[i]);
    result.dims[i] = tensor.dims[order[i]];
  }
  op.add_output(type, result);
}

void make_strided_slice(FakeOperator& op) {
  Random& random = op.random;
  const DataType type = random.pick(kCopied);
  const Shape tensor = random_shape(random, 5, kMaxElements);
  fill(op, op.add_input(type, tensor));
  TensorInfo& begin = op.add_constant(DataType::kInt32, shape(tensor.rank));
  TensorInfo& end = op.add_constant(DataType::kInt32, shape(tensor.rank));
  TensorInfo& strides = op.add_constant(DataType::kInt32, shape(tensor.rank));
  Shape result = tensor;
  for (uint32_t i = 0; i < tensor.rank; ++i) {
    const uint32_t size = tensor.dims[i];
    const uint32_t stride = random.one_in(3) ? random.between(1, 3) : 1;
    const uint32_t first = random.below(size);
    const uint32_t count = random.between(1, (size - first + stride - 1) / stride);
    const uint32_t last = first + (count - 1) * stride;
    result.dims[i] = count;
    const bool backwards = random.one_in(5);
    op.put(strides, i, backwards ? -static_cast<int32_t>(stride) : static_cast<int32_t>(stride));
    op.put(begin, i, backwards ? last : first);
    // Before the first element there is no number: -1 counts from the end.
    op.put(end, i, backwards ? static_cast<int32_t>(first) - static_cast<int32_t>(first == 0 ? size + 1 : 1)
                             : static_cast<int32_t>(last + 1));
  }
  op.add_output(type, result);
}

template <DataType kType>
void make_mean(FakeOperator& op) {
  Random& random = op.random;
  const Shape tensor = random_shape(random, 4, 4 * kMaxElements);
  TensorInfo& input = op.add_input(kType, tensor);
  fill(op, input, 4);
  quantize(op, input);
  // Height and width of an image every second time.
  const bool image = tensor.rank == 4 && random.one_in(2);
  const uint32_t reduced = image ? 6 : random.between(1, (1u << tensor.rank) - 1);
  uint32_t count = 0;
  for (uint32_t i = 0; i < tensor.rank; ++i) count += reduced >> i & 1;
  TensorInfo& axes = op.add_constant(DataType::kInt32, shape(count));
  const bool keeps = random.one_in(2);
  Shape result = {0, {}};
  uint32_t at = 0;
  for (uint32_t i = 0; i < tensor.rank; ++i) {
    const bool is_reduced = (reduced >> i & 1) != 0;
    if (is_reduced) op.put(axes, at++, axis_number(random, i, tensor.rank));
    if (!is_reduced || keeps) result.dims[result.rank++] = is_reduced ? 1 : tensor.dims[i];
  }
  TensorInfo& output = op.add_output(kType, result);
  if (random.one_in(2)) {
    quantize(op, output);
  } else {
    quantize_as(op, output, input);
  }
}

constexpr Generator kGenerators[] = {
    {"concatenation", make_concatenation},
    {"pad_int8", make_pad<DataType::kInt8, false>},
    {"pad_int16", make_pad<DataType::kInt16, false>},
    {"pad_int32", make_pad<DataType::kInt32, false>},
    {"pad_float", make_pad<DataType::kFloat32, false>},
    {"pad_v2_int8", make_pad<DataType::kInt8, true>},
    {"pad_v2_int16", make_pad<DataType::kInt16, true>},
    {"pad_v2_int32", make_pad<DataType::kInt32, true>},
    {"pad_v2_float", make_pad<DataType::kFloat32, true>},
    {"transpose", make_transpose},
    {"strided_slice", make_strided_slice},
    {"mean_int8", make_mean<DataType::kInt8>},
    {"mean_int16", make_mean<DataType::kInt16>},
    {"mean_float", make_mean<DataType::kFloat32>},
};

}  // namespace

const Generators kShapeCases(kGenerators);

}  // namespace differential
