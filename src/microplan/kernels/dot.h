// SPDX-License-Identifier: Apache-2.0
// The inner loop of the reference kernels that multiply and accumulate, and what it computes with.
#ifndef MICROPLAN_KERNELS_DOT_H_
#define MICROPLAN_KERNELS_DOT_H_

#include <stdint.h>

namespace microplan {

// Element types, and the type that products add up in; integer sums wrap.
struct Int8Products {
  using Input = int8_t;
  using Filter = int8_t;
  using Sum = uint32_t;
  static Sum product(int8_t input, int8_t filter, int32_t input_offset) {
    return static_cast<uint32_t>((input + input_offset) * filter);
  }
};

// 16-bit activations are symmetric: no offset.
struct Int16Products {
  using Input = int16_t;
  using Filter = int8_t;
  using Sum = uint64_t;
  static Sum product(int16_t input, int8_t filter, int32_t) {
    return static_cast<uint64_t>(static_cast<int64_t>(input) * filter);
  }
};

struct FloatProducts {
  using Input = float;
  using Filter = float;
  using Sum = float;
  static Sum product(float input, float filter, int32_t) { return input * filter; }
};

// accumulator + sum over i of (input[i] + input_offset) * filter[i], from the first to the last.
template <typename Products>
inline typename Products::Sum dot(const typename Products::Input* input, const typename Products::Filter* filter,
                                  uint32_t count, int32_t input_offset, typename Products::Sum accumulator) {
  const typename Products::Input* const end = input + count;
  while (input != end) accumulator += Products::product(*input++, *filter++, input_offset);
  return accumulator;
}

inline uint32_t dot(const int8_t* input, const int8_t* filter, uint32_t count, int32_t input_offset,
                    uint32_t accumulator) {
  return dot<Int8Products>(input, filter, count, input_offset, accumulator);
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DOT_H_
