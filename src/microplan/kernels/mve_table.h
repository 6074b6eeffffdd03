// SPDX-License-Identifier: Apache-2.0
// Tables of bytes with Helium. Nothing without it.
#ifndef MICROPLAN_KERNELS_MVE_TABLE_H_
#define MICROPLAN_KERNELS_MVE_TABLE_H_

#if defined(__ARM_FEATURE_MVE)

#include <arm_mve.h>
#include <stdint.h>

namespace microplan {
namespace mve {

// For run_table().
[[gnu::noinline]] inline void look_up(const uint8_t* x, uint8_t* y, uint32_t elements, const uint8_t* table) {
  uint8x16_t indices, values;
  asm volatile(
      "dlstp.8 lr, %[count]\n"
      "1:\n"
      "vldrb.8 %q[indices], [%[x]], #16\n"
      "vldrb.u8 %q[values], [%[table], %q[indices]]\n"
      "vstrb.8 %q[values], [%[y]], #16\n"
      "letp lr, 1b\n"
      : [x] "+l"(x), [y] "+l"(y), [indices] "=&w"(indices), [values] "=&w"(values)
      : [count] "r"(elements), [table] "r"(table)
      : "lr", "memory");
}

}  // namespace mve
}  // namespace microplan

#endif  // __ARM_FEATURE_MVE

#endif  // MICROPLAN_KERNELS_MVE_TABLE_H_
