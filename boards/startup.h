// SPDX-License-Identifier: Apache-2.0
// What every architecture's start-up does in the same way.
#ifndef MICROPLAN_BOARDS_STARTUP_H_
#define MICROPLAN_BOARDS_STARTUP_H_

#include <stdint.h>

namespace board {

// Prepares .data and .bss, calls main() and exits with its result. The caller has set the stack pointer.
extern "C" [[noreturn]] void board_start();

// Ends the program after a fault: prints `microplan-fault <exception> <pc> <return address> <status>`. Exception and
// status are the core's own numbers; the laptop knows their names.
extern "C" [[noreturn]] void board_fault(uint32_t exception, uint32_t pc, uint32_t return_address, uint32_t status);

// Ends the program after a fault with the stack pointer below the stack.
extern "C" [[noreturn]] void board_stack_overflow();

// From the linker script.
extern "C" {
extern uint32_t board_stack_top[];
extern uint32_t board_code_begin[], board_code_end[];
}

}  // namespace board

#endif  // MICROPLAN_BOARDS_STARTUP_H_
