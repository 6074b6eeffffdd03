// SPDX-License-Identifier: Apache-2.0
// Cortex-M start-up: the vector table, reset_handler() which prepares memory and calls main(), and fault_entry() which ends
// the program with a message.
#include <stdint.h>

#include "boards/board.h"
#include "microplan/config.h"

int main();

extern "C" {

// From the linker script.
extern uint32_t board_stack_top[];
extern uint32_t data_begin[], data_end[];
extern const uint32_t data_load[];
extern uint32_t bss_begin[], bss_end[];

void reset_handler();
void fault_entry();
void systick_handler();

// A pure virtual call is a defect of the program; without this the C++ library brings its unwinder along.
[[noreturn]] void __cxa_pure_virtual() {
  board::print("microplan-fault pure virtual call\n");
  board::exit(3);
}

}  // extern "C"

namespace {

union Vector {
  uint32_t* stack;
  void (*handler)();
};

__attribute__((section(".vectors"), used)) const Vector kVectors[16] = {
    {.stack = board_stack_top},
    {.handler = reset_handler},
    {.handler = fault_entry},  // NMI
    {.handler = fault_entry},  // HardFault
    {.handler = fault_entry},  // MemManage
    {.handler = fault_entry},  // BusFault
    {.handler = fault_entry},  // UsageFault
    {.handler = fault_entry},  // SecureFault
    {.handler = fault_entry},
    {.handler = fault_entry},
    {.handler = fault_entry},
    {.handler = fault_entry},  // SVCall
    {.handler = fault_entry},  // DebugMonitor
    {.handler = fault_entry},
    {.handler = fault_entry},  // PendSV
    {.handler = systick_handler},
};

volatile uint32_t& scb_register(uint32_t offset) {
  return *reinterpret_cast<volatile uint32_t*>(0xE000ED00u + offset);
}
constexpr uint32_t kCfsr = 0x28;   // why a fault was taken; reads 0 on Armv6-M
constexpr uint32_t kCpacr = 0x88;  // access to the FPU

}  // namespace

// Prints `microplan-fault <exception> <pc> <lr> <cfsr>`.
extern "C" [[noreturn]] __attribute__((used)) void fault_report(uint32_t pc, uint32_t lr) {
  uint32_t exception;
  asm volatile("mrs %0, ipsr" : "=r"(exception));
  board::print("microplan-fault");
  board::print_hex(exception);
  board::print_hex(pc);
  board::print_hex(lr);
  board::print_hex(scb_register(kCfsr));
  board::print("\n");
  board::exit(3);
}

// Takes pc and lr from what the core stacked (r0-r3, r12, lr, pc, psr). The report then runs on a fresh stack, because
// an overflow of the stack may be the fault.
extern "C" __attribute__((naked)) void fault_entry() {
  asm volatile(
      "mrs r2, msp\n"
      "ldr r0, [r2, #24]\n"
      "ldr r1, [r2, #20]\n"
      "ldr r2, =board_stack_top\n"
      "mov sp, r2\n"
      "bl fault_report\n");
}

extern "C" void reset_handler() {
  if constexpr ((microplan::kCompiledFeatures & microplan::kFeatureFpu) != 0) {
    scb_register(kCpacr) |= 0xFu << 20;
    asm volatile("dsb\nisb" ::: "memory");
  }
  const uint32_t* from = data_load;
  for (uint32_t* to = data_begin; to != data_end;) *to++ = *from++;
  for (uint32_t* to = bss_begin; to != bss_end;) *to++ = 0;
  board::exit(main());
}
