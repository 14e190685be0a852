"""Settings of pivotal tuning, and what was published. Needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pullback.errors import InvalidInputError

# Images that guide the tuning are compared by it, as published.
TUNING_DISTANCE = "lpips-alex"
# Photographs of one tuning, as many as the published code takes at most.
MAX_PHOTOGRAPHS = 30
MAX_STEPS = 10_000


@dataclass(frozen=True)
class TuningSettings:
    """How weights are tuned; the defaults are those of the published code.

    Roich, Mokady, Bermano & Cohen-Or, "Pivotal Tuning for Latent-based Editing of Real Images" (2021,
    arXiv:2106.05744). Their code finds the pivot in `w` within 450 steps, then takes 350 of Adam at 3e-4 under LPIPS
    over AlexNet + 1 × the mean squared difference of images on [−1, 1], and stops where LPIPS is 0.06 or less (0.07 in
    its first version). Several photographs take turns, an update each, and nothing stops them early. The locality term
    is optional there, too: weight 0.1 of both parts, α = 30, one draw with every update, truncated at ψ = 0.5.

    Attributes:
        steps: At most so many updates for each photograph, 1 to 10,000.
        learning_rate: Of Adam, above 0.
        l2: Weight of the mean squared difference of images on [−1, 1] beside the distance, ≥ 0.
        threshold: Stops where the distance of every photograph is this or less, ≥ 0; 0 for never.
        locality: Weight of the locality term, ≥ 0; 0 for none.
        locality_reach: α, how far from the pivot other images are to stay as they are, above 0, in units of the latent.

    Raises:
        InvalidInputError: A number is out of range.
    """

    steps: int = 350
    learning_rate: float = 3e-4
    l2: float = 1.0
    threshold: float = 0.06
    locality: float = 0.0
    locality_reach: float = 30.0

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MAX_STEPS:
            raise InvalidInputError(f"steps of a tuning lie between 1 and {MAX_STEPS:,}, but {self.steps} came")
        for name in ("learning_rate", "locality_reach"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InvalidInputError(f"{name} of a tuning is finite and above 0, but {value} came")
        for name in ("l2", "threshold", "locality"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InvalidInputError(f"{name} of a tuning is finite and not negative, but {value} came")
