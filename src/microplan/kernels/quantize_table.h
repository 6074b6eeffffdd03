// SPDX-License-Identifier: Apache-2.0
// QUANTIZE from int8 to int8 by a table.
#ifndef MICROPLAN_KERNELS_QUANTIZE_TABLE_H_
#define MICROPLAN_KERNELS_QUANTIZE_TABLE_H_

#include <stdint.h>

#include "microplan/kernels/quantize.h"
#include "microplan/operator.h"

namespace microplan {

inline void pack_requantize_table(const OperatorContext&, const void* in, ConstantWriter& writer) {
  if (!writer.begin(kByteTableBytes)) return;
  const RequantizeParams& params = *static_cast<const RequantizeParams*>(in);
  pack_table([&params](uint8_t q) { return requantize_to_int8(params, static_cast<int8_t>(q)); }, writer);
}

// kInstructions: for four elements.
template <uint32_t kInstructions>
Cost table_cost(const void* in, const Target&) {
  const RowSplit split = *static_cast<const RowSplit*>(in);
  constexpr uint32_t kRow = 20;
  return {0, split.rows * (uint64_t{split.elements} * kInstructions / 4 + kRow), kByteTableBytes};
}

template <uint32_t kInstructions>
constexpr Variant requantize_table_variant(const Kernel& kernel, const char* name, uint32_t features) {
  return {kernel, name, "QUANTIZE", 114,
          DataType::kInt8, DataType::kNone, DataType::kInt8, "",
          false, Overlap::kElementwise, sizeof(RequantizeParams),
          prepare_requantize, nullptr, table_footprint, equal_rows, nullptr, pack_requantize_table,
          table_cost<kInstructions>, features, true, true};
}

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_QUANTIZE_TABLE_H_
