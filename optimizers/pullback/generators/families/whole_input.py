"""Generators whose network takes its whole input at once: no mapping network, no styles of layers."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.fitting import check_image_shape
from pullback.generators.generator import Generator
from pullback.generators.priors import latent_spaces, with_default_classes


class WholeInputGenerator(Generator):
    """A generator whose network takes its whole input at once.

    Args:
        entry: What the catalogue says of it.
        dim: Number of coordinates that the network takes.
        image_shape: (C, H, W) of the images, (C, T) of the sounds that it gives.

    Raises:
        InvalidInputError: The catalogue states another input dimension or image shape.
    """

    def __init__(self, entry: CatalogueEntry, dim: int, image_shape: tuple[int, int, int] | tuple[int, int]) -> None:
        super().__init__()
        self.name = entry.name
        self.weights_hash = entry.weights_hash
        self.spaces = latent_spaces(entry)
        self.input_space = entry.input_space
        self.image_shape = image_shape
        stated = entry.space(entry.input_space).dim
        if stated != dim:
            raise InvalidInputError(
                f"catalogue entry {entry.name!r}: input space {entry.input_space!r} is stated to have {stated} "
                f"dimensions, but the weights take {dim}"
            )
        check_image_shape(entry, image_shape)
        # The mean of each prior; of a class, the one that the catalogue names as the default.
        whole = self.spaces[self.input_space]
        context = with_default_classes(whole.prior.mean(dim), entry, self.spaces)
        self.register_buffer("_context", context, persistent=False)

    @property
    def default_context(self) -> Float[Tensor, " input_dim"]:
        """The means of the priors, and the classes that the catalogue names as defaults."""
        return self.get_buffer("_context").clone()

    @property
    def first_weight(self) -> Float[Tensor, "outputs input_dim"] | None:
        """The weights that first meet an input; None where they are those of a convolution over it."""
        return None

    def first_weights(self, space: str, layers: tuple[int, ...] = ()) -> Float[Tensor, "outputs n"]:
        """The columns of `first_weight` that meet a latent of a space."""
        block, weight = self.space(space).block, self.first_weight
        if weight is None:
            return super().first_weights(space, layers)
        if layers:
            raise InvalidInputError(
                f"generator {self.name!r} has no layers that take a latent each, but layers {list(layers)} came"
            )
        return weight[:, block]


def levels(images: Tensor) -> Tensor:
    """[−1, 1] as [0, 1]; what lies outside is clamped."""
    return ((images + 1) / 2).clamp(0, 1)
