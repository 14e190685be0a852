"""Noises between a unit's rate and what an optimizer is told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from observers import MEAN_RATE

from pullback.neurons import poisson

# Seconds over which spikes are counted.
_DURATION = 0.2
NOISES = ("none", "poisson-10", "poisson-60", "gauss-1", "gauss-3")
TUNED_UNDER = dict(zip(NOISES, ("none", "gauss-1", "none", "gauss-1", "gauss-3"), strict=True))
"""Under which noise settings are tuned for each: that which is most like it. Of counts the share that is noise falls as
rates rise: of draws of the prior that of 10 spikes/s is some half standard deviation of rates, that of 60 a fifth."""


@dataclass(frozen=True)
class Noise:
    """One noise by its name.

    Attributes:
        name: `none`; `poisson-R`: spikes counted over 0.2 s, with R spikes/s on average to draws of the prior, as
            strong units give; `gauss-S`: normal, of S standard deviations of the unit's rates to draws of the prior.
    """

    name: str

    def of(self, rates: NDArray[np.float64], spread: float, rng: np.random.Generator) -> NDArray[np.float64]:
        """What is told of rates of one unit, in the same unit of rates.

        Args:
            rates: Without noise, any shape; MEAN_RATE on average to draws of the prior.
            spread: Standard deviation of the unit's rates to draws of the prior.
            rng: Draws.
        """
        kind, _, size = self.name.partition("-")
        if kind == "none":
            return rates
        if kind == "gauss":
            return rates + float(size) * spread * rng.standard_normal(rates.shape)
        scale = float(size) / MEAN_RATE
        told: NDArray[np.float64] = poisson(rates * scale, _DURATION, rng) / scale
        return told
