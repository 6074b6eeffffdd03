// SPDX-License-Identifier: Apache-2.0
// The inner loop of the int8 reference kernels.
#ifndef MICROPLAN_KERNELS_DOT_H_
#define MICROPLAN_KERNELS_DOT_H_

#include <stdint.h>

namespace microplan {

// accumulator + sum over i of (input[i] + input_offset) * filter[i], modulo 2^32.
inline uint32_t dot(const int8_t* input, const int8_t* filter, uint32_t count, int32_t input_offset,
                    uint32_t accumulator) {
  const int8_t* const end = input + count;
  while (input != end) {
    accumulator += static_cast<uint32_t>((*input++ + input_offset) * *filter++);
  }
  return accumulator;
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DOT_H_
