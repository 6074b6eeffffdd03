// SPDX-License-Identifier: Apache-2.0
#include "crc32.h"

namespace firmware {

uint32_t crc32(uint32_t crc, const void* data, uint32_t bytes) {
  const uint8_t* byte = static_cast<const uint8_t*>(data);
  crc = ~crc;
  for (; bytes != 0; --bytes) {
    crc ^= *byte++;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

}  // namespace firmware
