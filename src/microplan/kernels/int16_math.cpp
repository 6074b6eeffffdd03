// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/int16_math.h"

namespace microplan {

namespace {

// Bit i: TensorFlow Lite's table is one above the nearest integer in entry i. Where these come from is not known; every
// other entry is rounded to nearest.
constexpr uint32_t kOneAbove[SigmoidTable::kEntries / 32] = {0xfa7bd110, 0xc0467bae, 0x20440005, 0x00110090,
                                                             0x00000080, 0x00000000, 0x00000000, 0x80000000};

constexpr SigmoidTable make_sigmoid_table() {
  constexpr double kStep = 0.95918945710913818816;  // e^(-1/24)
  SigmoidTable table = {};
  double power = 1;
  for (uint32_t i = 0; i < SigmoidTable::kEntries; ++i, power *= kStep) {
    const uint32_t nearest = static_cast<uint32_t>(65536 / (1 + power) + 0.5);
    table.entry[i] = static_cast<uint16_t>(nearest + (kOneAbove[i / 32] >> (i % 32) & 1));
  }
  return table;
}

}  // namespace

constexpr SigmoidTable kSigmoidTable = make_sigmoid_table();

}  // namespace microplan
