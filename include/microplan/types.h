// SPDX-License-Identifier: Apache-2.0
// Element types and the buffers that a caller hands over.
#ifndef MICROPLAN_TYPES_H_
#define MICROPLAN_TYPES_H_

#include <stddef.h>
#include <stdint.h>

namespace microplan {

// Numbered as TensorType in the TensorFlow Lite schema.
enum class DataType : uint8_t {
  kFloat32 = 0,
  kInt32 = 2,
  kUInt8 = 3,
  kInt64 = 4,
  kBool = 6,
  kInt16 = 7,
  kInt8 = 9,
  kNone = 255,  // no such tensor, or a type that no kernel handles
};

// Bytes of one element; 0 for kNone.
constexpr uint32_t element_bytes(DataType type) {
  switch (type) {
    case DataType::kFloat32:
    case DataType::kInt32: return 4;
    case DataType::kInt64: return 8;
    case DataType::kInt16: return 2;
    case DataType::kUInt8:
    case DataType::kBool:
    case DataType::kInt8: return 1;
    case DataType::kNone: return 0;
  }
  return 0;
}

// Alignment that arenas, state buffers, plans and model files must have, in bytes.
constexpr uint32_t kBufferAlignment = 16;

// The most dimensions a tensor may have.
constexpr uint32_t kMaxRank = 6;

// Memory for activations or state, 16-aligned; `kBytes` is what the plan states, 0 for none.
template <uint32_t kBytes>
struct Arena {
  alignas(kBufferAlignment) uint8_t bytes[kBytes];
};
template <>
struct Arena<0> {};

// A caller's writable memory.
struct Buffer {
  void* data = nullptr;
  uint32_t bytes = 0;

  constexpr Buffer() = default;
  constexpr Buffer(void* buffer, uint32_t size) : data(buffer), bytes(size) {}
  template <uint32_t kBytes>
  constexpr Buffer(Arena<kBytes>& arena) : data(arena.bytes), bytes(kBytes) {}
  constexpr Buffer(Arena<0>&) {}
};

// A caller's constant memory: a plan, a model file.
struct ConstBuffer {
  const void* data = nullptr;
  uint32_t bytes = 0;

  constexpr ConstBuffer() = default;
  constexpr ConstBuffer(const void* buffer, uint32_t size) : data(buffer), bytes(size) {}
};

}  // namespace microplan

#endif  // MICROPLAN_TYPES_H_
