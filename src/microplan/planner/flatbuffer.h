// SPDX-License-Identifier: Apache-2.0
// Checked access to an untrusted FlatBuffer. Every read is bounds-checked; the first failure sticks, and from then on
// everything reads as absent, so that callers look at status() once after a stretch of reads.
// Format: https://flatbuffers.dev/internals (tables, vtables, vectors, offsets relative to where they are stored).
#ifndef MICROPLAN_PLANNER_FLATBUFFER_H_
#define MICROPLAN_PLANNER_FLATBUFFER_H_

#include <stdint.h>
#include <string.h>

#include "microplan/status.h"
#include "microplan/types.h"

namespace microplan {

class Flatbuffer {
 public:
  // Position 0 holds the root offset, so it stands for "absent".
  struct Table {
    uint32_t position = 0;
    uint32_t vtable = 0;
    uint16_t vtable_bytes = 0;
    uint16_t bytes = 0;
    explicit operator bool() const { return position != 0; }
  };
  struct Vector {
    uint32_t position = 0;  // of the first element
    uint32_t count = 0;
    explicit operator bool() const { return position != 0; }
  };

  Flatbuffer(const void* data, uint32_t size) : data_(static_cast<const uint8_t*>(data)), size_(size) {}

  Status status() const { return status_; }
  const uint8_t* data() const { return data_; }
  uint32_t size() const { return size_; }

  // The root table of a file with this four-character identifier.
  Table root(const char* identifier);

  // A scalar field, `absent` when the table does not have it.
  template <typename T>
  T scalar(const Table& table, uint32_t field, T absent) {
    const uint32_t at = field_position(table, field, sizeof(T));
    return at == 0 ? absent : read<T>(at);
  }
  Table child(const Table& table, uint32_t field);
  Vector vector(const Table& table, uint32_t field, uint32_t element_bytes);

  // `index` must be below the vector's count.
  template <typename T>
  T element(const Vector& vector, uint32_t index) {
    return read<T>(vector.position + index * static_cast<uint32_t>(sizeof(T)));
  }
  Table table_at(const Vector& vector, uint32_t index) { return indirect_table(vector.position + 4 * index); }

 private:
  // The caller has checked the range.
  template <typename T>
  T read(uint32_t position) const {
    T value;
    memcpy(&value, data_ + position, sizeof value);
    return value;
  }
  bool inside(uint64_t position, uint64_t bytes) {
    if (position + bytes <= size_) return true;
    fail(Status::kModelTruncated);
    return false;
  }
  void fail(Status status) {
    if (status_ == Status::kOk) status_ = status;
  }
  uint32_t field_position(const Table& table, uint32_t field, uint32_t bytes);
  // The position that the offset stored at `position` points to; 0 on failure.
  uint32_t follow(uint32_t position);
  Table indirect_table(uint32_t position);

  const uint8_t* data_;
  uint32_t size_;
  Status status_ = Status::kOk;
};

}  // namespace microplan

#endif  // MICROPLAN_PLANNER_FLATBUFFER_H_
