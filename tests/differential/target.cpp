// SPDX-License-Identifier: Apache-2.0
// The program on a board: the arguments are the words of the command line.
#include "boards/board.h"
#include "differential.h"

int main() {
  static char line[256];
  static char* words[8];
  if (!board::command_line(line, sizeof line)) line[0] = 0;
  int count = 0;
  for (char* at = line; count < 8;) {
    while (*at == ' ') ++at;
    if (*at == 0) break;
    words[count++] = at;
    while (*at != ' ' && *at != 0) ++at;
    if (*at == ' ') *at++ = 0;
  }
  return differential::run(count, words);
}
