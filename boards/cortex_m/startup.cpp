// SPDX-License-Identifier: Apache-2.0
// Cortex-M start-up: the vector table, reset_handler(), and fault_entry() which ends the program with a message.
#include "boards/startup.h"

#include "microplan/config.h"

extern "C" {
void reset_handler();
void fault_entry();
void systick_handler();
}

namespace {

union Vector {
  uint32_t* stack;
  void (*handler)();
};

__attribute__((section(".start"), used)) const Vector kVectors[16] = {
    {.stack = board::board_stack_top},
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

volatile uint32_t& cpacr() { return *reinterpret_cast<volatile uint32_t*>(0xE000ED88u); }

}  // namespace

// Takes pc and lr from what the core stacked (r0-r3, r12, lr, pc, psr) and the reason from CFSR, which reads 0 on Armv6-M.
// When the stack has overflowed, what was stacked may lie outside of memory. Both reports run on a fresh stack.
extern "C" __attribute__((naked)) void fault_entry() {
  asm volatile(
      "mrs r3, msp\n"
      "ldr r0, =board_stack_top\n"
      "mov sp, r0\n"
      "ldr r0, =board_stack_limit\n"
      "cmp r3, r0\n"
      "blo 0f\n"
      "mrs r0, ipsr\n"
      "ldr r1, [r3, #24]\n"
      "ldr r2, [r3, #20]\n"
      "ldr r3, =0xE000ED28\n"
      "ldr r3, [r3]\n"
      "bl  board_fault\n"
      "0: bl board_stack_overflow\n");
}

extern "C" void reset_handler() {
  // Helium without floating point needs the coprocessor, too.
  if constexpr ((microplan::kCompiledFeatures & (microplan::kFeatureFpu | microplan::kFeatureMve)) != 0) {
    cpacr() |= 0xFu << 20;
    asm volatile("dsb\nisb" ::: "memory");
  }
  board::board_start();
}
