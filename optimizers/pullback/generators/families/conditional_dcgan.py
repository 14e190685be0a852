"""Class-conditional DCGAN: noise and a one-hot class, side by side, are the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from pullback.generators.catalogue_file import CatalogueEntry
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

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        super().__init__(entry, state, settings)
        self._default_classes = [
            space.start + space.labels.index(space.default) for space in entry.spaces if space.labels
        ]

    def _layers(self, channels: Sequence[int]) -> list[nn.Module]:
        first, normalization, activation, *rest = super()._layers(channels)
        # The published network drops out here while training; the place keeps the numbering of the layers.
        return [first, normalization, activation, nn.Identity(), *rest]

    @property
    def default_context(self) -> Float[Tensor, " input_dim"]:
        """Zero noise, and the class that the catalogue names as the default."""
        context = super().default_context
        context[self._default_classes] = 1
        return context
