# SPDX-License-Identifier: Apache-2.0
"""Recordings become micro_speech's features, bit by bit as TensorFlow Lite Micro makes them.

Each frame: a Hann window, an FFT in 16 bits, the energy of its bins, triangular filters on the mel scale, a
square root, noise reduction, gain control ("PCAN", akin to Wang et al. 2017, "Trainable frontend for robust
and far-field keyword spotting"), a logarithm, int8. What each step computes, down to its rounding, was looked
up in tensorflow/tflite-micro at 90b983c: signal/src and python/tflite_micro/signal for the steps,
tensorflow/lite/micro/examples/micro_speech/audio_preprocessor.py for their order and constants. Its FFT is
kissfft 130.

All arithmetic is done on int64 arrays and cut to the width it has there where that can make a difference.
"""

from __future__ import annotations

import math
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microplan.errors import MicroplanError

# Frames, then bins or channels; complex values have their real and imaginary part along a first axis.
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class FrontEnd:
    """The constants; the defaults are those of micro_speech."""

    sample_rate: int = 16000
    # A frame covers one window; the next one begins a step later.
    window_ms: int = 30
    step_ms: int = 20
    # Fraction bits of the window's weights.
    window_bits: int = 12

    # The filter bank: this many triangles, evenly spaced in mel between the limits.
    channels: int = 40
    lower_hz: float = 125.0
    upper_hz: float = 7500.0
    # Fraction bits of the filters' weights.
    filter_bits: int = 12

    # Noise reduction: the noise of a channel is its smoothed signal; the new value weighs this much, in
    # channels 0, 2, ... and in channels 1, 3, ...
    even_smoothing: float = 0.025
    odd_smoothing: float = 0.06
    # At least this much of the signal remains.
    min_signal_remaining: float = 0.05
    # Fraction bits of the smoothing factors, and of the noise.
    smoothing_factor_bits: int = 14
    noise_bits: int = 10

    # Gain control: the signal is multiplied by (noise + gain_offset) ** -gain_strength.
    gain_strength: float = 0.95
    gain_offset: float = 80.0
    # Fraction bits of the gain, of the signal times gain, and of what comes out.
    gain_bits: int = 21
    ratio_bits: int = 12
    ratio_out_bits: int = 6

    # The natural logarithm comes out times 2 ** log_bits.
    log_bits: int = 6
    # The training divided that by feature_divisor; 0 to feature_range of it become the 256 values of int8.
    feature_divisor: float = 25.6
    feature_range: float = 26.0

    @property
    def window_samples(self) -> int:
        return self.window_ms * self.sample_rate // 1000

    @property
    def step_samples(self) -> int:
        return self.step_ms * self.sample_rate // 1000

    @property
    def fft_bits(self) -> int:
        """The FFT has the next power of two of samples."""
        return (self.window_samples - 1).bit_length()

    @property
    def signal_bits(self) -> int:
        """The square root of the energies lacks this many bits: the FFT divides by its length, the filters'
        weights multiply."""
        return self.fft_bits - self.filter_bits // 2

    @property
    def feature_scale(self) -> float:
        """The quantization scale of the features; their zero point is -128."""
        return self.feature_range / 256

    def samples(self, frames: int) -> int:
        """The number of samples that so many frames cover."""
        return (frames - 1) * self.step_samples + self.window_samples


def features(samples: NDArray[np.int16], frames: int, front_end: FrontEnd) -> NDArray[np.int8]:
    """int8 [frames, channels] of a recording's beginning; silence follows one that is too short."""
    count = front_end.samples(frames)
    padded = np.pad(samples[:count], (0, max(count - len(samples), 0))).astype(np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(padded, front_end.window_samples)
    scaled, shifts = _scale_up(_apply_window(windows[:: front_end.step_samples], front_end))
    spectrum = _real_fft(np.pad(scaled, ((0, 0), (0, 2**front_end.fft_bits - scaled.shape[1]))))
    energies = np.sum(spectrum**2, axis=0)
    signal = _square_root(energies @ _filter_bank(front_end)) >> shifts
    signal, noise = _reduce_noise(signal, front_end)
    return _quantize(_logarithm(_control_gain(signal, noise, front_end), front_end), front_end)


def read_recording(path: Path, count: int, front_end: FrontEnd) -> NDArray[np.int16]:
    """At most the first `count` samples of a .wav file."""
    rate = front_end.sample_rate
    convert = f"Convert it: ffmpeg -i {path.name} -ar {rate} -ac 1 -c:a pcm_s16le converted.wav"
    try:
        with wave.open(str(path), "rb") as file:
            found = (file.getframerate(), file.getnchannels(), 8 * file.getsampwidth())
            content = file.readframes(count)
    except (OSError, EOFError, wave.Error) as error:
        reason = str(error) or "it ends too early"
        raise MicroplanError(f"{path} is not a .wav file with PCM samples: {reason}. {convert}") from None
    if found != (rate, 1, 16):
        raise MicroplanError(
            f"{path} has {found[0]} Hz, {found[1]} channels and {found[2]} bits, and the features are made "
            f"from {rate} Hz, 1 channel and 16 bits. {convert}"
        )
    if not content:
        raise MicroplanError(f"{path} holds no sound. Record it again.")
    # `wave` gives this machine's byte order; a file that was cut off may end within a sample.
    return np.frombuffer(content, np.int16, len(content) // 2)


def _apply_window(windows: Ints, front_end: FrontEnd) -> Ints:
    count = front_end.window_samples
    hann = 0.5 - 0.5 * np.cos(2 * np.pi / count * (np.arange(count) + 0.5))
    weights = np.round(hann * 2**front_end.window_bits).astype(np.int64)
    weighted: Ints = (windows * weights) >> front_end.window_bits
    return weighted


def _scale_up(windows: Ints) -> tuple[Ints, Ints]:
    """The windows with their largest value shifted up to 15 bits, and the shifts as a column."""
    # The reference keeps the magnitude of -32768 in 16 bits too, as -32768: it counts for less than all
    # others, and the search goes on from there.
    peaks = np.zeros_like(windows[:, 0])
    for values in windows.T:
        peaks = np.where(values > peaks, values, np.where(-values > peaks, _int16(-values), peaks))
    shifts = np.where(peaks > 0, 15 - _bit_length(peaks), 0)[:, None]
    return _int16(windows << shifts), shifts


def _real_fft(values: Ints) -> Ints:
    """The spectrum of real values divided by their number, without its first and last bin.

    Even and odd values are transformed as one complex sequence of half the length, whose spectrum is taken
    apart again. The two bins left out are the sum with equal and with alternating signs; no filter takes
    them.
    """
    packed = _fft(np.stack([values[:, 0::2], values[:, 1::2]]))
    half = packed.shape[-1]
    ks = np.arange(1, half // 2 + 1)
    low, high = packed[..., ks], packed[..., half - ks]
    low = _round(low * (_ONE // 2))
    high = _round(_int16(np.stack([high[0], -high[1]])) * (_ONE // 2))
    even = low + high
    odd = _multiply(low - high, _twiddles(-np.pi * (ks / half + 0.5)))
    total, difference = even + odd, even - odd
    first = total >> 1
    second = np.stack([difference[0], -difference[1]]) >> 1
    return np.concatenate([first[..., :-1], second[..., ::-1]], axis=-1)


def _fft(values: Ints) -> Ints:
    """The complex spectrum divided by the length, a power of two, by decimation in time."""
    length = values.shape[-1]
    if length == 1:
        return values
    radix = 4 if length % 4 == 0 else 2
    parts = _fft(values.reshape(*values.shape[:-1], length // radix, radix).swapaxes(-1, -2))
    parts = _round(parts * (_ONE // radix))
    turns = np.outer(np.arange(1, radix), np.arange(length // radix))
    turned = _multiply(parts[..., 1:, :], _twiddles(-2 * np.pi * turns / length))
    a = parts[..., 0, :]
    if radix == 2:
        b = turned[..., 0, :]
        spectrum = [a + b, a - b]
    else:
        b, c, d = (turned[..., k, :] for k in range(3))
        quarter = np.stack([(b - d)[1], -(b - d)[0]])  # times -i
        spectrum = [a + c + b + d, a - c + quarter, a + c - b - d, a - c - quarter]
    return _int16(np.concatenate(spectrum, axis=-1))


# 1 in the FFT's 15 fraction bits, as near as int16 comes.
_ONE = 32767


def _twiddles(angles: NDArray[np.float64]) -> Ints:
    return np.floor(0.5 + _ONE * np.stack([np.cos(angles), np.sin(angles)])).astype(np.int64)


def _multiply(a: Ints, b: Ints) -> Ints:
    # The frames' axis of `a` is second.
    real, imaginary = b
    return _round(np.stack([a[0] * real - a[1] * imaginary, a[0] * imaginary + a[1] * real]))


def _round(products: Ints) -> Ints:
    return _int16((products + (1 << 14)) >> 15)


def _int16(values: Ints) -> Ints:
    """What is left in 16 bits: the FFT does not saturate."""
    return values.astype(np.int16).astype(np.int64)


def _uint32(values: Ints) -> Ints:
    return values & 0xFFFFFFFF


def _bit_length(values: Ints) -> Ints:
    """The number of bits; 0 has none."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def _filter_bank(front_end: FrontEnd) -> Ints:
    """Weights [bin, channel], without the first and the last bin.

    A channel's triangle rises from the centre of the one below to its own and falls to that of the one above.
    The mel scale is HTK's, 1127 ln(1 + f / 700).
    """

    def mel(frequency: Any) -> Any:
        return 1127 * np.log1p(frequency / 700)

    bins = 2 ** (front_end.fft_bits - 1)
    hertz = front_end.sample_rate / 2 / bins
    lower, upper = mel(front_end.lower_hz), mel(front_end.upper_hz)
    corners = lower + (upper - lower) / (front_end.channels + 1) * np.arange(front_end.channels + 2)
    used = np.arange(round(1 + front_end.lower_hz / hertz), bins)
    used = used[mel(used * hertz) <= corners[-1]]
    mels = mel(used * hertz)
    above = np.searchsorted(corners[1:], mels) + 1
    falling = (corners[above] - mels) / (corners[above] - corners[above - 1])
    # One column more at both ends: half a triangle.
    weights = np.zeros((bins - 1, front_end.channels + 2), np.int64)
    weights[used - 1, above - 1] = falling * 2**front_end.filter_bits
    weights[used - 1, above] = (1 - falling) * 2**front_end.filter_bits
    return weights[:, 1:-1]


def _square_root(values: Ints) -> Ints:
    """Rounded to nearest; of a value of 32 bits it has 16."""
    floor: Ints = np.vectorize(math.isqrt, otypes=[np.int64])(values)
    nearest = floor + (values - floor**2 > floor)
    return np.where(values < 1 << 32, np.minimum(nearest, 0xFFFF), nearest)


def _reduce_noise(signal: Ints, front_end: FrontEnd) -> tuple[Ints, Ints]:
    """Each frame's signal without its noise, and the noise, which is smoothed from frame to frame."""
    one = 1 << front_end.smoothing_factor_bits
    smoothing = np.full(front_end.channels, int(front_end.even_smoothing * one))
    smoothing[1::2] = int(front_end.odd_smoothing * one)
    scaled = _uint32(signal << front_end.noise_bits)
    noise = np.empty_like(signal)
    estimate = np.zeros_like(signal[0])
    for frame, values in enumerate(scaled):
        estimate = (values * smoothing + estimate * (one - smoothing)) >> front_end.smoothing_factor_bits
        noise[frame] = estimate
    floor = (signal * int(front_end.min_signal_remaining * one)) >> front_end.smoothing_factor_bits
    return np.maximum((scaled - np.minimum(noise, scaled)) >> front_end.noise_bits, floor), noise


def _control_gain(signal: Ints, noise: Ints, front_end: FrontEnd) -> Ints:
    gain = _gain(noise, front_end)
    shift = front_end.gain_bits - front_end.signal_bits - front_end.ratio_bits
    ratio = _uint32((signal * gain) >> shift)
    # x^2 / 4 below 2, then x - 1.
    small = ratio**2 >> (2 + 2 * front_end.ratio_bits - front_end.ratio_out_bits)
    large = (ratio >> (front_end.ratio_bits - front_end.ratio_out_bits)) - (1 << front_end.ratio_out_bits)
    return np.where(ratio < 2 << front_end.ratio_bits, small, large)


def _gain(noise: Ints, front_end: FrontEnd) -> Ints:
    """(noise + offset) ** -strength: in each octave a parabola through its ends and its middle."""

    def exact(value: Ints) -> Ints:
        real = value / 2 ** (front_end.noise_bits - front_end.signal_bits)
        gain = 2**front_end.gain_bits * (real + front_end.gain_offset) ** -front_end.gain_strength
        rounded: Ints = np.minimum(gain + 0.5, 32767).astype(np.int64)
        return rounded

    # By bit length; 0 and 1 are alone in theirs.
    starts = np.array([0, *(1 << np.arange(32))])
    ends = np.minimum(2 * starts, 0xFFFFFFFF)
    start = exact(starts)
    middle = exact(starts + (starts >> 1)) - start
    end = exact(ends) - start
    linear = _int16(4 * middle - end)
    square = _int16(end - linear)

    octave = _bit_length(noise)
    place = ((noise << 11) >> octave) & 0x3FF
    slope = ((square[octave] * place) >> 5) + (linear[octave] << 5)
    return _int16(((slope * place + (1 << 14)) >> 15) + start[octave])


def _logarithm(values: Ints, front_end: FrontEnd) -> Ints:
    """The natural logarithm, by the binary one: log2(1 + x) is x and what a table adds."""
    places = np.arange(129) / 128
    table = np.round((np.log2(1 + places) - places) * 65536).astype(np.int64)

    scaled = np.maximum(_uint32(values << front_end.signal_bits), 1)
    whole = _bit_length(scaled) - 1
    fraction = ((scaled - (1 << whole)) << 16) >> whole
    segment = fraction >> 9
    # Between two entries the reference shifts by 16 where 9 would interpolate.
    between = ((table[segment + 1] - table[segment]) * (fraction & 511)) >> 16
    binary = (whole << 16) + fraction + table[segment] + between
    natural = (round(math.log(2) * 65536) * binary + 32768) >> 16
    scaled_up: Ints = ((natural << front_end.log_bits) + 32768) >> 16
    return np.minimum(scaled_up, 32767)


def _quantize(values: Ints, front_end: FrontEnd) -> NDArray[np.int8]:
    divisor = int(front_end.feature_divisor * front_end.feature_range + 0.5)
    return np.clip((values * 256 + divisor // 2) // divisor - 128, -128, 127).astype(np.int8)
