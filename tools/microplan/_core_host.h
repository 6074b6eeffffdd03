// SPDX-License-Identifier: Apache-2.0
// What the extension's files share: buffers on the host, names of statuses and types, kernels by id.
#ifndef MICROPLAN_CORE_HOST_H_
#define MICROPLAN_CORE_HOST_H_

#include <nanobind/nanobind.h>
#include <stdint.h>
#include <string.h>

#include <new>

#include "microplan.h"

namespace microplan_python {

namespace nb = nanobind;
using namespace microplan;

// Memory that begins `misalignment` bytes behind a 16-byte boundary and is exactly as long as asked for, so that a
// sanitizer sees every byte beyond it.
class HostBuffer {
 public:
  explicit HostBuffer(uint32_t bytes, uint32_t misalignment = 0)
      : block_(::operator new(size_t{bytes} + misalignment, kAlignment)),
        data_(static_cast<uint8_t*>(block_) + misalignment),
        bytes_(bytes) {
    memset(data_, 0, bytes);
  }
  explicit HostBuffer(const nb::bytes& content) : HostBuffer(size_of(content)) {
    memcpy(data_, content.c_str(), bytes_);
  }
  HostBuffer(HostBuffer&& other) noexcept : block_(other.block_), data_(other.data_), bytes_(other.bytes_) {
    other.block_ = nullptr;
  }
  HostBuffer& operator=(HostBuffer&&) = delete;
  ~HostBuffer() { ::operator delete(block_, kAlignment); }

  uint8_t* data() const { return data_; }
  uint32_t bytes() const { return bytes_; }
  operator Buffer() const { return {data_, bytes_}; }
  operator ConstBuffer() const { return {data_, bytes_}; }
  nb::bytes to_bytes() const { return nb::bytes(data_, bytes_); }

 private:
  static constexpr std::align_val_t kAlignment{kBufferAlignment};

  static uint32_t size_of(const nb::bytes& content) {
    if (content.size() > UINT32_MAX) throw nb::value_error("more than 4 GiB");
    return static_cast<uint32_t>(content.size());
  }

  void* block_;
  uint8_t* data_;
  uint32_t bytes_;
};

inline const char* status_name(Status status) {
  static constexpr const char* kNames[] = {
#define MICROPLAN_STATUS_STRING(name, text) #name,
      MICROPLAN_STATUS_LIST(MICROPLAN_STATUS_STRING)
#undef MICROPLAN_STATUS_STRING
  };
  return kNames[static_cast<uint32_t>(status)];
}

inline const char* type_name(DataType type) {
  switch (type) {
    case DataType::kFloat32: return "float32";
    case DataType::kInt32: return "int32";
    case DataType::kUInt8: return "uint8";
    case DataType::kInt64: return "int64";
    case DataType::kBool: return "bool";
    case DataType::kInt16: return "int16";
    case DataType::kInt8: return "int8";
    case DataType::kNone: break;
  }
  return "";
}

inline const Variant* find_variant(uint16_t id) {
  for (uint32_t i = 0; i < kAllVariantsCount; ++i) {
    if (kAllVariants[i]->kernel.id == id) return kAllVariants[i];
  }
  return nullptr;
}

}  // namespace microplan_python

#endif  // MICROPLAN_CORE_HOST_H_
