// SPDX-License-Identifier: Apache-2.0
#include "microplan/kernels/mac_base.h"

namespace microplan {

namespace {

// Keeps the compiler from regrouping sums and addresses, which would take registers that the inner loops do not have.
template <typename T>
inline void keep(T& value) {
  asm volatile("" : "+r"(value));
}

inline void add_product(uint32_t& sum, int32_t x, int32_t filter) {
  sum += static_cast<uint32_t>(x * filter);
  keep(sum);
}

inline int32_t next(const int8_t*& at) {
  const int32_t value = *at++;
  keep(at);
  return value;
}

// sums[c * kBlockPixels + p] = sum over k of filter c [k] * x[k][p], for two channels.
[[gnu::noinline]] void multiply_2x4(const int8_t* filter0, const int8_t* filter1, const int16_t* x, uint32_t depth,
                                    uint32_t* sums) {
  uint32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
  const auto step = [&] {
    const int32_t a = next(filter0);
    const int32_t b = next(filter1);
    int32_t value = x[0];
    add_product(a0, value, a);
    add_product(b0, value, b);
    value = x[1];
    add_product(a1, value, a);
    add_product(b1, value, b);
    value = x[2];
    add_product(a2, value, a);
    add_product(b2, value, b);
    value = x[3];
    add_product(a3, value, a);
    add_product(b3, value, b);
    x += kBlockPixels;
  };
  const int16_t* end = x + kBlockPixels * (depth & 3);
  while (x != end) step();
  end += kBlockPixels * (depth & ~3u);
  while (x != end) {
    step();
    step();
    step();
    step();
  }
  sums[0] = a0;
  sums[1] = a1;
  sums[2] = a2;
  sums[3] = a3;
  sums[4] = b0;
  sums[5] = b1;
  sums[6] = b2;
  sums[7] = b3;
}

[[gnu::noinline]] void add_products_4(const int8_t* filter, uint32_t filter_stride, const int16_t* x, uint32_t count,
                                      uint32_t* sums) {
  const int8_t* filter1 = filter + filter_stride;
  const int8_t* filter2 = filter1 + filter_stride;
  const int8_t* filter3 = filter2 + filter_stride;
  uint32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
  const auto step = [&](uint32_t i) {
    const int32_t value = x[i];
    add_product(sum0, value, filter[i]);
    add_product(sum1, value, filter1[i]);
    add_product(sum2, value, filter2[i]);
    add_product(sum3, value, filter3[i]);
  };
  const auto advance = [&](uint32_t steps) {
    x += steps;
    filter += steps;
    filter1 += steps;
    filter2 += steps;
    filter3 += steps;
  };
  const int16_t* end = x + (count & 7);
  while (x != end) {
    step(0);
    advance(1);
  }
  end += count & ~7u;
  while (x != end) {
    step(0);
    step(1);
    step(2);
    step(3);
    step(4);
    step(5);
    step(6);
    step(7);
    advance(8);
  }
  sums[0] = sum0;
  sums[1] = sum1;
  sums[2] = sum2;
  sums[3] = sum3;
}

[[gnu::noinline]] uint32_t add_products_1(const int8_t* filter, const int16_t* x, uint32_t count, uint32_t sum) {
  for (const int16_t* const end = x + (count & 3); x != end;) add_product(sum, *x++, *filter++);
  for (const int16_t* const end = x + (count & ~3u); x != end; x += 4, filter += 4) {
    add_product(sum, x[0], filter[0]);
    add_product(sum, x[1], filter[1]);
    add_product(sum, x[2], filter[2]);
    add_product(sum, x[3], filter[3]);
  }
  return sum;
}

// x[i * kStep] = from[i] + offset.
template <uint32_t kStep>
[[gnu::noinline]] int16_t* widen_by(const int8_t* from, uint32_t count, int32_t offset, int16_t* x) {
  for (const int8_t* const end = from + (count & 3); from != end; x += kStep) {
    *x = static_cast<int16_t>(*from++ + offset);
  }
  for (const int8_t* const end = from + (count & ~3u); from != end; from += 4, x += 4 * kStep) {
    x[0] = static_cast<int16_t>(from[0] + offset);
    x[kStep] = static_cast<int16_t>(from[1] + offset);
    x[2 * kStep] = static_cast<int16_t>(from[2] + offset);
    x[3 * kStep] = static_cast<int16_t>(from[3] + offset);
  }
  return x;
}

// The rarely taken ways to an output.
[[gnu::noinline]] int32_t requantize_general(const ChannelConstants& channel, uint32_t sum) {
  const Requantize by = {channel.multiplier, channel.shift};
  return wrap_add(requantize(static_cast<int32_t>(sum), by), channel.rounding);
}

constexpr uint32_t align_up(uint32_t bytes) { return (bytes + 3) & ~3u; }

// A tile holds several blocks while they are small, so that a channel's constants are made for many outputs; blocks of
// more than kMaxBlockBytes would take more memory than they are worth.
constexpr uint32_t kTileBytes = 512;
constexpr uint32_t kMaxBlockBytes = 5120;

}  // namespace

ChannelConstants BaseOutput::constants(uint32_t channel) const {
  const Requantize by = requantize_[channel * params_.per_channel];
  ChannelConstants result;
  result.bias = bias_ == nullptr ? 0 : bias_[channel];
  result.multiplier = by.multiplier;
  if (params_.fast != 1) {
    result.rounding = params_.output_offset;
    result.shift = by.shift;
    return result;
  }
  result.shift = wrap_sub(0, by.shift);
  if (static_cast<uint32_t>(result.shift) - 1 > 21) {
    // Such channels of a model have multiplier 0 or are so small that they round to 0.
    result.multiplier = 0;
    result.shift = 1;
  }
  result.rounding = fast_rounding(params_.output_offset, result.shift);
  return result;
}

int8_t BaseOutput::finish(const ChannelConstants& channel, uint32_t sum) const {
  sum += static_cast<uint32_t>(channel.bias);
  const int32_t value = params_.fast == 1 ? requantize_fast(static_cast<int32_t>(sum), channel.multiplier,
                                                            channel.rounding, channel.shift)
                                          : requantize_general(channel, sum);
  return static_cast<int8_t>(clamp(value, params_.act_min, params_.act_max));
}

void BaseOutput::finish_block(const ChannelConstants& channel, const uint32_t* sums, const uint32_t* offsets,
                              int8_t* to) const {
  for (uint32_t p = 0; p < kBlockPixels; ++p) to[offsets[p]] = finish(channel, sums[p]);
}

void widen(const int8_t* from, uint32_t count, int32_t offset, int16_t* x) {
  (void)widen_by<1>(from, count, offset, x);
}

void add_products(const int8_t* filter, uint32_t filter_stride, uint32_t channels, const int16_t* x, uint32_t count,
                  uint32_t* sums) {
  for (; channels >= 4; channels -= 4) {
    add_products_4(filter, filter_stride, x, count, sums);
    filter += 4 * filter_stride;
    sums += 4;
  }
  for (; channels != 0; --channels) {
    *sums = add_products_1(filter, x, count, *sums);
    filter += filter_stride;
    ++sums;
  }
}

uint32_t PixelTile::capacity(uint32_t depth) {
  if (depth > kMaxBlockBytes / (kBlockPixels * sizeof(int16_t))) return 1;
  const uint32_t block_bytes = kBlockPixels * static_cast<uint32_t>(sizeof(int16_t)) * depth;
  return block_bytes >= kTileBytes ? kBlockPixels : kTileBytes / block_bytes * kBlockPixels;
}

uint32_t PixelTile::scratch_bytes(uint32_t depth, uint32_t channels) {
  const uint32_t pixels = capacity(depth);
  return pixels * static_cast<uint32_t>(sizeof(uint32_t)) +
         align_up(pixels * static_cast<uint32_t>(sizeof(int16_t)) * depth) +
         channels * static_cast<uint32_t>(sizeof(uint32_t));
}

PixelTile::PixelTile(void* scratch, uint32_t depth)
    : depth_(depth),
      capacity_(capacity(depth)),
      offsets_(static_cast<uint32_t*>(scratch)),
      inputs_(reinterpret_cast<int16_t*>(offsets_ + capacity_)),
      sums_(reinterpret_cast<uint32_t*>(reinterpret_cast<uint8_t*>(inputs_) +
                                        align_up(capacity_ * static_cast<uint32_t>(sizeof(int16_t)) * depth))) {}

uint32_t PixelTile::begin(uint32_t pixels_left) {
  pixels_ = pixels_left >= capacity_ ? capacity_ : pixels_left < kBlockPixels ? 1 : pixels_left & ~(kBlockPixels - 1);
  return pixels_;
}

void PixelTile::begin_pixel(uint32_t index, uint32_t output_offset) {
  offsets_[index] = output_offset;
  next_ = inputs_ + index / kBlockPixels * kBlockPixels * depth_ + index % kBlockPixels;
}

void PixelTile::widen(const int8_t* from, uint32_t count, int32_t offset) {
  next_ = pixels_ == 1 ? widen_by<1>(from, count, offset, next_)
                       : widen_by<kBlockPixels>(from, count, offset, next_);
}

void PixelTile::zero(uint32_t count) {
  const uint32_t step = pixels_ == 1 ? 1 : kBlockPixels;
  int16_t* x = next_;
  for (; count != 0; --count, x += step) *x = 0;
  next_ = x;
}

void PixelTile::multiply(const int8_t* filter, uint32_t first, uint32_t channels, const BaseOutput& outputs,
                         int8_t* to) const {
  if (pixels_ != 1) {
    multiply_blocks(filter, first, channels, outputs, to);
    return;
  }
  for (uint32_t c = 0; c < channels; ++c) sums_[c] = 0;
  add_products(filter, depth_, channels, inputs_, depth_, sums_);
  int8_t* const y = to + offsets_[0] + first;
  for (uint32_t c = 0; c < channels; ++c) y[c] = outputs.finish(outputs.constants(first + c), sums_[c]);
}

void PixelTile::multiply_blocks(const int8_t* filter, uint32_t first, uint32_t channels, const BaseOutput& outputs,
                                int8_t* to) const {
  to += first;
  for (uint32_t done = 0; done < channels;) {
    // An odd channel is computed with the one before it once more, or alone twice.
    const uint32_t even = channels - done == 1 && channels != 1 ? done - 1 : done;
    const uint32_t odd = channels == 1 ? even : even + 1;
    const int8_t* const filter0 = filter + even * depth_;
    const int8_t* const filter1 = filter + odd * depth_;
    const ChannelConstants constants[2] = {outputs.constants(first + even), outputs.constants(first + odd)};
    const int16_t* x = inputs_;
    for (uint32_t p = 0; p < pixels_; p += kBlockPixels) {
      uint32_t sums[2 * kBlockPixels];
      multiply_2x4(filter0, filter1, x, depth_, sums);
      outputs.finish_block(constants[0], sums, offsets_ + p, to + even);
      outputs.finish_block(constants[1], sums + kBlockPixels, offsets_ + p, to + odd);
      x += kBlockPixels * depth_;
    }
    done = odd + 1;
  }
}

}  // namespace microplan
