// SPDX-License-Identifier: Apache-2.0
#include "boards/startup.h"

#include "boards/board.h"

int main();

extern "C" {

// From the linker script.
extern uint32_t data_begin[], data_end[];
extern const uint32_t data_load[];
extern uint32_t bss_begin[], bss_end[];

// A pure virtual call is a defect of the program; without this the C++ library brings its unwinder along.
[[noreturn]] void __cxa_pure_virtual() {
  board::print("microplan-fault pure virtual call\n");
  board::exit(3);
}

}  // extern "C"

namespace board {

extern "C" void board_start() {
  const uint32_t* from = data_load;
  for (uint32_t* to = data_begin; to != data_end;) *to++ = *from++;
  for (uint32_t* to = bss_begin; to != bss_end;) *to++ = 0;
  for (uint32_t i = 0; i < kStackPaintWords; ++i) board_stack_limit[i] = kStackPaint;
  const int code = main();
  for (uint32_t i = 0; i < kStackPaintWords; ++i) {
    if (board_stack_limit[i] != kStackPaint) board_stack_overflow();
  }
  exit(code);
}

extern "C" void board_stack_overflow() {
  print("microplan-fault stack overflow\n");
  exit(3);
}

extern "C" void board_fault(uint32_t exception, uint32_t pc, uint32_t return_address, uint32_t status) {
  print("microplan-fault");
  print_hex(exception);
  print_hex(pc);
  print_hex(return_address);
  print_hex(status);
  print("\n");
  exit(3);
}

}  // namespace board
