"""Class-conditional DCGAN: noise and a one-hot class, side by side, are the input."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from pullback.generators.families.dcgan import Dcgan


class ConditionalDcgan(Dcgan):
    """A DCGAN whose input is cat(noise, class).

    Args:
        entry: What the catalogue says of this generator.
        state: Tensors of the published checkpoint by name.
        settings: Of no meaning here.

    Raises:
        WeightsError: The tensors are not those of this architecture.
        InvalidInputError: The catalogue states other shapes than the weights have.
    """

    def _layers(self, channels: Sequence[int]) -> list[nn.Module]:
        first, normalization, activation, *rest = super()._layers(channels)
        # The published network drops out here while training; the place keeps the numbering of the layers.
        return [first, normalization, activation, nn.Identity(), *rest]
