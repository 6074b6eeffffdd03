// SPDX-License-Identifier: Apache-2.0
// The one function of <stdio.h> that the examples call, on the board's console.
#include <stdio.h>

#include "boards/board.h"

int puts(const char* text) {
  board::print(text);
  board::print("\n");
  return 0;
}
