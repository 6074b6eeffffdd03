// SPDX-License-Identifier: Apache-2.0
// pad_folding: a PAD of height and width becomes the padding of the convolution or pooling that reads it. Exact when
// the padded elements are what taps beside the input count for: the zero point in sums, nothing larger in a maximum.
#include "microplan/config.h"

#if MICROPLAN_PASSES

#include <string.h>

#include <algorithm>

#include "microplan/kernels/window.h"
#include "microplan/planner/passes/evaluate.h"
#include "microplan/planner/passes/passes.h"
#include "microplan/planner/tflite_schema.h"

namespace microplan {

namespace {

// In front of and behind height and width.
struct Pads {
  int64_t top = 0, bottom = 0, left = 0, right = 0;
};

// False unless the operator pads height and width alone.
bool read_pads(const Network& network, const NetworkOperator& op, Pads* pads) {
  if ((op.code != kOpPad && op.code != kOpPadV2) || network.tensor(op.inputs[0]).dims.size() != 4) return false;
  const NetworkTensor& amounts = network.tensor(op.inputs[1]);
  int64_t values[8];
  for (uint32_t i = 0; i < 8; ++i) {
    if (amounts.type == DataType::kInt64) {
      memcpy(&values[i], amounts.data.data() + 8 * i, 8);
    } else {
      int32_t value;
      memcpy(&value, amounts.data.data() + 4 * i, 4);
      values[i] = value;
    }
  }
  *pads = {values[2], values[3], values[4], values[5]};
  return values[0] == 0 && values[1] == 0 && values[6] == 0 && values[7] == 0;
}

// Whether a tap beside the input counts as much as one on a padded element.
bool is_neutral(const Network& network, const NetworkOperator& pad, const NetworkOperator& reader) {
  const NetworkTensor& padded = network.tensor(pad.outputs[0]);
  const bool is_maximum = reader.code == kOpMaxPool2d;
  if (padded.type == DataType::kInt8) {
    // As PAD's kernel takes it.
    const int32_t zero_point = padded.zero_points.empty() ? 0 : static_cast<int32_t>(padded.zero_points[0]);
    const int32_t value = pad.input(2) < 0 ? zero_point : static_cast<int8_t>(network.tensor(pad.inputs[2]).data[0]);
    return value == (is_maximum ? INT8_MIN : zero_point);
  }
  // Zeros of other types, whose zero point is 0. A filter of integers would have quantized them as part of the input.
  const std::vector<uint8_t> none;
  const std::vector<uint8_t>& value = pad.input(2) < 0 ? none : network.tensor(pad.inputs[2]).data;
  if (is_maximum || !std::all_of(value.begin(), value.end(), [](uint8_t byte) { return byte == 0; })) return false;
  return padded.type == DataType::kInt16 || network.tensor(reader.inputs[1]).type == DataType::kFloat32;
}

// What the padding along one axis becomes; false when a window would not touch the input.
bool join_axis(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t dilation, int64_t before,
               int32_t* first, int32_t* last) {
  const int64_t reach = int64_t{out - 1} * stride + int64_t{kernel - 1} * dilation + 1;
  *first = static_cast<int32_t>(before);
  *last = static_cast<int32_t>(std::max<int64_t>(0, reach - in - before));
  return before <= int64_t{kernel - 1} * dilation && int64_t{out - 1} * stride < in + before;
}

// What SAME would make of it.
bool is_same(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t dilation, int32_t before) {
  const int64_t missing = int64_t{out - 1} * stride + int64_t{kernel - 1} * dilation + 1 - in;
  return out == (in + stride - 1) / stride && before == (missing > 0 ? missing / 2 : 0);
}

bool fold(Network& network, const NetworkOperator& pad, NetworkOperator& reader) {
  Pads pads;
  if (reader.code != kOpConv2d && reader.code != kOpDepthwiseConv2d && reader.code != kOpMaxPool2d) return false;
  if (reader.inputs[0] != pad.outputs[0] || network.has_state(pad) || !read_pads(network, pad, &pads) ||
      !is_neutral(network, pad, reader) ||
      !network.tensor(pad.inputs[0]).has_quantization_of(network.tensor(pad.outputs[0]))) {
    return false;
  }
  PreparedOperator prepared;
  if (!prepare_operator(network, reader, &prepared)) return false;
  // The Params of all these kernels begin with it.
  Window window;
  memcpy(&window, prepared.params, sizeof window);
  const std::vector<uint32_t>& in = network.tensor(pad.inputs[0]).dims;
  int32_t top, bottom, left, right;
  if (!join_axis(in[1], window.out_h, window.kernel_h, window.stride_h, window.dilation_h, pads.top + window.pad_top,
                 &top, &bottom) ||
      !join_axis(in[2], window.out_w, window.kernel_w, window.stride_w, window.dilation_w, pads.left + window.pad_left,
                 &left, &right)) {
    return false;
  }
  constexpr uint32_t kPadding = 0;  // the field of all these operators
  const bool same = is_same(in[1], window.out_h, window.kernel_h, window.stride_h, window.dilation_h, top) &&
                    is_same(in[2], window.out_w, window.kernel_w, window.stride_w, window.dilation_w, left);
  reader.set_option(kPadding, same ? kSamePadding : kExplicitPadding);
  if (!same) {
    reader.set_option(kPadTop, top);
    reader.set_option(kPadBottom, bottom);
    reader.set_option(kPadLeft, left);
    reader.set_option(kPadRight, right);
  }
  reader.inputs[0] = pad.inputs[0];
  reader.sources.insert(reader.sources.end(), pad.sources.begin(), pad.sources.end());
  return true;
}

}  // namespace

void fold_pads(Network& network, std::vector<std::string>& report) {
  for (NetworkOperator& reader : network.operators) {
    const int32_t producer = reader.input(0) < 0 ? -1 : network.producer(reader.inputs[0]);
    if (producer < 0) continue;
    const NetworkOperator& pad = network.operators[static_cast<size_t>(producer)];
    if (fold(network, pad, reader)) {
      report.push_back(name_of(reader) + " pads its input itself, in place of " + name_of(pad));
    }
  }
}

}  // namespace microplan

#endif  // MICROPLAN_PASSES
