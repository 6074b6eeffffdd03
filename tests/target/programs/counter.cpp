// SPDX-License-Identifier: Apache-2.0
// Prints the ticks of loops of known length, `<rounds> <delay> <ticks>`.
#include "boards/board.h"

namespace {

__attribute__((noipa)) uint32_t ticks_of(uint32_t rounds, uint32_t delay) {
  board::counter_start(delay);
  board::counter_loop(rounds);
  return board::counter_ticks();
}

}  // namespace

int main() {
  board::counter_init();
  for (uint32_t rounds = 1; rounds < 300000; rounds = rounds * 3 + 1) {
    for (uint32_t delay = 0; delay < BOARD_INSTRUCTIONS_PER_TICK; ++delay) {
      const uint32_t ticks = ticks_of(rounds, delay);
      board::print("loop");
      board::print_hex(rounds);
      board::print_hex(delay);
      board::print_hex(ticks);
      board::print("\n");
    }
  }
}
