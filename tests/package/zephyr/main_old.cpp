// SPDX-License-Identifier: Apache-2.0
extern "C" void zephyr_main();

int main() { zephyr_main(); }
