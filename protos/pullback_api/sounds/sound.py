"""Sound: its samples and their rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


class SoundError(ValueError):
    """A sound that cannot be used; says what came, what was expected and what to do.

    The message names no file and no field: whoever catches it knows which sound it was.
    """


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound.

    Attributes:
        samples: Float32, shape (channels, samples), in [−1, 1].
        rate: Samples a second.

    Raises:
        SoundError: Another shape, no samples at all, values that are not finite or lie outside, or no such rate.
    """

    samples: npt.NDArray[np.float32]
    rate: int

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples)
        if samples.dtype.kind != "f":
            raise SoundError(
                f"samples are floats in [−1, 1], but {samples.dtype} came; of 16 bits, divide them by 32768"
            )
        if samples.ndim != 2 or not samples.size:
            raise SoundError(f"samples have shape (channels, samples), each at least 1, but shape {samples.shape} came")
        if self.rate < 1:
            raise SoundError(f"a sound has at least 1 sample a second, but the rate {self.rate} came")
        # NaN compares as false.
        if not (peak := float(np.maximum(samples.max(), -samples.min()))) <= 1:
            raise SoundError(f"samples are finite and lie within [−1, 1], but {peak:.4g} came; scale the sound down")
        object.__setattr__(self, "samples", samples.astype(np.float32, copy=False))

    @property
    def channels(self) -> int:
        """How many channels it has."""
        return len(self.samples)

    @property
    def length(self) -> int:
        """Samples of each channel."""
        return int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.length / self.rate

    @property
    def is_silent(self) -> bool:
        """Whether every sample is 0."""
        return not self.samples.any()
