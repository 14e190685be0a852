"""Weights of the terms of the loss."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from pullback.errors import InvalidInputError
from pullback.inversion.defaults import NOISE_WEIGHT, SQUARED_WEIGHT


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the loss, each finite and ≥ 0, one of distance, l1 and l2 above 0.

    Attributes:
        distance: Of the image distance.
        l1: Of the mean over pixels of |a − b|, images scaled to [−1, 1].
        l2: Of the mean over pixels of (a − b)², images scaled to [−1, 1].
        prior: Of the prior's penalty: ½‖z‖² for a standard normal one, ½‖c − e‖² to the nearest class e for classes,
            ½‖u‖² for an alignment.
        delta: In `w+`, of the mean over layers of ‖w_i − w_m‖², w_m the layers' mean, in units of E‖w − w̄‖².
        noise: Where noise maps are searched, of their regulariser (see `NoiseMaps.penalty`).

    Raises:
        InvalidInputError: A weight is negative or not finite, or none that compares images is above 0.
    """

    distance: float = 1.0
    l1: float = 0.0
    l2: float = SQUARED_WEIGHT
    prior: float = 0.0
    delta: float = 0.0
    noise: float = NOISE_WEIGHT

    def __post_init__(self) -> None:
        for field in fields(self):
            weight = getattr(self, field.name)
            if not math.isfinite(weight) or weight < 0:
                raise InvalidInputError(f"a loss weight is finite and not negative, but {field.name} = {weight} came")
        if self.distance == self.l1 == self.l2 == 0:
            raise InvalidInputError("the loss weights distance, l1 and l2 are all 0; set at least one above 0")
