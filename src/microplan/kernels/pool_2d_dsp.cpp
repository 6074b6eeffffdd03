// SPDX-License-Identifier: Apache-2.0
// AVERAGE_POOL_2D and MAX_POOL_2D of int8 and int16 with the DSP extension: four channels at a time.
#include "microplan/kernels.h"
#include "microplan/kernels/dsp.h"
#include "microplan/kernels/pool_2d.h"

namespace microplan {

namespace {

// So many int8 add up within the halves of a word.
constexpr uint32_t kMostTaps = 256;

// Four channels of int8.
struct Bytes {
  using Element = int8_t;
  uint32_t word;

  static Bytes all(int32_t value) { return {static_cast<uint8_t>(value) * 0x01010101u}; }
  static Bytes load(const int8_t* x) { return {dsp::load_word(x)}; }
  // Of `count` channels, 1 to 3.
  static Bytes load_few(const int8_t* x, uint32_t count) {
    uint32_t word = 0;
    memcpy(&word, x, 1);
    for (uint32_t i = 1; i < count; ++i) word |= static_cast<uint32_t>(static_cast<uint8_t>(x[i])) << (8 * i);
    return {word};
  }
  void store(int8_t* y) const { dsp::store_word(y, word); }
  void store_few(int8_t* y, uint32_t count) const {
    for (uint32_t i = 0; i < count; ++i) y[i] = static_cast<int8_t>(word >> (8 * i));
  }
  Bytes max(Bytes other) const { return {dsp::max_bytes(word, other.word)}; }
  Bytes min(Bytes other) const { return {dsp::min_bytes(word, other.word)}; }
};

// Four channels of int16.
struct Halves {
  using Element = int16_t;
  uint32_t first, second;

  static Halves all(int32_t value) { return {dsp::join_halves(value, value), dsp::join_halves(value, value)}; }
  static Halves load(const int16_t* x) { return {dsp::load_word(x), dsp::load_word(x + 2)}; }
  static Halves load_few(const int16_t* x, uint32_t count) {
    return {dsp::join_halves(x[0], count > 1 ? x[1] : 0), dsp::join_halves(count > 2 ? x[2] : 0, 0)};
  }
  void store(int16_t* y) const {
    dsp::store_word(y, first);
    dsp::store_word(y + 2, second);
  }
  void store_few(int16_t* y, uint32_t count) const {
    y[0] = static_cast<int16_t>(first);
    if (count > 1) y[1] = static_cast<int16_t>(first >> 16);
    if (count > 2) y[2] = static_cast<int16_t>(second);
  }
  Halves max(Halves other) const {
    return {dsp::max_halves(first, other.first), dsp::max_halves(second, other.second)};
  }
  Halves min(Halves other) const {
    return {dsp::min_halves(first, other.first), dsp::min_halves(second, other.second)};
  }
};

// Channels 0 and 2 in one word, 1 and 3 in the other.
struct ByteSums {
  using Four = Bytes;
  uint32_t even = 0, odd = 0;

  void take(Bytes four) {
    even = dsp::sxtab16(even, four.word);
    odd = dsp::sxtab16_ror8(odd, four.word);
  }
  Bytes finish(int32_t count) const {
    const uint32_t q0 = static_cast<uint32_t>(pool_quotient(dsp::low_half(even), count)) & 0xffu;
    const uint32_t q1 = static_cast<uint32_t>(pool_quotient(dsp::low_half(odd), count)) & 0xffu;
    const uint32_t q2 = static_cast<uint32_t>(pool_quotient(dsp::high_half(even), count)) & 0xffu;
    const uint32_t q3 = static_cast<uint32_t>(pool_quotient(dsp::high_half(odd), count));
    return {q0 | q1 << 8 | q2 << 16 | q3 << 24};
  }
};

struct HalfSums {
  using Four = Halves;
  int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;

  void take(Halves four) {
    sum0 = wrap_add(sum0, dsp::low_half(four.first));
    sum1 = wrap_add(sum1, dsp::high_half(four.first));
    sum2 = wrap_add(sum2, dsp::low_half(four.second));
    sum3 = wrap_add(sum3, dsp::high_half(four.second));
  }
  Halves finish(int32_t count) const {
    return {dsp::join_halves(pool_quotient(sum0, count), pool_quotient(sum1, count)),
            dsp::join_halves(pool_quotient(sum2, count), pool_quotient(sum3, count))};
  }
};

template <typename T>
struct Maxima {
  using Four = T;
  Four largest = Four::all(sizeof(typename T::Element) == 1 ? INT8_MIN : INT16_MIN);

  void take(Four four) { largest = largest.max(four); }
  Four finish(int32_t) const { return largest; }
};

// Of `count` channels, at most 4, over all taps. A function of its own, so that the inner loop has the registers to itself.
template <typename Reduction, bool kFour>
[[gnu::noinline]] typename Reduction::Four reduce(const typename Reduction::Four::Element* x, const WindowPosition& at,
                                                  uint32_t channels, uint32_t count) {
  using Four = typename Reduction::Four;
  Reduction result;
  for_each_tap(x, at, channels, [&](const typename Four::Element* tap) {
    result.take(kFour ? Four::load(tap) : Four::load_few(tap, count));
  });
  return result.finish(static_cast<int32_t>(at.taps_h * at.taps_w));
}

template <typename Reduction>
Status run(const void* in, Rows rows, const Io& io) {
  using Four = typename Reduction::Four;
  using Element = typename Four::Element;
  const Pool2dParams& params = *static_cast<const Pool2dParams*>(in);
  const uint32_t channels = params.window.in_c;
  const Four low = Four::all(params.act_min);
  const Four high = Four::all(params.act_max);
  const auto pixel = [&](const Element* x, Element* y, const WindowPosition& at) {
    uint32_t left = channels;
    for (; left >= 4; left -= 4) {
      reduce<Reduction, true>(x, at, channels, 4).max(low).min(high).store(y);
      x += 4;
      y += 4;
    }
    if (left == 0) return y;
    reduce<Reduction, false>(x, at, channels, left).max(low).min(high).store_few(y, left);
    return y + left;
  };
  return run_pool_2d<Element>(params.window, rows, io, pixel);
}

// One channel has no use for words.
bool supports(const void* in, const Target&) { return static_cast<const Window*>(in)->in_c > 1; }

bool supports_average(const void* in, const Target& target) {
  const Window& window = *static_cast<const Window*>(in);
  return supports(in, target) && static_cast<uint32_t>(window.kernel_h) * window.kernel_w <= kMostTaps;
}

constexpr Variant variant(const Kernel& kernel, const char* name, const char* operator_name, uint8_t code,
                          DataType type, const char* note, bool (*supports_of)(const void*, const Target&),
                          bool (*footprint)(const void*, Footprint*), Cost (*cost)(const void*, const Target&)) {
  return {kernel, name, operator_name, code,
          type, DataType::kNone, type, note,
          false, Overlap::kRows, sizeof(Pool2dParams),
          prepare_pool_2d, supports_of, footprint, window_input_rows, nullptr, nullptr, cost, kFeatureDsp};
}

}  // namespace

namespace kernels {

Status average_pool_2d_int8_dsp_run(const void* in, Rows rows, const Io& io, void*) {
  return run<ByteSums>(in, rows, io);
}

Status average_pool_2d_int16_dsp_run(const void* in, Rows rows, const Io& io, void*) {
  return run<HalfSums>(in, rows, io);
}

Status max_pool_2d_int8_dsp_run(const void* in, Rows rows, const Io& io, void*) {
  return run<Maxima<Bytes>>(in, rows, io);
}

Status max_pool_2d_int16_dsp_run(const void* in, Rows rows, const Io& io, void*) {
  return run<Maxima<Halves>>(in, rows, io);
}

const Variant average_pool_2d_int8_dsp_variant =
    variant(average_pool_2d_int8_dsp, "average_pool_2d_int8_dsp", "AVERAGE_POOL_2D", 1, DataType::kInt8,
            "windows of up to 256 taps, 2 channels or more", supports_average, footprint_pool_2d_int8,
            pool_2d_cost<14, 136, 60>);

const Variant average_pool_2d_int16_dsp_variant =
    variant(average_pool_2d_int16_dsp, "average_pool_2d_int16_dsp", "AVERAGE_POOL_2D", 1, DataType::kInt16,
            "2 channels or more", supports, footprint_pool_2d_int16, pool_2d_cost<25, 150, 60>);

const Variant max_pool_2d_int8_dsp_variant =
    variant(max_pool_2d_int8_dsp, "max_pool_2d_int8_dsp", "MAX_POOL_2D", 17, DataType::kInt8, "2 channels or more",
            supports, footprint_pool_2d_int8, pool_2d_cost<14, 72, 60>);

const Variant max_pool_2d_int16_dsp_variant =
    variant(max_pool_2d_int16_dsp, "max_pool_2d_int16_dsp", "MAX_POOL_2D", 17, DataType::kInt16, "2 channels or more",
            supports, footprint_pool_2d_int16, pool_2d_cost<20, 90, 60>);

}  // namespace kernels

}  // namespace microplan
