// SPDX-License-Identifier: Apache-2.0
// Classifies one handwritten digit and prints what it saw.
#include <microplan.h>

#include "digits.h"

// Zephyr 3.1 moved its headers into a folder of their own, and main() returns int since 3.5.
#if __has_include(<zephyr/kernel.h>)
#include <zephyr/sys/printk.h>
#include <zephyr/version.h>
#else
#include <sys/printk.h>
#include <version.h>
#endif

static microplan::Arena<digits::kArenaBytes> arena;
static microplan::Model model;

// The digit in 8 by 8 pixels of 0 (white) to 16 (black), or -1.
static int classify(const uint8_t (&pixels)[64]) {
  model.input().quantize(pixels, 1 / 16.0f);
  if (model.invoke() != microplan::Status::kOk) return -1;
  return static_cast<int>(model.output().argmax());
}

static void run() {
  static const uint8_t seven[64] = {
      0, 0, 10, 16, 15, 0,  0,  0,   //
      0, 4, 14, 8,  16, 1,  0,  0,   //
      0, 0, 1,  4,  16, 0,  2,  0,   //
      0, 0, 3,  11, 16, 16, 13, 0,   //
      0, 0, 12, 16, 11, 7,  2,  0,   //
      0, 0, 6,  16, 0,  0,  0,  0,   //
      0, 0, 7,  15, 0,  0,  0,  0,   //
      0, 0, 12, 11, 0,  0,  0,  0};  //
  if (digits::init(model, arena) != microplan::Status::kOk) {
    printk("The model does not fit the firmware\n");
    return;
  }
  printk("It is a %d\n", classify(seven));
}

#if KERNEL_VERSION_MAJOR > 3 || (KERNEL_VERSION_MAJOR == 3 && KERNEL_VERSION_MINOR >= 5)
int main() {
  run();
  return 0;
}
#else
extern "C" void main() { run(); }
#endif
