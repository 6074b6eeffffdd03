// SPDX-License-Identifier: Apache-2.0
#include "microplan/planner/flatbuffer.h"

namespace microplan {

uint32_t Flatbuffer::follow(uint32_t position) {
  if (!inside(position, 4)) return 0;
  const uint64_t target = static_cast<uint64_t>(position) + read<uint32_t>(position);
  if (target == position) {
    fail(Status::kModelMalformed);
    return 0;
  }
  if (!inside(target, 4)) return 0;
  return static_cast<uint32_t>(target);
}

Flatbuffer::Table Flatbuffer::indirect_table(uint32_t position) {
  const uint32_t at = follow(position);
  if (at == 0 || status_ != Status::kOk) return {};
  // A table begins with the signed distance back to its vtable: {vtable bytes, table bytes, field offsets...}, all u16.
  const int64_t vtable = static_cast<int64_t>(at) - read<int32_t>(at);
  if (vtable < 0) {
    fail(Status::kModelMalformed);
    return {};
  }
  if (!inside(static_cast<uint64_t>(vtable), 4)) return {};
  Table table;
  table.position = at;
  table.vtable = static_cast<uint32_t>(vtable);
  table.vtable_bytes = read<uint16_t>(table.vtable);
  table.bytes = read<uint16_t>(table.vtable + 2);
  if (table.vtable_bytes < 4 || table.bytes < 4) {
    fail(Status::kModelMalformed);
    return {};
  }
  if (!inside(table.vtable, table.vtable_bytes) || !inside(at, table.bytes)) return {};
  return table;
}

uint32_t Flatbuffer::field_position(const Table& table, uint32_t field, uint32_t bytes) {
  const uint32_t entry = 4 + 2 * field;
  if (!table || entry + 2 > table.vtable_bytes || status_ != Status::kOk) return 0;
  const uint32_t offset = read<uint16_t>(table.vtable + entry);
  if (offset == 0) return 0;
  if (offset + bytes > table.bytes) {
    fail(Status::kModelMalformed);
    return 0;
  }
  return table.position + offset;
}

Flatbuffer::Table Flatbuffer::root(const char* identifier) {
  if (!inside(0, 8)) return {};
  if (memcmp(data_ + 4, identifier, 4) != 0) {
    fail(Status::kModelMalformed);
    return {};
  }
  return indirect_table(0);
}

Flatbuffer::Table Flatbuffer::child(const Table& table, uint32_t field) {
  const uint32_t at = field_position(table, field, 4);
  return at == 0 ? Table{} : indirect_table(at);
}

Flatbuffer::Vector Flatbuffer::vector(const Table& table, uint32_t field, uint32_t element_bytes) {
  const uint32_t at = field_position(table, field, 4);
  if (at == 0) return {};
  const uint32_t position = follow(at);
  if (position == 0) return {};
  const uint32_t count = read<uint32_t>(position);
  if (!inside(static_cast<uint64_t>(position) + 4, static_cast<uint64_t>(count) * element_bytes)) return {};
  return {position + 4, count};
}

}  // namespace microplan
