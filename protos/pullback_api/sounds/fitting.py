"""Conversion of a sound to another rate, another number of channels and another length."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pullback_api.sounds.sound import Sound

# Of the kernel on each side, in zero crossings of its sine: at 32 and this window, aliases are below −80 dB.
_CROSSINGS = 32
_BETA = 9.0
# Share of the lower Nyquist frequency that passes: the rest is for the filter's slope.
_PASSED = 0.945
_AT_ONCE = 1 << 14


def convert(sound: Sound, *, channels: int, length: int, rate: int) -> Sound:
    """A sound of that rate, so many channels and so many samples.

    It is resampled; where it has another number of channels, every channel becomes the mean of its own; what is too
    long is cut at its end, and silence follows what is too short.
    """
    samples = sound.samples
    if rate != sound.rate:
        # What is cut off need not be resampled, but for what the kernel reaches.
        reach = math.ceil((length + 2 * _CROSSINGS) * sound.rate / rate) + 2 * _CROSSINGS
        samples = resampled(samples[:, :reach], sound.rate, rate)
    if len(samples) != channels:
        samples = np.repeat(samples.mean(axis=0, keepdims=True), channels, axis=0)
    samples = samples[:, :length]
    samples = np.pad(samples, ((0, 0), (0, length - samples.shape[1])))
    return Sound(samples.clip(-1, 1).astype(np.float32), rate)


def resampled(samples: npt.NDArray[np.float32], before: int, after: int) -> npt.NDArray[np.float32]:
    """Samples at another rate, by band-limited interpolation with a sine cardinal under a Kaiser window.

    What lies above the lower of the two Nyquist frequencies is taken out. (Smith and Gossett, "A flexible sampling-rate
    conversion method", ICASSP 1984.)

    Args:
        samples: Shape (channels, samples).
        before: Their rate.
        after: The rate of the result.

    Returns:
        Shape (channels, ⌈samples · after / before⌉).
    """
    count = samples.shape[1]
    total = -(-count * after // before)
    # In samples of the input: cut-off frequency, and half the width of the kernel.
    cutoff = _PASSED * min(1.0, after / before)
    half = math.ceil(_CROSSINGS / cutoff)
    offsets = np.arange(-half, half + 1)
    padded = np.pad(samples.astype(np.float64), ((0, 0), (half, half)))
    found = np.empty((len(samples), total), np.float32)
    most = max(1, _AT_ONCE * 64 // len(offsets))
    for start in range(0, total, most):
        number = np.arange(start, min(start + most, total))
        # Where each new sample lies among the old ones, in whole samples and the rest, without rounding.
        place, rest = np.divmod(number * before, after)
        away = offsets - (rest / after)[:, None]
        # c sinc(c t) · I₀(β √(1 − (t / h)²)) / I₀(β)
        window = np.i0(_BETA * np.sqrt(np.clip(1 - (away / half) ** 2, 0, None))) / np.i0(_BETA)
        kernel = cutoff * np.sinc(cutoff * away) * window
        around = padded[:, place[:, None] + offsets + half]
        found[:, start : start + len(number)] = np.einsum("cnk,nk->cn", around, kernel)
    return found
