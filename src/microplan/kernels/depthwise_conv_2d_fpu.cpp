// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D in float32 for cores with a scalar floating-point unit: 8 channels of two pixels at a time,
// where output channels are as many as input channels; else up to 8 channels of one pixel.
#include "microplan/kernels.h"
#include "microplan/kernels/depthwise_conv_2d.h"
#include "microplan/kernels/fpu_lanes.h"
#include "microplan/kernels/prepare.h"

namespace microplan {

namespace {

using Shared = DepthwiseConv2d<FloatAccumulator>;

// Channels that are computed together where 8 cannot be.
constexpr uint32_t kFew = 4;
constexpr uint32_t few_lanes(uint32_t count) { return count >= kFew ? kFew : count >= 2 ? 2 : 1; }

Cost cost(const void* in, const Target&) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const uint64_t outputs = window_outputs(window);
  const uint32_t taps = static_cast<uint32_t>(window.kernel_h) * window.kernel_w;
  const bool shares_x = params.depth_multiplier != 1;
  const uint32_t run = shares_x ? params.depth_multiplier : window.out_c;
  // Of a block: instructions for a tap, and for all else.
  uint64_t instructions = 0;
  for (uint32_t c = 0; c < run;) {
    const uint32_t lanes = run >= fpu::kLanes ? fpu::kLanes : few_lanes(run - c);
    const uint32_t tap = lanes == fpu::kLanes ? (shares_x ? 14 : 13) : shares_x ? 5 + 2 * lanes : 4 + 3 * lanes;
    const uint32_t block = lanes == fpu::kLanes ? 70 : 70 + 12 * lanes;
    instructions += taps * tap + block + 7 * window.kernel_h;
    c += lanes;
  }
  return {outputs * taps, outputs / run * instructions + outputs / window.out_c * 60, 0};
}

}  // namespace

namespace kernels {

const Variant depthwise_conv_2d_float_fpu_variant = {
    depthwise_conv_2d_float_fpu, "depthwise_conv_2d_float_fpu", "DEPTHWISE_CONV_2D", 4,
    DataType::kFloat32, DataType::kFloat32, DataType::kFloat32, "any depth multiplier, dilated",
    false, Overlap::kRows, sizeof(Shared::Params),
    Shared::prepare, nullptr, Shared::footprint, window_input_rows, nullptr, Shared::pack, cost,
    kFeatureFpu};

}  // namespace kernels

}  // namespace microplan

#if MICROPLAN_HAS_FPU

namespace microplan {

namespace {

// Elements from one tap to the next, and from one kernel row to the next.
struct Steps {
  uint32_t x, filter, filter_row;
};

// Where output channels begin; y = clamp(start + sum).
struct Channels {
  const float* x;
  const float* filter;
  const float* start;
  float* y;
};

// kCount output channels, whose input channels lie kXLane apart. A function of its own, so that the inner loop has the
// registers to itself.
template <uint32_t kCount, uint32_t kXLane>
[[gnu::noinline]] void run_few(const Channels& channels, const WindowPosition& at, const Steps& steps,
                               const FloatRange& range) {
  const float* x_row = channels.x;
  const float* filter_row = channels.filter;
  float sum[kCount];
#pragma GCC unroll 4
  for (uint32_t c = 0; c < kCount; ++c) sum[c] = channels.start[c];
  const uint32_t x_step = steps.x;
  const uint32_t filter_step = steps.filter;
  for (uint32_t left = at.taps_w == 0 ? 0 : at.taps_h; left != 0;) {
    const float* x = x_row;
    const float* filter = filter_row;
    for (uint32_t taps = at.taps_w; taps != 0; --taps) {
#pragma GCC unroll 4
      for (uint32_t c = 0; c < kCount; ++c) sum[c] = __builtin_fmaf(x[c * kXLane], filter[c], sum[c]);
      x += x_step;
      filter += filter_step;
    }
    if (--left == 0) break;
    x_row = at.below(x_row);
    filter_row += steps.filter_row;
  }
  const float low = range.act_min;
  const float high = range.act_max;
#pragma GCC unroll 4
  for (uint32_t c = 0; c < kCount; ++c) channels.y[c] = clamp(sum[c], low, high);
}

// All channels of a pixel or of two.
class Pixels {
 public:
  Pixels(const Shared::Params& params, const Io& io)
      : range_(params.quantization),
        filter_(io.constant<float>(0)),
        bias_(io.constant<float>(1)),
        channels_(params.window.out_c),
        shares_x_(params.depth_multiplier != 1),
        run_(shares_x_ ? params.depth_multiplier : channels_),
        pixel_(params.window.stride_w * channels_),
        steps_{params.window.dilation_w * static_cast<uint32_t>(params.window.in_c), channels_,
               params.window.kernel_w * channels_},
        lanes_(range_, shares_x_) {
    lanes_.x_step = steps_.x * static_cast<uint32_t>(sizeof(float));
    lanes_.filter_step = steps_.filter * static_cast<uint32_t>(sizeof(float));
    for (float& zero : zeros_) zero = 0;
  }

  bool takes_two() const { return !shares_x_ && run_ >= fpu::kLanes; }

  void run(const WindowPosition& at, bool two, float* y) {
    const float* x = static_cast<const float*>(at.x);
    const float* const filter = filter_ + at.first_tap * channels_;
    lanes_.set_taps(at, steps_.filter_row * static_cast<uint32_t>(sizeof(float)));
    lanes_.x[1] = nullptr;
    lanes_.y[1] = nullptr;
    for (uint32_t c = 0; c < channels_; x += 1) {
      const uint32_t end = c + run_;
      while (c < end) {
        uint32_t lanes = fpu::kLanes;
        if (run_ < lanes) {
          lanes = few_lanes(end - c);
        } else if (c + lanes > end) {
          // The last block begins so early that it is whole.
          c = end - lanes;
        }
        const float* const start = bias_ == nullptr ? zeros_ : bias_ + c;
        const Channels block = {shares_x_ ? x : x + c, filter + c, start, y + c};
        if (lanes == fpu::kLanes) {
          run_lanes(block, two);
        } else {
          auto* const few = shares_x_ ? lanes == kFew ? run_few<kFew, 0> : lanes == 2 ? run_few<2, 0> : run_few<1, 1>
                            : lanes == kFew ? run_few<kFew, 1>
                            : lanes == 2    ? run_few<2, 1>
                                            : run_few<1, 1>;
          few(block, at, steps_, range_);
        }
        c += lanes;
      }
    }
  }

 private:
  void run_lanes(const Channels& block, bool two) {
    lanes_.x[0] = block.x;
    lanes_.y[0] = block.y;
    if (two) {
      lanes_.x[1] = block.x + pixel_;
      lanes_.y[1] = block.y + channels_;
    }
    lanes_.filter = block.filter;
    lanes_.start = block.start;
    if (fpu::sum_lanes(&lanes_)) return;
    fpu::clamp_lanes(range_, lanes_.y[0]);
    if (two) fpu::clamp_lanes(range_, lanes_.y[1]);
  }

  const FloatRange& range_;
  const float* const filter_;
  const float* const bias_;
  const uint32_t channels_;
  const bool shares_x_;  // output channels side by side have one input channel
  const uint32_t run_;   // their number; without sharing all channels
  const uint32_t pixel_;  // elements from a pixel's window to the next one's
  const Steps steps_;
  fpu::Lanes lanes_;
  float zeros_[fpu::kLanes];
};

}  // namespace

namespace kernels {

Status depthwise_conv_2d_float_fpu_run(const void* in, Rows rows, const Io& io, void*) {
  const auto& params = *static_cast<const Shared::Params*>(in);
  const Window& window = params.window;
  const View output = io.view(1);
  Pixels pixels(params, io);
  WindowPosition at(window, io.view(0), sizeof(float));
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    at.set_row(row);
    float* y = output.row_as<float>(row);
    for (uint32_t out_x = 0; out_x < window.out_w;) {
      at.set_column(out_x);
      const bool two = pixels.takes_two() && two_columns_inside(window, out_x);
      pixels.run(at, two, y);
      const uint32_t done = two ? 2 : 1;
      y += done * window.out_c;
      out_x += done;
    }
  }
  return Status::kOk;
}

}  // namespace kernels
}  // namespace microplan

#endif
