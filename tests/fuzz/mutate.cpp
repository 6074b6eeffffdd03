// SPDX-License-Identifier: Apache-2.0
#include "mutate.h"

#include <algorithm>
#include <cstring>

namespace microplan {
namespace fuzz {

namespace {

uint32_t load(const Bytes& bytes, size_t at, size_t width) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, width);
  return value;
}

void store(Bytes* bytes, size_t at, size_t width, uint32_t value) { std::memcpy(bytes->data() + at, &value, width); }

// Offsets, counts, dimensions and the like are small numbers of either sign; a weight or a float rarely looks like one.
std::vector<uint32_t> find_structure(const Bytes& bytes) {
  std::vector<uint32_t> positions;
  for (size_t at = 0; at + 4 <= bytes.size(); at += 4) {
    const uint8_t top = bytes[at + 3];
    if (top == 0 || top == 0xff) positions.push_back(static_cast<uint32_t>(at));
  }
  return positions;
}

}  // namespace

void Mutator::mutate(Bytes* bytes, const Bytes& other, size_t max_bytes) {
  structure_ = find_structure(*bytes);
  // Mostly one or two: a file that is wrong in many places is refused at the first.
  size_t count = 1;
  while (count < 8 && below(2) == 0) ++count;
  for (size_t i = 0; i < count; ++i) mutate_once(bytes, other, max_bytes);
}

// Where to change `width` bytes: four times of five in a word that looks like structure.
size_t Mutator::place(const Bytes& bytes, size_t width) {
  if (!structure_.empty() && below(5) != 0) {
    const size_t at = structure_[below(structure_.size())] + below(4 / width) * width;
    if (at + width <= bytes.size()) return at;
  }
  return below(bytes.size() - width + 1);
}

uint32_t Mutator::interesting(size_t file_bytes) {
  static const uint32_t kValues[] = {0,      1,      2,          3,           4,          7,          8,
                                     16,     0x7f,   0x80,       0xff,        0x100,      0x7fff,     0x8000,
                                     0xffff, 0x10000, 0x0fffffff, 0x10000000, 0x3fffffff, 0x40000000, 0x7fffffff,
                                     0x80000000, 0x80000001, 0xfffffffe, 0xffffffff,
                                     0x3f800000, 0x00000001, 0x7f800000, 0x7fc00000, 0x7f7fffff};  // floats
  constexpr size_t kCount = sizeof kValues / sizeof kValues[0];
  const size_t choice = below(kCount + 2);
  if (choice < kCount) return kValues[choice];
  return static_cast<uint32_t>(file_bytes + below(17) - 8);
}

void Mutator::resize(Bytes* bytes, size_t max_bytes) {
  if (below(2) == 0) {
    bytes->resize(below(bytes->size() + 1));
  } else {
    bytes->resize(std::min(max_bytes, bytes->size() + 1 + below(64)), static_cast<uint8_t>(below(256)));
  }
}

void Mutator::mutate_once(Bytes* bytes, const Bytes& other, size_t max_bytes) {
  if (bytes->size() < 8) {
    bytes->resize(std::min<size_t>(max_bytes, 64));
    if (bytes->size() < 8) return;
  }
  const size_t width = size_t{1} << below(3);
  const size_t at = place(*bytes, width);
  switch (below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: store(bytes, at, width, interesting(bytes->size())); return;
    case 5:
    case 6:
    case 7: {
      const uint32_t step = 1 + static_cast<uint32_t>(below(16));
      const uint32_t value = load(*bytes, at, width);
      store(bytes, at, width, below(2) == 0 ? value + step : value - step);
      return;
    }
    case 8: (*bytes)[at] ^= static_cast<uint8_t>(1u << below(8)); return;
    case 9: store(bytes, at, width, static_cast<uint32_t>(random_())); return;
    case 10: {
      const size_t with = place(*bytes, width);
      const uint32_t value = load(*bytes, at, width);
      store(bytes, at, width, load(*bytes, with, width));
      store(bytes, with, width, value);
      return;
    }
    case 11:
    case 12: store(bytes, at, width, load(*bytes, place(*bytes, width), width)); return;
    case 13:
      if (other.size() >= width) store(bytes, at, width, load(other, below(other.size() - width + 1), width));
      return;
    case 14: {
      const size_t count = 4 * (1 + below(16));
      if (count > bytes->size()) return;
      const size_t from = below(bytes->size() - count + 1) & ~size_t{3};
      const size_t to = below(bytes->size() - count + 1) & ~size_t{3};
      std::memmove(bytes->data() + to, bytes->data() + from, count);
      return;
    }
    default: resize(bytes, max_bytes); return;
  }
}

}  // namespace fuzz
}  // namespace microplan
