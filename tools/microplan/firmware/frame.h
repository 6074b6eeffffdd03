// SPDX-License-Identifier: Apache-2.0
// Frames on a byte stream: COBS(payload, CRC-32 of the payload, little-endian), then a zero byte. After any damage the
// next zero byte is a fresh start.
#ifndef MICROPLAN_FIRMWARE_FRAME_H_
#define MICROPLAN_FIRMWARE_FRAME_H_

#include <stdint.h>

namespace firmware {

// With the CRC one COBS block, so that frames are encoded in place.
constexpr uint32_t kMaxPayload = 250;
constexpr uint32_t kCrcBytes = 4;

// A byte stream in both directions: a UART, two files.
struct Link {
  void* user;
  // Blocks for at least one byte; returns how many it has read, 0 at the end of the stream.
  uint32_t (*read)(void* user, void* data, uint32_t bytes);
  bool (*write)(void* user, const void* data, uint32_t bytes);
};

class FrameReader {
 public:
  enum class Event : uint8_t {
    kNone,   // the frame goes on
    kFrame,  // payload() is a frame, until the next feed()
    kBad,    // a frame ended that is damaged or too long
  };
  Event feed(uint8_t byte);

  const uint8_t* payload() const { return data_; }
  uint32_t payload_bytes() const { return payload_bytes_; }

 private:
  Event finish();
  void append(uint8_t byte);

  uint8_t data_[kMaxPayload + kCrcBytes];
  uint32_t size_ = 0;
  uint32_t payload_bytes_ = 0;
  uint8_t block_left_ = 0;     // bytes until the next code byte
  bool zero_follows_ = false;  // the block stands for a zero at its end, unless the frame ends there
  bool started_ = false;
  bool bad_ = false;
};

// A payload to be sent. Bytes beyond kMaxPayload are the caller's mistake; they are dropped.
class FrameWriter {
 public:
  void append(const void* data, uint32_t bytes);
  void append_u8(uint8_t value) { append(&value, 1); }
  void append_u16(uint16_t value) { append(&value, 2); }
  void append_u32(uint32_t value) { append(&value, 4); }
  uint32_t room() const { return kMaxPayload - size_; }
  // Sends the payload and is empty again. False when the link refuses.
  bool send(const Link& link);

 private:
  uint8_t frame_[1 + kMaxPayload + kCrcBytes + 1];  // code byte, payload, CRC, delimiter
  uint32_t size_ = 0;
};

}  // namespace firmware

#endif  // MICROPLAN_FIRMWARE_FRAME_H_
