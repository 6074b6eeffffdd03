// SPDX-License-Identifier: Apache-2.0
// What convolution, depthwise convolution and pooling share: a window that slides over an NHWC tensor, and the
// requantization of both convolutions.
#ifndef MICROPLAN_KERNELS_WINDOW_H_
#define MICROPLAN_KERNELS_WINDOW_H_

#include <stdint.h>

#include "microplan/kernel.h"
#include "microplan/kernels/quantization.h"
#include "microplan/operator.h"

namespace microplan {

// Tap (ky, kx) of output (oy, ox) lies at input row oy * stride_h - pad_top + ky * dilation_h and column
// ox * stride_w - pad_left + kx * dilation_w; taps outside the input count for nothing. Rows of the tensors are counted
// over all batches: output row n * out_h + oy reads input rows of batch n only.
struct Window {
  uint16_t batches;
  uint16_t in_h, in_w, in_c;
  uint16_t out_h, out_w, out_c;
  uint16_t kernel_h, kernel_w;
  uint16_t stride_h, stride_w;
  uint16_t dilation_h, dilation_w;
  uint16_t pad_top, pad_left;
};

// What an operator's options and filter say about its window, unchecked.
struct WindowOptions {
  uint8_t padding;  // the schema's Padding
  int64_t kernel_h, kernel_w;
  int32_t stride_h, stride_w;
  int32_t dilation_h, dilation_w;
};

// Checks input 0, output 0 and the options against one another and fills the window.
Status prepare_window(const OperatorContext& context, const WindowOptions& options, Window* window);

// Adds the views of int8 tensors. False unless every window touches the input, which bounds all arithmetic below.
bool window_footprint(const Window& window, Footprint* footprint);

// The input rows from the first to the last that output rows `rows`, at least one, read. Rows that dilation skips are
// included: without them the first row read could go back from one output row to the next.
Rows window_input_rows(const Window& window, Rows rows);

// Elements of the output.
uint64_t window_outputs(const Window& window);

// Where the window of one output pixel lies, as run() walks it: set_row(), then set_column() for each pixel. They are
// out of line, since they run once for many multiplications and each kernel would hold a copy.
class WindowPosition {
 public:
  void set_row(const Window& window, const Io& io, uint32_t row);
  void set_column(const Window& window, uint32_t out_x);

  int8_t* y;                // begin of the output row; run() moves it on
  const int8_t* x;          // first channel of the first tap inside the input; run() may move it on
  uint32_t first_tap;       // that tap's index in the kernel: ky * kernel_w + kx
  uint32_t taps_h, taps_w;  // taps inside the input; 0 is possible when the dilation exceeds the input

  // From `at` in one row of taps to the same column of the next, around the end of a ring. Not to be called in the last
  // row: nothing lies below it.
  const int8_t* below(const int8_t* at) const {
    return static_cast<uint32_t>(ring_end_ - at) > step_ ? at + step_ : at - (ring_bytes_ - step_);
  }

 private:
  const int8_t* row_;    // first input row with a tap
  uint32_t row_tap_;     // index of the first tap of the kernel row that meets it
  uint32_t step_;        // bytes from one row of taps to the next
  uint32_t ring_bytes_;
  const int8_t* ring_end_;
};

// From int32 accumulators to the int8 output of a convolution.
struct ChannelQuantization {
  uint32_t per_channel;   // 1: a Requantize for each output channel; 0: one for all
  int32_t input_offset;   // minus the input's zero point
  int32_t output_offset;  // the output's zero point
  int32_t act_min, act_max;
};

// Checks the filter and the bias (inputs 1 and 2) too; the filter's channels lie along `channel_axis`.
Status prepare_channel_quantization(const OperatorContext& context, uint8_t activation, uint8_t channel_axis,
                                    ChannelQuantization* quantization);

// Adds the constants of a convolution: a filter of `filter_bytes`, bias, Requantize. False for values of no model.
bool channel_quantization_footprint(const ChannelQuantization& quantization, uint32_t filter_bytes, uint32_t channels,
                                    Footprint* footprint);

// Writes these constants.
void pack_filter_bias_requantize(const OperatorContext& context, ConstantWriter& writer);

// Bytes of the Requantize constant.
uint32_t requantize_bytes(const ChannelQuantization& quantization, uint32_t channels);

// The constants of a convolution's step.
struct ConvolutionConstants {
  const int8_t* filter;
  const int32_t* bias;  // nullptr: none
  const Requantize* requantize;

  explicit ConvolutionConstants(const Io& io);
  // The output of an accumulator that began with 0.
  int8_t finish(uint32_t channel, uint32_t sum, const ChannelQuantization& quantization) const;
};

// Whether [low, high] is a clamp of int8 values.
inline bool is_int8_range(int32_t low, int32_t high) { return low >= INT8_MIN && low <= high && high <= INT8_MAX; }

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_WINDOW_H_
