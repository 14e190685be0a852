"""Units of a network that are looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pullback.errors import InvalidInputError

GAIN = 10.0
"""Spikes/s for an activation of 1, unless a unit says otherwise."""


@dataclass(frozen=True)
class Unit:
    """One unit of a network, and how its activation becomes a firing rate: gain · max(0, activation) spikes/s.

    Attributes:
        network: Name of the network: `efficientnet-lite0`, `alexnet` or `vgg16`.
        layer: Name of the layer (`Neurons.layers`). Of EfficientNet-Lite0 `bn1` after the stem, `blocks.0.0` to
            `blocks.6.0` after a block, `bn2` after the head, or `logits`; of AlexNet `conv1` to `conv5`; of VGG-16
            `conv1_1` to `conv5_3`.
        channel: Number of the channel from 0; of `logits`, the ImageNet class.
        row: Row of the position from the top; None = the centre.
        column: Column of the position from the left; None = the centre.
        gain: Spikes/s for an activation of 1, finite and above 0.

    Raises:
        InvalidInputError: The gain is out of range.
    """

    network: str
    layer: str
    channel: int
    row: int | None = None
    column: int | None = None
    gain: float = GAIN

    def __post_init__(self) -> None:
        if not (math.isfinite(self.gain) and self.gain > 0):
            raise InvalidInputError(f"a unit's gain is finite and above 0 spikes/s, but {self.gain} came")

    def __str__(self) -> str:
        """The network, the layer and the channel, and the position where it is given."""
        place = "" if self.row is None and self.column is None else f" at {self.row}, {self.column}"
        return f"{self.network} {self.layer} {self.channel}{place}"
