// SPDX-License-Identifier: Apache-2.0
// What generators of cases share: contents of tensors, zero points, scales at the edges of requantization, windows.
#ifndef MICROPLAN_TESTS_DIFFERENTIAL_CASE_VALUES_H_
#define MICROPLAN_TESTS_DIFFERENTIAL_CASE_VALUES_H_

#include <stdint.h>

#include "fake_operator.h"

namespace differential {

// The schema's numbers.
enum : int32_t { kPaddingSame = 0, kPaddingValid = 1 };
constexpr uint32_t kActivations = 4;  // none, RELU, RELU_N1_TO_1, RELU6

// Bounds of a case, so that it fits the pool and a simulator runs it quickly.
constexpr uint32_t kMaxTensorBytes = 12 * 1024;
constexpr uint32_t kMaxFilterBytes = 20 * 1024;
// Mostly small.
uint32_t random_mac_budget(Random& random);

// Integers: random, all of them the lowest or highest value, mostly zero and so on. Floats: up to `largest` either way,
// now and then with infinities and NaN among them.
void fill(FakeOperator& op, TensorInfo& tensor, float largest = 1);
// An infinity or NaN, of either sign.
float random_special(Random& random);
// Only what a filter may be: no -128 half of the time, as converters make them.
void fill_filter(FakeOperator& op, TensorInfo& filter, float largest);

// 0 for types that are symmetric; both ends of int8 more often than the rest.
int32_t random_zero_point(Random& random, DataType type);
// From 2^-10 to 2^-2, a power of two every third time.
float random_scale(Random& random);
// Gives the tensor a random scale and zero point; float32 has none.
void quantize(FakeOperator& op, TensorInfo& tensor);

// [1, 70]: also small ones and multiples of vector lengths.
uint32_t random_channels(Random& random);

// A window that slides over [batches, in_h, in_w].
struct WindowCase {
  uint32_t batches, in_h, in_w, out_h, out_w;
  uint32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  int32_t padding;
};
WindowCase random_window(Random& random, bool dilated);
// 3x3, as models for images have it; half of them over rows so wide that kernels cut them into strips, the last shorter.
WindowCase random_image_window(Random& random);
// Takes from heights, widths and batches until `work` outputs and `in_bytes`, `out_bytes` for each pixel are not exceeded
// or nothing can be taken any more. False in the latter case.
bool shrink(Random& random, WindowCase* window, uint32_t max_outputs, uint32_t in_bytes, uint32_t out_bytes);

// Of 1 to `max_rank` dimensions and at most `max_elements` elements; the last dimension is the longest, mostly.
Shape random_shape(Random& random, uint32_t max_rank, uint32_t max_elements);

// Where an operator that multiplies and accumulates has what.
struct MacCase {
  DataType type, filter_type;
  Shape input, filter, output;
  uint8_t channel_axis;  // of the filter
  uint32_t depth;        // products of an output
  DataType narrow_bias = DataType::kNone;  // that int16 takes beside int64
  uint8_t bias_type_option = kNoBiasOption;
  bool filter_first = false;  // before the input
  bool usual = false;         // factors are those of common models, so that requantization may be fast
  static constexpr uint8_t kNoBiasOption = 0xff;
};
// Adds input, filter, bias (or none) and output, with quantization, contents and edges.
void add_mac_operands(FakeOperator& op, const MacCase& mac);

}  // namespace differential

#endif  // MICROPLAN_TESTS_DIFFERENTIAL_CASE_VALUES_H_
