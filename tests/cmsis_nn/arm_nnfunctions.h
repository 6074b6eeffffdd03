// SPDX-License-Identifier: Apache-2.0
// A stand-in for CMSIS-NN: the types and public functions that the adapters use, with the library's names and argument
// order, implemented plainly from its documentation. Every function checks its arguments and writes into all of the
// scratch it asked for, so that a test finds an adapter that breaks the contract. Nothing here is fast.
#ifndef ARM_NNFUNCTIONS_H
#define ARM_NNFUNCTIONS_H

#include <stdint.h>

enum arm_cmsis_nn_status { ARM_CMSIS_NN_SUCCESS = 0, ARM_CMSIS_NN_ARG_ERROR = -1 };
enum arm_nn_activation_type { ARM_SIGMOID = 0, ARM_TANH = 1 };

struct cmsis_nn_tile {
  int32_t w, h;
};
struct cmsis_nn_context {
  void* buf;
  int32_t size;
};
struct cmsis_nn_dims {
  int32_t n, h, w, c;
};
struct cmsis_nn_activation {
  int32_t min, max;
};
struct cmsis_nn_per_channel_quant_params {
  int32_t *multiplier, *shift;
};
struct cmsis_nn_per_tensor_quant_params {
  int32_t multiplier, shift;
};
struct cmsis_nn_quant_params {
  int32_t *multiplier, *shift;
  int32_t is_per_channel;
};
struct cmsis_nn_conv_params {
  int32_t input_offset, output_offset;
  cmsis_nn_tile stride, padding, dilation;
  cmsis_nn_activation activation;
};
struct cmsis_nn_dw_conv_params {
  int32_t input_offset, output_offset, ch_mult;
  cmsis_nn_tile stride, padding, dilation;
  cmsis_nn_activation activation;
};
struct cmsis_nn_transpose_conv_params {
  int32_t input_offset, output_offset;
  cmsis_nn_tile stride, padding, padding_offsets, dilation;
  cmsis_nn_activation activation;
};
struct cmsis_nn_pool_params {
  cmsis_nn_tile stride, padding;
  cmsis_nn_activation activation;
};
struct cmsis_nn_fc_params {
  int32_t input_offset, filter_offset, output_offset;
  cmsis_nn_activation activation;
};
struct cmsis_nn_svdf_params {
  int32_t rank, input_offset, output_offset;
  cmsis_nn_activation input_activation, output_activation;
};
struct cmsis_nn_lstm_gate {
  int32_t input_multiplier, input_shift;
  const void *input_weights, *input_effective_bias;
  int32_t hidden_multiplier, hidden_shift;
  const void *hidden_weights, *hidden_effective_bias;
  const void* bias;
  arm_nn_activation_type activation_type;
};
struct cmsis_nn_lstm_params {
  int32_t time_major, batch_size, time_steps, input_size, hidden_size, input_offset;
  int32_t forget_to_cell_multiplier, forget_to_cell_shift, input_to_cell_multiplier, input_to_cell_shift;
  int32_t cell_clip, cell_scale_power;
  int32_t output_multiplier, output_shift, output_offset;
  cmsis_nn_lstm_gate forget_gate, input_gate, cell_gate, output_gate;
};
struct cmsis_nn_lstm_context {
  void *temp1, *temp2, *cell_state, *hidden_state;
};

extern "C" {

int32_t arm_convolve_wrapper_s8_get_buffer_size(const cmsis_nn_conv_params* params, const cmsis_nn_dims* input,
                                                const cmsis_nn_dims* filter, const cmsis_nn_dims* output);
arm_cmsis_nn_status arm_convolve_wrapper_s8(const cmsis_nn_context* context, const cmsis_nn_conv_params* params,
                                            const cmsis_nn_per_channel_quant_params* quant,
                                            const cmsis_nn_dims* input_dims, const int8_t* input,
                                            const cmsis_nn_dims* filter_dims, const int8_t* filter,
                                            const cmsis_nn_dims* bias_dims, const int32_t* bias,
                                            const cmsis_nn_dims* output_dims, int8_t* output);

int32_t arm_depthwise_conv_wrapper_s8_get_buffer_size(const cmsis_nn_dw_conv_params* params, const cmsis_nn_dims* input,
                                                      const cmsis_nn_dims* filter, const cmsis_nn_dims* output);
arm_cmsis_nn_status arm_depthwise_conv_wrapper_s8(const cmsis_nn_context* context,
                                                  const cmsis_nn_dw_conv_params* params,
                                                  const cmsis_nn_per_channel_quant_params* quant,
                                                  const cmsis_nn_dims* input_dims, const int8_t* input,
                                                  const cmsis_nn_dims* filter_dims, const int8_t* filter,
                                                  const cmsis_nn_dims* bias_dims, const int32_t* bias,
                                                  const cmsis_nn_dims* output_dims, int8_t* output);

int32_t arm_transpose_conv_s8_get_buffer_size(const cmsis_nn_transpose_conv_params* params, const cmsis_nn_dims* input,
                                              const cmsis_nn_dims* filter, const cmsis_nn_dims* output);
int32_t arm_transpose_conv_s8_get_reverse_conv_buffer_size(const cmsis_nn_transpose_conv_params* params,
                                                           const cmsis_nn_dims* input, const cmsis_nn_dims* filter);
arm_cmsis_nn_status arm_transpose_conv_wrapper_s8(
    const cmsis_nn_context* context, const cmsis_nn_context* reverse_context,
    const cmsis_nn_transpose_conv_params* params, const cmsis_nn_per_channel_quant_params* quant,
    const cmsis_nn_dims* input_dims, const int8_t* input, const cmsis_nn_dims* filter_dims, const int8_t* filter,
    const cmsis_nn_dims* bias_dims, const int32_t* bias, const cmsis_nn_dims* output_dims, int8_t* output);

int32_t arm_fully_connected_s8_get_buffer_size(const cmsis_nn_dims* filter);
arm_cmsis_nn_status arm_vector_sum_s8(int32_t* sums, int32_t columns, int32_t rows, const int8_t* data,
                                      int32_t lhs_offset, int32_t rhs_offset, const int32_t* bias);
arm_cmsis_nn_status arm_fully_connected_wrapper_s8(const cmsis_nn_context* context, const cmsis_nn_fc_params* params,
                                                   const cmsis_nn_quant_params* quant, const cmsis_nn_dims* input_dims,
                                                   const int8_t* input, const cmsis_nn_dims* filter_dims,
                                                   const int8_t* filter, const cmsis_nn_dims* bias_dims,
                                                   const int32_t* bias, const cmsis_nn_dims* output_dims,
                                                   int8_t* output);

int32_t arm_avgpool_s8_get_buffer_size(int output_width, int channels);
arm_cmsis_nn_status arm_avgpool_s8(const cmsis_nn_context* context, const cmsis_nn_pool_params* params,
                                   const cmsis_nn_dims* input_dims, const int8_t* input,
                                   const cmsis_nn_dims* filter_dims, const cmsis_nn_dims* output_dims, int8_t* output);
arm_cmsis_nn_status arm_max_pool_s8(const cmsis_nn_context* context, const cmsis_nn_pool_params* params,
                                    const cmsis_nn_dims* input_dims, const int8_t* input,
                                    const cmsis_nn_dims* filter_dims, const cmsis_nn_dims* output_dims, int8_t* output);

arm_cmsis_nn_status arm_elementwise_add_s8(const int8_t* input_1, const int8_t* input_2, int32_t offset_1,
                                           int32_t multiplier_1, int32_t shift_1, int32_t offset_2,
                                           int32_t multiplier_2, int32_t shift_2, int32_t left_shift, int8_t* output,
                                           int32_t output_offset, int32_t output_multiplier, int32_t output_shift,
                                           int32_t act_min, int32_t act_max, int32_t count);
arm_cmsis_nn_status arm_elementwise_mul_s8(const int8_t* input_1, const int8_t* input_2, int32_t offset_1,
                                           int32_t offset_2, int8_t* output, int32_t output_offset,
                                           int32_t output_multiplier, int32_t output_shift, int32_t act_min,
                                           int32_t act_max, int32_t count);

void arm_softmax_s8(const int8_t* input, int32_t rows, int32_t row_size, int32_t multiplier, int32_t shift,
                    int32_t diff_min, int8_t* output);

arm_cmsis_nn_status arm_pad_s8(const int8_t* input, int8_t* output, int8_t value, const cmsis_nn_dims* input_dims,
                               const cmsis_nn_dims* before, const cmsis_nn_dims* after);

int32_t arm_svdf_s8_get_buffer_size(const cmsis_nn_dims* filter);
arm_cmsis_nn_status arm_svdf_s8(const cmsis_nn_context* context, const cmsis_nn_context* input_context,
                                const cmsis_nn_context* output_context, const cmsis_nn_svdf_params* params,
                                const cmsis_nn_per_tensor_quant_params* input_quant,
                                const cmsis_nn_per_tensor_quant_params* output_quant, const cmsis_nn_dims* input_dims,
                                const int8_t* input, const cmsis_nn_dims* state_dims, int8_t* state,
                                const cmsis_nn_dims* feature_dims, const int8_t* feature,
                                const cmsis_nn_dims* time_dims, const int8_t* time, const cmsis_nn_dims* bias_dims,
                                const int32_t* bias, const cmsis_nn_dims* output_dims, int8_t* output);
arm_cmsis_nn_status arm_svdf_state_s16_s8(
    const cmsis_nn_context* input_context, const cmsis_nn_context* output_context, const cmsis_nn_svdf_params* params,
    const cmsis_nn_per_tensor_quant_params* input_quant, const cmsis_nn_per_tensor_quant_params* output_quant,
    const cmsis_nn_dims* input_dims, const int8_t* input, const cmsis_nn_dims* state_dims, int16_t* state,
    const cmsis_nn_dims* feature_dims, const int8_t* feature, const cmsis_nn_dims* time_dims, const int16_t* time,
    const cmsis_nn_dims* bias_dims, const int32_t* bias, const cmsis_nn_dims* output_dims, int8_t* output);

arm_cmsis_nn_status arm_lstm_unidirectional_s8(const int8_t* input, int8_t* output, const cmsis_nn_lstm_params* params,
                                               cmsis_nn_lstm_context* buffers);

}  // extern "C"

#endif  // ARM_NNFUNCTIONS_H
