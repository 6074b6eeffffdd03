// SPDX-License-Identifier: Apache-2.0
// The instructions of Arm's DSP extension that kernels use, as functions; portable code with the same results elsewhere.
#ifndef MICROPLAN_KERNELS_DSP_H_
#define MICROPLAN_KERNELS_DSP_H_

#include <stdint.h>
#include <string.h>

#include "microplan/config.h"
#include "microplan/kernels/quantization.h"

namespace microplan {
namespace dsp {

// Four bytes from any address.
inline uint32_t load_word(const void* from) {
  uint32_t word;
  memcpy(&word, from, sizeof word);
  return word;
}
inline void store_word(void* to, uint32_t word) { memcpy(to, &word, sizeof word); }

inline int32_t low_half(uint32_t word) { return static_cast<int16_t>(word); }
inline int32_t high_half(uint32_t word) { return static_cast<int16_t>(word >> 16); }
inline uint32_t join_halves(int32_t low, int32_t high) {
  return (static_cast<uint32_t>(low) & 0xffffu) | (static_cast<uint32_t>(high) << 16);
}

#if defined(__ARM_FEATURE_DSP)

#define MICROPLAN_DSP_1(name, instruction)                                    \
  inline uint32_t name(uint32_t a) {                                          \
    uint32_t result;                                                          \
    asm(instruction : "=r"(result) : "r"(a));                                 \
    return result;                                                            \
  }
#define MICROPLAN_DSP_2(name, type, instruction)                              \
  inline type name(type a, type b) {                                          \
    type result;                                                              \
    asm(instruction : "=r"(result) : "r"(a), "r"(b));                         \
    return result;                                                            \
  }
#define MICROPLAN_DSP_3(name, type, instruction)                              \
  inline int32_t name(type a, type b, int32_t sum) {                          \
    int32_t result;                                                           \
    asm(instruction : "=r"(result) : "r"(a), "r"(b), "r"(sum));               \
    return result;                                                            \
  }

#else

#define MICROPLAN_DSP_1(name, instruction) uint32_t name(uint32_t a);
#define MICROPLAN_DSP_2(name, type, instruction) type name(type a, type b);
#define MICROPLAN_DSP_3(name, type, instruction) int32_t name(type a, type b, int32_t sum);

#endif

// Bytes 0 and 2, or 1 and 3, as two signed halves.
MICROPLAN_DSP_1(sxtb16, "sxtb16 %0, %1")
MICROPLAN_DSP_1(sxtb16_ror8, "sxtb16 %0, %1, ror #8")
// The same, added to the halves of the first operand, modulo 2^16.
MICROPLAN_DSP_2(sxtab16, uint32_t, "sxtab16 %0, %1, %2")
MICROPLAN_DSP_2(sxtab16_ror8, uint32_t, "sxtab16 %0, %1, %2, ror #8")
// Low half of the first, high half of the second shifted left by 16; and high half of the first, low half of the second
// shifted right by 16.
MICROPLAN_DSP_2(pkhbt, uint32_t, "pkhbt %0, %1, %2, lsl #16")
MICROPLAN_DSP_2(pkhtb, uint32_t, "pkhtb %0, %1, %2, asr #16")
// Sums of the halves, saturated.
MICROPLAN_DSP_2(qadd16, uint32_t, "qadd16 %0, %1, %2")
// sum + low * low + high * high.
MICROPLAN_DSP_3(smlad, uint32_t, "smlad %0, %1, %2, %3")
// sum + product of halves: bottom by bottom, top by top.
MICROPLAN_DSP_3(smlabb, uint32_t, "smlabb %0, %1, %2, %3")
MICROPLAN_DSP_3(smlabt, uint32_t, "smlabt %0, %1, %2, %3")
MICROPLAN_DSP_3(smlatb, uint32_t, "smlatb %0, %1, %2, %3")
MICROPLAN_DSP_3(smlatt, uint32_t, "smlatt %0, %1, %2, %3")
// (a * b + 2^31) / 2^32, rounded down; and sum + that.
MICROPLAN_DSP_2(smmulr, int32_t, "smmulr %0, %1, %2")
MICROPLAN_DSP_3(smmlar, int32_t, "smmlar %0, %1, %2, %3")

#undef MICROPLAN_DSP_1
#undef MICROPLAN_DSP_2
#undef MICROPLAN_DSP_3

#if !defined(__ARM_FEATURE_DSP)

inline uint32_t sxtb16(uint32_t a) {
  return join_halves(static_cast<int8_t>(a), static_cast<int8_t>(a >> 16));
}
inline uint32_t sxtb16_ror8(uint32_t a) { return sxtb16(a >> 8 | a << 24); }
inline uint32_t sxtab16(uint32_t a, uint32_t b) {
  const uint32_t wide = sxtb16(b);
  return ((a + wide) & 0xffffu) | ((a & 0xffff0000u) + (wide & 0xffff0000u));
}
inline uint32_t sxtab16_ror8(uint32_t a, uint32_t b) { return sxtab16(a, b >> 8 | b << 24); }
inline uint32_t pkhbt(uint32_t a, uint32_t b) { return (a & 0xffffu) | (b << 16); }
inline uint32_t pkhtb(uint32_t a, uint32_t b) { return (a & 0xffff0000u) | (b >> 16); }
inline uint32_t qadd16(uint32_t a, uint32_t b) {
  return join_halves(clamp(low_half(a) + low_half(b), INT16_MIN, INT16_MAX),
                     clamp(high_half(a) + high_half(b), INT16_MIN, INT16_MAX));
}
inline int32_t smlad(uint32_t a, uint32_t b, int32_t sum) {
  return wrap_add(sum, wrap_add(low_half(a) * low_half(b), high_half(a) * high_half(b)));
}
inline int32_t smlabb(uint32_t a, uint32_t b, int32_t sum) { return wrap_add(sum, low_half(a) * low_half(b)); }
inline int32_t smlabt(uint32_t a, uint32_t b, int32_t sum) { return wrap_add(sum, low_half(a) * high_half(b)); }
inline int32_t smlatb(uint32_t a, uint32_t b, int32_t sum) { return wrap_add(sum, high_half(a) * low_half(b)); }
inline int32_t smlatt(uint32_t a, uint32_t b, int32_t sum) { return wrap_add(sum, high_half(a) * high_half(b)); }
inline int32_t smmulr(int32_t a, int32_t b) {
  const uint64_t product = static_cast<uint64_t>(static_cast<int64_t>(a) * b) + 0x80000000u;
  return static_cast<int32_t>(product >> 32);
}
inline int32_t smmlar(int32_t a, int32_t b, int32_t sum) { return wrap_add(sum, smmulr(a, b)); }

#endif

// The larger and the smaller of each pair of signed bytes, or halves.
#if defined(__ARM_FEATURE_DSP)

inline uint32_t max_bytes(uint32_t a, uint32_t b) {
  uint32_t result;
  asm("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b) : "cc");
  return result;
}
inline uint32_t min_bytes(uint32_t a, uint32_t b) {
  uint32_t result;
  asm("ssub8 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(result) : "r"(a), "r"(b) : "cc");
  return result;
}
inline uint32_t max_halves(uint32_t a, uint32_t b) {
  uint32_t result;
  asm("ssub16 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b) : "cc");
  return result;
}
inline uint32_t min_halves(uint32_t a, uint32_t b) {
  uint32_t result;
  asm("ssub16 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(result) : "r"(a), "r"(b) : "cc");
  return result;
}

#else

inline uint32_t max_bytes(uint32_t a, uint32_t b) {
  uint32_t result = 0;
  for (uint32_t lane = 0; lane < 32; lane += 8) {
    const bool first = static_cast<int8_t>(a >> lane) >= static_cast<int8_t>(b >> lane);
    result |= (first ? a : b) & (0xffu << lane);
  }
  return result;
}
inline uint32_t min_bytes(uint32_t a, uint32_t b) { return a ^ b ^ max_bytes(a, b); }
inline uint32_t max_halves(uint32_t a, uint32_t b) {
  return join_halves(low_half(a) >= low_half(b) ? low_half(a) : low_half(b),
                     high_half(a) >= high_half(b) ? high_half(a) : high_half(b));
}
inline uint32_t min_halves(uint32_t a, uint32_t b) { return a ^ b ^ max_halves(a, b); }

#endif

// The value kept within a signed integer of kBits. Cores without the extension have this one, too.
#if defined(__ARM_FEATURE_SAT)

template <int kBits>
inline int32_t ssat(int32_t value) {
  int32_t result;
  asm("ssat %0, %1, %2" : "=r"(result) : "i"(kBits), "r"(value));
  return result;
}

// The same of value >> kShift.
template <int kBits, int kShift>
inline int32_t ssat_shifted(int32_t value) {
  int32_t result;
  asm("ssat %0, %1, %2, asr %3" : "=r"(result) : "i"(kBits), "r"(value), "i"(kShift));
  return result;
}

#else

template <int kBits>
inline int32_t ssat(int32_t value) {
  return clamp(value, -(1 << (kBits - 1)), (1 << (kBits - 1)) - 1);
}

template <int kBits, int kShift>
inline int32_t ssat_shifted(int32_t value) {
  return ssat<kBits>(value >> kShift);
}

#endif

// requantize_fast() in the core's own instructions.
inline int32_t requantize(int32_t value, int32_t multiplier, int32_t rounding, int32_t right_shift) {
  const int32_t twice = shift_left(value, 1);
  return smmlar(twice, multiplier, wrap_add(rounding, twice >> 31)) >> (right_shift & 31);
}

}  // namespace dsp
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_DSP_H_
