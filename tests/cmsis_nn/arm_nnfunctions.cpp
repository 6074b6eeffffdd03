// SPDX-License-Identifier: Apache-2.0
// A filter or a matrix is one loop nest here, whatever the library makes of it; see the header.
#include "arm_nnfunctions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "microplan/kernels/fixed_point.h"
#include "microplan/kernels/int16_math.h"

namespace {

void require(bool condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "CMSIS-NN's contract is broken: %s\n", what);
  abort();
}

// Scratch that a function asked for is its own: every byte of it is written.
void take_scratch(const cmsis_nn_context* context, int32_t bytes) {
  require(context != nullptr, "no context");
  if (bytes == 0) return;
  require(context->buf != nullptr, "no scratch where some was asked for");
  require(context->size >= bytes, "less scratch than was asked for");
  memset(context->buf, 0x5a, static_cast<size_t>(bytes));
}

int32_t shift_left(int64_t value, int32_t bits) { return static_cast<int32_t>(static_cast<uint32_t>(value) << bits); }

// A multiplication by multiplier / 2^31 and one by 2^shift, each rounded to nearest: upwards, then away from zero.
int32_t requantize(int32_t value, int32_t multiplier, int32_t shift) {
  require(multiplier >= 0, "a negative multiplier");
  require(shift >= -31 && shift <= 30, "a shift beyond 31 bits");
  const int64_t scaled = (int64_t{shift_left(value, shift > 0 ? shift : 0)} * multiplier + (int64_t{1} << 30)) >> 31;
  if (shift >= 0) return static_cast<int32_t>(scaled);
  const int64_t half = int64_t{1} << (-shift - 1);
  return static_cast<int32_t>((scaled + half - (scaled < 0)) >> -shift);
}

int32_t clamp(int32_t value, int32_t low, int32_t high) { return value < low ? low : value > high ? high : value; }

// An output; where the sum overflows it wraps.
int32_t finish(int32_t value, int32_t offset, const cmsis_nn_activation& activation) {
  const uint32_t sum = static_cast<uint32_t>(value) + static_cast<uint32_t>(offset);
  return clamp(static_cast<int32_t>(sum), activation.min, activation.max);
}

void check_clamp(const cmsis_nn_activation& activation) {
  require(activation.min >= -128 && activation.max <= 127 && activation.min <= activation.max,
          "a bad activation range");
}

void check_offsets(int32_t input_offset, int32_t output_offset) {
  require(input_offset >= -127 && input_offset <= 128, "the input offset is not minus a zero point");
  require(output_offset >= -128 && output_offset <= 127, "the output offset is not a zero point");
}

void check_dims(const cmsis_nn_dims* dims) {
  require(dims->n > 0 && dims->h > 0 && dims->w > 0 && dims->c > 0, "a dimension is not positive");
}

// The taps of a window over one axis.
void check_axis(int32_t in, int32_t out, int32_t kernel, int32_t stride, int32_t padding, int32_t dilation) {
  require(stride > 0 && dilation > 0 && padding >= 0, "a bad stride, dilation or padding");
  require(padding <= (kernel - 1) * dilation, "padding beyond the window");
  require((out - 1) * stride - padding < in, "a window outside of the input");
}

template <typename Params>
void check_windows(const Params& params, const cmsis_nn_dims& in, const cmsis_nn_dims& filter, const cmsis_nn_dims& out,
                   cmsis_nn_tile dilation) {
  check_dims(&in);
  check_dims(&out);
  check_clamp(params.activation);
  require(in.n == out.n, "input and output have different batches");
  check_axis(in.h, out.h, filter.h, params.stride.h, params.padding.h, dilation.h);
  check_axis(in.w, out.w, filter.w, params.stride.w, params.padding.w, dilation.w);
}

// Calls tap(channel offset in the input, ky, kx) for every tap inside the input of output (n, y, x).
template <typename Params, typename Tap>
void for_each_tap(const Params& params, const cmsis_nn_dims& in, const cmsis_nn_dims& filter, cmsis_nn_tile dilation,
                  int32_t n, int32_t y, int32_t x, Tap tap) {
  for (int32_t ky = 0; ky < filter.h; ++ky) {
    const int32_t iy = y * params.stride.h - params.padding.h + ky * dilation.h;
    if (iy < 0 || iy >= in.h) continue;
    for (int32_t kx = 0; kx < filter.w; ++kx) {
      const int32_t ix = x * params.stride.w - params.padding.w + kx * dilation.w;
      if (ix >= 0 && ix < in.w) tap(((n * in.h + iy) * in.w + ix) * in.c, ky, kx);
    }
  }
}

// Calls pixel(n, y, x, offset of its first channel) for every output pixel.
template <typename Pixel>
void for_each_pixel(const cmsis_nn_dims& out, Pixel pixel) {
  for (int32_t n = 0; n < out.n; ++n) {
    for (int32_t y = 0; y < out.h; ++y) {
      for (int32_t x = 0; x < out.w; ++x) pixel(n, y, x, ((n * out.h + y) * out.w + x) * out.c);
    }
  }
}

uint32_t product(int32_t a, int32_t b) { return static_cast<uint32_t>(a) * static_cast<uint32_t>(b); }

constexpr int32_t kLow16 = INT16_MIN;
constexpr int32_t kHigh16 = INT16_MAX;

// The state shifts by one step; its newest value is the feature's product with the input. Then the sums over time.
template <typename State>
arm_cmsis_nn_status svdf(const cmsis_nn_context* input_context, const cmsis_nn_context* output_context,
                         const cmsis_nn_svdf_params& params, const cmsis_nn_per_tensor_quant_params& input_quant,
                         const cmsis_nn_per_tensor_quant_params& output_quant, const cmsis_nn_dims& in,
                         const int8_t* input, const cmsis_nn_dims& feature_dims, const int8_t* feature,
                         const cmsis_nn_dims& time_dims, const State* time, State* state, const int32_t* bias,
                         const cmsis_nn_dims& out, int8_t* output) {
  const int32_t filters = feature_dims.n;
  const int32_t memory = time_dims.h;
  check_clamp(params.output_activation);
  require(params.rank > 0 && filters == out.h * params.rank && time_dims.n == filters, "filters do not go together");
  require(feature_dims.h == in.h && in.n == out.n, "dimensions do not go together");
  take_scratch(input_context, in.n * filters * 4);
  take_scratch(output_context, in.n * out.h * 4);
  for (int32_t row = 0; row < in.n; ++row) {
    std::vector<uint32_t> sums(static_cast<size_t>(out.h), 0);
    for (int32_t f = 0; f < filters; ++f) {
      State* const values = state + (row * filters + f) * memory;
      memmove(values, values + 1, static_cast<size_t>(memory - 1) * sizeof(State));
      uint32_t sum = 0;
      for (int32_t i = 0; i < in.h; ++i)
        sum += product(input[row * in.h + i] - params.input_offset, feature[f * in.h + i]);
      values[memory - 1] =
          static_cast<State>(clamp(requantize(static_cast<int32_t>(sum), input_quant.multiplier, input_quant.shift),
                                   params.input_activation.min, params.input_activation.max));
      uint32_t* const unit = &sums[static_cast<size_t>(f / params.rank)];
      for (int32_t i = 0; i < memory; ++i) *unit += product(values[i], time[f * memory + i]);
    }
    for (int32_t u = 0; u < out.h; ++u) {
      const uint32_t sum = sums[static_cast<size_t>(u)] + (bias == nullptr ? 0 : static_cast<uint32_t>(bias[u]));
      const int32_t value = requantize(static_cast<int32_t>(sum), output_quant.multiplier, output_quant.shift);
      output[row * out.h + u] = static_cast<int8_t>(
          clamp(value + params.output_offset, params.output_activation.min, params.output_activation.max));
    }
  }
  return ARM_CMSIS_NN_SUCCESS;
}

int32_t gate_function(int32_t x, arm_nn_activation_type type) {
  return type == ARM_SIGMOID ? microplan::int16_logistic(x) : microplan::int16_tanh(x);
}

// A gate of one unit, in steps of 2^-15.
int32_t gate_value(const cmsis_nn_lstm_gate& gate, const cmsis_nn_lstm_params& params, int32_t unit, const int8_t* x,
                   const int8_t* h) {
  const auto sum = [unit](const void* weights, const void* bias, const int8_t* values, int32_t depth) {
    uint32_t total = static_cast<uint32_t>(static_cast<const int32_t*>(bias)[unit]);
    const int8_t* const row = static_cast<const int8_t*>(weights) + unit * depth;
    for (int32_t i = 0; i < depth; ++i) total += product(values[i], row[i]);
    return static_cast<int32_t>(total);
  };
  const int32_t from_input = requantize(sum(gate.input_weights, gate.input_effective_bias, x, params.input_size),
                                        gate.input_multiplier, gate.input_shift);
  const int32_t from_hidden = requantize(sum(gate.hidden_weights, gate.hidden_effective_bias, h, params.hidden_size),
                                         gate.hidden_multiplier, gate.hidden_shift);
  const int32_t argument = clamp(clamp(from_input, kLow16, kHigh16) + from_hidden, kLow16, kHigh16);
  return gate_function(3 * argument, gate.activation_type);
}

// What Helium needs for an image of `depth` taps, the most of all cores.
int32_t image_columns(int32_t depth) { return 4 * ((depth + 15) / 16 * 16); }

}  // namespace

extern "C" {

int32_t arm_convolve_wrapper_s8_get_buffer_size(const cmsis_nn_conv_params* params, const cmsis_nn_dims* input,
                                                const cmsis_nn_dims* filter, const cmsis_nn_dims*) {
  const bool pointwise = filter->h == 1 && filter->w == 1 && params->padding.h == 0 && params->padding.w == 0;
  return pointwise ? 4 * input->c : image_columns(filter->h * filter->w * input->c);
}

arm_cmsis_nn_status arm_convolve_wrapper_s8(const cmsis_nn_context* context, const cmsis_nn_conv_params* params,
                                            const cmsis_nn_per_channel_quant_params* quant, const cmsis_nn_dims* in,
                                            const int8_t* input, const cmsis_nn_dims* filter_dims, const int8_t* filter,
                                            const cmsis_nn_dims* bias_dims, const int32_t* bias,
                                            const cmsis_nn_dims* out, int8_t* output) {
  take_scratch(context, arm_convolve_wrapper_s8_get_buffer_size(params, in, filter_dims, out));
  check_windows(*params, *in, *filter_dims, *out, params->dilation);
  check_offsets(params->input_offset, params->output_offset);
  require(in->c % filter_dims->c == 0, "the filter's channels do not divide the input's");
  const int32_t groups = in->c / filter_dims->c;
  require(filter_dims->n == out->c && bias_dims->c == out->c && out->c % groups == 0,
          "output channels do not go together");
  for_each_pixel(*out, [&](int32_t n, int32_t y, int32_t x, int32_t at) {
    for (int32_t c = 0; c < out->c; ++c) {
      const int32_t first = c / (out->c / groups) * filter_dims->c;
      uint32_t sum = bias == nullptr ? 0 : static_cast<uint32_t>(bias[c]);
      for_each_tap(*params, *in, *filter_dims, params->dilation, n, y, x, [&](int32_t pixel, int32_t ky, int32_t kx) {
        const int8_t* const weights = filter + ((c * filter_dims->h + ky) * filter_dims->w + kx) * filter_dims->c;
        for (int32_t k = 0; k < filter_dims->c; ++k) {
          sum += product(input[pixel + first + k] + params->input_offset, weights[k]);
        }
      });
      const int32_t value = requantize(static_cast<int32_t>(sum), quant->multiplier[c], quant->shift[c]);
      output[at + c] = static_cast<int8_t>(finish(value, params->output_offset, params->activation));
    }
  });
  return ARM_CMSIS_NN_SUCCESS;
}

int32_t arm_depthwise_conv_wrapper_s8_get_buffer_size(const cmsis_nn_dw_conv_params*, const cmsis_nn_dims* input,
                                                      const cmsis_nn_dims* filter, const cmsis_nn_dims* output) {
  const int32_t taps = filter->h * filter->w;
  if (input->c == 1) return image_columns(taps) + output->c * taps;
  return 2 * input->c * taps;
}

arm_cmsis_nn_status arm_depthwise_conv_wrapper_s8(const cmsis_nn_context* context,
                                                  const cmsis_nn_dw_conv_params* params,
                                                  const cmsis_nn_per_channel_quant_params* quant,
                                                  const cmsis_nn_dims* in, const int8_t* input,
                                                  const cmsis_nn_dims* filter_dims, const int8_t* filter,
                                                  const cmsis_nn_dims* bias_dims, const int32_t* bias,
                                                  const cmsis_nn_dims* out, int8_t* output) {
  take_scratch(context, arm_depthwise_conv_wrapper_s8_get_buffer_size(params, in, filter_dims, out));
  check_windows(*params, *in, *filter_dims, *out, params->dilation);
  check_offsets(params->input_offset, params->output_offset);
  require(in->c * params->ch_mult == out->c, "the multiplier does not lead from input to output channels");
  require(filter_dims->n == 1 && filter_dims->c == out->c && bias_dims->c == out->c, "channels do not go together");
  for_each_pixel(*out, [&](int32_t n, int32_t y, int32_t x, int32_t at) {
    for (int32_t c = 0; c < out->c; ++c) {
      uint32_t sum = bias == nullptr ? 0 : static_cast<uint32_t>(bias[c]);
      for_each_tap(*params, *in, *filter_dims, params->dilation, n, y, x, [&](int32_t pixel, int32_t ky, int32_t kx) {
        const int32_t value = input[pixel + c / params->ch_mult] + params->input_offset;
        sum += product(value, filter[(ky * filter_dims->w + kx) * out->c + c]);
      });
      const int32_t value = requantize(static_cast<int32_t>(sum), quant->multiplier[c], quant->shift[c]);
      output[at + c] = static_cast<int8_t>(finish(value, params->output_offset, params->activation));
    }
  });
  return ARM_CMSIS_NN_SUCCESS;
}

int32_t arm_transpose_conv_s8_get_buffer_size(const cmsis_nn_transpose_conv_params* params, const cmsis_nn_dims* input,
                                              const cmsis_nn_dims* filter, const cmsis_nn_dims* output) {
  const int32_t width = filter->w > params->stride.h ? filter->w : params->stride.h;
  const int32_t height = filter->h > params->stride.h ? filter->h : params->stride.h;
  const int32_t rows = ((input->w - 1) * params->stride.w + width) * output->c * height * 4;
  const int32_t columns = image_columns(filter->h * filter->w * input->c);
  return rows > columns ? rows : columns;
}

int32_t arm_transpose_conv_s8_get_reverse_conv_buffer_size(const cmsis_nn_transpose_conv_params* params,
                                                           const cmsis_nn_dims* input, const cmsis_nn_dims* filter) {
  const bool reversed = params->stride.w <= 2 && params->stride.h <= 2 && input->c > 16;
  return reversed ? input->c * filter->w * filter->h * filter->n : 0;
}

arm_cmsis_nn_status arm_transpose_conv_wrapper_s8(
    const cmsis_nn_context* context, const cmsis_nn_context* reverse_context,
    const cmsis_nn_transpose_conv_params* params, const cmsis_nn_per_channel_quant_params* quant,
    const cmsis_nn_dims* in, const int8_t* input, const cmsis_nn_dims* filter_dims, const int8_t* filter,
    const cmsis_nn_dims* bias_dims, const int32_t* bias, const cmsis_nn_dims* out, int8_t* output) {
  take_scratch(context, arm_transpose_conv_s8_get_buffer_size(params, in, filter_dims, out));
  take_scratch(reverse_context, arm_transpose_conv_s8_get_reverse_conv_buffer_size(params, in, filter_dims));
  // The convolution that is transposed slides over the output.
  check_windows(*params, *out, *filter_dims, *in, {1, 1});
  check_offsets(params->input_offset, params->output_offset);
  require(params->dilation.h == 1 && params->dilation.w == 1, "a dilation");
  require(filter_dims->n == out->c && filter_dims->c == in->c && bias_dims->c == out->c, "channels do not go together");
  std::vector<uint32_t> sums(static_cast<size_t>(out->n * out->h * out->w * out->c), 0);
  for_each_pixel(*in, [&](int32_t n, int32_t y, int32_t x, int32_t at) {
    for_each_tap(*params, *out, *filter_dims, {1, 1}, n, y, x, [&](int32_t pixel, int32_t ky, int32_t kx) {
      for (int32_t c = 0; c < out->c; ++c) {
        const int8_t* const weights = filter + ((c * filter_dims->h + ky) * filter_dims->w + kx) * in->c;
        uint32_t* const sum = &sums[static_cast<size_t>(pixel + c)];
        for (int32_t k = 0; k < in->c; ++k) *sum += product(input[at + k] + params->input_offset, weights[k]);
      }
    });
  });
  for_each_pixel(*out, [&](int32_t, int32_t, int32_t, int32_t at) {
    for (int32_t c = 0; c < out->c; ++c) {
      const uint32_t sum = sums[static_cast<size_t>(at + c)] + (bias == nullptr ? 0 : static_cast<uint32_t>(bias[c]));
      const int32_t value = requantize(static_cast<int32_t>(sum), quant->multiplier[c], quant->shift[c]);
      output[at + c] = static_cast<int8_t>(finish(value, params->output_offset, params->activation));
    }
  });
  return ARM_CMSIS_NN_SUCCESS;
}

int32_t arm_fully_connected_s8_get_buffer_size(const cmsis_nn_dims* filter) { return filter->c * 4; }

arm_cmsis_nn_status arm_vector_sum_s8(int32_t* sums, int32_t columns, int32_t rows, const int8_t* data,
                                      int32_t lhs_offset, int32_t rhs_offset, const int32_t* bias) {
  require(sums != nullptr && data != nullptr && columns > 0 && rows > 0, "an empty matrix");
  require(rhs_offset == 0, "filters are symmetric");
  for (int32_t row = 0; row < rows; ++row) {
    uint32_t sum = 0;
    for (int32_t column = 0; column < columns; ++column) sum += static_cast<uint32_t>(int32_t{*data++});
    sum *= static_cast<uint32_t>(lhs_offset);
    sums[row] = static_cast<int32_t>(sum + (bias == nullptr ? 0 : static_cast<uint32_t>(bias[row])));
  }
  return ARM_CMSIS_NN_SUCCESS;
}

// As with Helium: the sums of the filter's rows come from the caller, offsets and biases included.
arm_cmsis_nn_status arm_fully_connected_wrapper_s8(const cmsis_nn_context* context, const cmsis_nn_fc_params* params,
                                                   const cmsis_nn_quant_params* quant, const cmsis_nn_dims* in,
                                                   const int8_t* input, const cmsis_nn_dims* filter_dims,
                                                   const int8_t* filter, const cmsis_nn_dims* bias_dims,
                                                   const int32_t* bias, const cmsis_nn_dims* out, int8_t* output) {
  check_clamp(params->activation);
  check_offsets(params->input_offset, params->output_offset);
  require(params->filter_offset == 0, "filters are symmetric");
  require(context != nullptr && context->buf != nullptr, "no sums of the filter's rows");
  require(context->size >= arm_fully_connected_s8_get_buffer_size(filter_dims), "too few sums of the filter's rows");
  require(filter_dims->c == out->c && bias_dims->c == out->c && in->n == out->n, "dimensions do not go together");
  std::vector<int32_t> sums(static_cast<size_t>(out->c));
  (void)arm_vector_sum_s8(sums.data(), filter_dims->n, filter_dims->c, filter, params->input_offset, 0, bias);
  require(memcmp(sums.data(), context->buf, sums.size() * 4) == 0, "the sums of the filter's rows are others");
  for (int32_t row = 0; row < in->n; ++row) {
    for (int32_t c = 0; c < out->c; ++c) {
      uint32_t sum = static_cast<uint32_t>(sums[static_cast<size_t>(c)]);
      for (int32_t k = 0; k < filter_dims->n; ++k) {
        sum += product(input[row * filter_dims->n + k], filter[c * filter_dims->n + k]);
      }
      const int32_t which = quant->is_per_channel ? c : 0;
      const int32_t value = requantize(static_cast<int32_t>(sum), quant->multiplier[which], quant->shift[which]);
      output[row * out->c + c] = static_cast<int8_t>(finish(value, params->output_offset, params->activation));
    }
  }
  return ARM_CMSIS_NN_SUCCESS;
}

int32_t arm_avgpool_s8_get_buffer_size(int, int channels) { return channels * 4; }

arm_cmsis_nn_status arm_avgpool_s8(const cmsis_nn_context* context, const cmsis_nn_pool_params* params,
                                   const cmsis_nn_dims* in, const int8_t* input, const cmsis_nn_dims* filter_dims,
                                   const cmsis_nn_dims* out, int8_t* output) {
  take_scratch(context, arm_avgpool_s8_get_buffer_size(out->w, in->c));
  check_windows(*params, *in, *filter_dims, *out, {1, 1});
  require(in->c == out->c, "pooling keeps the channels");
  for_each_pixel(*out, [&](int32_t n, int32_t y, int32_t x, int32_t at) {
    for (int32_t c = 0; c < out->c; ++c) {
      int32_t sum = 0;
      int32_t count = 0;
      for_each_tap(*params, *in, *filter_dims, {1, 1}, n, y, x, [&](int32_t pixel, int32_t, int32_t) {
        sum += input[pixel + c];
        ++count;
      });
      const int32_t value = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
      output[at + c] = static_cast<int8_t>(clamp(value, params->activation.min, params->activation.max));
    }
  });
  return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status arm_max_pool_s8(const cmsis_nn_context*, const cmsis_nn_pool_params* params,
                                    const cmsis_nn_dims* in, const int8_t* input, const cmsis_nn_dims* filter_dims,
                                    const cmsis_nn_dims* out, int8_t* output) {
  check_windows(*params, *in, *filter_dims, *out, {1, 1});
  require(in->c == out->c, "pooling keeps the channels");
  for_each_pixel(*out, [&](int32_t n, int32_t y, int32_t x, int32_t at) {
    for (int32_t c = 0; c < out->c; ++c) {
      int32_t largest = INT8_MIN;
      for_each_tap(*params, *in, *filter_dims, {1, 1}, n, y, x, [&](int32_t pixel, int32_t, int32_t) {
        if (input[pixel + c] > largest) largest = input[pixel + c];
      });
      output[at + c] = static_cast<int8_t>(clamp(largest, params->activation.min, params->activation.max));
    }
  });
  return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status arm_elementwise_add_s8(const int8_t* input_1, const int8_t* input_2, int32_t offset_1,
                                           int32_t multiplier_1, int32_t shift_1, int32_t offset_2,
                                           int32_t multiplier_2, int32_t shift_2, int32_t left_shift, int8_t* output,
                                           int32_t output_offset, int32_t output_multiplier, int32_t output_shift,
                                           int32_t act_min, int32_t act_max, int32_t count) {
  check_clamp({act_min, act_max});
  check_offsets(offset_1, output_offset);
  check_offsets(offset_2, output_offset);
  require(left_shift >= 0 && left_shift <= 20, "a left shift that can overflow");
  for (int32_t i = 0; i < count; ++i) {
    const int32_t first = requantize(shift_left(input_1[i] + offset_1, left_shift), multiplier_1, shift_1);
    const int32_t second = requantize(shift_left(input_2[i] + offset_2, left_shift), multiplier_2, shift_2);
    const int32_t sum = requantize(first + second, output_multiplier, output_shift);
    output[i] = static_cast<int8_t>(clamp(sum + output_offset, act_min, act_max));
  }
  return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status arm_elementwise_mul_s8(const int8_t* input_1, const int8_t* input_2, int32_t offset_1,
                                           int32_t offset_2, int8_t* output, int32_t output_offset,
                                           int32_t output_multiplier, int32_t output_shift, int32_t act_min,
                                           int32_t act_max, int32_t count) {
  check_clamp({act_min, act_max});
  check_offsets(offset_1, output_offset);
  check_offsets(offset_2, output_offset);
  for (int32_t i = 0; i < count; ++i) {
    const int32_t value = (input_1[i] + offset_1) * (input_2[i] + offset_2);
    output[i] = static_cast<int8_t>(
        clamp(requantize(value, output_multiplier, output_shift) + output_offset, act_min, act_max));
  }
  return ARM_CMSIS_NN_SUCCESS;
}

// TensorFlow Lite's softmax in fixed point.
void arm_softmax_s8(const int8_t* input, int32_t rows, int32_t row_size, int32_t multiplier, int32_t shift,
                    int32_t diff_min, int8_t* output) {
  constexpr int32_t kSumBits = 12;
  require(rows > 0 && row_size > 0 && multiplier > 0 && shift >= 0 && diff_min <= 0, "bad softmax parameters");
  for (int32_t row = 0; row < rows; ++row, input += row_size, output += row_size) {
    int32_t largest = INT8_MIN;
    for (int32_t i = 0; i < row_size; ++i) largest = input[i] > largest ? input[i] : largest;
    const auto exponential = [&](int32_t i) {
      const int32_t scaled = microplan::shift_left(input[i] - largest, shift);
      return microplan::fixed_exp<26>(microplan::multiply_high(scaled, multiplier));
    };
    uint32_t sum = 0;
    for (int32_t i = 0; i < row_size; ++i) {
      if (input[i] - largest < diff_min) continue;
      sum += static_cast<uint32_t>(microplan::rounding_shift_right(exponential(i), kSumBits));
    }
    const int32_t headroom = __builtin_clz(sum);
    const int32_t scale = microplan::fixed_double(microplan::fixed_quotient(sum << headroom), 1);
    for (int32_t i = 0; i < row_size; ++i) {
      output[i] = INT8_MIN;
      if (input[i] - largest < diff_min) continue;
      const int32_t value = microplan::multiply_high(scale, exponential(i));
      const int32_t steps = microplan::rounding_shift_right(value, kSumBits - headroom + 23);
      output[i] = static_cast<int8_t>(clamp(steps + INT8_MIN, INT8_MIN, INT8_MAX));
    }
  }
}

arm_cmsis_nn_status arm_pad_s8(const int8_t* input, int8_t* output, int8_t value, const cmsis_nn_dims* in,
                               const cmsis_nn_dims* before, const cmsis_nn_dims* after) {
  check_dims(in);
  for (const cmsis_nn_dims* padding : {before, after}) {
    require(padding->n >= 0 && padding->h >= 0 && padding->w >= 0 && padding->c >= 0, "negative padding");
  }
  const cmsis_nn_dims out = {before->n + in->n + after->n, before->h + in->h + after->h, before->w + in->w + after->w,
                             before->c + in->c + after->c};
  memset(output, value, static_cast<size_t>(out.n) * static_cast<size_t>(out.h * out.w * out.c));
  for_each_pixel(*in, [&](int32_t n, int32_t y, int32_t x, int32_t at) {
    const int32_t row = (n + before->n) * out.h + y + before->h;
    memcpy(output + (row * out.w + x + before->w) * out.c + before->c, input + at, static_cast<size_t>(in->c));
  });
  return ARM_CMSIS_NN_SUCCESS;
}

int32_t arm_svdf_s8_get_buffer_size(const cmsis_nn_dims* filter) { return filter->n * 4; }

arm_cmsis_nn_status arm_svdf_s8(const cmsis_nn_context* context, const cmsis_nn_context* input_context,
                                const cmsis_nn_context* output_context, const cmsis_nn_svdf_params* params,
                                const cmsis_nn_per_tensor_quant_params* input_quant,
                                const cmsis_nn_per_tensor_quant_params* output_quant, const cmsis_nn_dims* in,
                                const int8_t* input, const cmsis_nn_dims*, int8_t* state,
                                const cmsis_nn_dims* feature_dims, const int8_t* feature,
                                const cmsis_nn_dims* time_dims, const int8_t* time, const cmsis_nn_dims*,
                                const int32_t* bias, const cmsis_nn_dims* out, int8_t* output) {
  require(context != nullptr && context->buf != nullptr, "no sums of the features' rows");
  std::vector<int32_t> sums(static_cast<size_t>(feature_dims->n));
  (void)arm_vector_sum_s8(sums.data(), in->h, feature_dims->n, feature, -params->input_offset, 0, nullptr);
  require(memcmp(sums.data(), context->buf, sums.size() * 4) == 0, "the sums of the features' rows are others");
  return svdf(input_context, output_context, *params, *input_quant, *output_quant, *in, input, *feature_dims, feature,
              *time_dims, time, state, bias, *out, output);
}

arm_cmsis_nn_status arm_svdf_state_s16_s8(const cmsis_nn_context* input_context, const cmsis_nn_context* output_context,
                                          const cmsis_nn_svdf_params* params,
                                          const cmsis_nn_per_tensor_quant_params* input_quant,
                                          const cmsis_nn_per_tensor_quant_params* output_quant, const cmsis_nn_dims* in,
                                          const int8_t* input, const cmsis_nn_dims*, int16_t* state,
                                          const cmsis_nn_dims* feature_dims, const int8_t* feature,
                                          const cmsis_nn_dims* time_dims, const int16_t* time, const cmsis_nn_dims*,
                                          const int32_t* bias, const cmsis_nn_dims* out, int8_t* output) {
  return svdf(input_context, output_context, *params, *input_quant, *output_quant, *in, input, *feature_dims, feature,
              *time_dims, time, state, bias, *out, output);
}

arm_cmsis_nn_status arm_lstm_unidirectional_s8(const int8_t* input, int8_t* output, const cmsis_nn_lstm_params* params,
                                               cmsis_nn_lstm_context* buffers) {
  const int32_t units = params->hidden_size;
  const int32_t batches = params->batch_size;
  const cmsis_nn_context scratch[2] = {{buffers->temp1, batches * units * 2}, {buffers->temp2, batches * units * 2}};
  require(buffers->hidden_state != nullptr && buffers->cell_state != nullptr, "no state");
  require(params->cell_clip >= 0 && params->cell_clip <= kHigh16, "a bad clip");
  const int32_t high = params->cell_clip > 0 ? params->cell_clip : kHigh16;
  const int32_t low = params->cell_clip > 0 ? -params->cell_clip : kLow16;
  const int32_t shift = params->cell_scale_power + 12;
  int8_t* const hidden = static_cast<int8_t*>(buffers->hidden_state);
  int16_t* const cell = static_cast<int16_t*>(buffers->cell_state);
  for (int32_t step = 0; step < params->time_steps; ++step) {
    for (int32_t batch = 0; batch < batches; ++batch) {
      for (const cmsis_nn_context& context : scratch) take_scratch(&context, context.size);
      const int32_t row = params->time_major ? step * batches + batch : batch * params->time_steps + step;
      const int8_t* const x = input + row * params->input_size;
      int8_t* const h = hidden + batch * units;
      int8_t* const y = output + row * units;
      for (int32_t unit = 0; unit < units; ++unit) {
        int16_t* const c = cell + batch * units + unit;
        const int32_t forget = gate_value(params->forget_gate, *params, unit, x, h);
        const int32_t kept = clamp(
            requantize(forget * *c, params->forget_to_cell_multiplier, params->forget_to_cell_shift), kLow16, kHigh16);
        const int32_t gained = requantize(
            gate_value(params->input_gate, *params, unit, x, h) * gate_value(params->cell_gate, *params, unit, x, h),
            params->input_to_cell_multiplier, params->input_to_cell_shift);
        *c = static_cast<int16_t>(clamp(kept + gained, low, high));
        const int32_t argument = shift >= 0 ? *c * (3 << shift) : (*c * 3 + (1 << (-shift - 1))) >> -shift;
        const int32_t squashed = gate_function(argument, ARM_TANH);
        const int32_t value = requantize(gate_value(params->output_gate, *params, unit, x, h) * squashed,
                                         params->output_multiplier, params->output_shift);
        y[unit] = static_cast<int8_t>(clamp(value + params->output_offset, INT8_MIN, INT8_MAX));
      }
      memcpy(h, y, static_cast<size_t>(units));
    }
  }
  return ARM_CMSIS_NN_SUCCESS;
}

}  // extern "C"
