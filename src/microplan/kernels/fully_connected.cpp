// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED, int8, int16 with int8 filters, float32 and hybrid: prepare and the reference kernels.
#include "microplan/kernels/fully_connected.h"

#include "microplan/kernels.h"
#include "microplan/kernels/hybrid.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

// Field 4 of the options is quantized_bias_type.
const MacOperator kFullyConnected = {0, 1, 2, 0, DataType::kInt32, 4};

namespace {

// Fields of the schema's FullyConnectedOptions.
constexpr uint32_t kFusedActivation = 0;
constexpr uint32_t kWeightsFormat = 1;
constexpr uint32_t kAsymmetricQuantizeInputs = 3;

Status prepare_shape(const OperatorContext& context, FullyConnectedShape* shape) {
  Status status = check_arity(context, 2, 3);
  if (status != Status::kOk) return status;
  status = check_constant(context, 1);
  if (status != Status::kOk) return status;
  if (context.options().uint8_field(kWeightsFormat, 0) != 0) {
    return context.fail(Status::kUnsupportedOption, input_operand(1),
                        MICROPLAN_DIAGNOSTIC_TEXT("the filter is in a shuffled format"),
                        MICROPLAN_DIAGNOSTIC_TEXT("convert the model with the default weights format"));
  }
  const TensorInfo input = context.input(0);
  const TensorInfo filter = context.input(1);
  const TensorInfo output = context.output(0);
  if (filter.rank != 2 || input.elements % filter.dims[1] != 0 ||
      output.elements != input.elements / filter.dims[1] * filter.dims[0]) {
    return context.fail(Status::kUnsupportedShape, input_operand(1),
                        MICROPLAN_DIAGNOSTIC_TEXT("input, filter and output shapes do not go together"),
                        MICROPLAN_DIAGNOSTIC_TEXT("the filter is [channels, depth] and depth divides the input's size"),
                        filter.rank);
  }
  *shape = {input.elements / filter.dims[1], filter.dims[1], filter.dims[0]};
  return Status::kOk;
}

}  // namespace

template <typename Accumulator>
Status FullyConnected<Accumulator>::prepare(const OperatorContext& context, void* out) {
  Params& params = *static_cast<Params*>(out);
  const Status status = prepare_shape(context, &params.shape);
  if (status != Status::kOk) return status;
  const uint8_t activation = context.options().uint8_field(kFusedActivation, 0);
  return prepare_filter(context, kFullyConnected, activation, &params.quantization);
}

template <typename Accumulator>
bool FullyConnected<Accumulator>::footprint(const void* in, Footprint* footprint) {
  const Params& params = *static_cast<const Params*>(in);
  const FullyConnectedShape& shape = params.shape;
  constexpr uint8_t kElement = sizeof(typename Accumulator::Output);
  uint32_t filter_elements = shape.depth;
  uint32_t input_bytes = kElement;
  uint32_t output_bytes = kElement;
  if (shape.rows == 0 || !multiply_checked(shape.channels, &filter_elements) ||
      !multiply_checked(shape.depth, &input_bytes) || !multiply_checked(shape.channels, &output_bytes)) {
    return false;
  }
  footprint->add_view(input_operand(0), shape.rows, input_bytes, kElement);
  footprint->add_view(output_operand(0), shape.rows, output_bytes, kElement);
  return filter_footprint(params.quantization, filter_elements, shape.channels, footprint);
}

template <typename Accumulator>
void FullyConnected<Accumulator>::pack(const OperatorContext& context, const void* in, ConstantWriter& writer) {
  pack_filter(context, kFullyConnected, static_cast<const Params*>(in)->quantization, writer);
}

Requantize fully_connected_requantize(const ChannelPacker& packer, const ChannelQuantization& quantization,
                                      uint32_t channel) {
  if (!quantization.fast) return packer.requantize(channel);
  if (quantization.per_channel) {
    const ChannelConstants constants = packer.channel(channel);
    return {constants.multiplier, -constants.shift};
  }
  // The constants of one channel may say that its sums are too small to matter, which need not hold for all. With a shift
  // beyond the fast ones it does.
  const Requantize by = packer.requantize(0);
  constexpr int32_t kFarthest = -22;
  return by.shift < kFarthest || by.shift > -1 ? Requantize{0, -1} : by;
}

Rows fully_connected_input_rows(const void*, uint32_t, Rows rows) { return rows; }

template struct FullyConnected<Int8Accumulator>;
template struct FullyConnected<Int16Accumulator>;
template struct FullyConnected<FloatAccumulator>;
template struct FullyConnected<HybridAccumulator>;

namespace {

Status prepare_hybrid(const OperatorContext& context, void* out) {
  static_cast<FullyConnectedParamsOf<HybridQuantization>*>(out)->quantization.asymmetric =
      context.options().uint8_field(kAsymmetricQuantizeInputs, 0) != 0;
  return FullyConnected<HybridAccumulator>::prepare(context, out);
}

// All Params begin with the shape. Every row is quantized by itself.
uint32_t hybrid_row_bytes(const void* in, uint32_t) { return static_cast<const FullyConnectedShape*>(in)->depth; }

template <typename Quantization>
Cost cost(const void* in, const Target& target) {
  const auto& params = *static_cast<const FullyConnectedParamsOf<Quantization>*>(in);
  const uint64_t outputs = static_cast<uint64_t>(params.shape.rows) * params.shape.channels;
  return mac_cost(params.quantization, target, outputs * params.shape.depth, outputs,
                  params.shape.channels);
}

// The sum of one output. A function of its own, so that the inner loop has the registers to itself.
template <typename Products>
[[gnu::noinline]] typename Products::Sum sum_row(const typename Products::Input* x,
                                                 const typename Products::Filter* filter, uint32_t depth,
                                                 int32_t input_offset) {
  return dot<Products>(x, filter, depth, input_offset, 0);
}

template <typename Accumulator>
Status run(const void* in, Rows rows, const Io& io, void* scratch) {
  using Products = typename Accumulator::Products;
  const auto& params = *static_cast<const FullyConnectedParamsOf<typename Accumulator::Params>*>(in);
  const FullyConnectedShape shape = params.shape;
  Accumulator accumulator(params.quantization, io, Batch{1, 1, shape.depth}, scratch);
  const View input = accumulator.input();
  const View output = io.view(1);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    accumulator.begin_row(row);
    const int32_t offset = accumulator.input_offset();
    const auto* const x = input.row_as<const typename Products::Input>(row);
    auto* const y = output.row_as<typename Accumulator::Output>(row);
    const typename Products::Filter* filter = accumulator.filter();
    for (uint32_t c = 0; c < shape.channels; ++c) {
      y[c] = accumulator.finish(c, sum_row<Products>(x, filter, shape.depth, offset));
      filter += shape.depth;
    }
  }
  return Status::kOk;
}

template <typename Accumulator>
constexpr Variant variant(const Kernel& kernel, const char* name, DataType activations, DataType filter,
                          const char* note) {
  using Params = typename Accumulator::Params;
  using Shared = FullyConnected<Accumulator>;
  return {kernel, name, "FULLY_CONNECTED", 9,
          activations, filter, activations, note,
          false, Overlap::kRows, sizeof(FullyConnectedParamsOf<Params>),
          Shared::prepare, nullptr, Shared::footprint, fully_connected_input_rows, nullptr, Shared::pack, cost<Params>};
}

}  // namespace

namespace kernels {

Status fully_connected_int8_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<Int8Accumulator>(in, rows, io, scratch);
}

Status fully_connected_float_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<FloatAccumulator>(in, rows, io, scratch);
}

Status fully_connected_int16_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<Int16Accumulator>(in, rows, io, scratch);
}

Status fully_connected_hybrid_run(const void* in, Rows rows, const Io& io, void* scratch) {
  return run<HybridAccumulator>(in, rows, io, scratch);
}

const Variant fully_connected_int8_variant = variant<Int8Accumulator>(
    fully_connected_int8, "fully_connected_int8", DataType::kInt8, DataType::kInt8, "per tensor and per channel");

const Variant fully_connected_float_variant = variant<FloatAccumulator>(
    fully_connected_float, "fully_connected_float", DataType::kFloat32, DataType::kFloat32, "");

const Variant fully_connected_int16_variant = variant<Int16Accumulator>(
    fully_connected_int16, "fully_connected_int16", DataType::kInt16, DataType::kInt8,
    "bias int64 or int32, per tensor and per channel");

const Variant fully_connected_hybrid_variant = {
    fully_connected_hybrid, "fully_connected_hybrid", "FULLY_CONNECTED", 9,
    DataType::kFloat32, DataType::kInt8, DataType::kFloat32, "dynamic range quantization, per tensor and per channel",
    false, Overlap::kRows, sizeof(FullyConnectedParamsOf<HybridQuantization>),
    prepare_hybrid, nullptr, FullyConnected<HybridAccumulator>::footprint, fully_connected_input_rows, hybrid_row_bytes,
    FullyConnected<HybridAccumulator>::pack, cost<HybridQuantization>};

}  // namespace kernels

}  // namespace microplan
