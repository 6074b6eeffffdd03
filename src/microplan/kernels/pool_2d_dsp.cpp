// SPDX-License-Identifier: Apache-2.0
// AVERAGE_POOL_2D and MAX_POOL_2D of int8 with the DSP extension: four channels in a word.
#include "microplan/kernels.h"
#include "microplan/kernels/dsp.h"
#include "microplan/kernels/pool_2d.h"

namespace microplan {

namespace {

// So many int8 add up within the halves of a word.
constexpr uint32_t kMostTaps = 256;

// Channels 0 and 2 in one word, 1 and 3 in the other.
struct Sums {
  uint32_t even = 0, odd = 0;

  void take(uint32_t four) {
    even = dsp::sxtab16(even, four);
    odd = dsp::sxtab16_ror8(odd, four);
  }
  uint32_t finish(int32_t count) const {
    const uint32_t q0 = static_cast<uint32_t>(pool_quotient(dsp::low_half(even), count)) & 0xffu;
    const uint32_t q1 = static_cast<uint32_t>(pool_quotient(dsp::low_half(odd), count)) & 0xffu;
    const uint32_t q2 = static_cast<uint32_t>(pool_quotient(dsp::high_half(even), count)) & 0xffu;
    const uint32_t q3 = static_cast<uint32_t>(pool_quotient(dsp::high_half(odd), count));
    return q0 | q1 << 8 | q2 << 16 | q3 << 24;
  }
};

struct Maxima {
  uint32_t largest = 0x80808080u;

  void take(uint32_t four) { largest = dsp::max_bytes(largest, four); }
  uint32_t finish(int32_t) const { return largest; }
};

// `count` bytes, 1 to 3.
uint32_t load_few(const int8_t* from, uint32_t count) {
  uint32_t word = 0;
  memcpy(&word, from, 1);
  for (uint32_t i = 1; i < count; ++i) word |= static_cast<uint32_t>(static_cast<uint8_t>(from[i])) << (8 * i);
  return word;
}

// Of `count` channels, at most 4, over all taps. A function of its own, so that the inner loop has the registers to itself.
template <typename Reduction, bool kFour>
[[gnu::noinline]] uint32_t reduce(const int8_t* x, const WindowPosition& at, uint32_t channels, uint32_t count) {
  Reduction result;
  for_each_tap(x, at, channels, [&](const int8_t* tap) {
    result.take(kFour ? dsp::load_word(tap) : load_few(tap, count));
  });
  return result.finish(static_cast<int32_t>(at.taps_h * at.taps_w));
}

template <typename Reduction>
Status run(const void* in, Rows rows, const Io& io) {
  const Pool2dParams& params = *static_cast<const Pool2dParams*>(in);
  const uint32_t channels = params.window.in_c;
  const uint32_t low = static_cast<uint8_t>(params.act_min) * 0x01010101u;
  const uint32_t high = static_cast<uint8_t>(params.act_max) * 0x01010101u;
  const auto pixel = [&](const int8_t* x, int8_t* y, const WindowPosition& at) {
    uint32_t left = channels;
    for (; left >= 4; left -= 4) {
      const uint32_t four = reduce<Reduction, true>(x, at, channels, 4);
      dsp::store_word(y, dsp::min_bytes(dsp::max_bytes(four, low), high));
      x += 4;
      y += 4;
    }
    if (left == 0) return y;
    uint32_t few = dsp::min_bytes(dsp::max_bytes(reduce<Reduction, false>(x, at, channels, left), low), high);
    for (; left != 0; --left, few >>= 8) *y++ = static_cast<int8_t>(few);
    return y;
  };
  return run_pool_2d<int8_t>(params.window, rows, io, pixel);
}

// One channel has no use for words.
bool supports(const void* in, const Target&) { return static_cast<const Window*>(in)->in_c > 1; }

bool supports_average(const void* in, const Target& target) {
  const Window& window = *static_cast<const Window*>(in);
  return supports(in, target) && static_cast<uint32_t>(window.kernel_h) * window.kernel_w <= kMostTaps;
}

}  // namespace

namespace kernels {

Status average_pool_2d_int8_dsp_run(const void* in, Rows rows, const Io& io, void*) { return run<Sums>(in, rows, io); }

Status max_pool_2d_int8_dsp_run(const void* in, Rows rows, const Io& io, void*) { return run<Maxima>(in, rows, io); }

const Variant average_pool_2d_int8_dsp_variant = {
    average_pool_2d_int8_dsp, "average_pool_2d_int8_dsp", "AVERAGE_POOL_2D", 1,
    DataType::kInt8, DataType::kNone, DataType::kInt8, "windows of up to 256 taps, 2 channels or more",
    false, Overlap::kRows, sizeof(Pool2dParams),
    prepare_pool_2d, supports_average, footprint_pool_2d_int8, window_input_rows, nullptr, nullptr,
    pool_2d_cost<14, 136, 60>, kFeatureDsp};

const Variant max_pool_2d_int8_dsp_variant = {
    max_pool_2d_int8_dsp, "max_pool_2d_int8_dsp", "MAX_POOL_2D", 17,
    DataType::kInt8, DataType::kNone, DataType::kInt8, "2 channels or more",
    false, Overlap::kRows, sizeof(Pool2dParams),
    prepare_pool_2d, supports, footprint_pool_2d_int8, window_input_rows, nullptr, nullptr,
    pool_2d_cost<14, 72, 60>, kFeatureDsp};

}  // namespace kernels

}  // namespace microplan
