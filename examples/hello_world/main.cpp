// SPDX-License-Identifier: Apache-2.0
// The smallest complete program: classifies one handwritten digit. Exit code 0: it was recognised.
#include <microplan.h>

#include "digits.h"  // made by: microplan embed examples/digits/digits.tflite --out .

static microplan::Arena<digits::kArenaBytes> arena;  // exact, aligned
static microplan::Model model;

// The digit in 8 by 8 pixels of 0 (white) to 16 (black), or -1.
static int classify(const uint8_t (&pixels)[64]) {
  model.input().quantize(pixels, 1 / 16.0f);
  if (model.invoke() != microplan::Status::kOk) return -1;
  return static_cast<int>(model.output().argmax());
}

int main() {
  static const uint8_t seven[64] = {
      0, 0, 10, 16, 15, 0,  0,  0,   //
      0, 4, 14, 8,  16, 1,  0,  0,   //
      0, 0, 1,  4,  16, 0,  2,  0,   //
      0, 0, 3,  11, 16, 16, 13, 0,   //
      0, 0, 12, 16, 11, 7,  2,  0,   //
      0, 0, 6,  16, 0,  0,  0,  0,   //
      0, 0, 7,  15, 0,  0,  0,  0,   //
      0, 0, 12, 11, 0,  0,  0,  0};  //
  if (digits::init(model, arena) != microplan::Status::kOk) return 1;
  return classify(seven) == 7 ? 0 : 1;
}
