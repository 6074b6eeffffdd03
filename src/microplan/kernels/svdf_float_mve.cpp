// SPDX-License-Identifier: Apache-2.0
// SVDF in float32 for Helium: four features at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/mve_float.h"
#include "microplan/kernels/svdf_float.h"

namespace microplan {

namespace {

Cost cost(const void* in, const Target&) {
  const SvdfShape& shape = *static_cast<const SvdfShape*>(in);
  constexpr uint32_t kMemory = 7;  // for a value that a filter remembers
  constexpr uint32_t kFilter = 40;
  const uint64_t filters = static_cast<uint64_t>(shape.rows) * shape.units * shape.rank;
  return {filters * (static_cast<uint64_t>(shape.depth) + shape.memory),
          filters * (uint64_t{shape.depth} * 5 / 8 + uint64_t{shape.memory} * kMemory + kFilter), 0};
}

}  // namespace

namespace kernels {

const Variant svdf_float_mve_variant = {
    svdf_float_mve, "svdf_float_mve", "SVDF", 27,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "",
    false, Overlap::kRows, sizeof(SvdfFloatParams),
    svdf_prepare_float, nullptr, svdf_float_footprint, svdf_input_rows, nullptr, svdf_pack_float, cost,
    kFeatureMveF};

}  // namespace kernels

}  // namespace microplan

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

namespace microplan {

namespace {

struct FeatureSums {
  void operator()(const float* x, const float* feature, uint32_t depth, uint32_t count, float* sums) const {
    mve::FloatBlock block;
    mve::clear(&block);
    block.x = x;
    block.count = depth;
    // Features beyond the last repeat it, and their sums are not used.
    for (uint32_t f = 0; f < 4; ++f) {
      block.filter[f] = feature;
      if (f + 1 < count) feature += depth;
    }
    mve::dot(&block);
    mve::finish(block, mve::kWholeRange, nullptr, count, sums);
  }
};

}  // namespace

namespace kernels {

Status svdf_float_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run_svdf_float<FeatureSums>(in, rows, io);
}

}  // namespace kernels

}  // namespace microplan

#endif
