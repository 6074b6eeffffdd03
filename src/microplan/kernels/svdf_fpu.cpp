// SPDX-License-Identifier: Apache-2.0
// SVDF in float32 for cores with a scalar floating-point unit: four features at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/fpu_dot.h"
#include "microplan/kernels/svdf_float.h"

namespace microplan {

namespace {

Cost cost(const void* in, const Target&) {
  const SvdfShape& shape = *static_cast<const SvdfShape*>(in);
  constexpr uint32_t kMemory = 7;  // for a value that a filter remembers
  constexpr uint32_t kFilter = 40;
  const uint64_t filters = static_cast<uint64_t>(shape.rows) * shape.units * shape.rank;
  return {filters * (static_cast<uint64_t>(shape.depth) + shape.memory),
          filters * (uint64_t{shape.depth} * 12 / 8 + uint64_t{shape.memory} * kMemory + kFilter), 0};
}

}  // namespace

namespace kernels {

const Variant svdf_float_fpu_variant = {
    svdf_float_fpu, "svdf_float_fpu", "SVDF", 27,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "",
    false, Overlap::kRows, sizeof(SvdfFloatParams),
    svdf_prepare_float, nullptr, svdf_float_footprint, svdf_input_rows, nullptr, svdf_pack_float, cost,
    kFeatureFpu};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_HAS_FPU

namespace microplan {

namespace {

struct FeatureSums {
  void operator()(const float* x, const float* feature, uint32_t depth, uint32_t count, float* sums) const {
    fpu::Block block = {};
    block.x[0] = x;
    block.count = depth;
    // Features beyond the last repeat it, and their sums are not used.
    for (uint32_t f = 0; f < 4; ++f) {
      block.filter[f] = feature;
      if (f + 1 < count) feature += depth;
    }
    fpu::dot_4x1(&block);
    for (uint32_t f = 0; f < count; ++f) sums[f] = block.sum[f][0];
  }
};

}  // namespace

namespace kernels {

Status svdf_float_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  return run_svdf_float<FeatureSums>(in, rows, io);
}

}  // namespace kernels

}  // namespace microplan

#endif
