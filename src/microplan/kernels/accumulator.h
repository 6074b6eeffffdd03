// SPDX-License-Identifier: Apache-2.0
// What convolutions and fully connected operators share for each combination of types: the checks of filter, bias and
// quantization, the step's constants, and the way from a sum of products to an element of the output. The kernels of an
// operator are one template over these classes and HybridAccumulator.
#ifndef MICROPLAN_KERNELS_ACCUMULATOR_H_
#define MICROPLAN_KERNELS_ACCUMULATOR_H_

#include <stdint.h>

#include "microplan/kernel.h"
#include "microplan/kernels/dot.h"
#include "microplan/kernels/prepare.h"
#include "microplan/kernels/quantization.h"
#include "microplan/operator.h"

namespace microplan {

// Where an operator has its operands, and what sets it apart from the others.
struct MacOperator {
  uint8_t input, filter, bias;  // the operator's inputs
  uint8_t channel_axis;         // the filter's dimension of output channels
  // With 16-bit activations: the type of bias besides int64, kNone for none, and the option that names the type when
  // there is no bias, kNoOption for none.
  DataType other_bias;
  uint8_t bias_type_option;
};
constexpr uint8_t kNoOption = 0xff;

// int8: int32 accumulators, rounded twice. Constants: filter, bias int32[channels] (optional), Requantize
// [1 or channels].
struct ChannelQuantization {
  uint32_t per_channel;   // 1: a Requantize for each output channel; 0: one for all
  int32_t input_offset;   // minus the input's zero point
  int32_t output_offset;  // the output's zero point
  int32_t act_min, act_max;
  // Whether requantize_fast() is exact for every channel and whatever the input is: 1: yes; 2: with ChannelConstants, which
  // have other biases and multipliers where a filter is 0 or a bias saturates the output; 0: no.
  uint32_t fast;
};

// int16 activations and int8 filters, both symmetric. With 32-bit biases accumulators have 32 bits and are rounded
// twice; else they have 64, and are multiplied by 16 bits and rounded once. Constants: filter, bias [channels] (optional),
// Requantize [1 or channels].
struct Int16Quantization {
  uint32_t per_channel;
  uint32_t bias_bytes;  // of one bias, 2, 4 or 8; says the accumulators' width when there is none, too
  int32_t act_min, act_max;
};

// float32. Constants: filter, bias float[channels] (optional).
struct FloatRange {
  float act_min, act_max;
};

// float32 activations and int8 filters: the input is quantized to int8 when the step runs. Constants: filter, bias
// float[channels] (optional), the filter's scales float[1 or channels].
struct HybridQuantization {
  uint32_t per_channel;  // 1: a scale for each output channel; 0: one for all
  uint32_t asymmetric;   // the input is quantized with a zero point
  uint32_t filter_first;  // a sum is multiplied by the filter's scale, then by the input's; 0: by their product
  float act_min, act_max;
};

// Checks filter, bias and activation, and fills `params`.
Status prepare_filter(const OperatorContext& context, const MacOperator& op, uint8_t activation,
                      ChannelQuantization* params);
Status prepare_filter(const OperatorContext& context, const MacOperator& op, uint8_t activation,
                      Int16Quantization* params);
Status prepare_filter(const OperatorContext& context, const MacOperator& op, uint8_t activation, FloatRange* params);
// The operator says itself how its input is quantized.
Status prepare_filter(const OperatorContext& context, const MacOperator& op, uint8_t activation,
                      HybridQuantization* params);

// What a packed kernel needs of an output channel beside its filter. Its accumulator is the sum of products with the input
// as it is: the input's zero point is folded into the bias.
struct ChannelConstants {
  int32_t bias;  // bias + input_offset * sum of the channel's filter, modulo 2^32
  int32_t multiplier;
  // With ChannelQuantization::fast as requantize_fast() takes them: rounding and right shift in [1, 22]. Else the output's
  // zero point and Requantize::shift.
  int32_t rounding;
  int32_t shift;
};

// Makes the ChannelConstants of an operator, one channel after the other, so that each kernel lays them out as it likes.
class ChannelPacker {
 public:
  ChannelPacker(const OperatorContext& context, const MacOperator& op, const ChannelQuantization& params);
  ChannelConstants channel(uint32_t channel) const;
  // As the model has them: 0 without a bias; one requantization for all channels is that of each.
  int32_t bias(uint32_t channel) const { return bias_.index < 0 ? 0 : bias_.int32_at(channel); }
  Requantize requantize(uint32_t channel) const;

 private:
  const OperatorContext& context_;
  const MacOperator& op_;
  const ChannelQuantization& params_;
  const TensorInfo filter_, bias_;
};

// Adds the constants. False for values of no model.
bool filter_footprint(const ChannelQuantization& params, uint32_t filter_elements, uint32_t channels,
                      Footprint* footprint);
bool filter_footprint(const Int16Quantization& params, uint32_t filter_elements, uint32_t channels,
                      Footprint* footprint);
bool filter_footprint(const FloatRange& params, uint32_t filter_elements, uint32_t channels, Footprint* footprint);
bool filter_footprint(const HybridQuantization& params, uint32_t filter_elements, uint32_t channels,
                      Footprint* footprint);

// Writes these constants.
void pack_filter(const OperatorContext& context, const MacOperator& op, const ChannelQuantization& params,
                 ConstantWriter& writer);
void pack_filter(const OperatorContext& context, const MacOperator& op, const Int16Quantization& params,
                 ConstantWriter& writer);
void pack_filter(const OperatorContext& context, const MacOperator& op, const FloatRange& params,
                 ConstantWriter& writer);
void pack_filter(const OperatorContext& context, const MacOperator& op, const HybridQuantization& params,
                 ConstantWriter& writer);

// Those after the filter, for kernels that write it in another order.
void pack_bias_and_scales(const OperatorContext& context, const MacOperator& op, ConstantWriter& writer);

// Bytes of the constants that the model does not have.
inline uint32_t constant_bytes(const ChannelQuantization& params, uint32_t channels) {
  return (params.per_channel ? channels : 1) * static_cast<uint32_t>(sizeof(Requantize));
}
inline uint32_t constant_bytes(const Int16Quantization& params, uint32_t channels) {
  return (params.per_channel ? channels : 1) * static_cast<uint32_t>(sizeof(Requantize));
}
inline uint32_t constant_bytes(const FloatRange&, uint32_t) { return 0; }
inline uint32_t constant_bytes(const HybridQuantization& params, uint32_t channels) {
  return (params.per_channel ? channels : 1) * static_cast<uint32_t>(sizeof(float));
}

// Operations of float32 for a multiply-accumulate and for an output.
struct FloatWork {
  uint32_t mac, output;
};
inline FloatWork float_work(const ChannelQuantization&) { return {0, 0}; }
inline FloatWork float_work(const Int16Quantization&) { return {0, 0}; }
inline FloatWork float_work(const FloatRange&) { return {2, 3}; }
inline FloatWork float_work(const HybridQuantization&) { return {0, 6}; }

// Estimate for the reference kernel.
template <typename Quantization>
Cost mac_cost(const Quantization& params, const Target& target, uint64_t macs, uint64_t outputs, uint32_t channels) {
  const FloatWork work = float_work(params);
  return with_floats(reference_cost(macs, outputs, constant_bytes(params, channels)), target,
                     work.mac * macs + work.output * outputs);
}

// The inputs that are quantized together: output rows [n * out_rows, (n + 1) * out_rows) are made from input rows
// [n * in_rows, (n + 1) * in_rows) of `elements` each.
struct Batch {
  uint32_t out_rows, in_rows, elements;
};

// How run() goes from input to output: input() is what products are taken from, begin_row() comes before the sums of an
// output row, finish() makes an output of a sum that began with 0. Output is the element type of the input tensor, too.
// HybridAccumulator alone needs all that the constructors take.
class Int8Accumulator : public Int8Products {
 public:
  using Products = Int8Products;
  using Params = ChannelQuantization;
  using Output = int8_t;

  Int8Accumulator(const Params& params, const Io& io, const Batch&, void*);
  View input() const { return input_; }
  void begin_row(uint32_t) {}
  int32_t input_offset() const { return params_.input_offset; }
  const int8_t* filter() const { return filter_; }
  int8_t finish(uint32_t channel, uint32_t sum) const;

 private:
  const Params& params_;
  const View input_;
  const int8_t* const filter_;
  const int32_t* const bias_;  // nullptr: none
  const Requantize* const requantize_;
};

class Int16Accumulator : public Int16Products {
 public:
  using Products = Int16Products;
  using Params = Int16Quantization;
  using Output = int16_t;

  Int16Accumulator(const Params& params, const Io& io, const Batch&, void*);
  View input() const { return input_; }
  void begin_row(uint32_t) {}
  int32_t input_offset() const { return 0; }
  const int8_t* filter() const { return filter_; }
  int16_t finish(uint32_t channel, uint64_t sum) const;

 private:
  const Params& params_;
  const View input_;
  const int8_t* const filter_;
  const uint8_t* const bias_;
  const Requantize* const requantize_;
};

class FloatAccumulator : public FloatProducts {
 public:
  using Products = FloatProducts;
  using Params = FloatRange;
  using Output = float;

  FloatAccumulator(const Params& params, const Io& io, const Batch&, void*);
  View input() const { return input_; }
  void begin_row(uint32_t) {}
  int32_t input_offset() const { return 0; }
  const float* filter() const { return filter_; }
  float finish(uint32_t channel, float sum) const {
    if (bias_ != nullptr) sum += bias_[channel];
    return clamp(sum, params_.act_min, params_.act_max);
  }

 private:
  const Params& params_;
  const View input_;
  const float* const filter_;
  const float* const bias_;
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_ACCUMULATOR_H_
