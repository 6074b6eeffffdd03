// SPDX-License-Identifier: Apache-2.0
// Operators with float activations and int8 filters, as TensorFlow Lite's reference kernels compute them: the input is
// quantized to int8 when the step runs, over the range that it has in this inference.
#ifndef MICROPLAN_KERNELS_HYBRID_H_
#define MICROPLAN_KERNELS_HYBRID_H_

#include <stdint.h>

#include "microplan/kernels/accumulator.h"
#include "microplan/kernels/window.h"

namespace microplan {

// real = scale * (q - zero_point)
struct DynamicQuantization {
  float scale;
  int32_t zero_point;  // 0 when symmetric
};

// Quantizes rows of `elements` floats over their common range: [smallest, largest], widened to hold 0, to [-128, 127]
// or, when symmetric, [-largest magnitude, largest magnitude] to [-127, 127].
DynamicQuantization quantize_rows(const View& input, Rows rows, uint32_t elements, bool asymmetric, int8_t* output);

inline Batch window_batch(const Window& window) {
  return {window.out_h, window.in_h, static_cast<uint32_t>(window.in_w) * window.in_c};
}

// For Params that begin with a window: all input rows of every batch that the rows are part of, because its range is
// known with its last row only, and the scratch for one quantized batch.
Rows hybrid_input_rows(const void* params, uint32_t view, Rows rows);
uint32_t hybrid_scratch_bytes(const void* params, uint32_t rows);

class HybridAccumulator : public Int8Products {
 public:
  using Products = Int8Products;
  using Params = HybridQuantization;
  using Output = float;

  HybridAccumulator(const Params& params, const Io& io, const Batch& batch, void* scratch);
  // The rows of the batch that begin_row() quantized, in place of all batches.
  View input() const { return {reinterpret_cast<uint8_t*>(scratch_), batch_.elements, batch_.in_rows}; }
  void begin_row(uint32_t row);
  int32_t input_offset() const { return -now_.zero_point; }
  const int8_t* filter() const { return filter_; }
  float finish(uint32_t channel, uint32_t sum) const;

 private:
  const Params& params_;
  const View source_;
  const Batch batch_;
  int8_t* const scratch_;
  const int8_t* const filter_;
  const float* const bias_;
  const float* const scales_;
  uint32_t quantized_ = UINT32_MAX;  // index of the batch in scratch_
  DynamicQuantization now_ = {1, 0};
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_HYBRID_H_
