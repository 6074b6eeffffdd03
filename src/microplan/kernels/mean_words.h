// SPDX-License-Identifier: Apache-2.0
// Sums of four means whose elements lie side by side in words, for run_mean_int8().
#ifndef MICROPLAN_KERNELS_MEAN_WORDS_H_
#define MICROPLAN_KERNELS_MEAN_WORDS_H_

#include <stdint.h>

#include "microplan/kernels/dsp.h"
#include "microplan/kernels/mean_int8.h"

namespace microplan {

// Bytes: two words, whose halves are sums of the four bytes of words: 0 and 2 in the first, 1 and 3 in the second.
//   kMost             so many words add up within the halves
//   take(word)        adds one
//   sum<byte>(count)  of a byte of all `count` words
// `requantize` as requantize_fast().
template <typename Bytes, int32_t (*requantize)(int32_t, int32_t, int32_t, int32_t)>
class MeanWordSums {
 public:
  static constexpr uint32_t kWide = 4;

  explicit MeanWordSums(const MeanParams& params) : sums_{params.start, params.start, params.start, params.start} {}

  void add(const int8_t* x, uint32_t count, uint32_t step, uint32_t wide) {
    if (wide == kWide) {
      add_words(x, count, step, sums_);
    } else if (step == 1) {
      sums_[0] = add_run(x, count, sums_[0]);
    } else {
      for (uint32_t i = 0; i < wide; ++i) sums_[i] = add_bytes(x + i, count, step, sums_[i]);
    }
  }

  void finish(const MeanParams& params, int8_t* y, uint32_t wide) const {
    const int32_t right = wrap_sub(0, params.by.shift) & 31;
    const int32_t half = fast_rounding(0, right);
    for (uint32_t i = 0; i < wide; ++i) {
      const int32_t mean = requantize(sums_[i], params.by.multiplier, half, right);
      y[i] = static_cast<int8_t>(dsp::ssat<8>(wrap_add(mean, params.output_offset)));
    }
  }

 private:
  // Functions of their own, so that the loops have the registers to themselves.

  [[gnu::noinline]] static void add_words(const int8_t* x, uint32_t count, uint32_t step, int32_t* sums) {
    while (count != 0) {
      const uint32_t block = count < Bytes::kMost ? count : Bytes::kMost;
      Bytes bytes;
      uint32_t left = block;
      if (left & 1) {
        bytes.take(dsp::load_word(x));
        x += step;
      }
      for (left /= 2; left != 0; --left) {
        const uint32_t word = dsp::load_word(x);
        x += step;
        const uint32_t next = dsp::load_word(x);
        x += step;
        bytes.take(word);
        bytes.take(next);
      }
      sums[0] = wrap_add(sums[0], bytes.template sum<0>(block));
      sums[1] = wrap_add(sums[1], bytes.template sum<1>(block));
      sums[2] = wrap_add(sums[2], bytes.template sum<2>(block));
      sums[3] = wrap_add(sums[3], bytes.template sum<3>(block));
      count -= block;
    }
  }

  [[gnu::noinline]] static int32_t add_run(const int8_t* x, uint32_t count, int32_t sum) {
    const int8_t* const end = x + count;
    constexpr uint32_t kUnrolled = 4;
    constexpr uint32_t kMost = Bytes::kMost / kUnrolled * kUnrolled;
    for (uint32_t words = count / 4; words >= kUnrolled;) {
      const uint32_t block = words < kMost ? words / kUnrolled * kUnrolled : kMost;
      Bytes bytes;
      for (const int8_t* const block_end = x + 4 * block; x != block_end; x += 4 * kUnrolled) {
        for (uint32_t i = 0; i < kUnrolled; ++i) bytes.take(dsp::load_word(x + 4 * i));
      }
      sum = wrap_add(sum, wrap_add(bytes.template sum<0>(block), bytes.template sum<1>(block)));
      sum = wrap_add(sum, wrap_add(bytes.template sum<2>(block), bytes.template sum<3>(block)));
      words -= block;
    }
    while (x != end) sum = wrap_add(sum, *x++);
    return sum;
  }

  [[gnu::noinline]] static int32_t add_bytes(const int8_t* x, uint32_t count, uint32_t step, int32_t sum) {
    if (count & 1) {
      sum = wrap_add(sum, *x);
      x += step;
    }
    for (count /= 2; count != 0; --count) {
      const int32_t value = *x;
      x += step;
      sum = wrap_add(sum, wrap_add(value, *x));
      x += step;
    }
    return sum;
  }

  int32_t sums_[kWide];
};

}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MEAN_WORDS_H_
