// SPDX-License-Identifier: Apache-2.0
#include "frame.h"

#include <string.h>

#include "crc32.h"

namespace firmware {

void FrameReader::append(uint8_t byte) {
  if (size_ == sizeof(data_)) {
    bad_ = true;
    return;
  }
  data_[size_++] = byte;
}

FrameReader::Event FrameReader::feed(uint8_t byte) {
  if (byte == 0) return finish();
  started_ = true;
  if (block_left_ == 0) {
    if (zero_follows_) append(0);
    block_left_ = static_cast<uint8_t>(byte - 1);
    zero_follows_ = byte != 255;
  } else {
    append(byte);
    --block_left_;
  }
  return Event::kNone;
}

FrameReader::Event FrameReader::finish() {
  Event event = Event::kBad;
  uint32_t crc = 0;
  if (!started_) {
    event = Event::kNone;  // zeros between frames are no frames
  } else if (!bad_ && block_left_ == 0 && size_ >= kCrcBytes) {
    payload_bytes_ = size_ - kCrcBytes;
    memcpy(&crc, data_ + payload_bytes_, kCrcBytes);
    if (crc == crc32(0, data_, payload_bytes_)) event = Event::kFrame;
  }
  size_ = 0;
  block_left_ = 0;
  zero_follows_ = started_ = bad_ = false;
  return event;
}

void FrameWriter::append(const void* data, uint32_t bytes) {
  if (bytes > room()) bytes = room();
  memcpy(frame_ + 1 + size_, data, bytes);
  size_ += bytes;
}

bool FrameWriter::send(const Link& link) {
  const uint32_t crc = crc32(0, frame_ + 1, size_);
  memcpy(frame_ + 1 + size_, &crc, kCrcBytes);
  const uint32_t end = 1 + size_ + kCrcBytes;
  size_ = 0;

  // Every zero, and the first byte, becomes the distance to the next zero.
  uint32_t next_zero = end;
  frame_[0] = 0;
  for (uint32_t i = end; i-- > 0;) {
    if (frame_[i] != 0) continue;
    frame_[i] = static_cast<uint8_t>(next_zero - i);
    next_zero = i;
  }
  frame_[end] = 0;
  return link.write(link.user, frame_, end + 1);
}

}  // namespace firmware
