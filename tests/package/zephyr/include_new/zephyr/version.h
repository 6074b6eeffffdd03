// SPDX-License-Identifier: Apache-2.0
#define KERNEL_VERSION_MAJOR 3
#define KERNEL_VERSION_MINOR 7
