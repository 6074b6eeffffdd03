// SPDX-License-Identifier: Apache-2.0
// The CRC-32 of zlib.
#ifndef MICROPLAN_FIRMWARE_CRC32_H_
#define MICROPLAN_FIRMWARE_CRC32_H_

#include <stdint.h>

namespace firmware {

// CRC of `bytes` bytes that follow data whose CRC is `crc`; begin with 0. Bit by bit: a table would cost 1 KB of flash.
uint32_t crc32(uint32_t crc, const void* data, uint32_t bytes);

}  // namespace firmware

#endif  // MICROPLAN_FIRMWARE_CRC32_H_
