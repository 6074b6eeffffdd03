// SPDX-License-Identifier: Apache-2.0
// Counts the instructions of CMSIS-NN's public functions on each shape of a file that shapes.py makes, in the second call,
// and the CRC of their outputs: lines `<shape> <instructions> <crc>`, then `shapes done <count>`, numbers in hexadecimal.
// The inputs are those of `microplan bench`: byte i is i * 37 + 11.
#include <arm_nnfunctions.h>
#include <stdint.h>

#include "boards/board.h"
#include "crc32.h"

// The file: the number of shapes, that many Shapes, then their constants.
asm(".section .rodata.shapes, \"a\"\n"
    ".balign 16\n"
    ".global shapes_file\n"
    "shapes_file:\n"
    ".incbin \"" SHAPES_FILE "\"\n"
    ".text\n");
extern "C" const int32_t shapes_file[];

namespace {

enum Kind : int32_t { kConv, kDepthwise, kFullyConnected, kMaxPool, kAveragePool, kAdd };

// As shapes.py packs it; offsets are in bytes from the file's start.
struct Shape {
  int32_t kind;
  int32_t in_h, in_w, in_c, out_h, out_w, out_c;
  int32_t kernel_h, kernel_w, stride, pad_h, pad_w;
  int32_t input_offset, output_offset, act_min, act_max;
  int32_t filter, bias, multiplier, shift;
  // ADD: of both inputs and the output.
  int32_t add_offset[3], add_multiplier[3], add_shift[3];
};

constexpr uint32_t kInputBytes = 128 * 1024;
constexpr uint32_t kBufferBytes = 64 * 1024;
alignas(16) int8_t input[kInputBytes];
alignas(16) int8_t output[kInputBytes];
alignas(16) int8_t buffer[kBufferBytes];

template <typename T>
T* at(int32_t offset) {
  return const_cast<T*>(reinterpret_cast<const T*>(reinterpret_cast<const uint8_t*>(shapes_file) + offset));
}

struct Call {
  const Shape& s;
  cmsis_nn_dims in, filter, bias, out;
  cmsis_nn_context context;

  explicit Call(const Shape& shape)
      : s(shape),
        in{1, s.in_h, s.in_w, s.in_c},
        filter{s.kind == kConv ? s.out_c : 1, s.kernel_h, s.kernel_w, s.kind == kConv ? s.in_c : s.out_c},
        bias{1, 1, 1, s.out_c},
        out{1, s.out_h, s.out_w, s.out_c},
        context{buffer, static_cast<int32_t>(sizeof buffer)} {
    if (s.kind == kFullyConnected) filter = {s.in_h * s.in_w * s.in_c, 1, 1, s.out_c};
  }

  cmsis_nn_conv_params conv() const {
    return {s.input_offset, s.output_offset, {s.stride, s.stride}, {s.pad_w, s.pad_h}, {1, 1}, {s.act_min, s.act_max}};
  }
  cmsis_nn_dw_conv_params depthwise() const {
    return {s.input_offset, s.output_offset, s.out_c / s.in_c, {s.stride, s.stride}, {s.pad_w, s.pad_h}, {1, 1},
            {s.act_min, s.act_max}};
  }
  cmsis_nn_per_channel_quant_params channels() const { return {at<int32_t>(s.multiplier), at<int32_t>(s.shift)}; }

  // Bytes of the buffer that the function asks for.
  int32_t buffer_bytes() const {
    const cmsis_nn_conv_params conv_params = conv();
    const cmsis_nn_dw_conv_params depthwise_params = depthwise();
    switch (s.kind) {
      case kConv: return arm_convolve_wrapper_s8_get_buffer_size(&conv_params, &in, &filter, &out);
      case kDepthwise: return arm_depthwise_conv_wrapper_s8_get_buffer_size(&depthwise_params, &in, &filter, &out);
      case kFullyConnected: return arm_fully_connected_s8_get_buffer_size(&filter);
      case kAveragePool: return arm_avgpool_s8_get_buffer_size(s.out_w, s.in_c);
      default: return 0;
    }
  }

  __attribute__((noipa)) arm_cmsis_nn_status run() const {
    const cmsis_nn_per_channel_quant_params quantization = channels();
    const cmsis_nn_pool_params pool = {{s.stride, s.stride}, {s.pad_w, s.pad_h}, {s.act_min, s.act_max}};
    switch (s.kind) {
      case kConv: {
        const cmsis_nn_conv_params params = conv();
        return arm_convolve_wrapper_s8(&context, &params, &quantization, &in, input, &filter, at<int8_t>(s.filter),
                                       &bias, at<int32_t>(s.bias), &out, output);
      }
      case kDepthwise: {
        const cmsis_nn_dw_conv_params params = depthwise();
        return arm_depthwise_conv_wrapper_s8(&context, &params, &quantization, &in, input, &filter,
                                             at<int8_t>(s.filter), &bias, at<int32_t>(s.bias), &out, output);
      }
      case kFullyConnected: {
        const cmsis_nn_fc_params params = {s.input_offset, 0, s.output_offset, {s.act_min, s.act_max}};
        const cmsis_nn_per_tensor_quant_params tensor = {*quantization.multiplier, *quantization.shift};
        return arm_fully_connected_s8(&context, &params, &tensor, &in, input, &filter, at<int8_t>(s.filter), &bias,
                                      at<int32_t>(s.bias), &out, output);
      }
      case kMaxPool: return arm_max_pool_s8(&context, &pool, &in, input, &filter, &out, output);
      case kAveragePool: return arm_avgpool_s8(&context, &pool, &in, input, &filter, &out, output);
      default:
        return arm_elementwise_add_s8(input, input, s.add_offset[0], s.add_multiplier[0], s.add_shift[0],
                                      s.add_offset[1], s.add_multiplier[1], s.add_shift[1], 20, output,
                                      s.add_offset[2], s.add_multiplier[2], s.add_shift[2], s.act_min, s.act_max,
                                      s.in_h * s.in_w * s.in_c);
    }
  }
};

struct Nothing {
  __attribute__((noipa)) arm_cmsis_nn_status run() const { return ARM_CMSIS_NN_SUCCESS; }
};

template <typename Callee>
uint32_t ticks_of(const Callee& call, uint32_t delay) {
  board::counter_start(delay);
  const arm_cmsis_nn_status status = call.run();
  const uint32_t ticks = board::counter_ticks();
  if (status != ARM_CMSIS_NN_SUCCESS) {
    board::print("a function fails\n");
    board::exit(1);
  }
  return ticks;
}

// Exact: the delay at which there is one tick more.
template <typename Callee>
uint32_t count(const Callee& call) {
  const uint32_t ticks = ticks_of(call, 0);
  uint32_t low = 1, high = BOARD_INSTRUCTIONS_PER_TICK;
  while (low < high) {
    const uint32_t delay = (low + high) / 2;
    if (ticks_of(call, delay) > ticks) {
      high = delay;
    } else {
      low = delay + 1;
    }
  }
  return (ticks + 1) * BOARD_INSTRUCTIONS_PER_TICK - low;
}

}  // namespace

int main() {
  board::counter_init();
  for (uint32_t i = 0; i < kInputBytes; ++i) input[i] = static_cast<int8_t>(i * 37 + 11);
  const uint32_t shapes = static_cast<uint32_t>(shapes_file[0]);
  const Shape* const shape = reinterpret_cast<const Shape*>(shapes_file + 1);
  const uint32_t nothing = count(Nothing());
  for (uint32_t i = 0; i < shapes; ++i) {
    const Call call(shape[i]);
    if (call.buffer_bytes() > static_cast<int32_t>(sizeof buffer)) {
      board::print("a function needs a larger buffer\n");
      return 1;
    }
    (void)ticks_of(call, 0);
    const uint32_t instructions = count(call) - nothing;
    board::print("shape");
    board::print_hex(i);
    board::print_hex(instructions);
    board::print_hex(firmware::crc32(0, output, static_cast<uint32_t>(shape[i].out_h * shape[i].out_w * shape[i].out_c)));
    board::print("\n");
  }
  board::print("shapes done");
  board::print_hex(shapes);
  board::print("\n");
}
