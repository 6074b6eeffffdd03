// SPDX-License-Identifier: Apache-2.0
// Output that boards and hosts share.
#ifndef MICROPLAN_TESTS_DIFFERENTIAL_PRINT_H_
#define MICROPLAN_TESTS_DIFFERENTIAL_PRINT_H_

#include <stdint.h>

#include "boards/board.h"

namespace differential {

using board::print;
using board::print_hex;

// A space and the number.
inline void print_number(int64_t value) {
  char text[24];
  char* at = text + sizeof text;
  *--at = 0;
  uint64_t left = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  do {
    *--at = static_cast<char>('0' + left % 10);
    left /= 10;
  } while (left != 0);
  if (value < 0) *--at = '-';
  *--at = ' ';
  print(at);
}

}  // namespace differential

#endif  // MICROPLAN_TESTS_DIFFERENTIAL_PRINT_H_
