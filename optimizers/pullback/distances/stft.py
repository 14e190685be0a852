"""Distance of sounds: squared differences of spectrograms at several scales."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pullback.distances.catalogue_file import DistanceEntry
from pullback.distances.distance import EmbeddingDistance
from pullback.distances.inputs import check_sounds
from pullback.errors import InvalidInputError

# Window sizes and overlap of Engel et al.: frames start every quarter of a window.
WINDOWS = (64, 128, 256, 512, 1024, 2048)
_OVERLAP = 4
# Stands inside the root of the magnitude: a floor at about the noise of 16-bit sound. float32 holds the derivatives
# that it bounds (1 for the first, 1e5 for the second).
EPSILON = 1e-10


class MultiScaleStft(EmbeddingDistance):
    """The mean squared difference of spectrograms, summed over window sizes.

    D(a, b) = Σ_s 1/(C T) Σ (|S_s a| − |S_s b|)², with S_s the short-time Fourier transform of window size s: the mean
    squared error of spectrograms (Wang & Ponce, ICLR 2021, A.5, "STFT") at the scales of the multi-scale spectral loss
    of Engel et al., "DDSP: Differentiable Digital Signal Processing" (ICLR 2020). Unlike the latter it squares the
    differences, so that there is an embedding, and has no logarithmic part.

    Every S_s keeps energy, Σ |S_s x|² = Σ x². So no scale outweighs another, each is at most the mean squared error of
    the waveforms, and the distance from silence is the number of scales times the mean of a².

    Windows longer than a sound are left out. Phase does not count. Where a frame is silent, its magnitudes are at
    their minimum: the distance has no first-order change there, and the metric that it pulls back is zero.

    Args:
        entry: What the catalogue says of this distance.
        windows: Window sizes in samples, multiples of 4.

    Raises:
        InvalidInputError: A window of another size.
    """

    def __init__(self, entry: DistanceEntry, windows: Sequence[int] = WINDOWS) -> None:
        super().__init__()
        self.name = entry.name
        if not windows or any(size < _OVERLAP or size % _OVERLAP for size in windows):
            raise InvalidInputError(
                f"windows of distance {self.name!r} are positive multiples of {_OVERLAP} samples, but {windows} came"
            )
        self.windows = tuple(sorted(windows))

    def embed(self, images: Float[Tensor, "batch channels *size"]) -> Float[Tensor, "batch features"]:
        """The embedding φ of sounds in [−1, 1]: their magnitudes at all scales.

        Raises:
            InvalidInputError: No sounds, or sounds shorter than the shortest window.
        """
        check_sounds(images, self.name, shortest=self.windows[0])
        channels, time = images.shape[1:]
        scales = [spectrogram(images, size).flatten(start_dim=1) for size in self.windows if size <= time]
        # ‖φ(a) − φ(b)‖² = Σ_s mean (|S_s a| − |S_s b|)²
        return torch.cat(scales, dim=1) / math.sqrt(channels * time)


def spectrogram(sounds: Float[Tensor, "batch channels time"], size: int) -> Float[Tensor, "batch channels frames bins"]:
    """Magnitudes of a short-time Fourier transform that keeps energy: Σ |S x|² = Σ x².

    The window is a periodic Hann window, three quarters of which overlap with the next. Silence is put before and
    after the sounds, so that every sample lies in four frames.

    Args:
        sounds: The sounds.
        size: Samples of the window, a multiple of 4.
    """
    hop = size // _OVERLAP
    margin = size - hop
    padded = functional.pad(sounds, (margin, margin + -sounds.shape[-1] % hop))
    window = torch.hann_window(size, dtype=sounds.dtype, device=sounds.device)
    # The squares of four overlapping Hann windows add up to 3/2 at every sample.
    frames = padded.unfold(-1, size, hop) * (window * math.sqrt(2 / 3))
    spectrum = torch.fft.rfft(frames, norm="ortho")
    magnitudes = (spectrum.real.square() + spectrum.imag.square() + EPSILON).sqrt()
    # The spectrum of a real signal is symmetric: bins between the lowest and the highest stand for two.
    lowest, between, highest = magnitudes.split([1, size // 2 - 1, 1], dim=-1)
    return torch.cat([lowest, between * math.sqrt(2), highest], dim=-1)
