// SPDX-License-Identifier: Apache-2.0
// AVERAGE_POOL_2D and MAX_POOL_2D of int8 and int16 with Helium: channels side by side in a vector.
#include "microplan/kernels.h"
#include "microplan/kernels/pool_2d.h"

#if defined(__ARM_FEATURE_MVE)
#include "microplan/kernels/mve.h"
#endif

namespace microplan {

namespace {

// So many int8 add up within 16 bits; for sums of so many int16, quotient() is exact.
constexpr uint32_t kMostTaps = 256;

bool supports_average(const void* in, const Target&) {
  const Window& window = *static_cast<const Window*>(in);
  return static_cast<uint32_t>(window.kernel_h) * window.kernel_w <= kMostTaps;
}

#if defined(__ARM_FEATURE_MVE)

// sum / count of four, rounded to nearest, halves away from zero. A magnitude with its rounding is at most
// 2^15 * count + count / 2, and 2^32 / count rounded up is too large by less than 1: with counts up to 2^8 the product's
// error is less than 2^24, not more than the 2^32 / count that lie between a quotient and the next one.
int32x4_t quotient(int32x4_t sum, uint32_t inverse, uint32_t half) {
  const uint32x4_t magnitude = vaddq_n_u32(vreinterpretq_u32_s32(vabsq_s32(sum)), half);
  const int32x4_t result = vreinterpretq_s32_u32(vmulhq_u32(magnitude, vdupq_n_u32(inverse)));
  const mve_pred16_t negative = vcmpltq_n_s32(sum, 0);
  return vnegq_m_s32(result, result, negative);
}

// Eight channels.
struct ByteSums {
  using Element = int8_t;
  static constexpr uint32_t kLanes = 8;
  int16x8_t sums = vdupq_n_s16(0);

  static mve_pred16_t lanes(uint32_t channels) { return vctp16q(channels); }
  void take(const int8_t* x, mve_pred16_t lanes) { sums = vaddq_s16(sums, vldrbq_z_s16(x, lanes)); }
  void store(int8_t* y, const Pool2dParams& params, uint32_t count, mve_pred16_t lanes) const {
    int16x8_t result = sums;
    if (count != 1) {
      const uint32_t inverse = UINT32_MAX / count + 1;
      result = vmovnbq_s32(result, quotient(vmovlbq_s16(sums), inverse, count / 2));
      result = vmovntq_s32(result, quotient(vmovltq_s16(sums), inverse, count / 2));
    }
    result = vmaxq_s16(result, vdupq_n_s16(static_cast<int16_t>(params.act_min)));
    result = vminq_s16(result, vdupq_n_s16(static_cast<int16_t>(params.act_max)));
    vstrbq_p_s16(y, result, lanes);
  }
};

// Four channels.
struct HalfSums {
  using Element = int16_t;
  static constexpr uint32_t kLanes = 4;
  int32x4_t sums = vdupq_n_s32(0);

  static mve_pred16_t lanes(uint32_t channels) { return vctp32q(channels); }
  void take(const int16_t* x, mve_pred16_t lanes) { sums = vaddq_s32(sums, vldrhq_z_s32(x, lanes)); }
  void store(int16_t* y, const Pool2dParams& params, uint32_t count, mve_pred16_t lanes) const {
    const int32x4_t result = count == 1 ? sums : quotient(sums, UINT32_MAX / count + 1, count / 2);
    vstrhq_p_s32(y, mve::clamp(result, vdupq_n_s32(params.act_min), vdupq_n_s32(params.act_max)), lanes);
  }
};

// Eight channels.
struct HalfMaxima {
  using Element = int16_t;
  static constexpr uint32_t kLanes = 8;
  int16x8_t largest = vdupq_n_s16(INT16_MIN);

  static mve_pred16_t lanes(uint32_t channels) { return vctp16q(channels); }
  void take(const int16_t* x, mve_pred16_t lanes) { largest = vmaxq_s16(largest, vldrhq_z_s16(x, lanes)); }
  void store(int16_t* y, const Pool2dParams& params, uint32_t, mve_pred16_t lanes) const {
    const int16x8_t result = vmaxq_s16(largest, vdupq_n_s16(static_cast<int16_t>(params.act_min)));
    vstrhq_p_s16(y, vminq_s16(result, vdupq_n_s16(static_cast<int16_t>(params.act_max))), lanes);
  }
};

// Sixteen channels.
struct ByteMaxima {
  using Element = int8_t;
  static constexpr uint32_t kLanes = 16;
  int8x16_t largest = vdupq_n_s8(INT8_MIN);

  static mve_pred16_t lanes(uint32_t channels) { return vctp8q(channels); }
  void take(const int8_t* x, mve_pred16_t lanes) { largest = vmaxq_s8(largest, vldrbq_z_s8(x, lanes)); }
  void store(int8_t* y, const Pool2dParams& params, uint32_t, mve_pred16_t lanes) const {
    const int8x16_t result = vmaxq_s8(largest, vdupq_n_s8(static_cast<int8_t>(params.act_min)));
    vstrbq_p_s8(y, vminq_s8(result, vdupq_n_s8(static_cast<int8_t>(params.act_max))), lanes);
  }
};

template <typename Reduction>
[[gnu::noinline]] Reduction reduce(const typename Reduction::Element* x, const WindowPosition& at, uint32_t channels,
                                   mve_pred16_t lanes) {
  using Element = typename Reduction::Element;
  Reduction result;
  for_each_tap(x, at, channels, [&](const Element* tap) { result.take(tap, lanes); });
  return result;
}

template <typename Reduction>
Status run(const void* in, Rows rows, const Io& io) {
  using Element = typename Reduction::Element;
  const Pool2dParams& params = *static_cast<const Pool2dParams*>(in);
  const uint32_t channels = params.window.in_c;
  const auto pixel = [&](const Element* x, Element* y, const WindowPosition& at) {
    for (uint32_t c = 0; c < channels; c += Reduction::kLanes) {
      const mve_pred16_t lanes = Reduction::lanes(channels - c);
      reduce<Reduction>(x + c, at, channels, lanes).store(y + c, params, at.taps_h * at.taps_w, lanes);
    }
    return y + channels;
  };
  return run_pool_2d<Element>(params.window, rows, io, pixel);
}

#endif

constexpr Variant variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t code,
                          DataType type, const char* note, bool (*supports)(const void*, const Target&),
                          bool (*footprint)(const void*, Footprint*), Cost (*cost)(const void*, const Target&)) {
  return {kernel, name, operator_name, code,
          type, DataType::kNone, type, note,
          false, Overlap::kRows, sizeof(Pool2dParams),
          prepare_pool_2d, supports, footprint, window_input_rows, nullptr, nullptr, cost, kFeatureMve};
}

}  // namespace

namespace kernels {

#if defined(__ARM_FEATURE_MVE)

Status average_pool_2d_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run<ByteSums>(in, rows, io);
}

Status average_pool_2d_int16_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run<HalfSums>(in, rows, io);
}

Status max_pool_2d_int8_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run<ByteMaxima>(in, rows, io);
}

Status max_pool_2d_int16_mve_run(const void* in, Rows rows, const Io& io, void*) {
  return run<HalfMaxima>(in, rows, io);
}

#endif

const Variant average_pool_2d_int8_mve_variant =
    variant(average_pool_2d_int8_mve, "average_pool_2d_int8_mve", "AVERAGE_POOL_2D", 1, DataType::kInt8,
            "windows of up to 256 taps", supports_average, footprint_pool_2d_int8, pool_2d_cost<5, 70, 60>);

const Variant average_pool_2d_int16_mve_variant =
    variant(average_pool_2d_int16_mve, "average_pool_2d_int16_mve", "AVERAGE_POOL_2D", 1, DataType::kInt16,
            "windows of up to 256 taps", supports_average, footprint_pool_2d_int16, pool_2d_cost<10, 90, 60>);

const Variant max_pool_2d_int8_mve_variant =
    variant(max_pool_2d_int8_mve, "max_pool_2d_int8_mve", "MAX_POOL_2D", 17, DataType::kInt8, "", nullptr,
            footprint_pool_2d_int8, pool_2d_cost<3, 20, 60>);

const Variant max_pool_2d_int16_mve_variant =
    variant(max_pool_2d_int16_mve, "max_pool_2d_int16_mve", "MAX_POOL_2D", 17, DataType::kInt16, "", nullptr,
            footprint_pool_2d_int16, pool_2d_cost<6, 40, 60>);

}  // namespace kernels

}  // namespace microplan
