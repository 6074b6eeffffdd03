// SPDX-License-Identifier: Apache-2.0
// Semihosting: an instruction that a simulator or a debugger answers. The architectures differ only in it.
#ifndef MICROPLAN_BOARDS_SEMIHOSTING_H_
#define MICROPLAN_BOARDS_SEMIHOSTING_H_

#include <stdint.h>

namespace board {

extern "C" uint32_t semihosting_call(uint32_t operation, const void* argument);

}  // namespace board

#endif  // MICROPLAN_BOARDS_SEMIHOSTING_H_
