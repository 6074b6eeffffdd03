// SPDX-License-Identifier: Apache-2.0
// A plugin for QEMU: estimates a Cortex-M4's cycles between two functions, from the instructions that are executed.
//
//   -plugin <this>,begin=<address>,end=<address>,out=<file>
//
// writes "<instructions> <cycles>" in decimal: what runs between the return of `begin` and the call of `end`. cycles.py
// builds it and passes the addresses of microplan_bench_begin() and microplan_bench_end().
//
// Cycles are those of the instruction set summary in Arm's Cortex-M4 Technical Reference Manual, for memories without wait
// states:
//
//   ALU, multiply, multiply-accumulate, DSP    1
//   load                                       2, or 1 directly after another load, as single loads are pipelined
//   store                                      1, because the write buffer takes it
//   LDM, STM, PUSH, POP, LDRD, STRD            1 + registers
//   SDIV, UDIV                                 7, the middle of 2 to 12; operands cannot be seen from here
//   branch, not taken                          1
//   branch, taken                              1 + P. The manual's P is 1 to 3 for the width and alignment of the target and
//                                              for how early its address is known. Here: 1, one more for an address from a
//                                              register or memory, one more when the target is a 32-bit instruction that
//                                              is not word-aligned, so that it takes two fetches
//   TBB, TBH                                   2 + P
//   IT                                         0 directly after a 16-bit instruction (it is folded), else 1
//   MRS, MSR, CPS, LDREX, STREX                2
//   VADD, VSUB, VMUL, VCMP, VCVT, VMOV ...     1; VMOV of two registers 2
//   VMLA, VFMA and their kin                   3
//   VDIV, VSQRT                                14
//   VLDR, VSTR                                 2, of a double 3
//   VLDM, VSTM, VPUSH, VPOP                    1 + words
//
// Not seen: stalls by register dependences, flash wait states, bus contention. An instruction in an IT block counts as if
// its condition held, except for a branch.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deque>

// The part of QEMU's plugin interface that is used, version 1 (QEMU 6.0 to 8.x); QEMU itself has the functions.
extern "C" {
struct qemu_plugin_tb;
struct qemu_plugin_insn;
using qemu_plugin_id_t = uint64_t;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

size_t qemu_plugin_tb_n_insns(const qemu_plugin_tb* block);
qemu_plugin_insn* qemu_plugin_tb_get_insn(const qemu_plugin_tb* block, size_t index);
const void* qemu_plugin_insn_data(const qemu_plugin_insn* instruction);
size_t qemu_plugin_insn_size(const qemu_plugin_insn* instruction);
uint64_t qemu_plugin_insn_vaddr(const qemu_plugin_insn* instruction);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t, qemu_plugin_tb*));
void qemu_plugin_register_vcpu_tb_exec_cb(qemu_plugin_tb* block, void (*callback)(unsigned vcpu, void* user),
                                          qemu_plugin_cb_flags flags, void* user);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t, void*), void* user);

#define EXPORT __attribute__((visibility("default")))
EXPORT extern int qemu_plugin_version;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void* info, int argc, char** argv);
int qemu_plugin_version = 1;
}

namespace {

constexpr unsigned kDivide = 7;

// What one instruction takes when it does not branch.
struct Timing {
  unsigned cycles;
  bool is_load = false;     // a single one, which the next can be pipelined with
  bool is_direct = false;   // a branch whose target stands in the instruction
  bool is_it = false;
};

unsigned ones(uint32_t bits) { return static_cast<unsigned>(__builtin_popcount(bits)); }

constexpr Timing load() { return {2, true, false, false}; }
constexpr Timing direct_branch() { return {1, false, true, false}; }

Timing short_timing(uint32_t code) {
  const bool l_bit = (code & 0x0800) != 0;
  if ((code & 0xf800) == 0x4800) return load();                                    // LDR (literal)
  if ((code & 0xf000) == 0x5000) return (code & 0x0e00) >= 0x0600 ? load() : Timing{1};  // register offset
  if ((code & 0xe000) == 0x6000 || (code & 0xe000) == 0x8000) return l_bit ? load() : Timing{1};
  if ((code & 0xf600) == 0xb400) return {1 + ones(code & 0x1ff)};                  // PUSH, POP
  if ((code & 0xf000) == 0xc000) return {1 + ones(code & 0xff)};                   // STM, LDM
  if ((code & 0xff00) == 0xbf00 && (code & 0xf) != 0) return {1, false, false, true};  // IT
  if ((code & 0xffe8) == 0xb660) return {2};                                       // CPS
  if ((code & 0xf500) == 0xb100 || (code & 0xf800) == 0xe000) return direct_branch();  // CBZ, CBNZ, B
  if ((code & 0xf000) == 0xd000 && (code & 0x0e00) != 0x0e00) return direct_branch();  // B with a condition
  return {1};
}

Timing float_timing(uint32_t first, uint32_t second) {
  const bool is_double = (second & 0x0f00) == 0x0b00;
  if ((first & 0xffe0) == 0xec40) return {2};                                      // VMOV of two registers
  if ((first & 0xfe00) == 0xec00) {
    if ((first & 0x0120) == 0x0100) return {is_double ? 3u : 2u};                  // VLDR, VSTR
    return {1 + (second & 0xff)};                                                  // VLDM, VSTM, VPUSH, VPOP
  }
  if ((first & 0xff00) != 0xee00 || (second & 0x0010) != 0) return {1};            // VMOV, VMRS, VSEL
  switch (first & 0x00b0) {
    case 0x00:  // VMLA, VMLS
    case 0x10:  // VNMLA, VNMLS
    case 0x90:  // VFNMA, VFNMS
    case 0xa0:  // VFMA, VFMS
      return {3};
    case 0x80:  // VDIV
      return {14};
    case 0xb0:
      return {(first & 0xf) == 1 && (second & 0xc0) == 0xc0 ? 14u : 1u};           // VSQRT and others
    default:
      return {1};
  }
}

Timing long_timing(uint32_t first, uint32_t second) {
  if ((first & 0xfe40) == 0xe800) return {1 + ones(second)};                       // LDM, STM, PUSH, POP
  if ((first & 0xfe40) == 0xe840) {
    const bool is_table_branch = (first & 0xfff0) == 0xe8d0 && (second & 0xffe0) == 0xf000;
    const bool is_exclusive = (first & 0xff60) == 0xe840;
    return {is_table_branch || is_exclusive ? 2u : 3u};                            // else LDRD, STRD
  }
  if ((first & 0xec00) == 0xec00) return float_timing(first, second);
  if ((first & 0xf800) == 0xf000 && (second & 0x8000) != 0) {
    if ((second & 0x5000) != 0 || (first & 0x0380) != 0x0380) return direct_branch();  // B, BL
    return {(first & 0xffe0) == 0xf380 || (first & 0xffe0) == 0xf3e0 ? 2u : 1u};   // MSR, MRS; hints, barriers
  }
  if ((first & 0xfe00) == 0xf800) {
    const bool is_hint = (second & 0xf000) == 0xf000 && (first & 0x0060) != 0x0040;  // PLD, PLI
    return (first & 0x0010) != 0 && !is_hint ? load() : Timing{1};
  }
  if ((first & 0xffd0) == 0xfb90 && (second & 0x00f0) == 0x00f0) return {kDivide};  // SDIV, UDIV
  return {1};
}

// A translated block: it runs from its first to its last instruction, and only the last one can branch.
struct Block {
  uint64_t begin, end;
  uint32_t instructions;
  uint32_t cycles;  // when nothing is taken
  uint32_t last_cycles;
  bool begins_with_load, ends_with_load, ends_with_direct_branch;
  bool begins_with_two_fetches;
};

struct Plugin {
  uint64_t begin = 0, end = 0;
  char out[4096] = "";
  std::deque<Block> blocks;  // never moved: QEMU holds their addresses

  const Block* previous = nullptr;
  bool counts = false;
  bool begins = false;
  uint64_t instructions = 0, cycles = 0;
} plugin;

void on_run(unsigned, void* user) {
  const Block& block = *static_cast<const Block*>(user);
  if (block.begin == plugin.begin) {
    plugin.counts = true;
    plugin.previous = nullptr;
    return;
  }
  if (!plugin.counts) return;
  const Block* previous = plugin.previous;
  if (block.begin == plugin.end) {
    // The call of `end` itself does not count.
    if (previous != nullptr) {
      --plugin.instructions;
      plugin.cycles -= previous->last_cycles;
    }
    plugin.counts = false;
    return;
  }
  if (previous != nullptr && previous->end != block.begin) {
    plugin.cycles += 1u + !previous->ends_with_direct_branch + block.begins_with_two_fetches;
  } else if (previous != nullptr && previous->ends_with_load && block.begins_with_load) {
    --plugin.cycles;
  }
  plugin.instructions += block.instructions;
  plugin.cycles += block.cycles;
  plugin.previous = &block;
}

void on_translate(qemu_plugin_id_t, qemu_plugin_tb* translated) {
  Block block = {};
  const size_t count = qemu_plugin_tb_n_insns(translated);
  Timing timing = {0};
  bool was_short = false;
  for (size_t i = 0; i < count; ++i) {
    const qemu_plugin_insn* instruction = qemu_plugin_tb_get_insn(translated, i);
    const size_t bytes = qemu_plugin_insn_size(instruction);
    const uint64_t address = qemu_plugin_insn_vaddr(instruction);
    uint16_t halves[2] = {};
    memcpy(halves, qemu_plugin_insn_data(instruction), bytes < 4 ? 2 : 4);
    const bool followed_load = timing.is_load;
    timing = bytes < 4 ? short_timing(halves[0]) : long_timing(halves[0], halves[1]);
    if (timing.is_load && followed_load) timing.cycles = 1;
    if (timing.is_it && was_short) timing.cycles = 0;
    was_short = bytes < 4;
    if (i == 0) {
      block.begin = address;
      block.begins_with_load = timing.is_load;
      block.begins_with_two_fetches = bytes == 4 && (address & 2) != 0;
    }
    block.end = address + bytes;
    block.cycles += timing.cycles;
    block.last_cycles = timing.cycles;
  }
  block.instructions = static_cast<uint32_t>(count);
  block.ends_with_load = timing.is_load;
  block.ends_with_direct_branch = timing.is_direct;
  plugin.blocks.push_back(block);
  qemu_plugin_register_vcpu_tb_exec_cb(translated, on_run, QEMU_PLUGIN_CB_NO_REGS, &plugin.blocks.back());
}

void on_exit(qemu_plugin_id_t, void*) {
  FILE* file = fopen(plugin.out, "w");
  if (file == nullptr) return;
  fprintf(file, "%llu %llu\n", static_cast<unsigned long long>(plugin.instructions),
          static_cast<unsigned long long>(plugin.cycles));
  fclose(file);
}

}  // namespace

int qemu_plugin_install(qemu_plugin_id_t id, const void*, int argc, char** argv) {
  for (int i = 0; i < argc; ++i) {
    if (strncmp(argv[i], "begin=", 6) == 0) plugin.begin = strtoull(argv[i] + 6, nullptr, 0);
    if (strncmp(argv[i], "end=", 4) == 0) plugin.end = strtoull(argv[i] + 4, nullptr, 0);
    if (strncmp(argv[i], "out=", 4) == 0) snprintf(plugin.out, sizeof plugin.out, "%s", argv[i] + 4);
  }
  if (plugin.begin == 0 || plugin.end == 0 || plugin.out[0] == 0) return 1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
  qemu_plugin_register_atexit_cb(id, on_exit, nullptr);
  return 0;
}
