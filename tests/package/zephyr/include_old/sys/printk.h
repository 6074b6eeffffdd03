// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#define printk printf
// Zephyr 2.6 calls `void main()`, which a C++ compiler for this machine refuses: main_old.cpp calls it.
#define main zephyr_main
