// SPDX-License-Identifier: Apache-2.0
// What a board's support code gives to the firmware's applications, the same for every architecture.
#ifndef MICROPLAN_BOARDS_BOARD_H_
#define MICROPLAN_BOARDS_BOARD_H_

#include <stdint.h>

namespace board {

// Writes zero-terminated text to the console.
void print(const char* text);

// Writes a space and eight hexadecimal digits; no division, so that the smallest core stays small.
void print_hex(uint32_t value);

// Ends the program; a simulator passes `code` on as its own exit code.
[[noreturn]] void exit(int code);

// Host files, where a simulator or a debugger serves them.
enum class FileMode : uint32_t { kRead = 1, kWrite = 5 };  // "rb" and "wb" in the semihosting specification
// A handle, or -1.
int32_t open_file(const char* name, FileMode mode);
// Bytes read, 0 at the end of the file.
uint32_t read_file(int32_t file, void* data, uint32_t bytes);
bool write_file(int32_t file, const void* data, uint32_t bytes);

// Copies the command line, zero-terminated and cut to `bytes`, into `line`. False when there is none.
bool command_line(char* line, uint32_t bytes);

// The counter: ticks since its start, one every BOARD_INSTRUCTIONS_PER_TICK instructions of the board, or cycles where
// BOARD_COUNTS_CYCLES is 1.
//
// Exact instruction counts from a coarse tick: the counter's phase begins anew at counter_start(), which then executes
// `delay` further instructions before it returns. What is measured takes t ticks with delay d exactly when
// t = floor((d + instructions + constant) / BOARD_INSTRUCTIONS_PER_TICK), so the delay at which t goes up by one gives
// the count to the instruction; an empty region gives the constant.
void counter_init();
extern "C" void counter_start(uint32_t delay);  // delay < BOARD_INSTRUCTIONS_PER_TICK
uint32_t counter_ticks();  // UINT32_MAX where there were more
// A loop of known length to prove the counter with: 2 * rounds instructions more than an empty function that returns 0,
// which it does, too.
extern "C" uint32_t counter_loop(uint32_t rounds);  // rounds > 0

// Lowest address of the stack; it grows down to here.
extern "C" uint32_t board_stack_limit[];
// Start-up fills the lowest words with this, and ends the program with an error if main() has left another value there.
constexpr uint32_t kStackPaint = 0x5A17E57Au;
constexpr uint32_t kStackPaintWords = 8;

}  // namespace board

#endif  // MICROPLAN_BOARDS_BOARD_H_
