// SPDX-License-Identifier: Apache-2.0
// The program on a host: its console, its end and its command line.
#include <stdio.h>
#include <stdlib.h>

#include "differential.h"

namespace board {

void print(const char* text) { fputs(text, stdout); }

void print_hex(uint32_t value) { printf(" %08x", static_cast<unsigned>(value)); }

void exit(int code) { ::exit(code); }

}  // namespace board

int main(int argc, char** argv) { return differential::run(argc - 1, argv + 1); }
