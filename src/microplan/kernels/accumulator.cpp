// SPDX-License-Identifier: Apache-2.0
// Filters, biases and quantization of convolutions and fully connected operators, for each combination of types.
#include "microplan/kernels/accumulator.h"

#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

// Beyond it the reference is undefined: rounding twice, and rounding once.
constexpr int32_t kMaxShift = 30;
constexpr int32_t kMaxShiftInt64 = 7;

uint32_t channels_of(const OperatorContext& context, const MacOperator& op) {
  return context.input(op.filter).dims[op.channel_axis];
}

// Checks the filter's scales (1, or one for each output channel), its zero points (0) and the bias.
Status check_filter(const OperatorContext& context, const MacOperator& op, DataType bias_type) {
  const TensorInfo filter = context.input(op.filter);
  const uint32_t channels = channels_of(context, op);
  if (filter.type != DataType::kFloat32) {
    if (filter.scale_count != 1 &&
        (filter.scale_count != channels || filter.quantized_dimension != op.channel_axis)) {
      return context.fail(Status::kUnsupportedQuantization, input_operand(op.filter),
                          MICROPLAN_DIAGNOSTIC_TEXT("the filter has neither one scale nor one for each output channel"),
                          MICROPLAN_DIAGNOSTIC_TEXT("convert the model with int8 post-training quantization"),
                          filter.scale_count);
    }
    for (uint32_t i = 0; i < filter.zero_point_count; ++i) {
      if (filter.zero_point(i) != 0) {
        return context.fail(Status::kUnsupportedQuantization, input_operand(op.filter),
                            MICROPLAN_DIAGNOSTIC_TEXT("the filter's zero point is not 0"),
                            MICROPLAN_DIAGNOSTIC_TEXT("convert the model with symmetric int8 filters"),
                            filter.zero_point(i));
      }
    }
  }
  const TensorInfo bias = context.input(op.bias);
  if (bias.index < 0) return Status::kOk;
  if (bias.type != bias_type) {
    return context.fail(Status::kUnsupportedType, input_operand(op.bias),
                        MICROPLAN_DIAGNOSTIC_TEXT("the bias has a type that does not go with the filter's"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again: int8 takes int32 biases, int16 takes int64"),
                        static_cast<int64_t>(bias.type));
  }
  if (bias.elements != channels) {
    return context.fail(Status::kUnsupportedShape, input_operand(op.bias),
                        MICROPLAN_DIAGNOSTIC_TEXT("the bias does not have one element for each output channel"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model again"), bias.elements);
  }
  return check_constant(context, op.bias);
}

// The requantization of output channels: input scale * filter scale / output scale.
class ChannelScales {
 public:
  ChannelScales(const OperatorContext& context, const MacOperator& op)
      : filter_(context.input(op.filter)),
        input_(context.input(op.input).scale()),
        output_(context.output(0).scale()) {}

  uint32_t count() const { return filter_.scale_count; }
  // The channel with the largest one.
  uint32_t largest() const {
    uint32_t result = 0;
    for (uint32_t c = 1; c < filter_.scale_count; ++c) {
      if (filter_.scale(c) > filter_.scale(result)) result = c;
    }
    return result;
  }
  bool requantize(uint32_t channel, Requantize* result) const {
    const double product = static_cast<double>(input_) * static_cast<double>(filter_.scale(channel));
    return requantize_from(product / static_cast<double>(output_), result);
  }

 private:
  const TensorInfo filter_;
  const float input_, output_;
};

Status check_channel_requantize(const OperatorContext& context, const MacOperator& op, int32_t max_shift) {
  const ChannelScales scales(context, op);
  const uint32_t channel = scales.largest();
  Requantize by;
  if (scales.requantize(channel, &by) && by.shift <= max_shift) return Status::kOk;
  return context.fail(Status::kUnsupportedQuantization, input_operand(op.filter),
                      max_shift == kMaxShift
                          ? MICROPLAN_DIAGNOSTIC_TEXT("input scale * filter scale / output scale exceeds 2^30")
                          : MICROPLAN_DIAGNOSTIC_TEXT("input scale * filter scale / output scale exceeds 2^7"),
                      MICROPLAN_DIAGNOSTIC_TEXT("quantize the model again with representative data"), channel);
}

// No sum of the channel is larger: products of 8 by 9 bits, and the bias.
uint64_t largest_sum(const TensorInfo& filter, const TensorInfo& bias, uint32_t channels, uint32_t channel) {
  const uint64_t products = uint64_t{filter.elements / channels} * (INT8_MAX + 1) * UINT8_MAX;
  if (bias.index < 0) return products;
  const int64_t value = bias.int32_at(channel);
  return products + static_cast<uint64_t>(value < 0 ? -value : value);
}

// The requantization of a channel whose outputs are all the zero point, because no sum reaches half a step: with such a
// multiplier the shift, which may be large, does not matter.
bool rounds_to_zero(uint64_t largest, Requantize by) {
  // real < 2^shift, and the first rounding does not take a sum's magnitude beyond what it was.
  return by.multiplier == 0 || (by.shift < 0 && 2 * largest < uint64_t{1} << -by.shift);
}

// Whether a channel's filter is 0, as pruning and batch normalization leave it with a bias and a scale that are out of all
// proportion: its output is the same whatever the input is.
bool is_dead_channel(const OperatorContext& context, const MacOperator& op, uint32_t channel) {
  const TensorInfo filter = context.input(op.filter);
  const uint32_t channels = filter.dims[op.channel_axis];
  const uint32_t depth = filter.elements / channels;
  const uint32_t stride = op.channel_axis == 0 ? 1 : channels;
  const uint8_t* element = filter.data + channel * (op.channel_axis == 0 ? depth : 1);
  for (uint32_t i = 0; i < depth; ++i, element += stride) {
    if (*element != 0) return false;
  }
  return true;
}

// requantize_fast() is exact when sums stay below 2^30 and shifts are in [1, kMaxFastShift] to the right.
constexpr int32_t kMaxFastShift = 22;

bool is_fast(Requantize by, uint64_t largest) {
  if (largest >= (1u << 30)) return false;
  if (by.multiplier == 0 || rounds_to_zero(largest, by)) return true;
  return by.shift <= -1 && by.shift >= -kMaxFastShift;
}

// Whether a bias out of all proportion saturates the output whatever the input is, and so does +-kSaturatingBias in its
// place: of either at least 2^28 is left, 2^28 * 2^-19 steps of the output.
constexpr int32_t kSaturatingBias = 1 << 29;

bool bias_saturates(Requantize by, uint64_t largest, int32_t bias) {
  const uint64_t magnitude = static_cast<uint64_t>(bias < 0 ? -int64_t{bias} : int64_t{bias});
  return by.multiplier != 0 && by.shift <= -1 && by.shift >= -18 && magnitude > kSaturatingBias &&
         largest - magnitude < (1u << 28) && largest <= INT32_MAX;
}

uint32_t fast_requantize(const OperatorContext& context, const MacOperator& op) {
  const TensorInfo filter = context.input(op.filter);
  const TensorInfo bias = context.input(op.bias);
  const ChannelScales scales(context, op);
  const uint32_t channels = channels_of(context, op);
  Requantize by = {};
  uint32_t fast = 1;
  for (uint32_t c = 0; c < channels; ++c) {
    if (c < scales.count()) (void)scales.requantize(c, &by);
    const uint64_t largest = largest_sum(filter, bias, channels, c);
    if (is_fast(by, largest)) continue;
    fast = 2;
    if (bias.index >= 0 && bias_saturates(by, largest, bias.int32_at(c))) continue;
    // With one factor for all channels, none can have another.
    if (scales.count() == 1 || !is_dead_channel(context, op, c)) return 0;
  }
  return fast;
}

void write_channel_requantize(const OperatorContext& context, const MacOperator& op, ConstantWriter& writer) {
  const ChannelScales scales(context, op);
  if (!writer.begin(scales.count() * static_cast<uint32_t>(sizeof(Requantize)))) return;
  for (uint32_t c = 0; c < scales.count(); ++c) {
    Requantize by;
    scales.requantize(c, &by);
    writer.append(&by, sizeof by);
  }
}

// Whether [low, high] is a clamp within [type_low, type_high].
bool is_clamp(int32_t low, int32_t high, int32_t type_low, int32_t type_high) {
  return low >= type_low && low <= high && high <= type_high;
}

// The bias type that a step with 16-bit activations computes with.
DataType int16_bias_type(const OperatorContext& context, const MacOperator& op) {
  const TensorInfo bias = context.input(op.bias);
  if (bias.index >= 0) return bias.type == op.other_bias ? bias.type : DataType::kInt64;
  if (op.bias_type_option == kNoOption) return DataType::kInt64;
  const uint8_t type = context.options().uint8_field(op.bias_type_option, 0);
  return type == static_cast<uint8_t>(DataType::kInt32) ? DataType::kInt32 : DataType::kInt64;
}

Status check_symmetric(const OperatorContext& context, Operand operand, const TensorInfo& tensor) {
  if (tensor.zero_point() == 0) return Status::kOk;
  return context.fail(Status::kUnsupportedQuantization, operand,
                      MICROPLAN_DIAGNOSTIC_TEXT("the zero point of an int16 tensor is not 0"),
                      MICROPLAN_DIAGNOSTIC_TEXT("convert the model with symmetric int16 activations"),
                      tensor.zero_point());
}

}  // namespace

Status prepare_filter(const OperatorContext& context, const MacOperator& op, uint8_t activation,
                      ChannelQuantization* params) {
  Status status = check_filter(context, op, DataType::kInt32);
  if (status == Status::kOk) status = check_channel_requantize(context, op, kMaxShift);
  if (status != Status::kOk) return status;
  const TensorInfo output = context.output(0);
  params->per_channel = context.input(op.filter).scale_count > 1;
  params->input_offset = -context.input(op.input).zero_point();
  params->output_offset = output.zero_point();
  params->fast = fast_requantize(context, op);
  return activation_range(context, activation, output, &params->act_min, &params->act_max);
}

Status prepare_filter(const OperatorContext& context, const MacOperator& op, uint8_t activation,
                      Int16Quantization* params) {
  const TensorInfo output = context.output(0);
  const DataType bias_type = int16_bias_type(context, op);
  Status status = check_symmetric(context, input_operand(op.input), context.input(op.input));
  if (status == Status::kOk) status = check_symmetric(context, output_operand(0), output);
  if (status == Status::kOk) status = check_filter(context, op, bias_type);
  if (status == Status::kOk) {
    status = check_channel_requantize(context, op, bias_type == DataType::kInt32 ? kMaxShift : kMaxShiftInt64);
  }
  if (status != Status::kOk) return status;
  params->per_channel = context.input(op.filter).scale_count > 1;
  params->bias_bytes = element_bytes(bias_type);
  return activation_range(context, activation, output, &params->act_min, &params->act_max);
}

Status prepare_filter(const OperatorContext& context, const MacOperator& op, uint8_t activation, FloatRange* params) {
  const Status status = check_filter(context, op, DataType::kFloat32);
  if (status != Status::kOk) return status;
  return activation_range_float(context, activation, &params->act_min, &params->act_max);
}

Status prepare_filter(const OperatorContext& context, const MacOperator& op, uint8_t activation,
                      HybridQuantization* params) {
  const Status status = check_filter(context, op, DataType::kFloat32);
  if (status != Status::kOk) return status;
  params->per_channel = context.input(op.filter).scale_count > 1;
  return activation_range_float(context, activation, &params->act_min, &params->act_max);
}

bool filter_footprint(const ChannelQuantization& params, uint32_t filter_elements, uint32_t channels,
                      Footprint* footprint) {
  // The offset's bounds keep products within 32 bits.
  if (params.per_channel > 1 || params.fast > 2 || params.input_offset < -INT8_MAX || params.input_offset > -INT8_MIN ||
      params.output_offset < INT8_MIN || params.output_offset > INT8_MAX ||
      !is_clamp(params.act_min, params.act_max, INT8_MIN, INT8_MAX)) {
    return false;
  }
  footprint->add_constant(filter_elements, 1);
  footprint->add_constant(channels * 4, 4, true);
  footprint->add_constant(constant_bytes(params, channels), 4);
  return true;
}

bool filter_footprint(const Int16Quantization& params, uint32_t filter_elements, uint32_t channels,
                      Footprint* footprint) {
  if (params.per_channel > 1 || (params.bias_bytes != 2 && params.bias_bytes != 4 && params.bias_bytes != 8) ||
      !is_clamp(params.act_min, params.act_max, INT16_MIN, INT16_MAX)) {
    return false;
  }
  footprint->add_constant(filter_elements, 1);
  footprint->add_constant(channels * params.bias_bytes, static_cast<uint8_t>(params.bias_bytes), true);
  footprint->add_constant(constant_bytes(params, channels), 4);
  return true;
}

bool filter_footprint(const FloatRange&, uint32_t filter_elements, uint32_t channels, Footprint* footprint) {
  uint32_t filter_bytes = sizeof(float);
  if (!multiply_checked(filter_elements, &filter_bytes)) return false;
  footprint->add_constant(filter_bytes, 4);
  footprint->add_constant(channels * 4, 4, true);
  return true;
}

bool filter_footprint(const HybridQuantization& params, uint32_t filter_elements, uint32_t channels,
                      Footprint* footprint) {
  if (params.per_channel > 1 || params.asymmetric > 1 || params.filter_first > 1) return false;
  footprint->add_constant(filter_elements, 1);
  footprint->add_constant(channels * 4, 4, true);
  footprint->add_constant(constant_bytes(params, channels), 4);
  return true;
}

ChannelPacker::ChannelPacker(const OperatorContext& context, const MacOperator& op, const ChannelQuantization& params)
    : context_(context), op_(op), params_(params), filter_(context.input(op.filter)), bias_(context.input(op.bias)) {}

ChannelConstants ChannelPacker::channel(uint32_t channel) const {
  const uint32_t channels = filter_.dims[op_.channel_axis];
  const uint32_t depth = filter_.elements / channels;
  // The channels are the filter's first or its last dimension.
  const uint32_t stride = op_.channel_axis == 0 ? 1 : channels;
  const uint8_t* element = filter_.data + channel * (op_.channel_axis == 0 ? depth : 1);
  int32_t sum = 0;
  for (uint32_t i = 0; i < depth; ++i, element += stride) sum += static_cast<int8_t>(*element);
  ChannelConstants result;
  result.bias = wrap_add(bias(channel), wrap_mul(params_.input_offset, sum));
  Requantize by = requantize(channel);
  result.multiplier = by.multiplier;
  if (!params_.fast) {
    result.rounding = params_.output_offset;
    result.shift = by.shift;
    return result;
  }
  const uint64_t largest = largest_sum(filter_, bias_, channels, channel);
  if (!is_fast(by, largest) && bias_saturates(by, largest, bias(channel))) {
    result.bias = clamp(result.bias, -kSaturatingBias, kSaturatingBias);
  } else if (!is_fast(by, largest) && is_dead_channel(context_, op_, channel)) {
    // A bias and a factor of 1/4 that make the same output.
    const int32_t output = wrap_add(microplan::requantize(result.bias, by), params_.output_offset);
    result.bias = 4 * (clamp(output, INT8_MIN, INT8_MAX) - params_.output_offset);
    result.multiplier = by.multiplier = 1 << 30;
    by.shift = -1;
  } else if (by.multiplier == 0 || rounds_to_zero(largest, by)) {
    result.multiplier = 0;
    by.shift = -1;
  }
  result.shift = -by.shift;
  result.rounding = fast_rounding(params_.output_offset, result.shift);
  return result;
}

Requantize ChannelPacker::requantize(uint32_t channel) const {
  Requantize by;
  (void)ChannelScales(context_, op_).requantize(params_.per_channel ? channel : 0, &by);
  return by;
}

void pack_filter(const OperatorContext& context, const MacOperator& op, const ChannelQuantization&,
                 ConstantWriter& writer) {
  writer.tensor(op.filter, 1);
  pack_bias_and_scales(context, op, writer);
}

void pack_bias_and_scales(const OperatorContext& context, const MacOperator& op, ConstantWriter& writer) {
  writer.tensor(op.bias, 4);
  write_channel_requantize(context, op, writer);
}

void pack_filter(const OperatorContext& context, const MacOperator& op, const Int16Quantization& params,
                 ConstantWriter& writer) {
  writer.tensor(op.filter, 1);
  writer.tensor(op.bias, params.bias_bytes);
  write_channel_requantize(context, op, writer);
}

void pack_filter(const OperatorContext&, const MacOperator& op, const FloatRange&, ConstantWriter& writer) {
  writer.tensor(op.filter, 4);
  writer.tensor(op.bias, 4);
}

void pack_filter(const OperatorContext& context, const MacOperator& op, const HybridQuantization&,
                 ConstantWriter& writer) {
  writer.tensor(op.filter, 1);
  writer.tensor(op.bias, 4);
  const TensorInfo filter = context.input(op.filter);
  if (!writer.begin(filter.scale_count * static_cast<uint32_t>(sizeof(float)))) return;
  for (uint32_t c = 0; c < filter.scale_count; ++c) {
    const float scale = filter.scale(c);
    writer.append(&scale, sizeof scale);
  }
}

Int8Accumulator::Int8Accumulator(const Params& params, const Io& io, const Batch&, void*)
    : params_(params),
      input_(io.view(0)),
      filter_(io.constant<int8_t>(0)),
      bias_(io.constant<int32_t>(1)),
      requantize_(io.constant<Requantize>(2)) {}

int8_t Int8Accumulator::finish(uint32_t channel, uint32_t sum) const {
  if (bias_ != nullptr) sum += static_cast<uint32_t>(bias_[channel]);
  const int32_t scaled = requantize(static_cast<int32_t>(sum), requantize_[channel * params_.per_channel]);
  const int32_t value = wrap_add(scaled, params_.output_offset);
  return static_cast<int8_t>(clamp(value, params_.act_min, params_.act_max));
}

Int16Accumulator::Int16Accumulator(const Params& params, const Io& io, const Batch&, void*)
    : params_(params),
      input_(io.view(0)),
      filter_(io.constant<int8_t>(0)),
      bias_(io.constant<uint8_t>(1)),
      requantize_(io.constant<Requantize>(2)) {}

int16_t Int16Accumulator::finish(uint32_t channel, uint64_t sum) const {
  const Requantize by = requantize_[channel * params_.per_channel];
  if (bias_ != nullptr) {
    const uint8_t* const bias = bias_ + channel * params_.bias_bytes;
    sum += static_cast<uint64_t>(params_.bias_bytes == 8   ? *reinterpret_cast<const int64_t*>(bias)
                                 : params_.bias_bytes == 4 ? *reinterpret_cast<const int32_t*>(bias)
                                                           : *reinterpret_cast<const int16_t*>(bias));
  }
  // The low half of the sum is the sum of 32 bits.
  const int32_t value = params_.bias_bytes == 4 ? requantize(static_cast<int32_t>(static_cast<uint32_t>(sum)), by)
                                                : requantize_int64(static_cast<int64_t>(sum), by);
  return static_cast<int16_t>(clamp(value, params_.act_min, params_.act_max));
}

FloatAccumulator::FloatAccumulator(const Params& params, const Io& io, const Batch&, void*)
    : params_(params), input_(io.view(0)), filter_(io.constant<float>(0)), bias_(io.constant<float>(1)) {}

}  // namespace microplan
