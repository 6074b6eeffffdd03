// SPDX-License-Identifier: Apache-2.0
#define KERNEL_VERSION_MAJOR 2
#define KERNEL_VERSION_MINOR 6
