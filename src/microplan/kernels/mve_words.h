// SPDX-License-Identifier: Apache-2.0
// The inner loops of the depthwise convolution for Helium: words of four elements of one channel, and sums over them.
#ifndef MICROPLAN_KERNELS_MVE_WORDS_H_
#define MICROPLAN_KERNELS_MVE_WORDS_H_

#include <stdint.h>

namespace microplan {
namespace mve {

// Vectors of four rows of the input, of which interleave() makes words; its assembly knows the offsets.
struct Interleave {
  const int8_t* row[4];
  uint32_t row_step[4];  // from one vector to the next
  int8_t* to;
  uint32_t to_step;
  uint32_t count;  // vectors, at least 1
  uint32_t lanes;  // of each vector that lie inside the input
};
void interleave(const Interleave*);

// What the sums are made from; the assembly knows the offsets.
struct WordSums {
  uint32_t address[4];  // of the first four words of the first window in the first channel
  uint32_t x_step;      // 16: from one pixel to the next
  const int32_t* bias;  // 20: [4], then the filter
  int32_t* sums;        // 24: [rows][pixels][4]
  uint32_t pixels;      // 28: of a row
  uint32_t row_step;    // 32: from behind the last pixel of a row to the next row
  uint32_t rows;        // 36
  uint32_t filter_bytes;  // 40: of a channel, or of what is left behind its chunks
  uint32_t chunks;      // 44
  uint32_t chunk_step;  // 48: from four words to the next four
};
// The sums of four channels with windows of up to four words, and of more.
void sum_few_words(const WordSums*);
void sum_many_words(const WordSums*);
// The sums of one channel.
void sum_channel(const WordSums& at);

}  // namespace mve
}  // namespace microplan

#endif  // MICROPLAN_KERNELS_MVE_WORDS_H_
