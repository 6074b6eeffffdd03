// SPDX-License-Identifier: Apache-2.0
// Console, files and exit through semihosting.
#include "boards/semihosting.h"

#include <string.h>

#include "boards/board.h"

namespace board {

namespace {

enum Operation : uint32_t {
  kOpen = 0x01,
  kWrite0 = 0x04,
  kWrite = 0x05,
  kRead = 0x06,
  kGetCommandLine = 0x15,
  kExitExtended = 0x20,
};

}  // namespace

void print(const char* text) { semihosting_call(kWrite0, text); }

void print_hex(uint32_t value) {
  char text[10];
  text[0] = ' ';
  for (int i = 8; i > 0; --i) {
    const uint32_t digit = value & 15u;
    text[i] = static_cast<char>(digit + (digit < 10 ? '0' : 'a' - 10));
    value >>= 4;
  }
  text[9] = 0;
  print(text);
}

void exit(int code) {
  constexpr uint32_t kApplicationExit = 0x20026;
  const uint32_t block[2] = {kApplicationExit, static_cast<uint32_t>(code)};
  for (;;) semihosting_call(kExitExtended, block);
}

int32_t open_file(const char* name, FileMode mode) {
  const uint32_t block[3] = {reinterpret_cast<uint32_t>(name), static_cast<uint32_t>(mode), strlen(name)};
  return static_cast<int32_t>(semihosting_call(kOpen, block));
}

uint32_t read_file(int32_t file, void* data, uint32_t bytes) {
  const uint32_t block[3] = {static_cast<uint32_t>(file), reinterpret_cast<uint32_t>(data), bytes};
  const uint32_t missing = semihosting_call(kRead, block);
  return missing > bytes ? 0 : bytes - missing;
}

bool write_file(int32_t file, const void* data, uint32_t bytes) {
  const uint32_t block[3] = {static_cast<uint32_t>(file), reinterpret_cast<uint32_t>(data), bytes};
  return semihosting_call(kWrite, block) == 0;
}

bool command_line(char* line, uint32_t bytes) {
  uint32_t block[2] = {reinterpret_cast<uint32_t>(line), bytes};
  return semihosting_call(kGetCommandLine, block) == 0;
}

}  // namespace board
